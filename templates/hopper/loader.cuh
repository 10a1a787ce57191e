// The loaders: one warp copies Q and K, another V, tile by tile as the scheduler lists them.
#pragma once

#include "../mma.cuh"
#include "mask.cuh"

namespace maskloom::kernel {

template <class Config, class Pattern>
struct Loader {
  using Layout = HopperLayout<Config>;
  static constexpr int kGather = Config::kGather;
  static constexpr int kStages = Config::kStages;
  /// A KV tile comes in boxes, which the blocks of a cluster load in turn, each for all of them.
  static constexpr int kBoxes = kGather == 1 ? Layout::kCluster : kGather;
  static constexpr int kBoxKeys = Layout::kTileKeys / kBoxes;

  const ForwardArgs &args;
  const TensorMaps &maps;
  const Layout layout;

  static MASKLOOM_DEVICE int lane() { return int(threadIdx.x % 32); }

  MASKLOOM_DEVICE void load_queries_and_keys() const {
    RingPlace<kTileSlots> place;
    RingPlace<kUnitSlots> unit;
    RingPlace<kStages> ring;
    RingPlace<Layout::kQueryStages> queries;
    // A tile slot is no longer read once the consumers have asked for the K of the tile kStages + 2 further.
    unsigned done = kTileSlots - (kStages + 2);
    for (unsigned flags = 0; !(flags & kFinalTile); place.advance()) {
      layout.tile_listed(place.stage).wait(place.parity);
      const TileSlot<kGather> &tile = layout.state().tiles[place.stage];
      flags = tile.flags;
      const UnitSlot &work = layout.state().units[unit.stage];
      const Source mine = source(tile, work);
      if (flags & kFirstTile) {
        layout.query_empty(queries.stage).wait(queries.parity ^ 1);
        if (lane() == 0) load_queries(work, queries.stage);
        queries.advance();
      }
      if (flags & kLastTile) unit.advance();

      layout.key_empty(ring.stage).wait(ring.parity ^ 1);
      const Barrier full = layout.key_full(ring.stage);
      full.arrive_as_warp_expecting(Layout::kKeyBytes);
      if (done >= kTileSlots) layout.tile_free(done % kTileSlots).arrive_as_warp();
      ++done;
      load_boxes<Layout::kHeadChunks>(layout.key(ring.stage), maps.k, full, mine);
      ring.advance();
    }
  }

  MASKLOOM_DEVICE void load_values() const {
    RingPlace<kTileSlots> place;
    RingPlace<kUnitSlots> unit;
    RingPlace<kStages> ring;
    unsigned landings = 0;
    for (unsigned flags = 0; !(flags & kFinalTile); place.advance()) {
      layout.tile_listed(place.stage).wait(place.parity);
      const TileSlot<kGather> &tile = layout.state().tiles[place.stage];
      flags = tile.flags;
      const UnitSlot &work = layout.state().units[unit.stage];
      const Source mine = source(tile, work);
      if (flags & kLastTile) unit.advance();
      if (flags & kPartialTiles) Pattern::dispatch(work.group, TouchMask{*this, work, tile, flags});

      // Memory beyond a batch entry's length is not ours to multiply, not even by zero.
      const int first_column = mine.tile * Config::kTileKeys, key_length = work.context.key_length;
      const bool has_tail = lane() < kGather && key_length < args.keys && first_column < args.keys &&
                            first_column + Config::kTileKeys > key_length;
      const unsigned tails = __ballot_sync(0xffffffffu, has_tail);
      const Barrier handed = layout.value_full(ring.stage), full = tails ? layout.landing() : handed;
      layout.value_empty(ring.stage).wait(ring.parity ^ 1);
      full.arrive_as_warp_expecting(Layout::kValueBytes);
      layout.tile_free(place.stage).arrive_as_warp();
      load_boxes<Layout::kValueChunks>(layout.value(ring.stage), maps.v, full, mine);
      if (tails) {
        full.wait(landings++ % 2);
        const int block = __ffs(tails) - 1; // only the last existing tile has a tail
        clear_rows(layout.value(ring.stage) + block * Config::kTileKeys * 128,
                   max(0, key_length - __shfl_sync(0xffffffffu, first_column, block)));
        handed.arrive_as_warp();
      }
      ring.advance();
    }
  }

private:
  /// What Pattern::dispatch calls with the unit's group, while the unit and the tile are still in their
  /// slots.
  struct TouchMask {
    const Loader &loader;
    const UnitSlot &work;
    const TileSlot<kGather> &tile;
    unsigned flags;
    template <class Group>
    MASKLOOM_DEVICE void operator()(Group) const {
      if constexpr (loads_columns<Group>(0)) {
        const Context c = with_args(work.context, loader.args);
#pragma unroll 1
        for (int i = 0; i < kGather; ++i)
          if (flags >> i & 1)
            touch_mask<Group, Config::kTileQueries, Config::kTileKeys>(
                c, work.query_tile * Config::kTileQueries + int(c.query_offset),
                tile.tiles[i] * Config::kTileKeys + int(c.key_offset));
      }
    }
  };

  MASKLOOM_DEVICE void load_queries(const UnitSlot &work, unsigned stage) const {
    const Barrier full = layout.query_full(stage);
    full.arrive_expecting(Layout::kQueryBytes);
#pragma unroll
    for (int chunk = 0; chunk < Layout::kHeadChunks; ++chunk)
      copy_box(layout.query(stage) + chunk * Layout::kTileRows * 128, maps.q, full, chunk * kChunkColumns,
               work.query_tile * Config::kTileQueries, work.context.head, work.context.batch);
  }

  /// Where this lane's box comes from: read from the slots before the copy starts, since what holds the
  /// scheduler back from overwriting them follows from its end.
  struct Source {
    int tile, kv_head, batch; ///< the schedule tile that the box is in
  };
  static MASKLOOM_DEVICE Source source(const TileSlot<kGather> &tile, const UnitSlot &work) {
    return {tile.tiles[lane() % kGather], work.context.kv_head, work.context.batch};
  }

  /// All chunks of this lane's box.
  template <int kChunks>
  MASKLOOM_DEVICE void load_boxes(unsigned shared, const TensorMap &map, Barrier full, Source from) const {
    if (lane() >= kBoxes) return;
    if constexpr (Layout::kCluster > 1)
      if (lane() % Layout::kCluster != int(cluster_rank())) return;
    const int token = from.tile * Config::kTileKeys + (kGather == 1 ? lane() * kBoxKeys : 0);
#pragma unroll
    for (int chunk = 0; chunk < kChunks; ++chunk) {
      const unsigned to = shared + (chunk * Layout::kTileKeys + lane() * kBoxKeys) * 128;
      if constexpr (Layout::kCluster > 1)
        copy_box_to((1u << Layout::kCluster) - 1, to, map, full, chunk * kChunkColumns, token, from.kv_head,
                    from.batch);
      else
        copy_box(to, map, full, chunk * kChunkColumns, token, from.kv_head, from.batch);
    }
  }

  /// Zeros in the rows of a V block from `first_row` on.
  MASKLOOM_DEVICE void clear_rows(unsigned block, int first_row) const {
    for (int chunk = 0; chunk < Layout::kValueChunks; ++chunk)
      for (int unit = first_row * 8 + lane(); unit < Config::kTileKeys * 8; unit += 32)
        store_shared(block + chunk * Layout::kTileKeys * 128 + unit * 16, Chunk{});
    fence_async_proxy();
    __syncwarp();
  }
};

} // namespace maskloom::kernel
