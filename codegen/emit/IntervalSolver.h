// Which keys a condition shows, as intervals of k.
#pragma once

#include "maskloom/codegen/emit/Dependence.h"
#include "maskloom/codegen/emit/KeyIntervals.h"
#include "maskloom/program/Program.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <memory>
#include <string>

namespace maskloom::emit {

/// Solves the conditions of a lowered mask for k. Comparisons that are monotone in k after the k-free part
/// has moved to the other side are half-lines (floor division rounds exactly; min, max and abs split); &&
/// intersects, || unites, a k-free condition keeps an interval or empties it.
class IntervalSolver {
public:
  /// `dependence` and `program` must outlive this.
  IntervalSolver(mlir::func::FuncOp mask, const Dependence &dependence, const Program &program);
  ~IntervalSolver();

  /// The keys where `value` holds, or with `negate` where it does not; nothing when they are not at most two
  /// intervals.
  MaybeKeyIntervals solve(mlir::Value value, bool negate);
  /// What the intervals' texts read, one a line, indented by four spaces.
  const std::string &locals() const;

private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace maskloom::emit
