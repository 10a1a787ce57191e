#include "maskloom/codegen/Import.h"

#include "maskloom/codegen/Locations.h"
#include "maskloom/codegen/ir/MaskDialect.h"
#include "maskloom/dsl/Canonical.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <fmt/format.h>

#include <optional>

using namespace mlir;

namespace maskloom {

namespace {

using Constants = std::map<std::string, int64_t>;

/// The value of an integer expression over constants alone, with checked arithmetic.
std::optional<int64_t> evaluate(const Expr &e, const Constants &constants) {
  if (e->op == Op::IntConst) return e->intValue;
  if (e->op == Op::Param) {
    auto found = constants.find(e->param->name);
    return found == constants.end() ? std::nullopt : std::optional(found->second);
  }
  int64_t values[2] = {0, 0}, result = 0;
  if (e->operands.empty() || e->operands.size() > 2) return std::nullopt;
  for (size_t i = 0; i < e->operands.size(); ++i) {
    std::optional<int64_t> value = evaluate(e->operands[i], constants);
    if (!value) return std::nullopt;
    values[i] = *value;
  }
  auto [a, b] = values;
  bool overflow = false;
  switch (e->op) {
  case Op::Add: overflow = __builtin_add_overflow(a, b, &result); break;
  case Op::Sub: overflow = __builtin_sub_overflow(a, b, &result); break;
  case Op::Mul: overflow = __builtin_mul_overflow(a, b, &result); break;
  case Op::Neg: overflow = __builtin_sub_overflow(int64_t{0}, a, &result); break;
  case Op::Abs:
    overflow = a < 0 && __builtin_sub_overflow(int64_t{0}, a, &result);
    result = a < 0 ? result : a;
    break;
  case Op::Min: result = std::min(a, b); break;
  case Op::Max: result = std::max(a, b); break;
  case Op::FloorDiv:
  case Op::Mod:
    if (b <= 0) return std::nullopt;
    result = e->op == Op::Mod ? floorMod(a, b) : floorDiv(a, b);
    break;
  default: return std::nullopt;
  }
  return overflow ? std::nullopt : std::optional(result);
}

mask::IndexVariable indexVariable(IndexVar index) {
  switch (index) {
  case IndexVar::Query: return mask::IndexVariable::Query;
  case IndexVar::Key: return mask::IndexVariable::Key;
  case IndexVar::Head: return mask::IndexVariable::Head;
  case IndexVar::KvHead: return mask::IndexVariable::KvHead;
  case IndexVar::Batch: return mask::IndexVariable::Batch;
  case IndexVar::QueryLength: return mask::IndexVariable::QueryLength;
  case IndexVar::KeyLength: return mask::IndexVariable::KeyLength;
  case IndexVar::Heads: return mask::IndexVariable::Heads;
  case IndexVar::KvHeads: return mask::IndexVariable::KvHeads;
  }
  return mask::IndexVariable::Query;
}

/// Builds the operations of one mask or score at the builder's place. Shared nodes become one operation.
class ExprImporter {
public:
  ExprImporter(OpBuilder &builder, const Pattern &pattern, const Constants &constants,
               std::vector<Diagnostic> &errors)
      : builder_(builder), pattern_(pattern), constants_(constants), errors_(errors) {}

  /// What Op::Score means from here on.
  void setScore(Value score) {
    score_ = score;
    values_.clear();
  }

  /// Null after an error, which has been reported.
  Value import(const Expr &e) {
    auto [entry, isNew] = values_.try_emplace(e.get());
    if (!isNew) return entry->second;
    Value value = build(*e);
    values_[e.get()] = value;
    return value;
  }

private:
  Value build(const ExprNode &e) {
    switch (e.op) {
    case Op::IntConst: return constant(e.intValue, loc(e));
    case Op::FloatConst: return floatConstant(e.floatValue, loc(e));
    case Op::BoolConst: return mask::BoolOp::create(builder_, loc(e), e.intValue != 0);
    case Op::Index: return mask::IndexOp::create(builder_, loc(e), intType(), indexVariable(e.index));
    case Op::Param: return param(e);
    case Op::AuxLoad: return load(e);
    case Op::Score: return score_ ? score_ : report(e, "expected no score in a mask");
    case Op::FloorDiv:
    case Op::Mod: return division(e);
    default: break;
    }
    SmallVector<Value, 3> operands;
    for (const Expr &operand : e.operands) {
      operands.push_back(import(operand));
      if (!operands.back()) return {};
    }
    if (operands.empty()) return report(e, "expected operands");
    if (e.type == Type::Float) return floatOp(e, operands);
    if (e.type == Type::Bool) return boolOp(e, operands);
    return intOp(e, operands);
  }

  Value intOp(const ExprNode &e, ValueRange v) {
    switch (e.op) {
    case Op::Add: return mask::AddOp::create(builder_, loc(e), intType(), v[0], v[1]);
    case Op::Sub: return mask::SubOp::create(builder_, loc(e), intType(), v[0], v[1]);
    case Op::Mul: return mask::MulOp::create(builder_, loc(e), intType(), v[0], v[1]);
    case Op::Min: return mask::MinOp::create(builder_, loc(e), intType(), v[0], v[1]);
    case Op::Max: return mask::MaxOp::create(builder_, loc(e), intType(), v[0], v[1]);
    case Op::Abs: return mask::AbsOp::create(builder_, loc(e), intType(), v[0]);
    case Op::Neg: return mask::NegOp::create(builder_, loc(e), intType(), v[0]);
    case Op::Select: return mask::SelectOp::create(builder_, loc(e), v[0], v[1], v[2]);
    default: return report(e, fmt::format("expected an integer operation, found '{}'", spelling(e.op)));
    }
  }

  Value boolOp(const ExprNode &e, ValueRange v) {
    switch (e.op) {
    case Op::And: return mask::AndOp::create(builder_, loc(e), builder_.getI1Type(), v[0], v[1]);
    case Op::Or: return mask::OrOp::create(builder_, loc(e), builder_.getI1Type(), v[0], v[1]);
    case Op::Not: return mask::NotOp::create(builder_, loc(e), builder_.getI1Type(), v[0]);
    case Op::Select: return mask::SelectOp::create(builder_, loc(e), v[0], v[1], v[2]);
    case Op::Eq: return compare(e, v, mask::Comparison::Eq, arith::CmpFPredicate::OEQ);
    case Op::Ne: return compare(e, v, mask::Comparison::Ne, arith::CmpFPredicate::UNE);
    case Op::Lt: return compare(e, v, mask::Comparison::Lt, arith::CmpFPredicate::OLT);
    case Op::Le: return compare(e, v, mask::Comparison::Le, arith::CmpFPredicate::OLE);
    case Op::Gt: return compare(e, v, mask::Comparison::Gt, arith::CmpFPredicate::OGT);
    case Op::Ge: return compare(e, v, mask::Comparison::Ge, arith::CmpFPredicate::OGE);
    default: return report(e, fmt::format("expected a boolean operation, found '{}'", spelling(e.op)));
    }
  }

  Value compare(const ExprNode &e, ValueRange v, mask::Comparison integer, arith::CmpFPredicate real) {
    if (e.operands[0]->type == Type::Int)
      return mask::CmpOp::create(builder_, loc(e), builder_.getI1Type(), integer, v[0], v[1]);
    if (!score_) return report(e, "expected integers to compare in a mask; floats may stand in scores only");
    return arith::CmpFOp::create(builder_, loc(e), real, v[0], v[1]);
  }

  Value floatOp(const ExprNode &e, ValueRange v) {
    switch (e.op) {
    case Op::Add: return arith::AddFOp::create(builder_, loc(e), v[0], v[1]);
    case Op::Sub: return arith::SubFOp::create(builder_, loc(e), v[0], v[1]);
    case Op::Mul: return arith::MulFOp::create(builder_, loc(e), v[0], v[1]);
    case Op::Div: return arith::DivFOp::create(builder_, loc(e), v[0], v[1]);
    case Op::Min: return arith::MinimumFOp::create(builder_, loc(e), v[0], v[1]);
    case Op::Max: return arith::MaximumFOp::create(builder_, loc(e), v[0], v[1]);
    case Op::Abs: return math::AbsFOp::create(builder_, loc(e), v[0]);
    case Op::Neg: return arith::NegFOp::create(builder_, loc(e), v[0]);
    case Op::Select: return arith::SelectOp::create(builder_, loc(e), v[0], v[1], v[2]);
    case Op::ToFloat: return mask::ToFloatOp::create(builder_, loc(e), builder_.getF32Type(), v[0]);
    case Op::Exp2: return math::Exp2Op::create(builder_, loc(e), v[0]);
    case Op::Exp: return math::ExpOp::create(builder_, loc(e), v[0]);
    case Op::Log: return math::LogOp::create(builder_, loc(e), v[0]);
    case Op::Tanh: return math::TanhOp::create(builder_, loc(e), v[0]);
    case Op::Sqrt: return math::SqrtOp::create(builder_, loc(e), v[0]);
    default: return report(e, fmt::format("expected a float operation, found '{}'", spelling(e.op)));
    }
  }

  Value param(const ExprNode &e) {
    auto found = constants_.find(e.param->name);
    if (found != constants_.end()) return constant(found->second, loc(e));
    for (size_t i = 0; i < pattern_.params.size(); ++i)
      if (pattern_.params[i]->name == e.param->name)
        return mask::ParamOp::create(builder_, loc(e), intType(), i);
    return report(e, fmt::format("expected a declared parameter, found '{}'", e.param->name));
  }

  Value load(const ExprNode &e) {
    SmallVector<Value, 3> indices;
    for (const Expr &operand : e.operands) {
      indices.push_back(import(operand));
      if (!indices.back()) return {};
    }
    mlir::Type type = e.type == Type::Float ? mlir::Type(builder_.getF32Type()) : intType();
    for (size_t i = 0; i < pattern_.auxes.size(); ++i)
      if (e.aux && pattern_.auxes[i]->name == e.aux->name)
        return mask::AuxLoadOp::create(builder_, loc(e), type, i, indices);
    return report(e, fmt::format("expected a declared aux tensor, found '{}'", e.aux ? e.aux->name : ""));
  }

  Value division(const ExprNode &e) {
    std::optional<int64_t> divisor = evaluate(e.operands[1], constants_);
    if (!divisor)
      return report(e, fmt::format("expected a constant divisor of '{}'", spelling(e.op)),
                    "divisors are integers or parameters, whose values are compiled in");
    if (*divisor <= 0)
      return report(e, fmt::format("expected a positive divisor of '{}', found {}", spelling(e.op), *divisor),
                    "set the parameter to a positive value");
    Value value = import(e.operands[0]);
    if (!value) return {};
    if (e.op == Op::FloorDiv) return mask::FloorDivOp::create(builder_, loc(e), intType(), value, *divisor);
    return mask::ModOp::create(builder_, loc(e), intType(), value, *divisor);
  }

  Value constant(int64_t value, mlir::Location loc) {
    return mask::ConstOp::create(builder_, loc, intType(), value);
  }
  Value floatConstant(double value, mlir::Location loc) {
    return arith::ConstantFloatOp::create(builder_, loc, builder_.getF32Type(),
                                          llvm::APFloat(static_cast<float>(value)));
  }
  mlir::Type intType() { return mask::IntType::get(builder_.getContext()); }
  mlir::Location loc(const ExprNode &e) { return toMlir(builder_.getContext(), e.loc); }

  Value report(const ExprNode &e, std::string message, std::string hint = {}) {
    errors_.push_back({Severity::Error, e.loc, std::move(message), std::move(hint), {}});
    return {};
  }

  OpBuilder &builder_;
  const Pattern &pattern_;
  const Constants &constants_;
  std::vector<Diagnostic> &errors_;
  llvm::DenseMap<const ExprNode *, Value> values_;
  Value score_;
};

/// Values of the parameters inside divisors. Reports unknown names and values outside the declared ranges.
Constants constantValues(const Pattern &pattern, const Constants &given, std::vector<Diagnostic> &errors) {
  Constants values;
  for (const auto &param : constantParams(pattern)) {
    auto found = given.find(param->name);
    int64_t value = found == given.end() ? param->defaultValue : found->second;
    if (value < param->low || value > param->high)
      errors.push_back({Severity::Error,
                        param->loc,
                        fmt::format("expected parameter '{}' in {}..{}, found {}", param->name, param->low,
                                    param->high, value),
                        "widen the declared range or choose another value",
                        {}});
    values[param->name] = value;
  }
  for (const auto &[name, value] : given)
    if (!pattern.findParam(name))
      errors.push_back({Severity::Error,
                        pattern.loc,
                        fmt::format("expected a parameter of pattern '{}', found '{}'", pattern.name, name),
                        {},
                        {}});
  return values;
}

ArrayAttr paramsOf(OpBuilder &builder, const Pattern &pattern) {
  SmallVector<Attribute> params;
  for (const auto &param : pattern.params)
    params.push_back(mask::ParamAttr::get(builder.getContext(), param->name, param->low, param->high));
  return builder.getArrayAttr(params);
}

ArrayAttr auxesOf(OpBuilder &builder, const Pattern &pattern) {
  SmallVector<Attribute> auxes;
  for (const auto &aux : pattern.auxes) {
    SmallVector<int64_t> axes;
    for (const AuxAxis &axis : aux->axes)
      axes.append({static_cast<int64_t>(axis.kind), axis.block, axis.extent});
    mlir::Type element = aux->type == AuxType::F32 ? mlir::Type(builder.getF32Type()) : builder.getI32Type();
    auxes.push_back(mask::AuxAttr::get(builder.getContext(), aux->name, axes, element));
  }
  return builder.getArrayAttr(auxes);
}

} // namespace

OwningOpRef<ModuleOp> importPattern(MLIRContext &context, const Pattern &pattern, const Constants &given,
                                    std::vector<Diagnostic> &errors) {
  size_t before = errors.size();
  Constants constants = constantValues(pattern, given, errors);
  if (errors.size() != before) return {};

  OpBuilder builder(&context);
  mlir::Location loc = toMlir(&context, pattern.loc);
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  builder.setInsertionPointToEnd(module->getBody());
  StringAttr hash = builder.getStringAttr(patternHash(canonicalize(pattern, constants)));
  auto op = mask::PatternOp::create(builder, loc, pattern.name, paramsOf(builder, pattern),
                                    auxesOf(builder, pattern), pattern.layout.byKvHead, hash);
  Block *body = builder.createBlock(&op.getBody());

  for (size_t g = 0; g < pattern.groupCount(); ++g) {
    bool whole = pattern.layout.empty();
    int64_t first = whole ? 0 : pattern.layout.groups[g].first;
    int64_t last = whole ? INT64_MAX : pattern.layout.groups[g].last;
    mlir::Location at = whole ? loc : toMlir(&context, pattern.layout.groups[g].loc);
    builder.setInsertionPointToEnd(body);
    auto group = mask::GroupOp::create(builder, at, first, last);
    builder.createBlock(&group.getBody());
    Value visible = ExprImporter(builder, pattern, constants, errors).import(pattern.maskOfGroup(g));
    if (visible) mask::YieldOp::create(builder, at, visible);
  }

  if (!pattern.scores.empty()) {
    mlir::Location at = toMlir(&context, pattern.scores.front()->loc);
    builder.setInsertionPointToEnd(body);
    auto score = mask::ScoreOp::create(builder, at);
    Block *block = builder.createBlock(&score.getBody(), {}, {builder.getF32Type()}, {at});
    ExprImporter importer(builder, pattern, constants, errors);
    Value value = block->getArgument(0);
    for (const Expr &expr : pattern.scores) {
      importer.setScore(value);
      value = importer.import(expr);
      if (!value) break;
    }
    if (value) mask::YieldOp::create(builder, at, value);
  }
  if (errors.size() != before) return {};
  return module;
}

} // namespace maskloom
