// wgmma (sm_90a): one warpgroup of four warps multiplies a 64 x 16 tile by a 16 x N tile, asynchronously.
//
// The accumulator of a 64 x N tile is N/2 floats a thread: d[4*j + 2*r + c] is row 16*warp + lane/4 + 8*r,
// column 8*j + 2*(lane%4) + c. Two neighbouring 8-column blocks of it, rounded to 16 bits, are an A operand
// as they stand.
#pragma once

#include "../prelude.cuh"

namespace maskloom::kernel {

/// Orders register accesses of this warp before the wgmma that follow; needed before the first of a batch.
MASKLOOM_DEVICE void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }

/// Closes a group of wgmma; groups complete in order.
MASKLOOM_DEVICE void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

/// Waits until at most kPending groups are under way.
template <int kPending>
MASKLOOM_DEVICE void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
}

/// Keeps the compiler from moving uses of an accumulator to before the wait that completes it.
template <int kCount>
MASKLOOM_DEVICE void pin(float (&registers)[kCount]) {
#pragma unroll
  for (int i = 0; i < kCount; ++i) asm volatile("" : "+f"(registers[i])::"memory");
}

/// Describes an operand in shared memory whose rows are chunks of 128 swizzled bytes. `leading`: bytes
/// between chunks along the contiguous dimension (MN-major operands only); 8 rows lie 1024 bytes apart.
MASKLOOM_DEVICE unsigned long long operand_descriptor(unsigned address, unsigned leading) {
  constexpr unsigned long long kSwizzle128 = 1ull << 62, kEightRows = (1024ull >> 4) << 32;
  return kSwizzle128 | kEightRows | (unsigned long long)(leading >> 4) << 16 | ((address & 0x3ffff) >> 4);
}
/// The same operand `bytes` further on.
MASKLOOM_DEVICE unsigned long long advance(unsigned long long descriptor, unsigned bytes) {
  return descriptor + (bytes >> 4);
}

/// wgmma with a 64 x N accumulator, by N: multiply_shared takes A from shared memory and B with the
/// multiplied dimension contiguous (K-major), or with N contiguous (MN-major); multiply_registers takes A
/// from registers and B MN-major. `accumulate` 0: d = A B, else d += A B.
template <int N>
struct Wgmma;

// clang-format off
#define MASKLOOM_LIST_8 "%0, %1, %2, %3, %4, %5, %6, %7"
#define MASKLOOM_LIST_16 MASKLOOM_LIST_8 ", %8, %9, %10, %11, %12, %13, %14, %15"
#define MASKLOOM_LIST_24 MASKLOOM_LIST_16 ", %16, %17, %18, %19, %20, %21, %22, %23"
#define MASKLOOM_LIST_32 MASKLOOM_LIST_24 ", %24, %25, %26, %27, %28, %29, %30, %31"
#define MASKLOOM_LIST_40 MASKLOOM_LIST_32 ", %32, %33, %34, %35, %36, %37, %38, %39"
#define MASKLOOM_LIST_48 MASKLOOM_LIST_40 ", %40, %41, %42, %43, %44, %45, %46, %47"
#define MASKLOOM_LIST_56 MASKLOOM_LIST_48 ", %48, %49, %50, %51, %52, %53, %54, %55"
#define MASKLOOM_LIST_64 MASKLOOM_LIST_56 ", %56, %57, %58, %59, %60, %61, %62, %63"
#define MASKLOOM_LIST_72 MASKLOOM_LIST_64 ", %64, %65, %66, %67, %68, %69, %70, %71"
#define MASKLOOM_LIST_80 MASKLOOM_LIST_72 ", %72, %73, %74, %75, %76, %77, %78, %79"
#define MASKLOOM_LIST_88 MASKLOOM_LIST_80 ", %80, %81, %82, %83, %84, %85, %86, %87"
#define MASKLOOM_LIST_96 MASKLOOM_LIST_88 ", %88, %89, %90, %91, %92, %93, %94, %95"
#define MASKLOOM_LIST_104 MASKLOOM_LIST_96 ", %96, %97, %98, %99, %100, %101, %102, %103"
#define MASKLOOM_LIST_112 MASKLOOM_LIST_104 ", %104, %105, %106, %107, %108, %109, %110, %111"
#define MASKLOOM_LIST_120 MASKLOOM_LIST_112 ", %112, %113, %114, %115, %116, %117, %118, %119"
#define MASKLOOM_LIST_128 MASKLOOM_LIST_120 ", %120, %121, %122, %123, %124, %125, %126, %127"

#define MASKLOOM_OUT_8 "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
#define MASKLOOM_OUT_16 MASKLOOM_OUT_8, "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15])
#define MASKLOOM_OUT_24 MASKLOOM_OUT_16, "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23])
#define MASKLOOM_OUT_32 MASKLOOM_OUT_24, "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31])
#define MASKLOOM_OUT_40 MASKLOOM_OUT_32, "+f"(d[32]), "+f"(d[33]), "+f"(d[34]), "+f"(d[35]), "+f"(d[36]), "+f"(d[37]), "+f"(d[38]), "+f"(d[39])
#define MASKLOOM_OUT_48 MASKLOOM_OUT_40, "+f"(d[40]), "+f"(d[41]), "+f"(d[42]), "+f"(d[43]), "+f"(d[44]), "+f"(d[45]), "+f"(d[46]), "+f"(d[47])
#define MASKLOOM_OUT_56 MASKLOOM_OUT_48, "+f"(d[48]), "+f"(d[49]), "+f"(d[50]), "+f"(d[51]), "+f"(d[52]), "+f"(d[53]), "+f"(d[54]), "+f"(d[55])
#define MASKLOOM_OUT_64 MASKLOOM_OUT_56, "+f"(d[56]), "+f"(d[57]), "+f"(d[58]), "+f"(d[59]), "+f"(d[60]), "+f"(d[61]), "+f"(d[62]), "+f"(d[63])
#define MASKLOOM_OUT_72 MASKLOOM_OUT_64, "+f"(d[64]), "+f"(d[65]), "+f"(d[66]), "+f"(d[67]), "+f"(d[68]), "+f"(d[69]), "+f"(d[70]), "+f"(d[71])
#define MASKLOOM_OUT_80 MASKLOOM_OUT_72, "+f"(d[72]), "+f"(d[73]), "+f"(d[74]), "+f"(d[75]), "+f"(d[76]), "+f"(d[77]), "+f"(d[78]), "+f"(d[79])
#define MASKLOOM_OUT_88 MASKLOOM_OUT_80, "+f"(d[80]), "+f"(d[81]), "+f"(d[82]), "+f"(d[83]), "+f"(d[84]), "+f"(d[85]), "+f"(d[86]), "+f"(d[87])
#define MASKLOOM_OUT_96 MASKLOOM_OUT_88, "+f"(d[88]), "+f"(d[89]), "+f"(d[90]), "+f"(d[91]), "+f"(d[92]), "+f"(d[93]), "+f"(d[94]), "+f"(d[95])
#define MASKLOOM_OUT_104 MASKLOOM_OUT_96, "+f"(d[96]), "+f"(d[97]), "+f"(d[98]), "+f"(d[99]), "+f"(d[100]), "+f"(d[101]), "+f"(d[102]), "+f"(d[103])
#define MASKLOOM_OUT_112 MASKLOOM_OUT_104, "+f"(d[104]), "+f"(d[105]), "+f"(d[106]), "+f"(d[107]), "+f"(d[108]), "+f"(d[109]), "+f"(d[110]), "+f"(d[111])
#define MASKLOOM_OUT_120 MASKLOOM_OUT_112, "+f"(d[112]), "+f"(d[113]), "+f"(d[114]), "+f"(d[115]), "+f"(d[116]), "+f"(d[117]), "+f"(d[118]), "+f"(d[119])
#define MASKLOOM_OUT_128 MASKLOOM_OUT_120, "+f"(d[120]), "+f"(d[121]), "+f"(d[122]), "+f"(d[123]), "+f"(d[124]), "+f"(d[125]), "+f"(d[126]), "+f"(d[127])

#define MASKLOOM_WGMMA_SHARED(n, count, type, a, b, p, major)                                                        \
  asm volatile("{ .reg .pred accumulate; setp.ne.b32 accumulate, " p ", 0; wgmma.mma_async.sync.aligned.m64n" #n \
               "k16.f32." type "." type " {" MASKLOOM_LIST_##count "}, " a ", " b ", accumulate, 1, 1, 0, " major "; }"    \
               : MASKLOOM_OUT_##count : "l"(a_descriptor), "l"(b_descriptor), "r"(accumulate), "n"(kMnMajor ? 1 : 0))
#define MASKLOOM_WGMMA_REGISTERS(n, count, type, a0, a1, a2, a3, b, p)                                             \
  asm volatile("{ .reg .pred accumulate; setp.ne.b32 accumulate, " p ", 0; wgmma.mma_async.sync.aligned.m64n" #n \
               "k16.f32." type "." type " {" MASKLOOM_LIST_##count "}, {" a0 ", " a1 ", " a2 ", " a3 "}, " b        \
               ", accumulate, 1, 1, 1; }"                                                                          \
               : MASKLOOM_OUT_##count : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b_descriptor), "r"(accumulate))
#define MASKLOOM_WGMMA(n, count, i0, i1, i2, i3, i4, i5)                                                           \
  template <>                                                                                                      \
  struct Wgmma<n> {                                                                                                \
    template <bool kBf16, bool kMnMajor = false>                                                                   \
    static MASKLOOM_DEVICE void multiply_shared(float (&d)[count], unsigned long long a_descriptor,                \
                                                unsigned long long b_descriptor, int accumulate) {                 \
      if constexpr (kBf16) MASKLOOM_WGMMA_SHARED(n, count, "bf16", i0, i1, i2, i3);                                  \
      else MASKLOOM_WGMMA_SHARED(n, count, "f16", i0, i1, i2, i3);                                                    \
    }                                                                                                              \
    template <bool kBf16>                                                                                          \
    static MASKLOOM_DEVICE void multiply_registers(float (&d)[count], const unsigned *a,                           \
                                                   unsigned long long b_descriptor, int accumulate) {              \
      if constexpr (kBf16) MASKLOOM_WGMMA_REGISTERS(n, count, "bf16", i0, i1, i2, i3, i4, i5);                     \
      else MASKLOOM_WGMMA_REGISTERS(n, count, "f16", i0, i1, i2, i3, i4, i5);                                      \
    }                                                                                                              \
  };
MASKLOOM_WGMMA(16, 8, "%8", "%9", "%10", "%11", "%12", "%13")
MASKLOOM_WGMMA(32, 16, "%16", "%17", "%18", "%19", "%20", "%21")
MASKLOOM_WGMMA(48, 24, "%24", "%25", "%26", "%27", "%28", "%29")
MASKLOOM_WGMMA(64, 32, "%32", "%33", "%34", "%35", "%36", "%37")
MASKLOOM_WGMMA(80, 40, "%40", "%41", "%42", "%43", "%44", "%45")
MASKLOOM_WGMMA(96, 48, "%48", "%49", "%50", "%51", "%52", "%53")
MASKLOOM_WGMMA(112, 56, "%56", "%57", "%58", "%59", "%60", "%61")
MASKLOOM_WGMMA(128, 64, "%64", "%65", "%66", "%67", "%68", "%69")
MASKLOOM_WGMMA(144, 72, "%72", "%73", "%74", "%75", "%76", "%77")
MASKLOOM_WGMMA(160, 80, "%80", "%81", "%82", "%83", "%84", "%85")
MASKLOOM_WGMMA(176, 88, "%88", "%89", "%90", "%91", "%92", "%93")
MASKLOOM_WGMMA(192, 96, "%96", "%97", "%98", "%99", "%100", "%101")
MASKLOOM_WGMMA(208, 104, "%104", "%105", "%106", "%107", "%108", "%109")
MASKLOOM_WGMMA(224, 112, "%112", "%113", "%114", "%115", "%116", "%117")
MASKLOOM_WGMMA(240, 120, "%120", "%121", "%122", "%123", "%124", "%125")
MASKLOOM_WGMMA(256, 128, "%128", "%129", "%130", "%131", "%132", "%133")
#undef MASKLOOM_WGMMA
#undef MASKLOOM_WGMMA_SHARED
#undef MASKLOOM_WGMMA_REGISTERS
// clang-format on

/// Four 8x8 matrices of 16-bit elements to shared memory; lane i gives the address of row i % 8 of matrix
/// i / 8, and holds the elements that it would hold of an accumulator.
MASKLOOM_DEVICE void stmatrix(unsigned address, const unsigned (&fragment)[4]) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(address),
               "r"(fragment[0]), "r"(fragment[1]), "r"(fragment[2]), "r"(fragment[3])
               : "memory");
}

} // namespace maskloom::kernel
