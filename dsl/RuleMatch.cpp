#include "maskloom/dsl/RuleMatch.h"

#include <algorithm>
#include <numeric>

namespace maskloom {

namespace {

// Sums of more terms keep them as they are: each rewriting of one term costs their number.
constexpr size_t kMostTerms = 64;

bool isLetter(const Expr &pattern, Letter letter) {
  return pattern->op == Op::Param && letterOf(*pattern) == letter;
}

bool isSum(const ExprNode &pattern) {
  return pattern.type == Type::Int &&
         (pattern.op == Op::Add || pattern.op == Op::Sub || pattern.op == Op::Mul || pattern.op == Op::Neg);
}

bool fits(const ExprNode &letter, const ExprNode &target) {
  if (letter.type != target.type) return false;
  switch (letterOf(letter)) {
  case Letter::Constant: return target.op == Op::IntConst && target.intValue != INT64_MIN;
  case Letter::Divisor: return target.op == Op::IntConst && target.intValue >= 1;
  case Letter::Factor: return false; // bound by divideMultiples
  default: return true;
  }
}

} // namespace

const Expr *Match::find(const ParamDecl *letter) const {
  for (const auto &[known, value] : bound_)
    if (known == letter) return &value;
  return nullptr;
}

std::vector<Expr> flattened(const Expr &set) {
  std::vector<Expr> pending = {set}, result;
  while (!pending.empty()) {
    Expr next = pending.back();
    pending.pop_back();
    if (next->op == set->op && next->type == set->type)
      pending.insert(pending.end(), next->operands.rbegin(), next->operands.rend());
    else
      result.push_back(next);
  }
  return result;
}

bool Matcher::run(std::vector<Goal> goals) {
  State state;
  state.goals = std::move(goals);
  return solve(std::move(state));
}

bool Matcher::solve(State state) {
  while (true) {
    if (state.goals.empty()) {
      if (state.multiples.empty()) return accept_(state.match);
      if (!divideMultiples(state)) return false;
      continue;
    }
    Goal goal = std::move(state.goals.back());
    state.goals.pop_back();
    const ExprNode &pattern = *goal.pattern, &target = *goal.target;
    if (pattern.op == Op::Param) {
      if (!fits(pattern, target)) return false;
      const Expr *bound = state.match.find(pattern.param.get());
      if (bound && *bound != goal.target) return false;
      if (!bound) state.match.bind(pattern.param.get(), goal.target);
      continue;
    }
    if (isSum(pattern)) return target.type == Type::Int && solveSum(state, goal);
    if (pattern.op != target.op || pattern.type != target.type || pattern.intValue != target.intValue)
      return false;
    bool set = pattern.op == Op::And || pattern.op == Op::Or;
    if (set && isLetter(pattern.operands[0], Letter::Mask) &&
        state.match.find(pattern.operands[0]->param.get()))
      return solveSet(std::move(state), goal);
    for (size_t i = pattern.operands.size(); i-- > 0;)
      state.goals.push_back({pattern.operands[i], target.operands[i]});
  }
}

// `-x`, `g*x`, `x + c`, `a*x + y`, `y + f(x)`, `y - f(x)`.
bool Matcher::solveSum(const State &state, const Goal &goal) {
  const ExprNode &pattern = *goal.pattern;
  Sum sum = nodes_.sumOf(goal.target);
  auto tryGoals = [&](std::vector<Goal> goals) {
    State next = state;
    next.goals.insert(next.goals.end(), goals.begin(), goals.end());
    return solve(std::move(next));
  };
  auto expr = [&](const Sum &part) { return nodes_.fromSum(part, goal.target->loc); };

  if (pattern.op == Op::Neg) {
    Sum opposite;
    return nodes_.addScaled(opposite, sum, -1) && tryGoals({{pattern.operands[0], expr(opposite)}});
  }
  const Expr &left = pattern.operands[0], &right = pattern.operands[1];
  if (pattern.op == Op::Mul && isLetter(left, Letter::Factor)) {
    State next = state;
    next.factor = left->param.get();
    next.multiples.push_back({right, goal.target});
    return solve(std::move(next));
  }
  if (pattern.op == Op::Add && isLetter(right, Letter::Constant)) {
    Sum rest = sum;
    rest.constant = 0;
    return tryGoals({{right, nodes_.integer(sum.constant, goal.target->loc)}, {left, expr(rest)}});
  }
  const bool scaled = pattern.op == Op::Add && left->op == Op::Mul;
  if (sum.terms.size() > kMostTerms) return false;
  for (size_t i = 0; i < sum.terms.size(); ++i) {
    const Sum::Term term = sum.terms[i];
    Sum rest = sum;
    rest.terms.erase(rest.terms.begin() + static_cast<std::ptrdiff_t>(i));
    if (scaled) {
      Expr coefficient = nodes_.integer(term.coefficient, goal.target->loc);
      if (tryGoals({{right, expr(rest)}, {left->operands[1], term.atom}, {left->operands[0], coefficient}}))
        return true;
    } else if (term.coefficient == (pattern.op == Op::Add ? 1 : -1)) {
      if (tryGoals({{left, expr(rest)}, {right, term.atom}})) return true;
    }
  }
  return false;
}

// `m && n` where m is known: n is what else the set holds.
bool Matcher::solveSet(State state, const Goal &goal) {
  Expr known = *state.match.find(goal.pattern->operands[0]->param.get());
  std::vector<Expr> operands = flattened(goal.target);
  auto place = std::find(operands.begin(), operands.end(), known);
  if (place == operands.end()) return false;
  operands.erase(place);
  Expr rest = nodes_.balanced(goal.target->op, Type::Bool, std::move(operands), goal.target->loc);
  state.goals.push_back({goal.pattern->operands[1], rest});
  return solve(std::move(state));
}

bool Matcher::divideMultiples(State &state) {
  int64_t factor = 0;
  for (const Goal &goal : state.multiples) factor = std::gcd(factor, nodes_.sumOf(goal.target).content(true));
  if (factor < 2) return false;
  for (const Goal &goal : state.multiples) {
    Sum sum = nodes_.sumOf(goal.target);
    for (Sum::Term &term : sum.terms) term.coefficient /= factor;
    sum.constant /= factor;
    state.goals.push_back({goal.pattern, nodes_.fromSum(sum, goal.target->loc)});
  }
  state.match.bind(state.factor, nodes_.integer(factor, state.multiples[0].target->loc));
  state.multiples.clear();
  return true;
}

} // namespace maskloom
