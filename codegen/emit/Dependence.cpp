#include "maskloom/codegen/emit/Dependence.h"

#include "maskloom/codegen/ir/TileDialect.h"

namespace maskloom::emit {

Dependence::Dependence(mlir::func::FuncOp function) {
  mlir::Block &block = function.getBody().front();
  unsigned query = block.getNumArguments() - 2;
  if (query == 1) bits_[block.getArgument(0)] = kOnScore;
  bits_[block.getArgument(query)] = kOnQuery;
  bits_[block.getArgument(query + 1)] = kOnKey;
  for (mlir::Operation &op : block) add(&op);
}

void Dependence::add(mlir::Operation *op) {
  if (op->getNumResults() != 1) return;
  uint8_t bits = mlir::isa<tile::AuxLoadOp>(op) ? kLoads : kNoPosition;
  for (mlir::Value operand : op->getOperands()) bits |= bits_.lookup(operand);
  bits_[op->getResult(0)] = bits;
}

} // namespace maskloom::emit
