// The table of Rules.h applied to canonical nodes. Every right side is built of canonical operations, so one
// rule after the other is applied until none fits.
#include "maskloom/dsl/CanonicalExpr.h"

namespace maskloom {

namespace {

/// By the operation alone, to keep most rules from being tried.
bool mayMatch(const ExprNode &pattern, const ExprNode &target) {
  bool sum = pattern.op == Op::Add || pattern.op == Op::Sub || pattern.op == Op::Neg || pattern.op == Op::Mul;
  return pattern.op == Op::Param || (sum && pattern.type == Type::Int) || pattern.op == target.op;
}

} // namespace

std::optional<Expr> Canonicalizer::simplify(const Expr &node) {
  auto known = simplified_.find(node.get());
  if (known != simplified_.end()) return known->second;
  if (!inProgress_.insert(node.get()).second) return std::nullopt;
  std::optional<Expr> result = rewrite(node);
  inProgress_.erase(node.get());
  return simplified_.emplace(node.get(), result ? *result : node).first->second;
}

std::optional<Expr> Canonicalizer::rewrite(const Expr &node) {
  auto candidates = rules_.find({node->op, node->type});
  if (candidates == rules_.end()) return std::nullopt;
  for (const Rule *rule : candidates->second) {
    if (rule->use == Rule::Use::OneExtremum && extrema(node) != 1) continue;
    std::optional<Expr> result;
    Matcher matcher(nodes_, [&](const Match &match) {
      result = replacement(*rule, match, node, node->loc);
      return result.has_value();
    });
    if (matcher.run({{rule->from, node}})) return result;
  }
  return std::nullopt;
}

std::optional<Expr> Canonicalizer::combine(Op op, const Expr &a, const Expr &b, const Location &loc) {
  auto candidates = rules_.find({op, a->type});
  if (candidates == rules_.end()) return std::nullopt;
  for (const Rule *rule : candidates->second)
    for (const auto &[first, second] : {std::pair(a, b), std::pair(b, a)}) {
      if (!mayMatch(*rule->from->operands[0], *first) || !mayMatch(*rule->from->operands[1], *second))
        continue;
      std::optional<Expr> result;
      Matcher matcher(nodes_, [&](const Match &match) {
        result = replacement(*rule, match, nullptr, loc);
        return result.has_value();
      });
      if (matcher.run({{rule->from->operands[1], second}, {rule->from->operands[0], first}})) return result;
    }
  return std::nullopt;
}

std::optional<Expr> Canonicalizer::replacement(const Rule &rule, const Match &match, const Expr &original,
                                               const Location &loc) {
  if (rule.when) {
    std::optional<Expr> holds = build(rule.when, match, loc);
    if (!holds || (*holds)->op != Op::BoolConst || !(*holds)->intValue) return std::nullopt;
  }
  if (rule.use == Rule::Use::Ordered) { // compared before any further rule, which could turn it back
    std::vector<Expr> operands;
    for (const Expr &operand : rule.to->operands) {
      std::optional<Expr> built = build(operand, match, loc);
      if (!built) return std::nullopt;
      operands.push_back(*built);
    }
    if (!nodes_.before(nodes_.make(rule.to->op, rule.to->type, std::move(operands), loc), original))
      return std::nullopt;
  }
  return build(rule.to, match, loc);
}

std::optional<Expr> Canonicalizer::build(const Expr &pattern, const Match &match, const Location &loc) {
  switch (pattern->op) {
  case Op::Param: return *match.find(pattern->param.get());
  case Op::IntConst: return nodes_.integer(pattern->intValue, loc);
  case Op::BoolConst: return nodes_.truth(pattern->intValue != 0, loc);
  default: break;
  }
  Operands operands;
  for (const Expr &operand : pattern->operands) {
    std::optional<Expr> built = build(operand, match, loc);
    if (!built) return std::nullopt;
    operands.push_back(*built);
  }
  return construct(pattern->op, pattern->type, std::move(operands), loc);
}

/// Operations min, max and abs in an expression; a min of many operands counts once.
size_t Canonicalizer::extrema(const Expr &canonical) {
  auto known = extrema_.find(canonical.get());
  if (known != extrema_.end()) return known->second;
  bool set = canonical->op == Op::Min || canonical->op == Op::Max;
  size_t count = set || canonical->op == Op::Abs;
  for (const Expr &operand : set ? flattened(canonical) : canonical->operands) count += extrema(operand);
  extrema_.emplace(canonical.get(), count);
  return count;
}

} // namespace maskloom
