// Attention by definition for single rows: what `run --check` compares with.
#pragma once

#include "maskloom/dsl/Interpreter.h"

#include <functional>
#include <vector>

namespace maskloom {

/// One output row and its natural-log LSE, in double.
struct RowResult {
  std::vector<double> o;
  double lse = 0;
};

/// Element (b, h, token, i) of a tensor, as the computation sees it (after rounding to the computing dtype).
using Element = std::function<float(int64_t b, int64_t h, int64_t token, int64_t i)>;
/// Rounds to the computing dtype; the identity for an exact result.
using Round = std::function<float(float)>;

struct RowInputs {
  Element q, k, v;
  int64_t headDim = 0, valueDim = 0;
  float scale = 1;
};

/// softmax(scores) V over the keys that the interpreter calls visible. With `round`, scores are taken in fp32
/// and P and O are rounded the way a kernel in that dtype does: the error of that result against the exact
/// one is what same-precision arithmetic costs.
RowResult referenceRow(const Interpreter &oracle, const Problem &problem, const RowInputs &inputs, int64_t b,
                       int64_t h, int64_t row, const Round *round = nullptr);

} // namespace maskloom
