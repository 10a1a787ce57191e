// Conditions on pairs that see q by few different values: numbers of documents, entries of block tables.
#pragma once

#include "maskloom/codegen/emit/Dependence.h"
#include "maskloom/codegen/emit/OperationPrinter.h"
#include "maskloom/program/Program.h"

#include <optional>
#include <string>

namespace maskloom::emit {

/// A kernel's warp finds such a condition once for all rows that agree in what it sees of q. So it pays where
/// neighbouring rows mostly do: the condition reads q only in auxiliary tensors, divided, or in comparisons.
bool seesFewQueries(const Dependence &dependence, mlir::Value condition);

/// PairRow, PairColumn, pair_row(), pair_column(), same() and pairs() of these conditions
/// (docs/architecture.md); nothing where an operation has no C++ form.
std::optional<std::string> emitPairs(mlir::func::FuncOp mask, const Dependence &dependence,
                                     const Program &program, llvm::ArrayRef<mlir::Value> conditions);
/// The same of no conditions.
std::string noPairs();

/// Conditions as the bits of an unsigned expression, the first one lowest. They have been required.
std::string conditionBits(const OperationPrinter &printer, llvm::ArrayRef<mlir::Value> conditions);

} // namespace maskloom::emit
