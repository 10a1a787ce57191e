// The bulk tensor copy engine (TMA, sm_90): boxes of a 4-D tensor [batch, heads, tokens, dim] into swizzled
// shared memory.
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

} // namespace maskloom::kernel
