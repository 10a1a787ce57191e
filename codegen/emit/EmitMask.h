// The mask of a head group, in parts that a kernel evaluates as rarely as it can.
#pragma once

#include "maskloom/program/Program.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>

namespace maskloom::emit {

/// Prints `func @visible_<g>(%q: i32, %k: i32) -> i1` as the members of a group that docs/architecture.md
/// lists: Row and Column with row() and column(), what depends on q or on k alone and is read by the rest;
/// visible() with and without them; kIntervals and intervals() (EmitIntervals.h); kMaskUnroll where the rest
/// is cheap. On an operation that it does not know returns false and says which in `error`.
bool emitMask(mlir::func::FuncOp mask, const Program &program, std::string &text, std::string &error);

} // namespace maskloom::emit
