// Operands of && and ||, min and max as sets: flattened, sorted, and any two of them combined by the rules
// of the table where they have something in common. Which pairs are looked at grows with the operands'
// number, not with its square: equal ones, constants, one that stands inside another, and neighbours among
// the bounds of one sum.
#include "maskloom/dsl/CanonicalExpr.h"

#include <algorithm>

namespace maskloom {

namespace {

/// A comparison of a sum with a constant, as a place on the line of that sum's values.
struct Bound {
  Expr comparison;
  int64_t place;
};

bool isBound(const Expr &mask) {
  return (mask->op == Op::Ge || mask->op == Op::Eq || mask->op == Op::Ne) &&
         mask->operands[1]->op == Op::IntConst;
}

} // namespace

Expr Canonicalizer::junction(Op op, Operands operands, const Location &loc) {
  while (true) {
    Operands sorted;
    for (const Expr &operand : operands) {
      Operands inner = operand->op == op ? flattened(operand) : Operands{operand};
      sorted.insert(sorted.end(), inner.begin(), inner.end());
    }
    std::sort(sorted.begin(), sorted.end(),
              [&](const Expr &a, const Expr &b) { return nodes_.before(a, b); });
    bool changed = combineEqual(op, sorted, loc);
    changed |= combineConstant(op, sorted, loc);
    changed |= combineNested(op, sorted, loc);
    changed |= combineBounds(op, sorted, loc);
    if (!changed) return nodes_.balanced(op, Type::Bool, std::move(sorted), loc);
    operands = std::move(sorted);
  }
}

bool Canonicalizer::combineEqual(Op op, Operands &sorted, const Location &loc) {
  const size_t before = sorted.size();
  Operands kept;
  for (const Expr &operand : sorted) {
    std::optional<Expr> both;
    if (!kept.empty() && kept.back() == operand) both = combine(op, kept.back(), operand, loc);
    if (both)
      kept.back() = *both;
    else
      kept.push_back(operand);
  }
  sorted = std::move(kept);
  return sorted.size() != before;
}

bool Canonicalizer::combineConstant(Op op, Operands &sorted, const Location &loc) {
  bool changed = false;
  while (sorted.size() > 1 && sorted.front()->op == Op::BoolConst) { // constants come first
    std::optional<Expr> both = combine(op, sorted.front(), sorted.back(), loc);
    if (!both) break;
    sorted.pop_back();
    if ((*both)->op == Op::BoolConst) {
      sorted.front() = *both;
    } else {
      sorted.erase(sorted.begin());
      sorted.push_back(*both);
    }
    changed = true;
  }
  return changed;
}

bool Canonicalizer::combineNested(Op op, Operands &sorted, const Location &loc) {
  std::unordered_set<const ExprNode *> members;
  for (const Expr &operand : sorted) members.insert(operand.get());
  const Op opposite = op == Op::And ? Op::Or : Op::And;
  Operands kept;
  std::unordered_set<const ExprNode *> combined; // with another one: gone
  Operands results;
  for (const Expr &operand : sorted) {
    Operands inner;
    if (operand->op == opposite) inner = flattened(operand);
    if (operand->op == Op::Not) inner = operand->operands;
    for (const Expr &part : inner) {
      if (!members.count(part.get()) || combined.count(part.get())) continue;
      std::optional<Expr> both = combine(op, part, operand, loc);
      if (!both) continue;
      combined.insert(operand.get());
      if (*both != part) {
        combined.insert(part.get());
        results.push_back(*both);
      }
      break;
    }
  }
  for (const Expr &operand : sorted)
    if (!combined.count(operand.get())) kept.push_back(operand);
  kept.insert(kept.end(), results.begin(), results.end());
  sorted = std::move(kept);
  return !combined.empty();
}

bool Canonicalizer::combineBounds(Op op, Operands &sorted, const Location &loc) {
  std::unordered_map<const ExprNode *, std::vector<Bound>>
      lines; // by the sum or its negative: what comes first
  Operands kept, order;
  for (const Expr &operand : sorted) {
    Sum opposite;
    if (!isBound(operand) || !nodes_.addScaled(opposite, nodes_.sumOf(operand->operands[0]), -1) ||
        operand->operands[1]->intValue == INT64_MIN) {
      kept.push_back(operand);
      continue;
    }
    Expr sum = operand->operands[0], negative = nodes_.fromSum(opposite, loc);
    bool turned = nodes_.before(negative, sum);
    const Expr &line = turned ? negative : sum;
    int64_t place = operand->operands[1]->intValue;
    std::vector<Bound> &bounds = lines[line.get()];
    if (bounds.empty()) order.push_back(line);
    bounds.push_back({operand, turned ? -place : place});
  }
  bool changed = false;
  for (const Expr &line : order) {
    std::vector<Bound> &bounds = lines[line.get()];
    std::stable_sort(bounds.begin(), bounds.end(),
                     [](const Bound &a, const Bound &b) { return a.place < b.place; });
    Operands stack;
    for (const Bound &bound : bounds) {
      Expr next = bound.comparison;
      while (!stack.empty()) {
        std::optional<Expr> both = combine(op, stack.back(), next, loc);
        if (!both) break;
        next = *both;
        stack.pop_back();
        changed = true;
      }
      stack.push_back(next);
    }
    kept.insert(kept.end(), stack.begin(), stack.end());
  }
  sorted = std::move(kept);
  if (!changed) // the order of expressions, not that of the lines
    std::sort(sorted.begin(), sorted.end(),
              [&](const Expr &a, const Expr &b) { return nodes_.before(a, b); });
  return changed;
}

/// Of the operands at a constant distance from each other one is kept.
std::optional<Expr> Canonicalizer::extremum(Op op, Operands operands, const Location &loc) {
  std::unordered_map<const ExprNode *, size_t> slots; // by the sum without its constant
  Operands kept;
  for (const Expr &operand : operands)
    for (const Expr &part : operand->op == op ? flattened(operand) : Operands{operand}) {
      Sum sum = nodes_.sumOf(part);
      sum.constant = 0;
      auto [slot, fresh] = slots.try_emplace(nodes_.fromSum(sum, loc).get(), kept.size());
      if (fresh) {
        kept.push_back(part);
        continue;
      }
      Expr &other = kept[slot->second];
      std::optional<Expr> both = fold(op, {other, part}, loc);
      if (!both) both = combine(op, other, part, loc);
      if (both)
        other = *both;
      else
        kept.push_back(part);
    }
  std::sort(kept.begin(), kept.end(), [&](const Expr &a, const Expr &b) { return nodes_.before(a, b); });
  return nodes_.balanced(op, Type::Int, std::move(kept), loc);
}

} // namespace maskloom
