// Lowered mask and score functions to LLVM IR. Straight from the lowered operations, of which there are a few
// dozen (TileDialect.td lists them): the conversion dialects would cost more to load than this takes to run.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>

namespace llvm {
class Module;
}

namespace maskloom {

/// Adds `name(context, query, firstKey, count, uint8_t *out)`: a loop over the keys of a row around the
/// inlined body of `function` (i32 query, i32 key) -> i1, shaped so that LLVM's vectoriser takes it.
bool translateMask(mlir::func::FuncOp function, llvm::Module &module, const std::string &name,
                   std::string &error);
/// Adds `name(context, query, firstKey, count, float *scores)` around (f32 score, i32 query, i32 key) -> f32.
bool translateScore(mlir::func::FuncOp function, llvm::Module &module, const std::string &name,
                    std::string &error);

} // namespace maskloom
