// Interval evaluation of a mask over a box of positions: what an emitted classify() is made of. Every answer
// is sound: kEmpty and kFull hold for every point of the box; kPartial promises nothing.
#pragma once

#include "schedule.cuh"

namespace maskloom::kernel {

enum TileClass : int { kEmpty = 0, kPartial = 1, kFull = 2 };

/// The integers lo .. hi, both included, lo <= hi.
struct Interval {
  long long lo, hi;
};

/// Positions (offsets added) of a tile.
struct Box {
  Interval q, k;
};

MASKLOOM_DEVICE Interval interval(long long point) { return {point, point}; }
MASKLOOM_DEVICE Interval operator+(Interval a, Interval b) { return {a.lo + b.lo, a.hi + b.hi}; }
MASKLOOM_DEVICE Interval operator-(Interval a, Interval b) { return {a.lo - b.hi, a.hi - b.lo}; }
MASKLOOM_DEVICE Interval operator-(Interval a) { return {-a.hi, -a.lo}; }
MASKLOOM_DEVICE Interval operator+(Interval a, long long b) { return {a.lo + b, a.hi + b}; }
MASKLOOM_DEVICE Interval operator-(Interval a, long long b) { return {a.lo - b, a.hi - b}; }
MASKLOOM_DEVICE Interval operator*(Interval a, long long factor) {
  return factor >= 0 ? Interval{a.lo * factor, a.hi * factor} : Interval{a.hi * factor, a.lo * factor};
}
MASKLOOM_DEVICE Interval operator*(long long factor, Interval a) { return a * factor; }

/// Division by a positive constant, towards minus infinity.
MASKLOOM_DEVICE Interval floor_div(Interval a, long long divisor) {
  return {floor_div(a.lo, divisor), floor_div(a.hi, divisor)};
}

/// Remainder by a positive constant: exact unless the interval crosses a multiple of it.
MASKLOOM_DEVICE Interval floor_mod(Interval a, long long divisor) {
  if (floor_div(a.lo, divisor) != floor_div(a.hi, divisor)) return {0, divisor - 1};
  return {floor_mod(a.lo, divisor), floor_mod(a.hi, divisor)};
}

MASKLOOM_DEVICE Interval min(Interval a, Interval b) { return {min(a.lo, b.lo), min(a.hi, b.hi)}; }
MASKLOOM_DEVICE Interval max(Interval a, Interval b) { return {max(a.lo, b.lo), max(a.hi, b.hi)}; }
MASKLOOM_DEVICE Interval abs(Interval a) {
  if (a.lo >= 0) return a;
  if (a.hi <= 0) return -a;
  return {0, max(-a.lo, a.hi)};
}
/// Either of the two.
MASKLOOM_DEVICE Interval hull(Interval a, Interval b) { return {min(a.lo, b.lo), max(a.hi, b.hi)}; }

MASKLOOM_DEVICE TileClass negate(TileClass a) { return TileClass(kFull - a); }
MASKLOOM_DEVICE TileClass all_of(TileClass a, TileClass b) { return a < b ? a : b; }
MASKLOOM_DEVICE TileClass any_of(TileClass a, TileClass b) { return a > b ? a : b; }
MASKLOOM_DEVICE TileClass decided(bool always, bool never) {
  return always ? kFull : never ? kEmpty : kPartial;
}
MASKLOOM_DEVICE TileClass constant(bool value) { return value ? kFull : kEmpty; }

MASKLOOM_DEVICE TileClass less(Interval a, Interval b) { return decided(a.hi < b.lo, a.lo >= b.hi); }
MASKLOOM_DEVICE TileClass less_equal(Interval a, Interval b) { return decided(a.hi <= b.lo, a.lo > b.hi); }
MASKLOOM_DEVICE TileClass equal(Interval a, Interval b) {
  return decided(a.lo == b.hi && a.hi == b.lo, a.hi < b.lo || b.hi < a.lo);
}
MASKLOOM_DEVICE TileClass not_equal(Interval a, Interval b) { return negate(equal(a, b)); }

/// Loads of aux tensors at a point; missing trailing indices are 0. Extents were checked before the launch.
MASKLOOM_DEVICE int aux_load(const Context &c, int index, long long i0, long long i1 = 0, long long i2 = 0) {
  const AuxArg &aux = c.args->aux[index];
  return static_cast<const int *>(aux.data)[i0 * aux.strides[0] + i1 * aux.strides[1] + i2 * aux.strides[2]];
}
MASKLOOM_DEVICE float aux_load_f32(const Context &c, int index, long long i0, long long i1 = 0,
                                   long long i2 = 0) {
  const AuxArg &aux = c.args->aux[index];
  return static_cast<const float *>(
      aux.data)[i0 * aux.strides[0] + i1 * aux.strides[1] + i2 * aux.strides[2]];
}

/// This thread's place in its warp; 0 on the host.
MASKLOOM_DEVICE int lane_index() {
#ifdef __CUDA_ARCH__
  return int(threadIdx.x % 32);
#else
  return 0;
#endif
}

/// The smallest interval that holds every value of an i32 aux tensor over a box of indices, by scanning it.
/// The box is clamped to the extents: positions beyond them do not occur at points that matter.
MASKLOOM_DEVICE Interval aux_range(const Context &c, int index, Interval i0, Interval i1 = {0, 0},
                                   Interval i2 = {0, 0}) {
  const AuxArg &aux = c.args->aux[index];
  Interval box[3] = {i0, i1, i2};
  long long count[3], step[3];
  int widest = 0;
  long long widest_count = 0, entries = 1;
  const int *first = static_cast<const int *>(aux.data);
  MASKLOOM_UNROLL
  for (int axis = 0; axis < 3; ++axis) {
    const long long last = max(aux.extents[axis], 1LL) - 1;
    const long long lo = max(0LL, min(box[axis].lo, last)), hi = max(0LL, min(box[axis].hi, last));
    count[axis] = hi - lo + 1;
    step[axis] = aux.strides[axis];
    first += lo * aux.strides[axis];
    entries *= count[axis];
    if (count[axis] > widest_count) {
      widest = axis;
      widest_count = count[axis];
    }
  }
  // The widest axis innermost. A warp that scans together takes every 32nd entry of it a lane.
  const int lane = c.lanes > 1 ? lane_index() : 0;
  const long long stride = widest == 0 ? step[0] : widest == 1 ? step[1] : step[2];
  const int *line = first;
  int low = 0x7fffffff, high = -0x7fffffff - 1;
  for (long long rest = 0; rest < entries; rest += widest_count) {
    const int *entry = line + lane * stride;
    MASKLOOM_UNROLL_BY(8)
    for (int i = lane; i < int(widest_count); i += c.lanes, entry += c.lanes * stride) {
      low = min(low, *entry);
      high = max(high, *entry);
    }
    // the next line: count up through the two other axes
    const int inner = widest == 2 ? 1 : 2, outer = widest == 0 ? 1 : 0;
    const long long inner_count = inner == 2 ? count[2] : count[1], index_of_line = rest / widest_count + 1;
    const long long inner_step = inner == 2 ? step[2] : step[1], outer_step = outer == 0 ? step[0] : step[1];
    line = first + index_of_line % inner_count * inner_step + index_of_line / inner_count * outer_step;
  }
#ifdef __CUDA_ARCH__
  if (c.lanes > 1) {
    low = __reduce_min_sync(0xffffffffu, low);
    high = __reduce_max_sync(0xffffffffu, high);
  }
#endif
  return {low, high};
}

/// The positions of KV tiles key_tile .. last_key_tile that exist.
template <class Config>
MASKLOOM_DEVICE Box tile_box(const Context &c, int query_tile, int key_tile, int last_key_tile) {
  const long long row = (long long)query_tile * Config::kTileQueries;
  const long long column = (long long)key_tile * Config::kTileKeys;
  const long long end_column = (last_key_tile + 1LL) * Config::kTileKeys;
  const long long last_row = min(row + Config::kTileQueries, (long long)c.query_length) - 1;
  const long long last_column = min(end_column, (long long)c.key_length) - 1;
  return {{row + c.query_offset, last_row + c.query_offset},
          {column + c.key_offset, last_column + c.key_offset}};
}

} // namespace maskloom::kernel
