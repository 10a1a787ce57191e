// What is known of the integers of a lowered function before it runs.
#pragma once

#include "maskloom/codegen/emit/CppText.h"
#include "maskloom/program/Program.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

#include <optional>

namespace maskloom::emit {

/// The value of a constant integer.
std::optional<int64_t> integerConstant(mlir::Value value);

/// Bounds of the integers of a mask function, whose arguments are positions, from constants, lengths and the
/// declared ranges of parameters.
class ValueRanges {
public:
  ValueRanges(mlir::func::FuncOp function, const Program &program);

  Range of(mlir::Value value) const;

private:
  Range rangeOf(mlir::Operation *op) const;

  const Program &program_;
  llvm::DenseMap<mlir::Value, Range> ranges_; ///< of results; arguments have none
};

} // namespace maskloom::emit
