// On which positions, and whether on the score, the values of a lowered function depend.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

#include <cstdint>

namespace maskloom::emit {

/// Bits: what a value is computed from. Scalars (parameters, heads, constants) have none of the first two.
enum : uint8_t { kNoPosition = 0, kOnQuery = 1, kOnKey = 2, kOnBoth = 3, kLoads = 4, kOnScore = 8 };

class Dependence {
public:
  /// Of every value of a mask function, whose arguments are q and k, or of a score function: s, q and k.
  explicit Dependence(mlir::func::FuncOp function);

  /// kNoPosition, kOnQuery, kOnKey or kOnBoth.
  uint8_t positions(mlir::Value value) const { return bits_.lookup(value) & kOnBoth; }
  bool loads(mlir::Value value) const { return bits_.lookup(value) & kLoads; }
  bool onScore(mlir::Value value) const { return bits_.lookup(value) & kOnScore; }
  /// For values that were added since.
  void add(mlir::Operation *op);

private:
  llvm::DenseMap<mlir::Value, uint8_t> bits_;
};

} // namespace maskloom::emit
