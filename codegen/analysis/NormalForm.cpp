#include "maskloom/analysis/NormalForm.h"

#include "maskloom/program/Arithmetic.h"
#include "maskloom/program/InputRanges.h"

#include <algorithm>

namespace maskloom::analysis {

using Op = PredicateNode::Op;
using Kind = Formula::Kind;

ExpressionArena::ExpressionArena(const Program &program, const Predicate &predicate)
    : program_(program), nodes_(predicate.nodes), root_(static_cast<int>(predicate.nodes.size()) - 1) {}

int ExpressionArena::constant(int64_t value) {
  PredicateNode node;
  node.op = Op::Const;
  node.value = value;
  nodes_.push_back(node);
  return static_cast<int>(nodes_.size()) - 1;
}

int ExpressionArena::make(Op op, int a, int b) {
  // Constants are folded so that splitting does not pile up -1 * -1 * ...
  auto isConstant = [&](int node) { return node >= 0 && nodes_[node].op == Op::Const; };
  if (op == Op::Neg && nodes_[a].op == Op::Neg) return nodes_[a].operands[0];
  if (op == Op::Neg && isConstant(a) && nodes_[a].value != INT64_MIN) return constant(-nodes_[a].value);
  if ((op == Op::Add || op == Op::Sub) && isConstant(b) && nodes_[b].value == 0) return a;
  if ((op == Op::Add || op == Op::Sub) && isConstant(a) && isConstant(b)) {
    int64_t sum = nodes_[a].value;
    if (integer::addProduct(sum, nodes_[b].value, op == Op::Add ? 1 : -1)) return constant(sum);
  }
  PredicateNode node;
  node.op = op;
  node.operands[0] = a;
  node.operands[1] = b;
  nodes_.push_back(node);
  return static_cast<int>(nodes_.size()) - 1;
}

bool ExpressionArena::isBoolean(int node) const {
  switch (nodes_[node].op) {
  case Op::Bool:
  case Op::Eq:
  case Op::Ne:
  case Op::Lt:
  case Op::Le:
  case Op::Gt:
  case Op::Ge:
  case Op::And:
  case Op::Or:
  case Op::Not: return true;
  case Op::Select: return isBoolean(nodes_[node].operands[1]);
  default: return false;
  }
}

static Formula leaf(Kind kind) {
  Formula result;
  result.kind = kind;
  return result;
}

/// Conjunction or disjunction with the units removed and nested ones of the same kind flattened.
static Formula combine(Kind kind, std::vector<Formula> operands) {
  Kind neutral = kind == Kind::And ? Kind::True : Kind::False;
  Kind absorbing = kind == Kind::And ? Kind::False : Kind::True;
  Formula result = leaf(kind);
  for (Formula &operand : operands) {
    if (operand.kind == neutral) continue;
    if (operand.kind == absorbing) return leaf(absorbing);
    if (operand.kind == kind)
      result.operands.insert(result.operands.end(), operand.operands.begin(), operand.operands.end());
    else
      result.operands.push_back(std::move(operand));
  }
  if (result.operands.empty()) return leaf(neutral);
  if (result.operands.size() == 1) return result.operands.front();
  return result;
}

Formula ExpressionArena::normalForm(int index, bool negate) {
  const PredicateNode node = nodes_[index];
  auto sub = [&](int operand, bool negated) { return normalForm(node.operands[operand], negated); };
  switch (node.op) {
  case Op::Bool: return leaf((node.value != 0) != negate ? Kind::True : Kind::False);
  case Op::Not: return sub(0, !negate);
  case Op::And:
  case Op::Or:
    return combine((node.op == Op::And) != negate ? Kind::And : Kind::Or, {sub(0, negate), sub(1, negate)});
  case Op::Select:
    return combine(Kind::Or, {combine(Kind::And, {sub(0, false), sub(1, negate)}),
                              combine(Kind::And, {sub(0, true), sub(2, negate)})});
  case Op::Eq:
  case Op::Ne:
  case Op::Lt:
  case Op::Le:
  case Op::Gt:
  case Op::Ge: return compare(node, negate);
  default: return leaf(Kind::Unknown);
  }
}

Formula ExpressionArena::compare(const PredicateNode &node, bool negate) {
  int a = node.operands[0], b = node.operands[1];
  if (isBoolean(a) || isBoolean(b)) {
    if (node.op != Op::Eq && node.op != Op::Ne) return leaf(Kind::Unknown);
    bool differ = (node.op == Op::Ne) != negate;
    return combine(Kind::Or, {combine(Kind::And, {normalForm(a, false), normalForm(b, differ)}),
                              combine(Kind::And, {normalForm(a, true), normalForm(b, !differ)})});
  }
  // a >= b + strict, or its negation b >= a + !strict
  auto atLeast = [&](int x, int y, bool strict) {
    if (negate) std::swap(x, y), strict = !strict;
    return atom(make(Op::Sub, make(Op::Sub, x, y), constant(strict)), false);
  };
  switch (node.op) {
  case Op::Ge: return atLeast(a, b, false);
  case Op::Gt: return atLeast(a, b, true);
  case Op::Le: return atLeast(b, a, false);
  case Op::Lt: return atLeast(b, a, true);
  default: break;
  }
  bool unequal = (node.op == Op::Ne) != negate;
  int difference = congruenceDifference(a, b);
  return equalityAtom(difference, unequal);
}

/// An expression that is zero iff a == b; x mod c == r and x mod c == y mod c become one modulus, whose range
/// starts at 0.
int ExpressionArena::congruenceDifference(int a, int b) {
  if (nodes_[b].op == Op::Mod && nodes_[a].op != Op::Mod) std::swap(a, b);
  const PredicateNode left = nodes_[a], right = nodes_[b];
  if (left.op == Op::Mod && nodes_[left.operands[1]].op == Op::Const) {
    int64_t period = nodes_[left.operands[1]].value;
    if (right.op == Op::Const && 0 <= right.value && right.value < period)
      return make(Op::Mod, make(Op::Sub, left.operands[0], b), left.operands[1]);
    if (right.op == Op::Mod && nodes_[right.operands[1]].op == Op::Const &&
        nodes_[right.operands[1]].value == period)
      return make(Op::Mod, make(Op::Sub, left.operands[0], right.operands[0]), left.operands[1]);
  }
  return make(Op::Sub, a, b);
}

Formula ExpressionArena::equalityAtom(int difference, bool negate) {
  if (!negate) return atom(difference, true);
  Range bounds = range(difference);
  std::vector<Formula> sides;
  if (!bounds.high || *bounds.high >= 1) sides.push_back(atom(make(Op::Sub, difference, constant(1)), false));
  if (!bounds.low || *bounds.low <= -1)
    sides.push_back(atom(make(Op::Sub, make(Op::Neg, difference), constant(1)), false));
  return combine(Kind::Or, std::move(sides));
}

Formula ExpressionArena::atom(int expression, bool equality) {
  Range bounds = range(expression);
  if (bounds.high && *bounds.high < 0) return leaf(Kind::False);
  if (equality ? bounds.low && *bounds.low > 0 : bounds.low && *bounds.low >= 0)
    return leaf(equality ? Kind::False : Kind::True);
  if (equality && bounds.low == 0 && bounds.high == 0) return leaf(Kind::True);
  int target = findPiecewise(expression);
  if (target < 0) {
    Formula result = leaf(Kind::Atom);
    result.expression = expression;
    result.equality = equality;
    return result;
  }
  if (--splitsLeft_ < 0) {
    truncated_ = true;
    return leaf(Kind::Unknown);
  }
  const PredicateNode node = nodes_[target];
  int x = node.operands[0], y = node.operands[1];
  if (node.op == Op::Select) {
    int condition = node.operands[0];
    x = node.operands[1], y = node.operands[2];
    return combine(Kind::Or, {combine(Kind::And, {normalForm(condition, false),
                                                  atom(substitute(expression, target, x), equality)}),
                              combine(Kind::And, {normalForm(condition, true),
                                                  atom(substitute(expression, target, y), equality)})});
  }
  if (node.op == Op::Abs) y = make(Op::Neg, x);
  bool isMinimum = node.op == Op::Min;
  int signs = signsOf(expression, target, 1);
  if (equality && signs != 3)
    return combine(Kind::And, {atom(expression, false), atom(make(Op::Neg, expression), false)});
  Formula left = atom(substitute(expression, target, x), equality);
  Formula right = atom(substitute(expression, target, y), equality);
  if (signs != 3) {
    bool either = isMinimum == (signs == 2); // max where e grows, min where it falls
    return combine(either ? Kind::Or : Kind::And, {std::move(left), std::move(right)});
  }
  int order = make(Op::Sub, x, y); // max is x iff x >= y
  Formula takeX = atom(isMinimum ? make(Op::Neg, order) : order, false);
  Formula takeY = atom(isMinimum ? order : make(Op::Neg, order), false);
  return combine(Kind::Or, {combine(Kind::And, {std::move(takeX), std::move(left)}),
                            combine(Kind::And, {std::move(takeY), std::move(right)})});
}

int ExpressionArena::findPiecewise(int index) const {
  const PredicateNode &node = nodes_[index];
  switch (node.op) {
  case Op::Min:
  case Op::Max:
  case Op::Abs:
  case Op::Select: return index;
  case Op::Const:
  case Op::Symbol:
  case Op::AuxLoad: return -1; // a load is unknown whatever its indices are
  default: break;
  }
  for (int operand : node.operands)
    if (operand >= 0)
      if (int found = findPiecewise(operand); found >= 0) return found;
  return -1;
}

int ExpressionArena::signsOf(int index, int target, int sign) const {
  if (index == target) return sign > 0 ? 1 : 2;
  const PredicateNode &node = nodes_[index];
  int a = node.operands[0], b = node.operands[1];
  auto either = [&](int operand) { return signsOf(operand, target, 1) ? 3 : 0; };
  switch (node.op) {
  case Op::Add: return signsOf(a, target, sign) | signsOf(b, target, sign);
  case Op::Sub: return signsOf(a, target, sign) | signsOf(b, target, -sign);
  case Op::Neg: return signsOf(a, target, -sign);
  case Op::FloorDiv:
  case Op::Min:
  case Op::Max: return signsOf(a, target, sign) | signsOf(b, target, sign);
  case Op::Mul: {
    auto by = [&](int factor, int other) {
      int64_t value = nodes_[factor].value;
      return value == 0 ? 0 : signsOf(other, target, value > 0 ? sign : -sign);
    };
    if (nodes_[a].op == Op::Const) return by(a, b);
    if (nodes_[b].op == Op::Const) return by(b, a);
    return either(a) | either(b);
  }
  default: {
    int signs = 0;
    for (int operand : node.operands)
      if (operand >= 0) signs |= either(operand);
    return signs;
  }
  }
}

int ExpressionArena::substitute(int index, int target, int replacement) {
  std::map<int, int> done;
  return substitute(index, target, replacement, done);
}

int ExpressionArena::substitute(int index, int target, int replacement, std::map<int, int> &done) {
  if (index == target) return replacement;
  if (auto found = done.find(index); found != done.end()) return found->second;
  PredicateNode copy = nodes_[index];
  bool changed = false;
  for (int32_t &operand : copy.operands) {
    if (operand < 0) continue;
    int replaced = substitute(operand, target, replacement, done);
    changed |= replaced != operand;
    operand = replaced;
  }
  int result = index;
  if (changed) {
    nodes_.push_back(copy);
    result = static_cast<int>(nodes_.size()) - 1;
  }
  return done[index] = result;
}

ExpressionArena::Range ExpressionArena::range(int index) const {
  using Bound = std::optional<int64_t>;
  const PredicateNode &node = nodes_[index];
  auto operand = [&](int n) { return range(node.operands[n]); };
  auto sum = [](Bound a, Bound b, int64_t factor) -> Bound {
    if (!a || !b || !integer::addProduct(*a, *b, factor)) return std::nullopt;
    return a;
  };
  auto least = [](Bound a, Bound b) -> Bound { // both needed
    return a && b ? Bound(std::min(*a, *b)) : std::nullopt;
  };
  auto greatest = [](Bound a, Bound b) -> Bound { return a && b ? Bound(std::max(*a, *b)) : std::nullopt; };
  switch (node.op) {
  case Op::Const: return {node.value, node.value};
  case Op::AuxLoad: return {INT32_MIN, INT32_MAX};
  case Op::Symbol:
    switch (node.symbol) {
    // Positions of the last tiles go beyond those that exist, but not beyond 32 bits.
    case Symbol::QueryPosition:
    case Symbol::KeyPosition: return {2 * InputRanges::kPositionLow, 2 * InputRanges::kPositionHigh};
    case Symbol::Head:
    case Symbol::KvHead:
    case Symbol::Batch: return {0, InputRanges::kMostHeads};
    case Symbol::QueryLength:
    case Symbol::KeyLength: return {1, InputRanges::kLongest};
    case Symbol::Heads:
    case Symbol::KvHeads: return {1, InputRanges::kMostHeads};
    case Symbol::AuxScalar: return {INT32_MIN, INT32_MAX};
    case Symbol::Param: return {program_.params[node.value].low, program_.params[node.value].high};
    default: return {};
    }
  case Op::Add: {
    Range a = operand(0), b = operand(1);
    return {sum(a.low, b.low, 1), sum(a.high, b.high, 1)};
  }
  case Op::Sub: {
    if (node.operands[0] == node.operands[1]) return {0, 0};
    Range a = operand(0), b = operand(1);
    return {sum(a.low, b.high, -1), sum(a.high, b.low, -1)};
  }
  case Op::Neg: {
    Range a = operand(0);
    return {sum(0, a.high, -1), sum(0, a.low, -1)};
  }
  case Op::Mul: {
    int other = nodes_[node.operands[0]].op == Op::Const   ? 1
                : nodes_[node.operands[1]].op == Op::Const ? 0
                                                           : -1;
    if (other < 0) return {};
    int64_t factor = nodes_[node.operands[1 - other]].value;
    Range a = operand(other);
    if (factor < 0) std::swap(a.low, a.high);
    return {sum(0, a.low, factor), sum(0, a.high, factor)};
  }
  case Op::FloorDiv:
  case Op::Mod: {
    const PredicateNode &divisor = nodes_[node.operands[1]];
    if (divisor.op != Op::Const || divisor.value <= 0) return {};
    if (node.op == Op::Mod) return {0, divisor.value - 1};
    Range a = operand(0);
    if (a.low) a.low = integer::floorDiv(*a.low, divisor.value);
    if (a.high) a.high = integer::floorDiv(*a.high, divisor.value);
    return a;
  }
  case Op::Min: {
    Range a = operand(0), b = operand(1);
    Bound high = a.high && b.high ? least(a.high, b.high) : a.high ? a.high : b.high;
    return {least(a.low, b.low), high};
  }
  case Op::Max: {
    Range a = operand(0), b = operand(1);
    Bound low = a.low && b.low ? greatest(a.low, b.low) : a.low ? a.low : b.low;
    return {low, greatest(a.high, b.high)};
  }
  case Op::Abs: {
    Range a = operand(0);
    if (a.low && *a.low >= 0) return a;
    return {0, greatest(a.high, sum(0, a.low, -1))};
  }
  case Op::Select: {
    Range a = operand(1), b = operand(2);
    return {least(a.low, b.low), greatest(a.high, b.high)};
  }
  default: return {};
  }
}

} // namespace maskloom::analysis
