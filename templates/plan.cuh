// The planner: classifies every tile of the planned head groups into the plan bitmap. Runs on the GPU before
// the forward kernel, once per shape and contents of the aux tensors.
#pragma once

#include "interval.cuh"
#include "work_order.cuh"

namespace maskloom::kernel {

/// The words of both sets of one Q tile, one warp a word; what Pattern::dispatch calls with the unit's group.
template <class Config>
struct PlanRow {
  const Context &context;
  int query_tile, key_tiles; ///< key_tiles: those that exist, 0 when the Q tile does not

  template <class Group>
  MASKLOOM_DEVICE void operator()(Group) const {
    if constexpr (Group::kPlanned) {
      const int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32, warps = int(blockDim.x) / 32;
      const int words = int(plan_words(context.args->keys, Config::kTileKeys));
      const RunSets<Group> sets(context, query_tile);
      unsigned *touched = plan_row(context, query_tile, Config::kTileQueries, Config::kTileKeys);
      unsigned *not_full = touched + words;
      for (int word = warp; word < words; word += warps) {
        const int tile = word * 32 + lane;
        TileClass tile_class = kEmpty;
        if (tile < key_tiles) tile_class = classify_tile<Config, Group>(context, sets, query_tile, tile);
        const unsigned touched_bits = __ballot_sync(0xffffffffu, tile_class != kEmpty);
        const unsigned not_full_bits = __ballot_sync(0xffffffffu, tile_class != kFull);
        if (lane == 0) {
          touched[word] = touched_bits;
          not_full[word] = not_full_bits;
        }
      }
    }
  }
};

/// The body of the planner kernel: one dimension of threads in whole warps, any number of blocks.
template <class Config, class Pattern>
MASKLOOM_DEVICE void plan_tiles(const ForwardArgs &args) {
  const WorkOrder order(args, Config::kTileQueries);
  for (long long unit = blockIdx.x; unit < order.units(); unit += gridDim.x) {
    const WorkUnit work = order[unit];
    const Context context = make_context(args, work.batch, work.head);
    const bool exists = work.query_tile * Config::kTileQueries < context.query_length;
    const int key_tiles = exists ? ceil_div(context.key_length, Config::kTileKeys) : 0;
    Pattern::dispatch(Pattern::group_of(context), PlanRow<Config>{context, work.query_tile, key_tiles});
  }
}

} // namespace maskloom::kernel
