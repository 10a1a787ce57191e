// Barriers in shared memory (mbarrier), named barriers, clusters, and the registers of warpgroups (sm_90a).
#pragma once

#include "../prelude.cuh"

namespace maskloom::kernel {

/// Waits until the phase of `parity` of the barrier at `address` has completed. `semantics`: that of what is
/// seen then, where it is not the default, the block's.
#define MASKLOOM_WAIT(semantics)                                                                             \
  asm volatile("{\n"                                                                                         \
               ".reg .pred done;\n"                                                                          \
               "WAIT:\n"                                                                                     \
               "mbarrier.try_wait.parity" semantics ".shared::cta.b64 done, [%0], %1;\n"                     \
               "@done bra DONE;\n"                                                                           \
               "bra WAIT;\n"                                                                                 \
               "DONE:\n"                                                                                     \
               "}" ::"r"(address),                                                                           \
               "r"(parity)                                                                                   \
               : "memory")

/// Lanes that arrive at a barrier for their warp. One is enough, for __syncwarp() orders what all of them did
/// before it. racecheck looks at each thread by itself: for it every lane arrives.
#ifdef MASKLOOM_EVERY_LANE_ARRIVES
constexpr int kArrivingLanes = 32;
#else
constexpr int kArrivingLanes = 1;
#endif

/// A barrier of 8 bytes in shared memory. Its phases alternate between parity 0 and 1: wait(p) returns once
/// the phase of parity p has completed, so waiting for parity 1 on a new barrier returns at once.
struct Barrier {
  unsigned address;

  MASKLOOM_DEVICE void init(int arrivals) const {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(address), "r"(arrivals) : "memory");
  }
  MASKLOOM_DEVICE void arrive() const {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(address) : "memory");
  }
  /// Arrives at the same barrier of block `rank` of the cluster. What was stored before is seen there only if
  /// a fence_cluster() came in between.
  MASKLOOM_DEVICE void arrive_at(unsigned rank) const {
    asm volatile("{\n"
                 ".reg .b32 there;\n"
                 "mapa.shared::cluster.u32 there, %0, %1;\n"
                 "mbarrier.arrive.shared::cluster.b64 _, [there];\n"
                 "}" ::"r"(address),
                 "r"(rank)
                 : "memory");
  }
  /// Arrives, and has the phase wait for `bytes` of tensor copies as well.
  MASKLOOM_DEVICE void arrive_expecting(int bytes) const {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(address), "r"(bytes)
                 : "memory");
  }
  /// The arrival of a warp, after what all its lanes have done; init() counts kArrivingLanes for it.
  MASKLOOM_DEVICE void arrive_as_warp() const {
    __syncwarp();
    if (int(threadIdx.x % 32) < kArrivingLanes) arrive();
  }
  MASKLOOM_DEVICE void arrive_as_warp_expecting(int bytes) const {
    __syncwarp();
    if (threadIdx.x % 32 == 0)
      arrive_expecting(bytes);
    else if (int(threadIdx.x % 32) < kArrivingLanes)
      arrive();
    __syncwarp(); // before the copies
  }
  MASKLOOM_DEVICE void wait(unsigned parity) const { MASKLOOM_WAIT(""); }
  /// The same, for what other blocks of the cluster have stored before they arrived.
  MASKLOOM_DEVICE void wait_for_cluster(unsigned parity) const { MASKLOOM_WAIT(".acquire.cluster"); }
};
#undef MASKLOOM_WAIT

/// This block's number in its cluster.
MASKLOOM_DEVICE unsigned cluster_rank() {
  unsigned rank;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}
/// All threads of all blocks of the cluster meet.
MASKLOOM_DEVICE void cluster_sync() {
  asm volatile("barrier.cluster.arrive.release;\nbarrier.cluster.wait.acquire;" ::: "memory");
}
/// Orders this thread's memory operations before and after, for all threads of the cluster.
MASKLOOM_DEVICE void fence_cluster() { asm volatile("fence.acq_rel.cluster;" ::: "memory"); }
/// Stores to the same place in shared memory of block `rank` of the cluster.
MASKLOOM_DEVICE void store_at(unsigned rank, unsigned address, unsigned value) {
  asm volatile("{\n"
               ".reg .b32 there;\n"
               "mapa.shared::cluster.u32 there, %0, %1;\n"
               "st.shared::cluster.u32 [there], %2;\n"
               "}" ::"r"(address),
               "r"(rank), "r"(value)
               : "memory");
}

/// Makes initialised barriers visible to the copy engine.
MASKLOOM_DEVICE void fence_barrier_init() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

/// Makes this thread's ordinary stores to shared memory visible to the copy engine and to wgmma.
MASKLOOM_DEVICE void fence_async_proxy() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

/// Named barriers: `threads` counts those that sync and those that arrive.
MASKLOOM_DEVICE void named_barrier_sync(int id, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}
MASKLOOM_DEVICE void named_barrier_arrive(int id, int threads) {
  asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

/// Lets the kernel that follows in the stream start its blocks wherever there is room, if it was launched to
/// do so; wait_for_kernel_before() is its part. Nothing when it was not.
MASKLOOM_DEVICE void allow_kernel_behind() { asm volatile("griddepcontrol.launch_dependents;"); }
/// Until the kernel before this one in the stream has ended and its stores are visible.
MASKLOOM_DEVICE void wait_for_kernel_before() { asm volatile("griddepcontrol.wait;" ::: "memory"); }

/// The registers a thread of this warpgroup may use from here on.
template <int kRegisters>
MASKLOOM_DEVICE void give_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kRegisters));
}
template <int kRegisters>
MASKLOOM_DEVICE void take_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kRegisters));
}

} // namespace maskloom::kernel
