// Thin wrappers of the instructions that sm_80 and later share: ldmatrix, mma.sync, cp.async, conversions.
#pragma once

#include "math.cuh"

namespace maskloom::kernel {

using half_bits = unsigned short; ///< one bf16 or f16 element as it lies in memory

/// Address of shared memory as the PTX state space sees it.
MASKLOOM_DEVICE unsigned shared_address(const void *pointer) {
  return unsigned(__cvta_generic_to_shared(pointer));
}

/// threadIdx.x, read anew: the compiler cannot keep what is derived from it in registers over the main loop.
MASKLOOM_DEVICE unsigned thread_index_anew() {
  unsigned index;
  asm volatile("mov.u32 %0, %%tid.x;" : "=r"(index));
  return index;
}

/// Four 8x8 matrices of 16-bit elements; lane i gives the address of row i % 8 of matrix i / 8.
MASKLOOM_DEVICE void ldmatrix(unsigned (&fragment)[4], unsigned address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(fragment[0]), "=r"(fragment[1]), "=r"(fragment[2]), "=r"(fragment[3])
               : "r"(address));
}

/// The same, every matrix transposed.
MASKLOOM_DEVICE void ldmatrix_transposed(unsigned (&fragment)[4], unsigned address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(fragment[0]), "=r"(fragment[1]), "=r"(fragment[2]), "=r"(fragment[3])
               : "r"(address));
}

/// d += a * b for m16n8k16 with fp32 accumulation. Lane l holds of d: rows l/4 (d[0], d[1]) and l/4 + 8
/// (d[2], d[3]), columns 2*(l%4) and 2*(l%4) + 1.
template <bool kBf16>
MASKLOOM_DEVICE void mma(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  if constexpr (kBf16)
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  else
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// Two floats as 16-bit elements, `low` in the lower half; round to nearest even.
template <bool kBf16>
MASKLOOM_DEVICE unsigned pack(float low, float high) {
  unsigned packed;
  if constexpr (kBf16)
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
  else
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
  return packed;
}

/// Copies 16 bytes to shared memory asynchronously; bytes from `valid` (0 or 16) on are zero and are not
/// read.
MASKLOOM_DEVICE void copy_async(unsigned shared, const void *global, int valid) {
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(shared), "l"(global), "r"(valid)
               : "memory");
}

MASKLOOM_DEVICE void copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

/// Waits until at most `kPending` of this thread's copy groups are under way.
template <int kPending>
MASKLOOM_DEVICE void copy_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

MASKLOOM_DEVICE void store_shared(unsigned shared, unsigned value) {
  asm volatile("st.shared.b32 [%0], %1;" ::"r"(shared), "r"(value) : "memory");
}

/// 16 bytes.
struct alignas(16) Chunk {
  unsigned words[4];
};

MASKLOOM_DEVICE void store_shared(unsigned shared, const Chunk &chunk) {
  asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(shared), "r"(chunk.words[0]),
               "r"(chunk.words[1]), "r"(chunk.words[2]), "r"(chunk.words[3])
               : "memory");
}

MASKLOOM_DEVICE Chunk load_shared_chunk(unsigned shared) {
  Chunk chunk;
  asm volatile("ld.shared.v4.b32 {%0, %1, %2, %3}, [%4];"
               : "=r"(chunk.words[0]), "=r"(chunk.words[1]), "=r"(chunk.words[2]), "=r"(chunk.words[3])
               : "r"(shared)
               : "memory");
  return chunk;
}

/// A load that the compiler neither moves nor leaves out.
MASKLOOM_DEVICE unsigned load_shared_volatile(unsigned shared) {
  unsigned value;
  asm volatile("ld.volatile.shared.b32 %0, [%1];" : "=r"(value) : "r"(shared) : "memory");
  return value;
}

/// 16 bytes to an aligned address of device memory.
MASKLOOM_DEVICE void store_global(void *global, const Chunk &chunk) {
  asm volatile("st.global.v4.b32 [%0], {%1, %2, %3, %4};" ::"l"(global), "r"(chunk.words[0]),
               "r"(chunk.words[1]), "r"(chunk.words[2]), "r"(chunk.words[3])
               : "memory");
}

} // namespace maskloom::kernel
