// The schedule: which KV tiles a Q tile visits, and which of those must evaluate the mask.
//
// A head group gives two unions of runs (or two bit rows of the plan bitmap): the touched tiles, and the
// not-full tiles. A tile is visited iff it is touched; it is partial iff it is also not-full. Runs know
// nothing of the lengths: whoever walks clips to the existing tiles and calls the ragged last one partial.
#pragma once

#include "args.cuh"
#include "prelude.cuh"
#include "shared_layout.cuh"

namespace maskloom::kernel {

/// One batch entry and head of a launch. Positions are row + query_offset and column + key_offset.
struct Context {
  int batch, head, kv_head;
  int query_length, key_length; ///< of the batch entry: existing queries and keys
  long long query_offset, key_offset;
  const ForwardArgs *args;
  int lanes =
      1; ///< 32: a whole warp evaluates the same box together, and aux_range shares its scan (plan.cuh)
};

MASKLOOM_DEVICE Context make_context(const ForwardArgs &args, int batch, int head) {
  Context c;
  c.batch = batch;
  c.head = head;
  c.kv_head = head / (args.heads / args.kv_heads);
  c.query_length = args.query_lengths ? max(0, min(args.query_lengths[batch], args.queries)) : args.queries;
  c.key_length = args.key_lengths ? max(0, min(args.key_lengths[batch], args.keys)) : args.keys;
  c.query_offset = args.has_query_offset ? args.query_offset : (long long)c.key_length - c.query_length;
  c.key_offset = args.key_offset;
  c.args = &args;
  return c;
}

/// Tiles x in [lo, hi] with (a*x + phase) mod period <= width. Period 1: no congruence. 0 <= a, phase <
/// period. Empty when lo > hi or width < 0; hi may be INT_MAX.
struct Run {
  int lo, hi, period, a, phase, width;
  unsigned reciprocal = 0; ///< 0, or what makes remainders by the period cheap (with_reciprocal)
};

MASKLOOM_DEVICE Run with_reciprocal(Run run) {
  if (run.period > 1) run.reciprocal = 0xffffffffu / unsigned(run.period) + 1;
  return run;
}

/// value mod run.period; value < 2^31 + period.
MASKLOOM_DEVICE unsigned remainder_in(const Run &run, unsigned value) {
  if (run.reciprocal == 0) return value % unsigned(run.period);
  // The quotient is right or one too large.
  const unsigned quotient = unsigned((unsigned long long)value * run.reciprocal >> 32);
  const int rest = int(value - quotient * unsigned(run.period));
  return unsigned(rest < 0 ? rest + run.period : rest);
}

/// Which congruences a group's runs have: none (their period is 1, their width 0), of every so many tiles (a
/// is 1), or any.
enum class Congruences { kNone, kSteps, kAny };
/// What a group says of its runs, or kAny.
template <class Group>
constexpr MASKLOOM_DEVICE auto congruences(int) -> decltype(Group::kCongruences) {
  return Group::kCongruences;
}
template <class Group>
constexpr MASKLOOM_DEVICE Congruences congruences(long) {
  return Congruences::kAny;
}

template <Congruences kCongruences = Congruences::kAny>
MASKLOOM_DEVICE bool in_run(const Run &run, int x) {
  if (x < run.lo || x > run.hi) return false;
  if constexpr (kCongruences == Congruences::kNone) return true;
  if (run.period == 1) return 0 <= run.width;
  if (kCongruences == Congruences::kSteps || run.a == 1)
    return int(remainder_in(run, unsigned(x) + unsigned(run.phase))) <= run.width;
  unsigned long long sum = (unsigned long long)run.a * unsigned(x) + unsigned(run.phase);
  return int(sum % unsigned(run.period)) <= run.width;
}

/// The first tile of a run from x on, or one before it (where the factor of its congruence is not 1).
/// INT_MAX: there is none.
template <Congruences kCongruences = Congruences::kAny>
MASKLOOM_DEVICE int next_in_run(const Run &run, int x) {
  int start = max(x, run.lo);
  if (start > run.hi || run.width < 0) return 0x7fffffff;
  if constexpr (kCongruences == Congruences::kNone) return start;
  if ((kCongruences == Congruences::kSteps || run.a == 1) && run.period > 1) {
    const int rest = int(remainder_in(run, unsigned(start) + unsigned(run.phase)));
    if (rest > run.width) start = run.hi - start < run.period - rest ? 0x7fffffff : start + run.period - rest;
  }
  return start;
}

/// First word of the touched bits of one Q tile in the plan bitmap; the not-full bits follow after
/// plan_words().
MASKLOOM_DEVICE unsigned *plan_row(const Context &c, int query_tile, int tile_queries, int tile_keys) {
  const ForwardArgs &args = *c.args;
  long long query_tiles = ceil_div(args.queries, tile_queries);
  long long row = ((long long)c.batch * args.heads + c.head) * query_tiles + query_tile;
  return args.plan + row * 2 * plan_words(args.keys, tile_keys);
}

/// The two sets of one Q tile from the runs of a group, as membership tests.
template <class Group>
struct RunSets {
  static constexpr Congruences kCongruences = congruences<Group>(0);
  Run touched_runs[Group::kTouched], not_full_runs[Group::kNotFull];

  MASKLOOM_DEVICE RunSets(const Context &c, int query_tile) {
    Group::runs(c, query_tile, touched_runs, not_full_runs);
  }

  MASKLOOM_DEVICE bool touched(const Context &c, int query_tile, int x) const {
    bool found = false;
    MASKLOOM_UNROLL
    for (int i = 0; i < Group::kTouched; ++i) {
      bool inside = in_run<kCongruences>(touched_runs[i], x);
      if constexpr (Group::kFiltered) inside = inside && Group::keep_touched(c, query_tile, i, x);
      found = found || inside;
    }
    return found;
  }

  MASKLOOM_DEVICE bool not_full(const Context &c, int query_tile, int x) const {
    bool found = false;
    MASKLOOM_UNROLL
    for (int i = 0; i < Group::kNotFull; ++i) {
      bool inside = in_run<kCongruences>(not_full_runs[i], x);
      if constexpr (Group::kFiltered) inside = inside && Group::keep_not_full(c, query_tile, i, x);
      found = found || inside;
    }
    return found;
  }

  /// No touched tile lies in [x, next(x)): jumps over the gaps between and inside runs. INT_MAX: none is
  /// left.
  MASKLOOM_DEVICE int next(int x) const {
    int nearest = 0x7fffffff;
    MASKLOOM_UNROLL
    for (int i = 0; i < Group::kTouched; ++i)
      nearest = min(nearest, next_in_run<kCongruences>(touched_runs[i], x));
    return nearest;
  }
};

/// The KV tile that holds the end of the keys when they do not fill it; -1 when there is none.
MASKLOOM_DEVICE int ragged_tile(int key_length, int tile_keys) {
  return key_length % tile_keys ? key_length / tile_keys : -1;
}

/// The serial walker: calls visit(tile, partial) for the KV tiles of one Q tile, ascending. The kernels list
/// the same tiles 32 at a time (tile_list.cuh).
template <class Config, class Group, class Visit>
MASKLOOM_DEVICE void walk_tiles(const Context &c, int query_tile, Visit visit) {
  const int key_tiles = ceil_div(c.key_length, Config::kTileKeys);
  const int ragged = ragged_tile(c.key_length, Config::kTileKeys);
  if constexpr (Group::kPlanned) {
    const unsigned *touched = plan_row(c, query_tile, Config::kTileQueries, Config::kTileKeys);
    const unsigned *not_full = touched + plan_words(c.args->keys, Config::kTileKeys);
    for (int x = 0; x < key_tiles; ++x)
      if (touched[x / 32] >> (x % 32) & 1) visit(x, (not_full[x / 32] >> (x % 32) & 1) || x == ragged);
  } else {
    RunSets<Group> sets(c, query_tile);
    for (int x = sets.next(0); x < key_tiles; x = sets.next(x + 1))
      if (sets.touched(c, query_tile, x)) visit(x, sets.not_full(c, query_tile, x) || x == ragged);
  }
}

} // namespace maskloom::kernel
