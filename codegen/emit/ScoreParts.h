// Scores taken apart for kernels: what folds into the softmax, and what is the same along a row or
// everywhere.
#pragma once

#include "maskloom/codegen/emit/Dependence.h"

#include "llvm/ADT/SetVector.h"

#include <optional>

namespace maskloom::emit {

/// factor * s + base + slope * k, or with `capped` factor * tanh(gain * s). `base` is the part without s at a
/// key, so that slope * x more is the part x keys further. factor and gain depend on no position, slope not
/// on k.
struct ScoreParts {
  mlir::Value factor;
  mlir::Value base, slope; ///< null: 0
  bool capped = false;
  mlir::Value gain;
};

/// What `score`, a function of s, q and k, is made of; nothing when it is not of that form or does not depend
/// on s. Adds operations to it, and to `dependence`.
std::optional<ScoreParts> scoreParts(mlir::func::FuncOp score, Dependence &dependence);

/// The factor of k in an integer that is a sum of k and of what does not depend on it; 0 without k.
std::optional<int64_t> keyCoefficient(mlir::Value integer, const Dependence &dependence);

/// Rewrites a score for evaluation point by point: abs, min, max and select of integers follow their
/// conversion to float, so that what is converted is a sum, and divisors that are the same along a row become
/// factors.
void prepareForRows(mlir::func::FuncOp score);

} // namespace maskloom::emit
