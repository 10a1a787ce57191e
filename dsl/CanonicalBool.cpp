// Masks: comparisons of a sum with a constant, negation pushed to them, connectives flattened and sorted.
#include "maskloom/dsl/CanonicalExpr.h"

#include <algorithm>
#include <numeric>

namespace maskloom {

Expr Canonicalizer::canonicalBool(const ExprNode &node) {
  auto operand = [&](size_t i) { return canonical(node.operands[i]); };
  switch (node.op) {
  case Op::BoolConst: return boolConst(node.intValue != 0, node.loc);
  case Op::And:
  case Op::Or: return junction(node.op, {operand(0), operand(1)}, node.loc);
  case Op::Not: return negated(operand(0));
  case Op::Select: return selectMask(operand(0), operand(1), operand(2), node.loc);
  default: return compare(node);
  }
}

Expr Canonicalizer::compare(const ExprNode &node) {
  Expr a = canonical(node.operands[0]), b = canonical(node.operands[1]);
  Op op = node.op;
  if (op == Op::Gt || op == Op::Le) { // a > b is b < a, a <= b is b >= a
    std::swap(a, b);
    op = op == Op::Gt ? Op::Lt : Op::Ge;
  }
  Linear difference = {};
  bool integers = a->type == Type::Int;
  if (integers) difference = linearOf(a);
  if (!integers || !addScaled(difference, linearOf(b), -1, *this)) {
    std::vector<Expr> operands = {a, b};
    if (op == Op::Eq || op == Op::Ne) sortOperands(operands);
    return make(op, Type::Bool, std::move(operands), node.loc);
  }
  if (op != Op::Lt) return compareWithZero(op, difference, node.loc);
  Linear opposite = {{}, -1}; // d < 0 is -d - 1 >= 0
  if (!addScaled(opposite, difference, -1, *this)) return make(op, Type::Bool, {a, b}, node.loc);
  return compareWithZero(Op::Ge, opposite, node.loc);
}

// sum >= 0, == 0 or != 0, divided by the common factor of the coefficients.
Expr Canonicalizer::compareWithZero(Op op, Linear sum, const Location &loc) {
  if (sum.terms.empty())
    return boolConst(op == Op::Ge   ? sum.constant >= 0
                     : op == Op::Eq ? sum.constant == 0
                                    : sum.constant != 0,
                     loc);
  int64_t common = 0;
  for (const Term &term : sum.terms) common = std::gcd(common, term.coefficient);
  if (op != Op::Ge && sum.constant % common != 0) return boolConst(op == Op::Ne, loc);
  if (op != Op::Ge && sum.terms[0].coefficient < 0) common = -common;
  for (Term &term : sum.terms) term.coefficient /= common;
  sum.constant = floorDiv(sum.constant, common);
  if (auto simpler = compareModulus(op, sum, loc)) return *simpler;
  int64_t bound = -sum.constant; // addScaled keeps INT64_MIN out
  sum.constant = 0;
  return make(op, Type::Bool, {fromLinear(sum, loc), intConst(bound, loc)}, loc);
}

// Comparisons of one modulus m = (x mod d), whose values are 0 .. d-1, with a constant:
//   m == c  ->  (x - c) mod d == 0, the leading coefficient of x positive;  m >= 1  ->  m != 0;  -m >= 0  ->
//   m == 0;  what every value or no value satisfies is a constant.
std::optional<Expr> Canonicalizer::compareModulus(Op op, const Linear &sum, const Location &loc) {
  if (sum.terms.size() != 1) return std::nullopt;
  const ExprNode &atom = *sum.terms[0].atom;
  if (atom.op != Op::Mod || atom.operands[1]->op != Op::IntConst) return std::nullopt;
  int64_t divisor = atom.operands[1]->intValue, sign = sum.terms[0].coefficient;
  if (op == Op::Ge) {
    // m + c >= 0, or -m + c >= 0
    int64_t least = sign > 0 ? sum.constant : sum.constant - (divisor - 1);
    int64_t most = sign > 0 ? sum.constant + (divisor - 1) : sum.constant;
    if (sum.constant > divisor || sum.constant < -divisor) return boolConst(sum.constant > 0, loc);
    if (least >= 0) return boolConst(true, loc);
    if (most < 0) return boolConst(false, loc);
    if (sign > 0 && sum.constant == -1) return compareWithZero(Op::Ne, {sum.terms, 0}, loc);
    if (sign < 0 && sum.constant == 0) return compareWithZero(Op::Eq, {sum.terms, 0}, loc);
    return std::nullopt;
  }
  int64_t value = -sum.constant; // m == value; the sign was made positive
  if (value < 0 || value >= divisor) return boolConst(op == Op::Ne, loc);
  Linear phase = linearOf(atom.operands[0]);
  if (!addScaled(phase, {{}, value}, -1, *this)) return std::nullopt;
  if (phase.terms[0].coefficient < 0) {
    Linear opposite;
    if (!addScaled(opposite, phase, -1, *this)) return std::nullopt;
    phase = opposite;
  }
  std::optional<Expr> remainder = modulus(phase, divisor, loc);
  if (!remainder) return std::nullopt;
  return make(op, Type::Bool, {*remainder, intConst(0, loc)}, loc);
}

Expr Canonicalizer::negated(const Expr &mask) {
  auto known = negated_.find(mask.get());
  if (known != negated_.end()) return known->second;
  Expr result = computeNegated(mask);
  negated_.emplace(mask.get(), result);
  return result;
}

Expr Canonicalizer::computeNegated(const Expr &mask) {
  const ExprNode &node = *mask;
  switch (node.op) {
  case Op::BoolConst: return boolConst(node.intValue == 0, node.loc);
  case Op::And:
  case Op::Or: {
    Op other = node.op == Op::And ? Op::Or : Op::And;
    return junction(other, {negated(node.operands[0]), negated(node.operands[1])}, node.loc);
  }
  case Op::Select:
    return selectMask(node.operands[0], negated(node.operands[1]), negated(node.operands[2]), node.loc);
  case Op::Not: return node.operands[0];
  default: break;
  }
  if (node.operands[0]->type != Type::Int) return make(Op::Not, Type::Bool, {mask}, node.loc); // NaN
  if (node.op == Op::Eq || node.op == Op::Ne)
    return make(node.op == Op::Eq ? Op::Ne : Op::Eq, Type::Bool, node.operands, node.loc);
  // a >= b is negated to b - a - 1 >= 0; a < b stands only where a difference left 64 bits.
  Linear difference = {{}, -1};
  if (node.op == Op::Ge && addScaled(difference, linearOf(node.operands[1]), 1, *this) &&
      addScaled(difference, linearOf(node.operands[0]), -1, *this))
    return compareWithZero(Op::Ge, difference, node.loc);
  return make(node.op == Op::Ge ? Op::Lt : Op::Ge, Type::Bool, node.operands, node.loc);
}

Expr Canonicalizer::junction(Op op, const std::vector<Expr> &operands, const Location &loc) {
  const bool neutral = op == Op::And;
  std::vector<Expr> pending(operands.rbegin(), operands.rend()), kept;
  while (!pending.empty()) {
    Expr operand = pending.back();
    pending.pop_back();
    if (operand->op == op) {
      pending.insert(pending.end(), operand->operands.rbegin(), operand->operands.rend());
    } else if (operand->op == Op::BoolConst) {
      if ((operand->intValue != 0) != neutral) return boolConst(!neutral, loc);
    } else {
      kept.push_back(operand);
    }
  }
  sortOperands(kept);
  kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
  if (kept.empty()) return boolConst(neutral, loc);
  // Balanced, so that hundreds of operands make no deep tree.
  std::function<Expr(size_t, size_t)> tree = [&](size_t first, size_t count) {
    if (count == 1) return kept[first];
    return make(op, Type::Bool, {tree(first, count / 2), tree(first + count / 2, count - count / 2)}, loc);
  };
  return tree(0, kept.size());
}

Expr Canonicalizer::selectMask(const Expr &condition, const Expr &a, const Expr &b, const Location &loc) {
  if (condition->op == Op::BoolConst) return condition->intValue ? a : b;
  if (a == b) return a;
  if (a->op == Op::BoolConst)
    return a->intValue ? junction(Op::Or, {condition, b}, loc)
                       : junction(Op::And, {negated(condition), b}, loc);
  if (b->op == Op::BoolConst)
    return b->intValue ? junction(Op::Or, {negated(condition), a}, loc)
                       : junction(Op::And, {condition, a}, loc);
  return make(Op::Select, Type::Bool, {condition, a, b}, loc);
}

} // namespace maskloom
