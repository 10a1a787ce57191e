#include "maskloom/dsl/CanonicalExpr.h"

#include <algorithm>

namespace maskloom {

Canonicalizer::Canonicalizer(std::map<const ParamDecl *, int64_t> constants, const std::vector<Rule> &rules)
    : constants_(std::move(constants)) {
  for (const Rule &rule : rules) rules_[{rule.from->op, rule.from->type}].push_back(&rule);
}

Expr Canonicalizer::canonical(const Expr &expr) {
  auto known = done_.find(expr.get());
  if (known != done_.end()) return known->second;
  const ExprNode &node = *expr;
  Expr result;
  if (node.op == Op::Param) {
    auto constant = constants_.find(node.param.get());
    result = constant == constants_.end() ? nodes_.intern(node) : nodes_.integer(constant->second, node.loc);
  } else {
    ExprNode plain = node;
    for (Expr &operand : plain.operands) operand = canonical(operand);
    if (plain.operands.empty() || node.op == Op::AuxLoad)
      result = nodes_.intern(std::move(plain));
    else if (auto constructed = construct(node.op, node.type, plain.operands, node.loc))
      result = *constructed;
    else
      result = nodes_.intern(std::move(plain)); // as it was written
  }
  done_.emplace(expr.get(), result);
  return result;
}

Expr Canonicalizer::conjunction(const Expr &a, const Expr &b, const Location &loc) {
  return junction(Op::And, {a, b}, loc);
}

std::optional<Expr> Canonicalizer::construct(Op op, Type type, Operands operands, const Location &loc) {
  switch (op) {
  case Op::And:
  case Op::Or: return junction(op, std::move(operands), loc);
  case Op::Add:
  case Op::Sub:
  case Op::Neg:
  case Op::Mul:
    if (type == Type::Int) return constructSum(op, operands, loc);
    break;
  case Op::Min:
  case Op::Max:
    if (type == Type::Int) return extremum(op, std::move(operands), loc);
    break;
  default: break;
  }
  if (auto folded = fold(op, operands, loc)) return folded;
  // Floating-point algebra is left as written but for what IEEE arithmetic cannot tell apart.
  bool commutes = op == Op::Eq || op == Op::Ne || (type == Type::Float && (op == Op::Add || op == Op::Mul));
  auto constant = [](const Expr &operand) { return operand->op == Op::IntConst; }; // they stand on the right
  if (commutes && !constant(operands[1]) &&
      (constant(operands[0]) || nodes_.before(operands[1], operands[0])))
    std::swap(operands[0], operands[1]);
  return simplify(nodes_.make(op, type, std::move(operands), loc));
}

std::optional<Expr> Canonicalizer::constructSum(Op op, const Operands &operands, const Location &loc) {
  Sum sum;
  if (op == Op::Mul) {
    Expr factor = operands[1], other = operands[0];
    if (other->op == Op::IntConst) std::swap(factor, other);
    if (factor->op == Op::IntConst && factor->intValue != INT64_MIN &&
        nodes_.addScaled(sum, nodes_.sumOf(other), factor->intValue))
      return nodes_.fromSum(sum, loc);
    if (nodes_.before(other, factor)) std::swap(factor, other);
    return nodes_.make(Op::Mul, Type::Int, {factor, other}, loc);
  }
  if (op != Op::Neg) sum = nodes_.sumOf(operands[0]);
  if (!nodes_.addScaled(sum, nodes_.sumOf(operands.back()), op == Op::Add ? 1 : -1)) return std::nullopt;
  return nodes_.fromSum(sum, loc);
}

/// Operations on constants alone.
std::optional<Expr> Canonicalizer::fold(Op op, const Operands &operands, const Location &loc) {
  constexpr int64_t kExactInDouble = int64_t{1} << 53;
  if (op == Op::Neg && operands[0]->op == Op::FloatConst) return nodes_.real(-operands[0]->floatValue, loc);
  if (op == Op::Not && operands[0]->op == Op::BoolConst) return nodes_.truth(operands[0]->intValue == 0, loc);
  for (const Expr &operand : operands)
    if (operand->op != Op::IntConst) return std::nullopt;
  const int64_t a = operands[0]->intValue, b = operands.back()->intValue;
  switch (op) {
  case Op::ToFloat:
    if (a < -kExactInDouble || a > kExactInDouble) return std::nullopt;
    return nodes_.real(static_cast<double>(a), loc);
  case Op::Abs:
    if (a == INT64_MIN) return std::nullopt;
    return nodes_.integer(a < 0 ? -a : a, loc);
  case Op::FloorDiv:
    if (b < 1) return std::nullopt;
    return nodes_.integer(floorDiv(a, b), loc);
  case Op::Mod:
    if (b < 1) return std::nullopt;
    return nodes_.integer(floorMod(a, b), loc);
  case Op::Min: return nodes_.integer(std::min(a, b), loc);
  case Op::Max: return nodes_.integer(std::max(a, b), loc);
  case Op::Eq: return nodes_.truth(a == b, loc);
  case Op::Ne: return nodes_.truth(a != b, loc);
  case Op::Lt: return nodes_.truth(a < b, loc);
  case Op::Le: return nodes_.truth(a <= b, loc);
  case Op::Gt: return nodes_.truth(a > b, loc);
  case Op::Ge: return nodes_.truth(a >= b, loc);
  default: return std::nullopt;
  }
}

} // namespace maskloom
