// The planner: classifies every tile of the planned head groups into the plan bitmap, and finds how many
// tiles each unit visits. Runs on the GPU before the forward kernel, once per shape and contents of the aux
// tensors.
#pragma once

#include "interval.cuh"
#include "unit_order.cuh"

namespace maskloom::kernel {

/// Blocks a multiprocessor: left alone, ptxas spills to make room for eight.
constexpr int kPlanBlocks = 2;

/// The words of both sets of one Q tile, one warp a word; what Pattern::dispatch calls with the unit's group.
template <class Config>
struct PlanRow {
  const Context &context;
  int query_tile, key_tiles; ///< key_tiles: those that exist, 0 when the Q tile does not
  int &visited;              ///< tiles that this warp found are added to it

  /// The class of this lane's tile: what the runs say; then the box of all undecided tiles of the word,
  /// scanned by the whole warp; then, when that decides nothing, every undecided tile by its own lane.
  template <class Group>
  MASKLOOM_DEVICE TileClass classify_lane(const RunSets<Group> &sets, int tile) const {
    const bool touched = tile < key_tiles && sets.touched(context, query_tile, tile);
    const bool undecided = touched && sets.not_full(context, query_tile, tile);
    const TileClass decided = touched ? kFull : kEmpty;
    const unsigned open = __ballot_sync(0xffffffffu, undecided);
    if (open == 0) return decided;
    const int word = tile / 32 * 32;
    int first = word + __ffs(open) - 1, last = word + 31 - __clz(open);
    Context scope = context;
    scope.lanes = 32;
    TileClass found;
#pragma unroll 1 // one copy of classify, which takes long to compile
    do {
      found = Group::classify(scope, tile_box<Config>(context, query_tile, first, last));
      if (scope.lanes == 1) break;
      scope.lanes = 1;
      first = last = tile;
    } while (undecided && found == kPartial);
    return undecided ? found : decided;
  }

  /// The class of this lane's tile, or of a group without a plan whether its runs touch it.
  template <class Group>
  MASKLOOM_DEVICE TileClass class_of(const RunSets<Group> &sets, int tile) const {
    if constexpr (Group::kPlanned) return classify_lane(sets, tile);
    return tile < key_tiles && sets.touched(context, query_tile, tile) ? kPartial : kEmpty;
  }

  template <class Group>
  MASKLOOM_DEVICE void operator()(Group) const {
    if (!Group::kPlanned && !context.args->unit_order) return;
    const int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32;
    const int words = int(plan_words(context.args->keys, Config::kTileKeys));
    const RunSets<Group> sets(context, query_tile);
    unsigned *touched = plan_row(context, query_tile, Config::kTileQueries, Config::kTileKeys);
    unsigned *not_full = touched + words;
    for (int word = warp; word < words; word += kPlanThreads / 32) {
      const TileClass tile_class = class_of(sets, word * 32 + lane);
      const unsigned touched_bits = __ballot_sync(0xffffffffu, tile_class != kEmpty);
      visited += __popc(touched_bits);
      if constexpr (Group::kPlanned) {
        const unsigned not_full_bits = __ballot_sync(0xffffffffu, tile_class != kFull);
        if (lane == 0) {
          touched[word] = touched_bits;
          not_full[word] = not_full_bits;
        }
      }
    }
  }
};

/// Sum over the warps of a block, in its first thread, of what the lanes of each agree in.
MASKLOOM_DEVICE int sum_of_warps(int value) {
  __shared__ int values[kPlanThreads / 32];
  __syncthreads(); // the last sum has been taken
  if (threadIdx.x % 32 == 0) values[threadIdx.x / 32] = value;
  __syncthreads();
  int sum = 0;
  for (int other : values) sum += other;
  return sum;
}

/// The body of the planner kernel: one dimension of kPlanThreads threads, any number of blocks.
template <class Config, class Pattern>
MASKLOOM_DEVICE void plan_tiles(const ForwardArgs &args) {
  const WorkOrder<long long> order(args, Config::kTileHeads, Config::kTileQueries);
  for (long long unit = blockIdx.x; unit < order.units(); unit += gridDim.x) {
    const WorkUnit work = order[unit];
    const Context context = make_context(args, work.batch, work.head);
    const bool exists = work.query_tile * Config::kTileQueries < context.query_length;
    const int key_tiles = exists ? ceil_div(context.key_length, Config::kTileKeys) : 0;
    int visited = 0;
    Pattern::dispatch(Pattern::group_of(context),
                      PlanRow<Config>{context, work.query_tile, key_tiles, visited});
    if (args.unit_order) {
      visited = sum_of_warps(visited);
      if (threadIdx.x == 0) unit_lengths(args, order)[unit] = unsigned(visited);
    }
  }
}

} // namespace maskloom::kernel
