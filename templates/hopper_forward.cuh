// Forward attention for sm_90a: wgmma, bulk tensor copies, warp specialisation (Shah et al. 2024,
// FlashAttention-3).
//
// A block is one producer warpgroup, of which one warp works, and kConsumers consumer warpgroups of 64 query
// rows each. The producer interprets the schedule and loads; the consumers compute. They meet at barriers in
// shared memory: `full` ones say that a tile has landed, `empty` ones that it may be overwritten.
#pragma once

#include "hopper/consumer.cuh"
#include "hopper/producer.cuh"

namespace maskloom::kernel {

/// Registers a thread by role; together with the launch bounds they are the multiprocessor's 65536.
template <int kConsumers>
struct RoleRegisters;
template <>
struct RoleRegisters<1> {
  static constexpr int kProducer = 56, kConsumer = 256 - 8;
};
template <>
struct RoleRegisters<2> {
  static constexpr int kProducer = 40, kConsumer = 232;
};
template <>
struct RoleRegisters<3> {
  static constexpr int kProducer = 32, kConsumer = 160;
};

/// The body of the kernel: HopperLayout<Config>::kThreads threads, one block a multiprocessor, blocks loop
/// over the work units.
template <class Config, class Pattern>
MASKLOOM_DEVICE void hopper_forward(const ForwardArgs &args, const TensorMaps &maps) {
  using Layout = HopperLayout<Config>;
  extern __shared__ __align__(1024) unsigned char shared_memory[];
  const Layout layout{shared_memory, shared_address(shared_memory)};

  // Setup
  const int warpgroup = __shfl_sync(0xffffffffu, int(threadIdx.x / 128), 0);
  if (threadIdx.x == 0) {
    if (layout.base % 1024 != 0) __trap(); // the swizzle counts from multiples of 1024
    prefetch(maps.q);
    prefetch(maps.k);
    prefetch(maps.v);
    layout.query_full().init(1);
    layout.query_empty().init(Config::kWarps);
    for (int stage = 0; stage < Config::kStages; ++stage) {
      layout.key_full(stage).init(1);
      layout.key_empty(stage).init(Config::kWarps);
      layout.value_full(stage).init(1);
      layout.value_empty(stage).init(Config::kWarps);
    }
    layout.landing().init(1);
    layout.state().zero = 0;
    fence_barrier_init();
  }
  __syncthreads();

  // Roles
  if (warpgroup == 0) {
    give_registers<RoleRegisters<Layout::kConsumers>::kProducer>();
    if (threadIdx.x < 32) Producer<Config, Pattern>{args, maps, layout}.run();
  } else {
    take_registers<RoleRegisters<Layout::kConsumers>::kConsumer>();
    Consumer<Config, Pattern>{args, layout, warpgroup - 1}.run();
  }
}

} // namespace maskloom::kernel
