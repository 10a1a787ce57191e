// `run --check`: compares O and LSE with attention by definition over the interpreter's mask.
#pragma once

#include "maskloom/cli/DeviceArray.h"
#include "maskloom/dsl/Interpreter.h"

#include <vector>

namespace maskloom {

struct CheckResult {
  bool passed = false;
  double maxAbsErr = 0;
  /// Twice the error of same-precision arithmetic (scores in fp32, P and O rounded) over the checked rows,
  /// plus one ulp of the output.
  double tolerance = 0;
  double maxLseErr = 0, lseTolerance = 0;
  int64_t rows = 0;
};

/// Checks every row, or an even sample of them when that would take long. Rows beyond a batch entry's length
/// are not compared.
CheckResult checkRun(const Pattern &pattern, const Problem &problem, const HostArray &q, const HostArray &k,
                     const HostArray &v, const HostArray &o, const std::vector<float> &lse, float scale);

} // namespace maskloom
