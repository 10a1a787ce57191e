#include "maskloom/codegen/emit/ValueRanges.h"

#include "maskloom/codegen/ir/TileDialect.h"
#include "maskloom/program/InputRanges.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>

namespace maskloom::emit {

namespace arith = mlir::arith;
namespace math = mlir::math;

std::optional<int64_t> integerConstant(mlir::Value value) {
  auto constant = value.getDefiningOp<arith::ConstantOp>();
  if (!constant || !mlir::isa<mlir::IntegerAttr>(constant.getValue())) return std::nullopt;
  return mlir::cast<mlir::IntegerAttr>(constant.getValue()).getValue().getSExtValue();
}

ValueRanges::ValueRanges(mlir::func::FuncOp function, const Program &program) : program_(program) {
  for (mlir::Operation &op : function.getBody().front())
    if (op.getNumResults() == 1 && op.getResult(0).getType().isIntOrIndex())
      ranges_[op.getResult(0)] = rangeOf(&op);
}

Range ValueRanges::of(mlir::Value value) const {
  // Positions: a little beyond, because rows fill up a tile.
  constexpr Range kPositions = {InputRanges::kPositionLow, InputRanges::kPositionHigh + 4096};
  return value.getDefiningOp() ? ranges_.lookup(value) : kPositions;
}

Range ValueRanges::rangeOf(mlir::Operation *op) const {
  auto in = [&](unsigned i) { return of(op->getOperand(i)); };
  Range whole = op->getResult(0).getType().isInteger(64) ? Range::anyLong() : Range::anyInt();
  Range range =
      llvm::TypeSwitch<mlir::Operation *, Range>(op)
          .Case([&](arith::ConstantOp) {
            std::optional<int64_t> value = integerConstant(op->getResult(0));
            return value ? Range{*value, *value} : whole;
          })
          .Case([&](tile::ParamOp param) {
            const ProgramParam &declared = program_.params[param.getIndex()];
            return Range{declared.low, declared.high};
          })
          .Case([&](tile::SymbolOp symbol) {
            bool length = symbol.getSymbol() == "query_length" || symbol.getSymbol() == "key_length";
            return Range{0, length ? InputRanges::kLongest : InputRanges::kMostHeads};
          })
          .Case([&](arith::AddIOp) { return in(0) + in(1); })
          .Case([&](arith::SubIOp) { return in(0) + in(1) * -1; })
          .Case([&](arith::MulIOp) {
            std::optional<int64_t> a = integerConstant(op->getOperand(0)),
                                   b = integerConstant(op->getOperand(1));
            return b ? in(0) * *b : a ? in(1) * *a : whole;
          })
          .Case([&](arith::MinSIOp) {
            return Range{std::min(in(0).low, in(1).low), std::min(in(0).high, in(1).high)};
          })
          .Case([&](arith::MaxSIOp) {
            return Range{std::max(in(0).low, in(1).low), std::max(in(0).high, in(1).high)};
          })
          .Case([&](math::AbsIOp) {
            return Range{std::max({int64_t{0}, in(0).low, -in(0).high}), std::max(in(0).high, -in(0).low)};
          })
          .Case<arith::ExtSIOp, arith::TruncIOp>([&](auto) { return in(0); })
          .Case([&](tile::FloorDivOp o) { return floorDiv(in(0), static_cast<int64_t>(o.getDivisor())); })
          .Case([&](tile::FloorModOp o) { return Range{0, static_cast<int64_t>(o.getDivisor()) - 1}; })
          .Case([&](arith::SelectOp) { return join(in(1), in(2)); })
          .Default([&](mlir::Operation *) { return whole; });
  return {std::clamp(range.low, whole.low, whole.high), std::clamp(range.high, whole.low, whole.high)};
}

} // namespace maskloom::emit
