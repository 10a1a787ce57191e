#include "maskloom/codegen/emit/EmitPairs.h"

#include "maskloom/codegen/emit/MaskParts.h"
#include "maskloom/codegen/ir/TileDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/SmallPtrSet.h"

#include <fmt/format.h>

namespace maskloom::emit {
namespace {

constexpr PartNames kPairRow = {"PairRow", "pair_row", "row", "q"},
                    kPairColumn = {"PairColumn", "pair_column", "column", "k"};

/// Neighbouring rows mostly have the same values. Every operation is looked at once, however often it is
/// used.
bool haveFewValues(const Dependence &dependence, llvm::ArrayRef<mlir::Value> values) {
  constexpr uint64_t kFewestRows = 8; // of one value
  llvm::SmallVector<mlir::Value> open(values);
  llvm::SmallPtrSet<mlir::Operation *, 16> seen;
  while (!open.empty()) {
    mlir::Value value = open.pop_back_val();
    if (dependence.positions(value) == kNoPosition) continue;
    mlir::Operation *op = value.getDefiningOp();
    if (!op) return false;
    if (mlir::isa<tile::AuxLoadOp, mlir::arith::CmpIOp>(op) || !seen.insert(op).second) continue;
    auto division = mlir::dyn_cast<tile::FloorDivOp>(op);
    if (!division || division.getDivisor() < kFewestRows) llvm::append_range(open, op->getOperands());
  }
  return true;
}

} // namespace

bool seesFewQueries(const Dependence &dependence, mlir::Value condition) {
  const Frontier frontier(dependence, condition);
  return !frontier.usesQuery && haveFewValues(dependence, frontier.rows.getArrayRef());
}

std::string conditionBits(const OperationPrinter &printer, llvm::ArrayRef<mlir::Value> conditions) {
  std::string bits;
  for (size_t i = 0; i < conditions.size(); i++) {
    CppExpr bit = {fmt::format("unsigned({})", printer.text(conditions[i]).text)};
    if (i) bit = binary(bit, "<<", literal(static_cast<int64_t>(i)), Precedence::Shift);
    bits += (i ? " | " : "") + bit.at(Precedence::Unary);
  }
  return bits.empty() ? "0u" : bits;
}

std::optional<std::string> emitPairs(mlir::func::FuncOp mask, const Dependence &dependence,
                                     const Program &program, llvm::ArrayRef<mlir::Value> conditions) {
  const Frontier frontier(dependence, conditions);
  PartFields rows(mask, frontier.rows), columns(mask, frontier.columns);
  OperationPrinter row(mask, program), column(mask, program), whole(mask, program);
  std::string text;
  if (!rows.print(row, kPairRow, text) || !columns.print(column, kPairColumn, text)) return std::nullopt;
  std::string equal;
  for (const std::string &name : rows.names)
    equal += fmt::format("{0}a.{1} == b.{1}", equal.empty() ? "" : " && ", name);
  for (size_t i = 0; i < rows.values.size(); i++) whole.bind(rows.values[i], "row." + rows.names[i]);
  for (size_t i = 0; i < columns.values.size(); i++)
    whole.bind(columns.values[i], "column." + columns.names[i]);
  if (!whole.require(conditions)) return std::nullopt;
  text += fmt::format("  static MASKLOOM_DEVICE bool same(const PairRow &a, const PairRow &b) {{\n"
                      "    (void)a, (void)b;\n    return {};\n  }}\n",
                      equal.empty() ? "true" : equal);
  text += fmt::format(
      "  static MASKLOOM_DEVICE unsigned pairs(const Context &c, const PairRow &row, const PairColumn "
      "&column, int k) {{\n    (void)c, (void)row, (void)column, (void)k;\n{}    return {};\n  }}\n",
      whole.locals(), conditionBits(whole, conditions));
  return text;
}

std::string noPairs() {
  return "  struct PairRow {};\n"
         "  struct PairColumn {};\n"
         "  static MASKLOOM_DEVICE PairRow pair_row(const Context &, int) { return {}; }\n"
         "  static MASKLOOM_DEVICE PairColumn pair_column(const Context &, int) { return {}; }\n"
         "  static MASKLOOM_DEVICE bool same(const PairRow &, const PairRow &) { return true; }\n"
         "  static MASKLOOM_DEVICE unsigned pairs(const Context &, const PairRow &, const PairColumn &, int) "
         "{ "
         "return 0u; }\n";
}

} // namespace maskloom::emit
