// A lowered mask or score function as one readable C++ function.
#pragma once

#include "maskloom/program/Program.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>

namespace maskloom::emit {

/// Prints `func @visible_<g>(%q: i32, %k: i32) -> i1` or `func @score(%s: f32, %q: i32, %k: i32) -> f32` as a
/// static member function `name`, indented by two spaces. The body may hold what the `tile` dialect's page
/// lists. Values used once become part of their user's expression; values used several times become locals,
/// named by their NameLoc where they have one, else after what they compute. `program` names parameters and
/// auxiliary tensors. On an operation that it does not know returns false and says which in `error`.
bool emitFunction(mlir::func::FuncOp function, const std::string &name, const Program &program,
                  std::string &text, std::string &error);

} // namespace maskloom::emit
