// Runs the CPU executor on random tensors and compares everything it says with the dense reference, the
// schedule and the interpreter.
#pragma once

#include "maskloom/cpu/Executor.h"
#include "maskloom/dsl/Interpreter.h"

#include <string>
#include <vector>

namespace maskloom::testing {

struct CheckOptions {
  int64_t headDim = 16, valueDim = 16;
  DType dtype = DType::f32;
  unsigned threads = 2;
  uint64_t seed = 1;
  /// Columns whose K and V rows hold this instead of numbers: rows that see one are not compared, the others
  /// must not notice.
  std::vector<int64_t> poisoned;
  float poison = 0;
};

/// Empty, or the first thing that is wrong. Checked:
/// - O and LSE against the dense double-precision reference: fp32 to 2e-5 relative to 1, bf16 and fp16 to one
///   more rounding of the output;
/// - memory: tensors have padded strides; padding, rows and keys beyond the lengths and the output before the
///   call hold NaN; padding of the output is not written;
/// - the visited tiles are those of walk(), in ascending order; no visible pair lies outside of them, and no
///   invisible pair in one that is not partial.
std::string checkForward(const CpuExecutor &executor, const Pattern &pattern, const Problem &problem,
                         const CheckOptions &options);

} // namespace maskloom::testing
