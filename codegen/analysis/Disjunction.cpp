#include "maskloom/analysis/Disjunction.h"

#include <algorithm>

namespace maskloom::analysis {

using Op = PredicateNode::Op;
using Kind = Formula::Kind;

std::optional<Form> Disjunction::lower(int index) {
  if (auto found = lowered_.find(index); found != lowered_.end()) return found->second;
  const PredicateNode node = arena_[index];
  std::optional<Form> result;
  auto tooLarge = [&]() -> std::optional<Form> {
    tooLarge_ = true;
    return std::nullopt;
  };
  auto combineForms = [&](int64_t factor) -> std::optional<Form> {
    std::optional<Form> a = lower(node.operands[0]), b = lower(node.operands[1]);
    if (!a || !b) return std::nullopt;
    return a->add(*b, factor) ? a : tooLarge();
  };
  auto scaled = [&](const std::optional<Form> &a, int64_t factor) -> std::optional<Form> {
    Form form;
    if (!a) return std::nullopt;
    return form.add(*a, factor) ? std::optional(form) : tooLarge();
  };
  switch (node.op) {
  case Op::Const: {
    Form value;
    value.constant = node.value;
    result = scaled(value, 1);
    break;
  }
  case Op::Symbol:
    result = table_.lower(node.symbol, static_cast<int32_t>(node.value));
    if (!result) tooLarge();
    break;
  case Op::Add: result = combineForms(1); break;
  case Op::Sub: result = combineForms(-1); break;
  case Op::Neg: result = scaled(lower(node.operands[0]), -1); break;
  case Op::Mul: {
    std::optional<Form> a = lower(node.operands[0]), b = lower(node.operands[1]);
    if (a && b && a->isConstant())
      result = scaled(b, a->constant);
    else if (a && b && b->isConstant())
      result = scaled(a, b->constant);
    break; // a product of two symbols is not affine
  }
  case Op::FloorDiv:
  case Op::Mod: {
    std::optional<Form> a = lower(node.operands[0]), divisor = lower(node.operands[1]);
    if (!a || !divisor || !divisor->isConstant() || divisor->constant <= 0) break;
    std::optional<Form> quotient = table_.floorOf(*a, divisor->constant);
    if (!quotient)
      tooLarge();
    else if (node.op == Op::FloorDiv)
      result = quotient;
    else
      result = a->add(*quotient, -divisor->constant) ? a : tooLarge();
    break;
  }
  default: break; // a load that depends on positions
  }
  lowered_[index] = result;
  return result;
}

/// Every constraint of `weaker` is in `stronger`.
static bool containsAll(const System &stronger, const System &weaker) {
  return std::all_of(weaker.begin(), weaker.end(), [&](const Constraint &c) {
    return std::find(stronger.begin(), stronger.end(), c) != stronger.end();
  });
}

bool Disjunction::keep(Disjuncts &all, System conjunction) {
  for (const System &other : all)
    if (containsAll(conjunction, other)) return true;
  std::erase_if(all, [&](const System &other) { return containsAll(other, conjunction); });
  all.push_back(std::move(conjunction));
  return static_cast<int>(all.size()) <= maxDisjuncts_;
}

std::optional<Disjuncts> Disjunction::expand(const Formula &formula) {
  switch (formula.kind) {
  case Kind::True: return Disjuncts{System{}};
  case Kind::False: return Disjuncts{};
  case Kind::Unknown: dropped_ = true; return Disjuncts{System{}};
  case Kind::Atom: {
    std::optional<Form> form = lower(formula.expression);
    if (!form) {
      dropped_ = true;
      return Disjuncts{System{}};
    }
    System system{{*form, formula.equality}};
    return normalise(system) ? Disjuncts{system} : Disjuncts{};
  }
  case Kind::Or: {
    Disjuncts result;
    for (const Formula &operand : formula.operands) {
      std::optional<Disjuncts> disjuncts = expand(operand);
      if (!disjuncts) return std::nullopt;
      for (System &system : *disjuncts)
        if (!keep(result, std::move(system))) return std::nullopt;
    }
    return result;
  }
  case Kind::And: {
    std::vector<Disjuncts> factors;
    for (const Formula &operand : formula.operands) {
      std::optional<Disjuncts> disjuncts = expand(operand);
      if (!disjuncts) return std::nullopt;
      if (disjuncts->empty()) return Disjuncts{};
      factors.push_back(std::move(*disjuncts));
    }
    // Single conjunctions first: they make the pruning of the products effective.
    std::stable_sort(factors.begin(), factors.end(),
                     [](const Disjuncts &a, const Disjuncts &b) { return a.size() < b.size(); });
    Disjuncts result{System{}};
    for (const Disjuncts &factor : factors) {
      Disjuncts product;
      bool prune = result.size() * factor.size() > 1;
      for (const System &left : result)
        for (const System &right : factor) {
          System both = left;
          both.insert(both.end(), right.begin(), right.end());
          if (!normalise(both)) continue;
          if (prune) {
            System closed = both;
            if (table_.close(closed) && prover_.rationallyEmpty(std::move(closed))) continue;
          }
          if (!keep(product, std::move(both))) return std::nullopt;
        }
      result = std::move(product);
    }
    return result;
  }
  }
  return std::nullopt;
}

} // namespace maskloom::analysis
