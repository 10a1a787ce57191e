// The order of the units of a planned pattern: sorts each section by the tiles that the planner found,
// longest first, so that a launch ends evenly, and units that run side by side go over the keys at one pace.
// Runs after the planner.
#pragma once

#include "work_order.cuh"

namespace maskloom::kernel {

/// args.unit_order has two words a unit, units numbered as WorkOrder does: at [place] the unit to take as
/// number `place`; and, after those of all units, the tiles that the unit visits.
template <class Index>
MASKLOOM_DEVICE unsigned *unit_lengths(const ForwardArgs &args, const WorkOrder<Index> &order) {
  return args.unit_order + order.units();
}

/// Sorts `count` units, those from `first` on, into order[0 ... count - 1]: by counting how many have which
/// length, where there are more lengths than threads, neighbouring ones together. Units of one length stay
/// about in order, so that neighbours share the cache.
MASKLOOM_DEVICE void sort_units(unsigned *order, const unsigned *lengths, unsigned first, unsigned count) {
  __shared__ unsigned places[kOrderThreads], longest;
  const unsigned thread = threadIdx.x;
  places[thread] = 0;
  if (thread == 0) longest = 0;
  __syncthreads();
  for (unsigned i = thread; i < count; i += kOrderThreads) atomicMax(&longest, lengths[i]);
  __syncthreads();
  const unsigned width = longest / kOrderThreads + 1; // lengths in one bin; the first bin has the longest
  for (unsigned i = thread; i < count; i += kOrderThreads)
    atomicAdd(&places[(longest - lengths[i]) / width], 1u);
  __syncthreads();
  unsigned before = 0; // units in the bins before this thread's
  for (unsigned bin = 0; bin < thread; ++bin) before += places[bin];
  __syncthreads();
  places[thread] = before;
  for (unsigned start = 0; start < count; start += kOrderThreads) { // one after the other: nearly in order
    __syncthreads();
    const unsigned i = start + thread;
    if (i < count) order[atomicAdd(&places[(longest - lengths[i]) / width], 1u)] = first + i;
  }
  __syncthreads();
}

/// The body of the kernel: one dimension of kOrderThreads threads, any number of blocks.
template <class Config, class Pattern>
MASKLOOM_DEVICE void order_units(const ForwardArgs &args) {
  const WorkOrder<long long> order(args, Config::kTileHeads, Config::kTileQueries);
  for (long long index = blockIdx.x; index < order.sections(); index += gridDim.x) {
    const Section<long long> section = order.section(index);
    const long long first = section.first * order.query_tiles;
    sort_units(args.unit_order + first, unit_lengths(args, order) + first, unsigned(first),
               unsigned(section.count * order.query_tiles));
  }
}

} // namespace maskloom::kernel
