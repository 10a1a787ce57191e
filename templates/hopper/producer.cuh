// The producer: one warp that takes work units, walks their schedules and starts the copies of Q, K and V. It
// runs ahead of the consumers by as much as the stages allow, across the ends of units.
#pragma once

#include "../work_order.cuh"
#include "tile_walker.cuh"

namespace maskloom::kernel {

/// Hands out work units: in the static order when the launch has no counter, else as they come. The last
/// block to see the end resets the counter.
struct UnitSource {
  const ForwardArgs &args;
  unsigned units;
  unsigned round = 0;

  MASKLOOM_DEVICE unsigned first() const { return blockIdx.x; }
  /// Called by one thread.
  MASKLOOM_DEVICE unsigned next() {
    if (args.work_counter) return gridDim.x + atomicAdd(args.work_counter, 1u);
    // There and back over the blocks, so that with units from long to short every block gets its share of
    // both.
    ++round;
    return round * gridDim.x + (round % 2 ? gridDim.x - 1 - blockIdx.x : blockIdx.x);
  }
  MASKLOOM_DEVICE void finish() const {
    if (!args.work_counter) return;
    __threadfence();
    if (atomicAdd(args.work_counter + 1, 1u) + 1 != gridDim.x) return;
    args.work_counter[0] = 0;
    args.work_counter[1] = 0;
  }
};

template <class Config, class Pattern>
struct Producer {
  using Layout = HopperLayout<Config>;
  static constexpr int kGather = Config::kGather;

  const ForwardArgs &args;
  const TensorMaps &maps;
  const Layout layout;
  RingCount<Config::kStages> ring = {}; ///< of the K tile to load next
  unsigned landings = 0;

  static MASKLOOM_DEVICE int lane() { return int(threadIdx.x % 32); }

  MASKLOOM_DEVICE void run() {
    typename Layout::State &state = layout.state();
    const WorkOrder order(args, Config::kTileQueries);
    UnitSource source{args, unsigned(order.units())};
    TileWalker<Config, Pattern> walker{state.walk, state.runs};
    unsigned count = 0; // of units
    for (unsigned unit = source.first(); unit < source.units;) {
      unsigned upcoming = 0;
      if (lane() == 0) upcoming = source.next(); // long before it is needed
      const WorkUnit work = order[unit];
      __syncwarp();
      if (lane() == 0) state.walk = make_context(args, work.batch, work.head);
      __syncwarp();
      const int group = Pattern::group_of(state.walk);
      walker.start(group, work.query_tile);
      load_unit(walker, count);
      ++count;
      unit = __shfl_sync(0xffffffffu, upcoming, 0);
    }
    if (lane() == 0) source.finish();
    open_slot(count);
    if (lane() == 0) {
      state.units[count % 2].done = 1;
      layout.query_full().arrive();
    }
  }

private:
  /// The tiles of one unit: K runs one tile ahead of V, as the consumers need them.
  MASKLOOM_DEVICE void load_unit(TileWalker<Config, Pattern> &walker, unsigned count) {
    bool more = walker.any();
    if (!more) return publish(walker, count, false);
    for (bool first = true; more; first = false) {
      more = load_keys(walker);
      if (first)
        publish(walker, count, true);
      else
        load_values(ring.count - 2);
    }
    load_values(ring.count - 1);
  }

  /// Waits until slot and Q memory of unit `count` are free.
  MASKLOOM_DEVICE void open_slot(unsigned count) const { layout.query_empty().wait(count % 2 ^ 1); }

  /// Tells the consumers of a unit and loads its Q.
  MASKLOOM_DEVICE void publish(const TileWalker<Config, Pattern> &walker, unsigned count,
                               bool has_tiles) const {
    typename Layout::State &state = layout.state();
    open_slot(count);
    if (lane() != 0) return;
    UnitSlot &slot = state.units[count % 2];
    slot.context = state.walk;
    slot.query_tile = walker.query_tile;
    slot.group = walker.group;
    slot.has_tiles = has_tiles;
    slot.done = 0;
    const Barrier full = layout.query_full();
    if (!has_tiles) return full.arrive();
    full.arrive_expecting(Layout::kQueryBytes);
#pragma unroll
    for (int chunk = 0; chunk < Layout::kHeadChunks; ++chunk)
      copy_box(layout.query() + chunk * Layout::kTileQueries * 128, maps.q, full, chunk * kChunkColumns,
               walker.query_tile * Layout::kTileQueries, state.walk.head, state.walk.batch);
  }

  /// Takes the next KV tile from the schedule and loads its K. False when it is the unit's last.
  MASKLOOM_DEVICE bool load_keys(TileWalker<Config, Pattern> &walker) {
    StageSlot<kGather> &slot = layout.state().stages[ring.slot()];
    unsigned flags = 0;
    int mine = 0; // the schedule tile of this lane's block
#pragma unroll 1
    for (int i = 0; i < kGather; ++i) {
      // What is missing in the last KV tile lies beyond the tensor: zero, and invisible.
      int tile = ceil_div(args.keys, Config::kTileKeys);
      bool partial = true;
      if (i == 0 || walker.any()) tile = walker.take(partial);
      flags |= unsigned(partial) << i;
      if (lane() == i) mine = tile;
    }
    const bool more = walker.any();
    if (!more) flags |= kLastTile;

    const unsigned stage = ring.stage();
    layout.key_empty(stage).wait(ring.parity() ^ 1);
    const Barrier full = layout.key_full(stage);
    if (lane() < kGather) slot.tiles[lane()] = mine;
    if (lane() == 0) slot.flags = flags;
    __syncwarp();
    if (lane() == 0) full.arrive_expecting(Layout::kKeyBytes);
    __syncwarp();
    load_boxes<Layout::kHeadChunks>(layout.key(stage), maps.k, full, mine);
    ++ring.count;
    return more;
  }

  /// Loads the V of tile number `count` of this block.
  MASKLOOM_DEVICE void load_values(unsigned count) {
    const RingCount<Config::kStages> ring{count};
    const unsigned stage = ring.stage();
    const int mine = layout.state().stages[ring.slot()].tiles[lane() < kGather ? lane() : 0];
    layout.value_empty(stage).wait(ring.parity() ^ 1);
    // Memory beyond a batch entry's length is not ours to multiply, not even by zero.
    const int first_column = mine * Config::kTileKeys, key_length = layout.state().walk.key_length;
    const bool has_tail = lane() < kGather && first_column < args.keys &&
                          first_column + Config::kTileKeys > key_length && key_length < args.keys;
    const unsigned tails = __ballot_sync(0xffffffffu, has_tail);
    const Barrier full = tails ? layout.landing() : layout.value_full(stage);
    if (lane() == 0) full.arrive_expecting(Layout::kValueBytes);
    __syncwarp();
    load_boxes<Layout::kValueChunks>(layout.value(stage), maps.v, full, mine);
    if (tails == 0) return;

    layout.landing().wait(landings++ % 2);
    const int block = __ffs(tails) - 1; // only the last existing tile has a tail
    const int first_row = key_length - __shfl_sync(0xffffffffu, first_column, block);
    const unsigned chunks = layout.value(stage) + block * Config::kTileKeys * 128;
    for (int chunk = 0; chunk < Layout::kValueChunks; ++chunk)
      for (int unit = first_row * 8 + lane(); unit < Config::kTileKeys * 8; unit += 32)
        store_shared(chunks + chunk * Layout::kTileKeys * 128 + unit * 16, Chunk{});
    fence_async_proxy();
    __syncwarp();
    if (lane() == 0) layout.value_full(stage).arrive();
  }

  /// All chunks of this lane's block of kTileKeys rows.
  template <int kChunks>
  MASKLOOM_DEVICE void load_boxes(unsigned shared, const TensorMap &map, Barrier full, int tile) const {
    if (lane() >= kGather) return;
    const Context &unit = layout.state().walk;
#pragma unroll
    for (int chunk = 0; chunk < kChunks; ++chunk)
      copy_box(shared + (chunk * Layout::kTileKeys + lane() * Config::kTileKeys) * 128, map, full,
               chunk * kChunkColumns, tile * Config::kTileKeys, unit.kv_head, unit.batch);
  }
};

} // namespace maskloom::kernel
