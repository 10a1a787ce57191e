#include "maskloom/dsl/CanonicalExpr.h"

#include "maskloom/dsl/Print.h"

#include <fmt/format.h>

#include <algorithm>

namespace maskloom {

Canonicalizer::Canonicalizer(const Pattern &pattern, std::map<const ParamDecl *, int64_t> constants)
    : constants_(std::move(constants)) {
  for (const auto &param : pattern.params) declarationOrder_.emplace(param.get(), declarationOrder_.size());
  for (const auto &aux : pattern.auxes) declarationOrder_.emplace(aux.get(), declarationOrder_.size());
}

Expr Canonicalizer::intern(ExprNode node) {
  Keys keys;
  auto leaf = [&](const std::string &text) { keys.order = keys.exact = text; };
  switch (node.op) {
  case Op::IntConst: leaf(fmt::format("{}", node.intValue)); break;
  case Op::FloatConst: leaf(floatText(node.floatValue)); break;
  case Op::BoolConst: leaf(node.intValue ? "all" : "none"); break;
  case Op::Index: leaf(spelling(node.index)); break;
  case Op::Score: leaf("s"); break;
  case Op::Param:
    keys.order = fmt::format("param:{}..{}", node.param->low, node.param->high);
    keys.exact = fmt::format("param:{}", declarationOrder_[node.param.get()]);
    break;
  default: {
    keys.order = node.type == Type::Float && node.op != Op::Div ? "f" : ""; // float and integer '+' differ
    keys.order += node.op == Op::Neg ? "neg" : spelling(node.op);
    keys.exact = keys.order;
    if (node.op == Op::AuxLoad) {
      std::string axes;
      for (const AuxAxis &axis : node.aux->axes) axes += toText(axis) + ",";
      keys.order += fmt::format(":{}{}", axes, node.aux->type == AuxType::I32 ? "i32" : "f32");
      keys.exact += fmt::format(":{}", declarationOrder_[node.aux.get()]);
    }
    keys.order += '(';
    keys.exact += '(';
    for (const Expr &operand : node.operands) {
      const Keys &below = keys_.at(operand.get());
      keys.order += below.order + ' ';
      keys.exact += below.exact + ' ';
    }
    keys.order += ')';
    keys.exact += ')';
  }
  }
  auto [entry, fresh] = interned_.try_emplace(keys.exact);
  if (fresh) {
    entry->second = std::make_shared<const ExprNode>(std::move(node));
    keys_.emplace(entry->second.get(), std::move(keys));
  }
  return entry->second;
}

Expr Canonicalizer::make(Op op, Type type, std::vector<Expr> operands, const Location &loc) {
  ExprNode node;
  node.op = op;
  node.type = type;
  node.operands = std::move(operands);
  node.loc = loc;
  return intern(std::move(node));
}

Expr Canonicalizer::intConst(int64_t value, const Location &loc) {
  ExprNode node;
  node.intValue = value;
  node.loc = loc;
  return intern(std::move(node));
}

Expr Canonicalizer::boolConst(bool value, const Location &loc) {
  ExprNode node;
  node.op = Op::BoolConst;
  node.type = Type::Bool;
  node.intValue = value;
  node.loc = loc;
  return intern(std::move(node));
}

bool Canonicalizer::before(const Expr &a, const Expr &b) const {
  const Keys &x = keys_.at(a.get()), &y = keys_.at(b.get());
  return x.order != y.order ? x.order < y.order : x.exact < y.exact;
}

void Canonicalizer::sortOperands(std::vector<Expr> &operands) const {
  std::sort(operands.begin(), operands.end(), [&](const Expr &a, const Expr &b) { return before(a, b); });
}

// The same operation over canonical operands.
Expr Canonicalizer::rebuild(const ExprNode &node) {
  ExprNode copy = node;
  for (Expr &operand : copy.operands) operand = canonical(operand);
  return intern(std::move(copy));
}

Expr Canonicalizer::canonical(const Expr &expr) {
  auto known = done_.find(expr.get());
  if (known != done_.end()) return known->second;
  Expr result;
  switch (expr->type) {
  case Type::Int: result = canonicalInt(*expr); break;
  case Type::Bool: result = canonicalBool(*expr); break;
  case Type::Float: result = canonicalFloat(*expr); break;
  }
  done_.emplace(expr.get(), result);
  return result;
}

Expr Canonicalizer::conjunction(const Expr &a, const Expr &b, const Location &loc) {
  return junction(Op::And, {a, b}, loc);
}

// Floating-point algebra is left as written but for what IEEE arithmetic cannot tell apart.
Expr Canonicalizer::canonicalFloat(const ExprNode &node) {
  constexpr int64_t kExactInDouble = int64_t{1} << 53;
  auto constant = [&](double value) {
    ExprNode result;
    result.op = Op::FloatConst;
    result.type = Type::Float;
    result.floatValue = value;
    result.loc = node.loc;
    return intern(std::move(result));
  };
  Expr result = rebuild(node);
  switch (node.op) {
  case Op::ToFloat: {
    const Expr &operand = result->operands[0];
    bool exact = operand->op == Op::IntConst && operand->intValue >= -kExactInDouble &&
                 operand->intValue <= kExactInDouble;
    return exact ? constant(static_cast<double>(operand->intValue)) : result;
  }
  case Op::Neg:
    return result->operands[0]->op == Op::FloatConst ? constant(-result->operands[0]->floatValue) : result;
  case Op::Add:
  case Op::Mul: {
    std::vector<Expr> operands = result->operands;
    sortOperands(operands);
    return make(node.op, Type::Float, std::move(operands), node.loc);
  }
  case Op::Select:
    if (result->operands[0]->op == Op::BoolConst)
      return result->operands[result->operands[0]->intValue ? 1 : 2];
    return result->operands[1] == result->operands[2] ? result->operands[1] : result;
  default: return result;
  }
}

} // namespace maskloom
