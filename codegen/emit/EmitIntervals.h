// Masks that are intervals of k for every q.
#pragma once

#include "maskloom/codegen/emit/Dependence.h"
#include "maskloom/program/Program.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>

namespace maskloom::emit {

/// `kIntervals` (1 or 2) and `intervals()` of a mask whose visible keys are, for every q, the union of at
/// most two intervals of k; empty where that is not found. Comparisons that are monotone in k after the
/// k-free part has moved to the other side are half-lines (floor division rounds exactly; min, max and abs
/// split); && cuts,
/// || joins, a k-free condition keeps an interval or empties it.
///
/// It reads the lowered operations rather than the Predicate: widths, names and loads of the k-free parts are
/// then those of visible().
std::string emitIntervals(mlir::func::FuncOp mask, const Dependence &dependence, const Program &program);

} // namespace maskloom::emit
