// Masks as formulas over intervals of k, conditions on k alone, and conditions on pairs of few values of q.
#pragma once

#include "maskloom/codegen/emit/Dependence.h"
#include "maskloom/program/Program.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>

namespace maskloom::emit {

/// kIntervals, kFlags, kPairs and the functions that go with them (docs/architecture.md), and kMaskUnroll
/// where there are conditions; empty where the mask is not of that form. The whole mask is solved for k
/// (IntervalSolver.h); where it is not at most two intervals, its &&, ||, ! and select are taken apart.
///
/// It reads the lowered operations rather than the Predicate: widths, names and loads of the k-free parts are
/// then those of visible().
std::string emitIntervals(mlir::func::FuncOp mask, const Dependence &dependence, const Program &program);

} // namespace maskloom::emit
