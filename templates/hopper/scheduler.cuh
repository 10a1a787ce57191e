// The scheduler: one warp that takes work units, walks their schedules and lists their KV tiles for the
// loaders and the consumers. It runs ahead of them by as much as the slots allow, across the ends of units.
#pragma once

#include "../work_order.cuh"
#include "tile_walker.cuh"

namespace maskloom::kernel {

/// Hands out work units, a Q tile for each block of the cluster: as they come, or, when the launch has no
/// counter, in a static order. The last cluster to see the end resets the counter.
template <class Config>
struct UnitSource {
  static constexpr unsigned kCluster = Config::kCluster;

  const ForwardArgs &args;
  const HopperLayout<Config> &layout;
  RingPlace<kUnitMails> mail = {};

  static MASKLOOM_DEVICE unsigned clusters() { return gridDim.x / kCluster; }
  static MASKLOOM_DEVICE unsigned cluster() { return blockIdx.x / kCluster; }

  MASKLOOM_DEVICE unsigned first() const { return cluster(); }
  /// Asks for the unit after `unit`. By one thread, which gives receive() what comes out.
  MASKLOOM_DEVICE unsigned request(unsigned unit) const {
    if (!args.work_counter) {
      // There and back over the clusters, so that with units from long to short every one gets its share of
      // both.
      const unsigned round = unit / clusters() + 1;
      return round * clusters() + (round % 2 ? clusters() - 1 - cluster() : cluster());
    }
    if (kCluster > 1 && cluster_rank() != 0) return 0;
    const unsigned next = clusters() + atomicAdd(args.work_counter, 1u);
    for (unsigned rank = 1; rank < kCluster; ++rank) {
      store_at(rank, layout.mail(mail.stage), next);
      fence_cluster();
      layout.mailed(mail.stage).arrive_at(rank);
    }
    return next;
  }
  /// The unit that was asked for, in all lanes.
  MASKLOOM_DEVICE unsigned receive(unsigned requested) {
    if (kCluster > 1 && args.work_counter && cluster_rank() != 0) {
      layout.mailed(mail.stage).wait_for_cluster(mail.parity);
      requested = load_shared_volatile(layout.mail(mail.stage));
    }
    mail.advance();
    return __shfl_sync(0xffffffffu, requested, 0);
  }
  /// By one thread of every block.
  MASKLOOM_DEVICE void finish() const {
    if (!args.work_counter || (kCluster > 1 && cluster_rank() != 0)) return;
    __threadfence();
    if (atomicAdd(args.work_counter + 1, 1u) + 1 != clusters()) return;
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
    UnitSource<Config> source{args, layout};
    TileWalker<Config, Pattern> walker{args, layout};
    RingPlace<kUnitSlots> slot;
    unsigned unit = source.first();
    while (exists(unit)) {
      unsigned upcoming = 0;
      if (lane() == 0) upcoming = source.request(unit); // long before it is needed
      layout.unit_empty(slot.stage).wait(slot.parity ^ 1);
      UnitSlot &listed = layout.state().units[slot.stage];
      const WorkUnit work = unit_at<Pattern>(args, work_order(), unit);
      if (lane() == 0) {
        listed.context = make_context(args, work.batch, work.head);
        listed.query_tile = work.query_tile * Layout::kCluster;
        if constexpr (Layout::kCluster > 1) listed.query_tile += int(cluster_rank());
        listed.group = Pattern::group_of(listed.context);
      }
      __syncwarp();
      walker.start(slot.stage);
      slot.advance();
      unit = source.receive(upcoming);
      if (lane() == 0) listed.is_final = !exists(unit);
      list_unit(walker, !exists(unit));
    }
    if (lane() == 0) source.finish();
  }

private:
  MASKLOOM_DEVICE bool exists(unsigned unit) const { return unit < work_order().units(); }
  MASKLOOM_DEVICE WorkOrder<unsigned> work_order() const {
    return {args, Config::kTileHeads, Config::kTileQueries * Layout::kCluster};
  }

  /// Lists the tiles of one unit, at least one: where none is visible, one beyond the keys, which hides
  /// everything. Likewise one at least is not absent.
  MASKLOOM_DEVICE void list_unit(TileWalker<Config, Pattern> &walker, bool is_final) {
    unsigned flags = kFirstTile;
    bool more = walker.any(), seen = false;
    do {
      int mine = 0; // the schedule tile of this lane's block
      bool present = false;
#pragma unroll 1
      for (int i = 0; i < kGather; ++i) {
        // What is missing in the last KV tile lies beyond the tensor: zero, and invisible.
        int tile = ceil_div(args.keys, Config::kTileKeys);
        bool partial = true; // as are tiles that only other blocks need: the mask hides them
        if (more) {
          present |= walker.take(tile, partial);
          more = walker.any();
        }
        flags |= unsigned(partial) << i;
        if (lane() == i) mine = tile;
      }
      if constexpr (Layout::kCluster > 1) {
        seen = seen || present;
        if (!present && (more || seen)) flags |= kAbsentTile;
      }
      if (!more) flags |= is_final ? kLastTile | kFinalTile : kLastTile;

      layout.tile_free(place.stage).wait(place.parity ^ 1);
      TileSlot<kGather> &slot = layout.state().tiles[place.stage];
      if (lane() < kGather) slot.tiles[lane()] = mine;
      if (lane() == 0) slot.flags = flags;
      layout.tile_listed(place.stage).arrive_as_warp();
      place.advance();
      flags = 0;
    } while (more);
  }
};

} // namespace maskloom::kernel
