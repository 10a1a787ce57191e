// The scheduler: one warp that takes work units, walks their schedules and lists their KV tiles for the
// loaders and the consumers. It runs ahead of them by as much as the slots allow, across the ends of units.
#pragma once

#include "../work_order.cuh"
#include "tile_walker.cuh"

namespace maskloom::kernel {

/// Hands out work units: as they come, or, when the launch has no counter, in a static order. The last block
/// to see the end resets the counter.
struct UnitSource {
  const ForwardArgs &args;

  MASKLOOM_DEVICE unsigned first() const { return blockIdx.x; }
  /// The unit after `unit`; called by one thread.
  MASKLOOM_DEVICE unsigned next(unsigned unit) const {
    if (args.work_counter) return gridDim.x + atomicAdd(args.work_counter, 1u);
    // There and back over the blocks, so that with units from long to short every block gets its share of
    // both.
    const unsigned round = unit / gridDim.x + 1;
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
struct Scheduler {
  using Layout = HopperLayout<Config>;
  static constexpr int kGather = Config::kGather;

  const ForwardArgs &args;
  const Layout layout;
  RingPlace<kTileSlots> place = {}; ///< of the tile to list next

  static MASKLOOM_DEVICE int lane() { return int(threadIdx.x % 32); }

  MASKLOOM_DEVICE void run() {
    const UnitSource source{args};
    TileWalker<Config, Pattern> walker{args, layout};
    RingPlace<kUnitSlots> slot;
    unsigned unit = source.first();
    while (exists(unit)) {
      unsigned upcoming = 0;
      if (lane() == 0) upcoming = source.next(unit); // long before it is needed
      layout.unit_empty(slot.stage).wait(slot.parity ^ 1);
      UnitSlot &listed = layout.state().units[slot.stage];
      const WorkUnit work = WorkOrder<unsigned>(args, Config::kTileQueries)[unit];
      if (lane() == 0) {
        listed.context = make_context(args, work.batch, work.head);
        listed.query_tile = work.query_tile;
        listed.group = Pattern::group_of(listed.context);
      }
      __syncwarp();
      walker.start(slot.stage);
      slot.advance();
      unit = __shfl_sync(0xffffffffu, upcoming, 0);
      list_unit(walker, !exists(unit));
    }
    if (lane() == 0) source.finish();
  }

private:
  MASKLOOM_DEVICE bool exists(unsigned unit) const {
    return unit < WorkOrder<unsigned>(args, Config::kTileQueries).units();
  }

  /// Lists the tiles of one unit, at least one: where none is visible, one beyond the keys, which hides
  /// everything.
  MASKLOOM_DEVICE void list_unit(TileWalker<Config, Pattern> &walker, bool is_final) {
    unsigned flags = kFirstTile;
    bool more = walker.any();
    do {
      int mine = 0; // the schedule tile of this lane's block
#pragma unroll 1
      for (int i = 0; i < kGather; ++i) {
        // What is missing in the last KV tile lies beyond the tensor: zero, and invisible.
        int tile = ceil_div(args.keys, Config::kTileKeys);
        bool partial = true;
        if (more) {
          tile = walker.take(partial);
          more = walker.any();
        }
        flags |= unsigned(partial) << i;
        if (lane() == i) mine = tile;
      }
      if (!more) flags |= is_final ? kLastTile | kFinalTile : kLastTile;

      layout.tile_free(place.stage).wait(place.parity ^ 1);
      TileSlot<kGather> &slot = layout.state().tiles[place.stage];
      if (lane() < kGather) slot.tiles[lane()] = mine;
      if (lane() == 0) slot.flags = flags;
      __syncwarp();
      if (lane() == 0) layout.tile_listed(place.stage).arrive();
      place.advance();
      flags = 0;
    } while (more);
  }
};

} // namespace maskloom::kernel
