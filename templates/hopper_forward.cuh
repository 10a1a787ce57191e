// Forward attention for sm_90a: wgmma, bulk tensor copies, warp specialisation (Shah et al. 2024,
// FlashAttention-3).
//
// A block is one warpgroup of producers and kConsumers consumer warpgroups of 64 query rows each. Of the
// producers one warp, the scheduler, walks the schedule and lists KV tiles, two load them, and one stores the
// output; the consumers compute. They meet at barriers in shared memory: `full` ones say that a tile has
// landed, `empty` ones that it may be overwritten.
//
// The blocks of a cluster take neighbouring Q tiles of one head and share K and V: each loads its part of a
// KV tile and sends it to all. Their schedulers list the same tiles, those that any of them needs.
#pragma once

#include "hopper/consumer.cuh"
#include "hopper/loader.cuh"
#include "hopper/scheduler.cuh"
#include "hopper/storer.cuh"

namespace maskloom::kernel {

/// Registers a thread by role; together they are the multiprocessor's 65536. `held`: what the
/// consumers hold of S, P and O, and of a polynomial for the scores.
struct RoleRegisters {
  int producer, consumer;
};
constexpr MASKLOOM_DEVICE RoleRegisters role_registers(int consumers, int held) {
  if (consumers == 1) return {56, 248};
  if (consumers == 2) return held < 160 ? RoleRegisters{56, 224} : RoleRegisters{40, 232};
  return {32, 160};
}

/// The body of the kernel: HopperLayout<Config>::kThreads threads, one block a multiprocessor, blocks loop
/// over the work units.
template <class Config, class Pattern>
MASKLOOM_DEVICE void hopper_forward(const ForwardArgs &args, const TensorMaps &maps) {
  using Layout = HopperLayout<Config>;
  extern __shared__ __align__(1024) unsigned char shared_memory[];
  // By way of a shuffle, so that the compiler keeps the address and does not put it together anew wherever it
  // is used.
  const Layout layout{__shfl_sync(0xffffffffu, shared_address(shared_memory), 0)};

  constexpr int kPolynomial = Pattern::kScoreForm == ScoreForm::kCapped ? 32 : 0;
  constexpr RoleRegisters kRegisters = role_registers(
      Layout::kConsumers, Layout::kTileKeys / 2 + (Config::kSharedP ? 0 : Layout::kTileKeys / 4) +
                              Layout::kValueColumns / 2 + kPolynomial);

  // Setup
  const int warpgroup = __shfl_sync(0xffffffffu, int(threadIdx.x / 128), 0);
  if (threadIdx.x == 0) {
    if (layout.base % 1024 != 0) __trap(); // the swizzle counts from multiples of 1024
    prefetch(maps.q);
    prefetch(maps.k);
    prefetch(maps.v);
    if (Layout::kStagedOutput) prefetch(maps.o);
    layout.init_barriers();
  }
  // The setup needs nothing from memory, so it may overlap with the end of the kernel before.
  allow_kernel_behind();
  wait_for_kernel_before();
  if constexpr (Layout::kCluster > 1)
    cluster_sync();
  else
    __syncthreads();

  // Roles
  if (warpgroup == 0) {
    give_registers<kRegisters.producer>();
    switch (__shfl_sync(0xffffffffu, int(threadIdx.x / 32), 0)) {
    case 0: Scheduler<Config, Pattern>{args, layout}.run(); break;
    case 1: Loader<Config, Pattern>{args, maps, layout}.load_queries_and_keys(); break;
    case 2: Loader<Config, Pattern>{args, maps, layout}.load_values(); break;
    case 3:
      if constexpr (Layout::kStagedOutput) store_outputs(maps, layout);
      break;
    }
  } else {
    take_registers<kRegisters.consumer>();
    Consumer<Config, Pattern>{args, layout, warpgroup - 1}.run();
  }
  if constexpr (Layout::kCluster > 1) cluster_sync(); // others may still write to this block's shared memory
}

} // namespace maskloom::kernel
