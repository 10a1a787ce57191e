#include "maskloom/codegen/emit/EmitMask.h"

#include "maskloom/codegen/emit/Dependence.h"
#include "maskloom/codegen/emit/EmitIntervals.h"
#include "maskloom/codegen/emit/EmitPairs.h"
#include "maskloom/codegen/emit/MaskParts.h"
#include "maskloom/codegen/emit/OperationPrinter.h"
#include "maskloom/codegen/ir/TileDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <fmt/format.h>

namespace maskloom::emit {
namespace {

/// Rebuilds chains of `and` and of `or` so that operands on q alone stand together, and those on k alone: a
/// part then keeps one truth value instead of several.
class ChainGrouping {
public:
  ChainGrouping(mlir::func::FuncOp mask, Dependence &dependence)
      : block_(mask.getBody().front()), dependence_(dependence) {}

  void run() {
    for (mlir::Operation &op : llvm::make_early_inc_range(block_))
      if (isLink(&op) && !continues(&op)) regroup(&op);
  }

private:
  static bool isLink(mlir::Operation *op) {
    return mlir::isa<mlir::arith::AndIOp, mlir::arith::OrIOp>(op) && op->getResult(0).getType().isInteger(1);
  }
  /// Part of its user's chain.
  static bool continues(mlir::Operation *op) {
    return op->hasOneUse() && (*op->user_begin())->getName() == op->getName();
  }

  void regroup(mlir::Operation *root) {
    llvm::SmallVector<mlir::Value> leaves, open = {root->getResult(0)};
    llvm::SmallVector<mlir::Operation *> links;
    while (!open.empty()) {
      mlir::Value value = open.pop_back_val();
      mlir::Operation *op = value.getDefiningOp();
      bool inside = op && op->getName() == root->getName() && (op == root || continues(op));
      if (!inside) {
        leaves.push_back(value);
        continue;
      }
      links.push_back(op);
      open.push_back(op->getOperand(1));
      open.push_back(op->getOperand(0));
    }
    auto members = [&](uint8_t positions) {
      llvm::SmallVector<mlir::Value> of;
      for (mlir::Value leaf : leaves)
        if (dependence_.positions(leaf) == positions) of.push_back(leaf);
      return of;
    };
    llvm::SmallVector<mlir::Value> rows = members(kOnQuery), columns = members(kOnKey);
    if (rows.size() < 2 && columns.size() < 2) return;

    llvm::SmallVector<mlir::Value> operands;
    for (mlir::Value leaf : leaves) {
      uint8_t positions = dependence_.positions(leaf);
      llvm::ArrayRef<mlir::Value> group = positions == kOnQuery ? rows : columns;
      if (positions != kOnQuery && positions != kOnKey)
        operands.push_back(leaf);
      else if (leaf == group.front())
        operands.push_back(joined(root, group));
    }
    root->getResult(0).replaceAllUsesWith(joined(root, operands));
    for (mlir::Operation *link : links) link->erase();
  }

  mlir::Value joined(mlir::Operation *root, llvm::ArrayRef<mlir::Value> operands) {
    mlir::OpBuilder builder(root);
    mlir::Value result = operands.front();
    for (mlir::Value operand : operands.drop_front()) {
      if (mlir::isa<mlir::arith::AndIOp>(root))
        result = mlir::arith::AndIOp::create(builder, root->getLoc(), result, operand);
      else
        result = mlir::arith::OrIOp::create(builder, root->getLoc(), result, operand);
      dependence_.add(result.getDefiningOp());
    }
    return result;
  }

  mlir::Block &block_;
  Dependence &dependence_;
};

/// How often the loop over a tile's blocks of 8 columns pays to be unrolled: often where a point costs a few
/// instructions, and a little where every column loads, so that loads overlap.
std::string unrolling(const Frontier &frontier, const Dependence &dependence) {
  constexpr int kComparisons = 2, kOperations = 8;
  if (frontier.comparisons > kComparisons || frontier.operations > kOperations || frontier.loads) return {};
  bool columnLoads = false;
  for (mlir::Value column : frontier.columns) columnLoads |= dependence.loads(column);
  return fmt::format("  static constexpr int kMaskUnroll = {};\n", columnLoads ? 4 : 16);
}

} // namespace

bool emitMask(mlir::func::FuncOp mask, const Program &program, std::string &text, std::string &error) {
  if (mask.isExternal() || !llvm::hasSingleElement(mask.getBody())) {
    error = fmt::format("emission: function '{}' must have one block", mask.getName().str());
    return false;
  }
  mlir::OwningOpRef<mlir::func::FuncOp> copy = mask.clone(); // regrouped, while the module stays as it is
  mlir::func::FuncOp function = *copy;
  Dependence dependence(function);
  ChainGrouping(function, dependence).run();
  std::string intervals = emitIntervals(function, dependence, program);
  mlir::Value result = function.getBody().front().getTerminator()->getOperand(0);
  const Frontier frontier(dependence, result);

  OperationPrinter whole(function, program);
  std::string parts;
  for (bool isRow : {true, false}) {
    PartFields fields(function, isRow ? frontier.rows : frontier.columns);
    OperationPrinter part(function, program);
    if (!fields.print(part, isRow ? kRowPart : kColumnPart, parts)) {
      error = part.error();
      return false;
    }
    for (size_t i = 0; i < fields.names.size(); i++)
      whole.bind(fields.values[i], fmt::format("{}.{}", isRow ? "row" : "column", fields.names[i]));
  }
  if (!whole.require(result)) {
    error = whole.error();
    return false;
  }
  if (intervals.empty()) {
    text += unrolling(frontier, dependence);
    intervals = "  static constexpr int kIntervals = 0, kFlags = 0, kPairs = 0;\n"
                "  static MASKLOOM_DEVICE void intervals(const Context &, int, int (&)[1], int (&)[1]) {}\n"
                "  static MASKLOOM_DEVICE unsigned flags(const Context &, int) { return 0u; }\n"
                "  static constexpr MASKLOOM_DEVICE unsigned combine(const unsigned (&)[1], "
                "const unsigned (&)[1], const unsigned (&)[1]) { return 0u; }\n" +
                noPairs();
  }
  for (mlir::Operation &op : function.getBody().front())
    if (mlir::isa<tile::AuxLoadOp>(op) && dependence.positions(op.getResult(0)) == kOnKey) {
      text += "  static constexpr bool kColumnLoads = true;\n";
      break;
    }
  text += parts;
  text += fmt::format("  static MASKLOOM_DEVICE bool visible(const Context &c, const Row &row, const Column "
                      "&column, int q, int k) {{\n"
                      "    (void)c, (void)row, (void)column, (void)q, (void)k;\n{}    return {};\n  }}\n",
                      whole.locals(), whole.text(result).text);
  text += "  static MASKLOOM_DEVICE bool visible(const Context &c, int q, int k) {\n"
          "    return visible(c, row(c, q), column(c, k), q, k);\n  }\n";
  text += intervals;
  return true;
}

} // namespace maskloom::emit
