// Is there a point in a set given by a formula of linear constraints? Case distinction with pruning: the
// formula's conjunctions are collected into one system; of the disjunctions that remain, alternatives that
// contradict the system are struck out, one that is left alone joins it, and when several are left in all of
// them the shortest disjunction is split. A system without open disjunctions is decided over the integers.
//
// The number of cases is exponential in the worst case; every emptiness test counts against the budget of the
// prover, and a search that runs out of it ends with `Unknown`.
#pragma once

#include "maskloom/analysis/LinearFormula.h"

#include <functional>

namespace maskloom::analysis {

class CaseSearch {
public:
  enum class Outcome : uint8_t { Empty, Found, Unknown };
  /// Is the point really one (the set may be a superset)? The search goes on until one is accepted.
  using Accept = std::function<bool(const Solution &)>;

  /// Positions, and the length of the sequence where it is a variable: people like them to be small in an
  /// answer, and no launch has larger ones than InputRanges.h says.
  CaseSearch(const Prover &prover, std::vector<Form> positions, std::optional<Form> length, Accept accept)
      : prover_(prover), positions_(std::move(positions)), length_(std::move(length)),
        accept_(std::move(accept)) {}

  Outcome run(const LinearFormula &formula) { return explore({}, {&formula}, {}); }

private:
  using Alternatives = std::vector<const LinearFormula *>;
  using Open = std::vector<Alternatives>;

  Outcome explore(System system, Alternatives facts, Open open);
  Outcome decide(const System &system);
  bool compatible(const System &system, const LinearFormula &alternative) const;

  const Prover &prover_;
  std::vector<Form> positions_;
  std::optional<Form> length_;
  Accept accept_;
};

} // namespace maskloom::analysis
