#include "maskloom/cpu/BlockKernels.h"

namespace maskloom::cpu {

extern const BlockKernels blockKernels_generic;
#ifdef MASKLOOM_CPU_LEVELS
extern const BlockKernels blockKernels_v3, blockKernels_v4;
#endif

int blockKernelLevels(const BlockKernels *levels[3]) {
  int count = 0;
  levels[count++] = &blockKernels_generic;
#ifdef MASKLOOM_CPU_LEVELS
  __builtin_cpu_init();
  bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
            __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
            __builtin_cpu_supports("f16c") && __builtin_cpu_supports("lzcnt");
  bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512vl");
  if (v3) levels[count++] = &blockKernels_v3;
  if (v4) levels[count++] = &blockKernels_v4;
#endif
  return count;
}

const BlockKernels &blockKernels() {
  static const BlockKernels &best = []() -> const BlockKernels & {
    const BlockKernels *levels[3];
    int count = blockKernelLevels(levels);
    return *levels[count - 1];
  }();
  return best;
}

} // namespace maskloom::cpu
