#include "maskloom/analysis/CaseSearch.h"

#include "maskloom/program/InputRanges.h"

#include <algorithm>

namespace maskloom::analysis {

using Kind = LinearFormula::Kind;
using Outcome = CaseSearch::Outcome;

static bool contains(const System &system, const Constraint &constraint) {
  return std::find(system.begin(), system.end(), constraint) != system.end();
}

bool CaseSearch::compatible(const System &system, const LinearFormula &alternative) const {
  System both = system;
  if (alternative.kind == Kind::Atom) both.push_back(alternative.atom);
  for (const LinearFormula &operand : alternative.operands)
    if (operand.kind == Kind::Atom) both.push_back(operand.atom);
  return !prover_.rationallyEmpty(std::move(both));
}

Outcome CaseSearch::explore(System system, Alternatives facts, Open open) {
  while (true) {
    while (!facts.empty()) {
      const LinearFormula &fact = *facts.back();
      facts.pop_back();
      switch (fact.kind) {
      case Kind::True: break;
      case Kind::False: return Outcome::Empty;
      case Kind::Atom: system.push_back(fact.atom); break;
      case Kind::And:
        for (const LinearFormula &operand : fact.operands) facts.push_back(&operand);
        break;
      case Kind::Or: {
        Alternatives &alternatives = open.emplace_back();
        for (const LinearFormula &operand : fact.operands) alternatives.push_back(&operand);
        break;
      }
      }
    }
    if (!normalise(system) || prover_.rationallyEmpty(system)) return Outcome::Empty;
    if (prover_.exhausted()) return Outcome::Unknown;
    for (size_t i = 0; i < open.size() && facts.empty();) {
      Alternatives &alternatives = open[i];
      bool satisfied = std::any_of(alternatives.begin(), alternatives.end(), [&](const LinearFormula *a) {
        return a->kind == Kind::Atom && contains(system, a->atom);
      });
      if (!satisfied) std::erase_if(alternatives, [&](const auto *a) { return !compatible(system, *a); });
      if (!satisfied && alternatives.empty()) return Outcome::Empty;
      if (!satisfied && alternatives.size() == 1) facts.push_back(alternatives.front());
      if (satisfied || alternatives.size() == 1)
        open.erase(open.begin() + i);
      else
        ++i;
    }
    if (facts.empty()) break;
  }
  if (open.empty()) return decide(system);

  auto shortest =
      std::min_element(open.begin(), open.end(),
                       [](const Alternatives &a, const Alternatives &b) { return a.size() < b.size(); });
  Alternatives alternatives = std::move(*shortest);
  open.erase(shortest);
  Outcome result = Outcome::Empty;
  for (const LinearFormula *alternative : alternatives) {
    Outcome outcome = explore(system, {alternative}, open);
    if (outcome == Outcome::Found) return outcome;
    if (outcome == Outcome::Unknown) result = outcome;
    if (prover_.exhausted()) return Outcome::Unknown;
    // The cases that follow lie outside this one.
    if (alternative->kind == Kind::Atom && !alternative->atom.equality) {
      Constraint outside;
      if (!outside.form.add(alternative->atom.form, -1)) continue;
      outside.form.constant -= 1;
      system.push_back(outside);
    }
  }
  return result;
}

Outcome CaseSearch::decide(const System &system) {
  // Small numbers are preferred: people can check them.
  const auto below = [&](int64_t lastPosition, int64_t longest) {
    System bounded = system;
    const auto limit = [&](const Form &form, int64_t bound) {
      Constraint limit;
      if (!limit.form.add(form, -1)) return;
      limit.form.constant += bound;
      bounded.push_back(limit);
    };
    for (const Form &position : positions_) limit(position, lastPosition);
    if (length_) limit(*length_, longest);
    return prover_.solve(std::move(bounded));
  };
  Solution solution = below(1 << 6, 1 << 6);
  if (solution.kind != Solution::Kind::Found) {
    solution = prover_.solve(system);
    if (solution.kind == Solution::Kind::Empty) return Outcome::Empty;
    Solution nearer;
    for (int bits = 7; bits <= 22 && nearer.kind != Solution::Kind::Found; ++bits)
      nearer = below(1 << bits, 1 << bits);
    if (nearer.kind != Solution::Kind::Found)
      nearer = below(InputRanges::kPositionHigh, InputRanges::kLongest);
    if (nearer.kind == Solution::Kind::Empty) return Outcome::Empty; // no sequence is longer
    solution = std::move(nearer);
  }
  if (solution.kind != Solution::Kind::Found) return Outcome::Unknown;
  return accept_(solution) ? Outcome::Found : Outcome::Unknown;
}

} // namespace maskloom::analysis
