#include "tests/support/RandomRule.h"

#include "maskloom/dsl/Interpreter.h"
#include "maskloom/dsl/Walk.h"

#include <stdexcept>

namespace maskloom::testing {

namespace {

bool holds(const Expr &condition) {
  Pattern pattern("p", Mask(condition));
  Problem problem;
  try {
    return Interpreter(pattern, problem).visible(0, 0, 0, 0);
  } catch (const std::overflow_error &) {
    return false;
  }
}

} // namespace

Expr substituted(const Expr &expr, const std::map<const ParamDecl *, Expr> &values) {
  if (expr->op == Op::Param) return values.at(expr->param.get());
  auto node = std::make_shared<ExprNode>(*expr);
  for (Expr &operand : node->operands) operand = substituted(operand, values);
  return node;
}

Index RuleInstances::integer(int depth) {
  int64_t kind = uniform(0, depth > 0 ? 10 : 3);
  if (kind == 0) return query();
  if (kind == 1) return key();
  if (kind == 2) return head();
  if (kind == 3) return Index(makeInt(uniform(-20, 20)));
  Index first = integer(depth - 1);
  if (kind == 4) return floordiv(first, uniform(1, 9));
  if (kind == 5) return first % uniform(1, 9);
  if (kind == 6) return uniform(-4, 4) * first;
  if (kind == 7) return abs(first);
  Index second = integer(depth - 1);
  if (kind == 8) return min(first, second);
  return kind == 9 ? first - second : first + second;
}

Mask RuleInstances::mask(int depth) {
  int64_t kind = uniform(0, depth > 0 ? 6 : 3);
  if (kind > 3) {
    Mask first = mask(depth - 1);
    if (kind == 6) return !first;
    Mask second = mask(depth - 1);
    return kind == 4 ? first && second : first || second;
  }
  Index first = integer(depth);
  Index second = integer(0);
  return kind == 0   ? first == second
         : kind == 1 ? first < second
         : kind == 2 ? first >= second
                     : first != second;
}

Index RuleInstances::plainInteger() {
  switch (uniform(0, 3)) {
  case 0: return query();
  case 1: return key();
  case 2: return query() - key();
  default: return query() + 3 * key();
  }
}

Expr RuleInstances::valueOf(const ExprNode &letter, bool farConstants, bool plain) {
  static constexpr int64_t kFar[] = {INT64_MAX, INT64_MIN + 1, INT64_MAX / 2, INT64_MIN / 2,
                                     int64_t{1} << 32};
  switch (letterOf(letter)) {
  case Letter::Constant:
    if (farConstants && chance(40)) {
      int64_t far = kFar[uniform(0, 4)], near = uniform(0, 3);
      return makeInt(far > 0 ? far - near : far + near);
    }
    return makeInt(uniform(-12, 12));
  case Letter::Divisor:
    if (farConstants && chance(30)) return makeInt(INT64_MAX / uniform(1, 4));
    return makeInt(uniform(1, 12));
  case Letter::Factor: return makeInt(uniform(2, 7));
  case Letter::Integer: return (plain ? plainInteger() : integer(2)).expr();
  case Letter::Mask: {
    if (!plain) return mask(1).expr();
    Index first = plainInteger();
    return (first >= uniform(-5, 5)).expr();
  }
  case Letter::Float: return (score() * static_cast<double>(uniform(1, 5)) + toScore(integer(1))).expr();
  }
  throw std::logic_error("unknown letter");
}

std::optional<RuleInstances::Instance> RuleInstances::draw(const Rule &rule, bool farConstants, bool plain) {
  constexpr int kAttempts = 20000;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::map<const ParamDecl *, Expr> values;
    auto choose = [&](bool constants) {
      for (const Expr &side : {rule.from, rule.to, rule.when})
        forEachNode(side, [&](const ExprNode &node) {
          if (node.op != Op::Param || values.count(node.param.get())) return;
          Letter kind = letterOf(node);
          bool constant = kind == Letter::Constant || kind == Letter::Divisor || kind == Letter::Factor;
          if (constant == constants) values[node.param.get()] = valueOf(node, farConstants, plain);
        });
    };
    choose(true);
    if (rule.when && !holds(substituted(rule.when, values))) continue;
    choose(false);
    return Instance{substituted(rule.from, values), substituted(rule.to, values)};
  }
  return std::nullopt;
}

} // namespace maskloom::testing
