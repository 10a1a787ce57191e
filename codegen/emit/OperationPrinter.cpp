#include "maskloom/codegen/emit/OperationPrinter.h"

#include "maskloom/codegen/emit/EmitScalars.h"
#include "maskloom/codegen/emit/ValueRanges.h"
#include "maskloom/codegen/ir/TileDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/TypeSwitch.h"

#include <fmt/format.h>

#include <cmath>

namespace maskloom::emit {

const char *typeName(mlir::Type type) {
  if (type.isInteger(1)) return "bool";
  if (type.isF32()) return "float";
  return type.isInteger(64) ? "long long" : "int";
}

namespace {

/// The name a value carries in its location, or nothing.
std::string nameFromLocation(mlir::Location loc) {
  if (auto name = mlir::dyn_cast<mlir::NameLoc>(loc)) return name.getName().str();
  if (auto fused = mlir::dyn_cast<mlir::FusedLoc>(loc))
    for (mlir::Location part : fused.getLocations())
      if (std::string name = nameFromLocation(part); !name.empty()) return name;
  return {};
}

std::string floatLiteral(double value) {
  if (std::isnan(value)) return "kNan";
  if (std::isinf(value)) return value < 0 ? "-kInfinity" : "kInfinity";
  std::string text = fmt::format("{}", static_cast<float>(value)); // the shortest text that reads back
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text + "f";
}

} // namespace

class OperationPrinter::Impl {
public:
  Impl(mlir::func::FuncOp function, const Program &program) : function_(function), program_(program) {
    mlir::Block &block = function.getBody().front();
    const char *arguments[] = {"s", "q", "k"};
    unsigned skipped = block.getNumArguments() == 3 ? 0 : 1;
    for (mlir::BlockArgument argument : block.getArguments())
      bind(argument, arguments[argument.getArgNumber() + skipped]);
  }

  void bind(mlir::Value value, const std::string &text) {
    CppExpr expr = {text};
    expr.wide = value.getType().isInteger(64);
    values_[value] = {expr, false, true};
  }

  bool require(llvm::ArrayRef<mlir::Value> roots, bool asNames) {
    llvm::SmallPtrSet<mlir::Operation *, 16> needed;
    llvm::SmallVector<mlir::Value> open(roots.begin(), roots.end());
    uses_.clear();
    while (!open.empty()) {
      mlir::Value value = open.pop_back_val();
      uses_[value]++;
      if (values_.contains(value) || !needed.insert(value.getDefiningOp()).second) continue;
      llvm::append_range(open, value.getDefiningOp()->getOperands());
    }
    for (mlir::Operation &op : function_.getBody().front()) {
      if (!needed.contains(&op)) continue;
      Printed printed;
      if (!expression(&op, printed)) {
        error_ = fmt::format("emission: operation '{}' in '{}' has no C++ form",
                             op.getName().getStringRef().str(), function_.getName().str());
        return false;
      }
      define(&op, printed, llvm::is_contained(roots, op.getResult(0)), asNames);
    }
    return true;
  }

  const CppExpr &text(mlir::Value value) const { return values_.find(value)->second.expr; }
  std::string nameFor(mlir::Operation *op, Names &names) {
    std::string wanted = nameFromLocation(op->getLoc());
    return names.fresh(wanted.empty() ? describe(op) : wanted);
  }
  void declare(const char *type, const std::string &name, const std::string &text) {
    locals_ += fmt::format("    const {} {} = {};\n", type, name, text);
  }

  Names names_;
  std::string locals_, error_;

private:
  /// An expression, and whether evaluating it reads memory: then && and || are worth a branch.
  struct Printed {
    CppExpr expr;
    bool loads = false;
    bool free = false; ///< costs nothing to repeat
  };

  void define(mlir::Operation *op, Printed printed, bool isRoot, bool asNames) {
    mlir::Value result = op->getResult(0);
    printed.expr.wide = result.getType().isInteger(64);
    constexpr size_t kLongestExpression = 100;
    bool several = uses_[result] > 1;
    bool named = mlir::isa<tile::ParamOp>(op) || (isRoot && asNames);
    bool tooLong = printed.expr.text.size() > kLongestExpression && !isRoot;
    if (printed.free || (!several && !named && !tooLong)) {
      values_[result] = printed;
      return;
    }
    std::string name = nameFor(op, names_);
    declare(typeName(result.getType()), name, printed.expr.text);
    bind(result, name);
  }

  const CppExpr &operand(mlir::Operation *op, unsigned i) { return values_[op->getOperand(i)].expr; }
  bool loads(mlir::Operation *op) {
    bool result = false;
    for (mlir::Value value : op->getOperands()) result |= values_[value].loads;
    return result;
  }

  /// A name after what the operation computes, for values that carry none.
  std::string describe(mlir::Operation *op) {
    auto simple = [&](unsigned i) {
      const std::string &text = operand(op, i).text;
      return text.size() <= 16 && text.find_first_of(" (") == std::string::npos ? text : std::string();
    };
    if (auto param = mlir::dyn_cast<tile::ParamOp>(op)) return program_.params[param.getIndex()].name;
    if (auto load = mlir::dyn_cast<tile::AuxLoadOp>(op)) {
      std::string name = program_.auxes[load.getAux()].name;
      for (unsigned i = 0; i < op->getNumOperands(); i++)
        if (std::string index = simple(i); index == "q" || index == "k") name += "_of_" + index;
      return name;
    }
    if (auto div = mlir::dyn_cast<tile::FloorDivOp>(op); div && !simple(0).empty())
      return fmt::format("{}_div_{}", simple(0), div.getDivisor());
    if (auto mod = mlir::dyn_cast<tile::FloorModOp>(op); mod && !simple(0).empty())
      return fmt::format("{}_mod_{}", simple(0), mod.getDivisor());
    if (mlir::isa<mlir::arith::SubIOp>(op) && !simple(0).empty() && !simple(1).empty())
      return fmt::format("{}_minus_{}", simple(0), simple(1));
    mlir::Type type = op->getResult(0).getType();
    return type.isInteger(1) ? "holds" : type.isF32() ? "value" : "number";
  }

  static Printed infix(const CppExpr &a, const char *op, const CppExpr &b, Precedence precedence,
                       bool loads) {
    return {binary(a, op, b, precedence), loads};
  }

  Printed call(mlir::Operation *op, const std::string &function) {
    std::string arguments;
    for (unsigned i = 0; i < op->getNumOperands(); i++) arguments += (i ? ", " : "") + operand(op, i).text;
    return {{fmt::format("{}({})", function, arguments)}, loads(op)};
  }

  Printed cast(mlir::Operation *op, const char *type) {
    return {unary(fmt::format("({})", type), operand(op, 0)), loads(op)};
  }

  Printed constant(mlir::arith::ConstantOp op) {
    Printed result;
    result.free = true;
    if (auto value = mlir::dyn_cast<mlir::FloatAttr>(op.getValue())) {
      result.expr = {floatLiteral(value.getValueAsDouble())};
    } else if (op.getType().isInteger(1)) {
      result.expr = {mlir::cast<mlir::IntegerAttr>(op.getValue()).getValue().isZero() ? "false" : "true"};
    } else {
      int64_t value = *integerConstant(op.getResult());
      result.expr = literal(value);
      if (op.getType().isInteger(64) && value != INT64_MIN) result.expr.text = fmt::format("{}LL", value);
    }
    if (result.expr.text[0] == '-') result.expr.precedence = Precedence::Unary;
    return result;
  }

  Printed additive(mlir::Operation *op, bool subtract) {
    if (subtract && integerConstant(op->getOperand(0)) == 0) return {unary("-", operand(op, 1)), loads(op)};
    const CppExpr &right = operand(op, 1);
    // 'q + -3' reads as 'q - 3'.
    if (std::optional<int64_t> value = integerConstant(op->getOperand(1));
        value && *value < 0 && right.text[0] == '-')
      return infix(operand(op, 0), subtract ? "+" : "-", {right.text.substr(1)}, Precedence::Additive,
                   loads(op));
    return infix(operand(op, 0), subtract ? "-" : "+", right, Precedence::Additive, loads(op));
  }

  Printed logical(mlir::Operation *op, const char *eager, const char *lazy, Precedence eagerPlace,
                  Precedence lazyPlace) {
    bool worthBranch = values_[op->getOperand(1)].loads;
    return infix(operand(op, 0), worthBranch ? lazy : eager, operand(op, 1),
                 worthBranch ? lazyPlace : eagerPlace, loads(op));
  }

  Printed exclusiveOr(mlir::Operation *op) {
    if (std::optional<int64_t> value = integerConstant(op->getOperand(1)); value && *value != 0)
      return {unary("!", operand(op, 0)), loads(op)};
    return infix(operand(op, 0), "!=", operand(op, 1), Precedence::Equality, loads(op));
  }

  Printed compare(mlir::Operation *op, const char *sign) {
    bool equality = sign[1] == '=' && (sign[0] == '=' || sign[0] == '!');
    return infix(operand(op, 0), sign, operand(op, 1),
                 equality ? Precedence::Equality : Precedence::Relational, loads(op));
  }

  static const char *sign(mlir::arith::CmpIPredicate predicate) {
    using P = mlir::arith::CmpIPredicate;
    switch (predicate) {
    case P::eq: return "==";
    case P::ne: return "!=";
    case P::slt: return "<";
    case P::sle: return "<=";
    case P::sgt: return ">";
    case P::sge: return ">=";
    default: return nullptr;
    }
  }

  static const char *sign(mlir::arith::CmpFPredicate predicate) {
    using P = mlir::arith::CmpFPredicate;
    switch (predicate) {
    case P::OEQ: return "==";
    case P::UNE: return "!=";
    case P::OLT: return "<";
    case P::OLE: return "<=";
    case P::OGT: return ">";
    case P::OGE: return ">=";
    default: return nullptr;
    }
  }

  Printed symbol(tile::SymbolOp op) {
    llvm::StringRef name = op.getSymbol();
    bool ofGrid = name == "heads" || name == "kv_heads";
    Printed result = {{fmt::format("{}{}", ofGrid ? "c.args->" : "c.", name.str())}};
    result.free = true;
    return result;
  }

  Printed load(tile::AuxLoadOp op) {
    std::vector<AuxIndex> indices;
    for (mlir::Value index : op.getIndices()) // lengths and head counts may be one too far
      indices.push_back({values_[index].expr.text, isOneOf(index, {"batch", "head", "kv_head"})});
    return {{auxLoad(op.getAux(), op.getType().isF32(), indices)}, true};
  }

  static bool isOneOf(mlir::Value value, std::initializer_list<llvm::StringRef> symbols) {
    auto symbol = value.getDefiningOp<tile::SymbolOp>();
    return symbol && llvm::is_contained(symbols, symbol.getSymbol());
  }

  bool expression(mlir::Operation *op, Printed &out) {
    namespace arith = mlir::arith;
    namespace math = mlir::math;
    if (op->getNumResults() != 1) return false;
    using P = Precedence;
    bool known = true;
    auto places = [&](const char *sign, P place) {
      return infix(operand(op, 0), sign, operand(op, 1), place, loads(op));
    };
    auto comparison = [&](const char *sign) {
      known = sign != nullptr;
      return known ? compare(op, sign) : Printed{};
    };
    bool isBool = op->getResult(0).getType().isInteger(1);
    out = llvm::TypeSwitch<mlir::Operation *, Printed>(op)
              .Case([&](arith::ConstantOp o) { return constant(o); })
              .Case<arith::AddIOp, arith::AddFOp>([&](auto) { return additive(op, false); })
              .Case<arith::SubIOp, arith::SubFOp>([&](auto) { return additive(op, true); })
              .Case<arith::MulIOp, arith::MulFOp>([&](auto) { return places("*", P::Multiplicative); })
              .Case([&](arith::DivFOp) { return places("/", P::Multiplicative); })
              .Case([&](arith::MinSIOp) { return call(op, "min"); })
              .Case([&](arith::MinimumFOp) { return call(op, "fminf"); })
              .Case([&](arith::MaxSIOp) { return call(op, "max"); })
              .Case([&](arith::MaximumFOp) { return call(op, "fmaxf"); })
              .Case([&](arith::NegFOp) { return Printed{unary("-", operand(op, 0)), loads(op)}; })
              .Case([&](arith::CmpIOp o) { return comparison(sign(o.getPredicate())); })
              .Case([&](arith::CmpFOp o) { return comparison(sign(o.getPredicate())); })
              .Case([&](arith::SelectOp) {
                return Printed{{fmt::format("{} ? {} : {}", operand(op, 0).at(P::LogicalOr),
                                            operand(op, 1).at(P::LogicalOr), operand(op, 2).at(P::LogicalOr)),
                                P::Conditional},
                               loads(op)};
              })
              .Case([&](arith::AndIOp) {
                known = isBool;
                return logical(op, "&", "&&", P::BitAnd, P::LogicalAnd);
              })
              .Case([&](arith::OrIOp) {
                known = isBool;
                return logical(op, "|", "||", P::BitOr, P::LogicalOr);
              })
              .Case([&](arith::XOrIOp) {
                known = isBool;
                return exclusiveOr(op);
              })
              .Case<arith::ExtSIOp, arith::ExtUIOp, arith::TruncIOp>([&](auto o) {
                known = mlir::isa<arith::ExtUIOp>(op) == o.getIn().getType().isInteger(1) && !isBool;
                return cast(op, typeName(op->getResult(0).getType()));
              })
              .Case([&](arith::SIToFPOp) { return cast(op, "float"); })
              .Case([&](math::AbsIOp) { return call(op, "abs"); })
              .Case([&](math::AbsFOp) { return call(op, "fabsf"); })
              .Case([&](math::Exp2Op) { return call(op, "exp2f"); })
              .Case([&](math::ExpOp) { return call(op, "expf"); })
              .Case([&](math::LogOp) { return call(op, "logf"); })
              .Case([&](math::TanhOp) { return call(op, "fast_tanh"); })
              .Case([&](math::SqrtOp) { return call(op, "sqrtf"); })
              .Case([&](tile::SymbolOp o) { return symbol(o); })
              .Case([&](tile::ParamOp o) {
                CppExpr value = {fmt::format("c.args->params[{}]", o.getIndex())};
                if (!o.getType().isInteger(64)) value = unary("(int)", value);
                return Printed{value};
              })
              .Case([&](tile::AuxLoadOp o) { return load(o); })
              .Case([&](tile::FloorDivOp o) {
                return Printed{floorDivText(operand(op, 0), o.getDivisor()), loads(op)};
              })
              .Case([&](tile::FloorModOp o) {
                return Printed{floorModText(operand(op, 0), o.getDivisor()), loads(op)};
              })
              .Default([&](mlir::Operation *) {
                known = false;
                return Printed{};
              });
    return known;
  }

  mlir::func::FuncOp function_;
  const Program &program_;
  llvm::DenseMap<mlir::Value, Printed> values_;
  llvm::DenseMap<mlir::Value, int> uses_;
};

OperationPrinter::OperationPrinter(mlir::func::FuncOp function, const Program &program)
    : impl_(std::make_unique<Impl>(function, program)) {}
OperationPrinter::~OperationPrinter() = default;

void OperationPrinter::bind(mlir::Value value, const std::string &text) { impl_->bind(value, text); }
bool OperationPrinter::require(llvm::ArrayRef<mlir::Value> roots, bool asNames) {
  return impl_->require(roots, asNames);
}
const CppExpr &OperationPrinter::text(mlir::Value value) const { return impl_->text(value); }
std::string OperationPrinter::nameFor(mlir::Value value, Names &names) const {
  return impl_->nameFor(value.getDefiningOp(), names);
}
CppExpr OperationPrinter::local(const char *type, const std::string &name, const CppExpr &value) {
  CppExpr result = value;
  result.text = impl_->names_.fresh(name);
  result.precedence = Precedence::Primary;
  impl_->declare(type, result.text, value.text);
  return result;
}
const std::string &OperationPrinter::locals() const { return impl_->locals_; }
const std::string &OperationPrinter::error() const { return impl_->error_; }

} // namespace maskloom::emit
