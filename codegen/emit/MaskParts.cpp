#include "maskloom/codegen/emit/MaskParts.h"

#include "maskloom/codegen/ir/TileDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <fmt/format.h>

namespace maskloom::emit {
namespace {

/// Costs no more than keeping the value would: widening, `not`, a sum with a constant.
bool isCheap(mlir::Operation *op) {
  namespace arith = mlir::arith;
  if (mlir::isa<arith::ExtSIOp>(op)) return true;
  bool withConstant = op->getNumOperands() == 2 && (op->getOperand(0).getDefiningOp<arith::ConstantOp>() ||
                                                    op->getOperand(1).getDefiningOp<arith::ConstantOp>());
  return withConstant && mlir::isa<arith::AddIOp, arith::SubIOp, arith::XOrIOp>(op);
}

} // namespace

Frontier::Frontier(const Dependence &dependence, llvm::ArrayRef<mlir::Value> results) {
  llvm::SetVector<mlir::Value> seen;
  llvm::SmallVector<mlir::Value> open(results);
  while (!open.empty()) {
    mlir::Value value = open.pop_back_val();
    mlir::Operation *op = value.getDefiningOp();
    uint8_t positions = dependence.positions(value);
    if (!op) usesQuery |= positions == kOnQuery;
    if (!op || !seen.insert(value)) continue;
    bool scalar = positions == kNoPosition && !dependence.loads(value);
    if (!scalar && positions != kOnBoth && !isCheap(op)) {
      // a load that is the same everywhere is read once a row, too
      (positions == kOnKey ? columns : rows).insert(value);
      continue;
    }
    operations += positions != kNoPosition;
    comparisons += mlir::isa<mlir::arith::CmpIOp>(op);
    loads |= mlir::isa<tile::AuxLoadOp>(op);
    llvm::append_range(open, op->getOperands());
  }
}

PartFields::PartFields(mlir::func::FuncOp function, const llvm::SetVector<mlir::Value> &chosen) {
  for (mlir::Operation &op : function.getBody().front())
    if (op.getNumResults() == 1 && chosen.contains(op.getResult(0))) values.push_back(op.getResult(0));
}

bool PartFields::print(OperationPrinter &printer, const PartNames &part, std::string &text) {
  if (values.empty()) {
    text += fmt::format("  struct {0} {{}};\n"
                        "  static MASKLOOM_DEVICE {0} {1}(const Context &, int) {{ return {{}}; }}\n",
                        part.type, part.function);
    return true;
  }
  if (!printer.require(values)) return false;
  Names unique;
  std::string members, assignments;
  for (mlir::Value value : values) {
    std::string field = printer.nameFor(value, unique);
    members += fmt::format("    {} {};\n", typeName(value.getType()), field);
    assignments += fmt::format("    {}.{} = {};\n", part.local, field, printer.text(value).text);
    names.push_back(field);
  }
  text += fmt::format("  struct {} {{\n{}  }};\n", part.type, members);
  text += fmt::format("  static MASKLOOM_DEVICE {0} {1}(const Context &c, int {2}) {{\n"
                      "    (void)c, (void){2};\n{3}    {0} {4};\n{5}    return {4};\n  }}\n",
                      part.type, part.function, part.position, printer.locals(), part.local, assignments);
  return true;
}

} // namespace maskloom::emit
