// Affine forms of the `tile` dialect: their flat encoding and their text.
#pragma once

#include "maskloom/program/Schedule.h"

#include "mlir/IR/OpImplementation.h"

namespace maskloom::tile {

/// Flat: the constant, then (symbol, index, coefficient) per term. Symbols count as maskloom::Symbol does.
llvm::SmallVector<int64_t> flatten(const Affine &affine);
Affine unflatten(llvm::ArrayRef<int64_t> form);

constexpr int64_t kFloorSymbol = static_cast<int64_t>(Symbol::Floor);
/// May this number stand for a symbol in a schedule? (Positions may not.)
bool isScheduleSymbol(int64_t symbol);
/// Names the inner tile directly (floors are not followed).
bool usesInner(llvm::ArrayRef<int64_t> form);

/// `2 * outer + param[1] - 15`; terms in the order of their symbols, the constant last.
void printAffine(llvm::raw_ostream &out, llvm::ArrayRef<int64_t> form);
mlir::ParseResult parseAffine(mlir::AsmParser &parser, llvm::SmallVectorImpl<int64_t> &form);

} // namespace maskloom::tile
