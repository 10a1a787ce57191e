// Pattern to `mask` dialect.
#pragma once

#include "maskloom/dsl/Diagnostic.h"
#include "maskloom/dsl/Pattern.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <map>

namespace maskloom {

/// A module with one mask.pattern; every operation carries the place it was written at. Parameters inside
/// divisors are replaced by their values, from `constants` or their defaults, wherever they occur. The
/// pattern must have passed checkPattern. Null when a constant does not fit: `errors` then says why.
mlir::OwningOpRef<mlir::ModuleOp> importPattern(mlir::MLIRContext &context, const Pattern &pattern,
                                                const std::map<std::string, int64_t> &constants,
                                                std::vector<Diagnostic> &errors);

} // namespace maskloom
