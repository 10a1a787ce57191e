#include "maskloom/codegen/emit/Dependence.h"

#include "maskloom/codegen/ir/TileDialect.h"

namespace maskloom::emit {

Dependence::Dependence(mlir::func::FuncOp mask) {
  mlir::Block &block = mask.getBody().front();
  bits_[block.getArgument(0)] = kOnQuery;
  bits_[block.getArgument(1)] = kOnKey;
  for (mlir::Operation &op : block) add(&op);
}

void Dependence::add(mlir::Operation *op) {
  if (op->getNumResults() != 1) return;
  uint8_t bits = mlir::isa<tile::AuxLoadOp>(op) ? kLoads : kNoPosition;
  for (mlir::Value operand : op->getOperands()) bits |= bits_.lookup(operand);
  bits_[op->getResult(0)] = bits;
}

} // namespace maskloom::emit
