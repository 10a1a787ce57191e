// The bulk tensor copy engine (TMA, sm_90): boxes of a 4-D tensor [batch, heads, tokens, dim] to and from
// swizzled shared memory.
#pragma once

#include "../args.cuh"
#include "barrier.cuh"

namespace maskloom::kernel {

/// Columns a copy takes: 128 bytes, the width of the swizzle.
constexpr int kChunkColumns = 64;

MASKLOOM_DEVICE void prefetch(const TensorMap &map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(&map) : "memory");
}

/// Starts the copy of one chunk: columns column .. column + 63 of the box's rows from `token` on; what lies
/// outside the tensor becomes zero. Its bytes count towards `barrier`.
MASKLOOM_DEVICE void copy_box(unsigned shared, const TensorMap &map, Barrier barrier, int column, int token,
                              int head, int batch) {
  asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2, "
               "%3, %4, %5}], [%6];" ::"r"(shared),
               "l"(&map), "r"(column), "r"(token), "r"(head), "r"(batch), "r"(barrier.address)
               : "memory");
}

/// The same into this place of all blocks of the cluster named by the bits of `blocks`, each one's own
/// barrier counting what it gets.
MASKLOOM_DEVICE void copy_box_to(unsigned blocks, unsigned shared, const TensorMap &map, Barrier barrier,
                                 int column, int token, int head, int batch) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster "
      "[%0], [%1, {%2, %3, %4, %5}], [%6], %7;" ::"r"(shared),
      "l"(&map), "r"(column), "r"(token), "r"(head), "r"(batch), "r"(barrier.address),
      "h"((unsigned short)blocks)
      : "memory");
}

/// Starts the copy of one chunk to memory; the part of it outside the tensor is dropped.
MASKLOOM_DEVICE void store_box(const TensorMap &map, unsigned shared, int column, int token, int head,
                               int batch) {
  asm volatile(
      "cp.async.bulk.tensor.4d.global.shared::cta.bulk_group [%0, {%1, %2, %3, %4}], [%5];" ::"l"(&map),
      "r"(column), "r"(token), "r"(head), "r"(batch), "r"(shared)
      : "memory");
}
/// Waits until the copies to memory that this thread has started have read shared memory.
MASKLOOM_DEVICE void wait_stores_read() {
  asm volatile("cp.async.bulk.commit_group;\ncp.async.bulk.wait_group.read 0;" ::: "memory");
}

} // namespace maskloom::kernel
