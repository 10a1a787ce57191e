// A pattern's score modification in the forms that kernels take (templates/score.cuh).
#pragma once

#include "maskloom/program/Program.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>

namespace maskloom::emit {

/// Prints kScoreForm, ScoreScalars, what the form asks for, and the whole modification at one point, from
/// `func @score(%s: f32, %q: i32, %k: i32) -> f32`; without one (a null `score`) the members of a plain
/// score. On an operation that it does not know returns false and says which in `error`.
bool emitScore(mlir::func::FuncOp score, const Program &program, std::string &text, std::string &error);

} // namespace maskloom::emit
