// Counterexamples among small problems: every pair of short sequences, with the given parameters, with
// parameters at the ends of their ranges, and with a few kinds of contents for aux tensors. What it finds has
// been checked; finding nothing proves nothing.
#pragma once

#include "maskloom/analysis/Statement.h"

namespace maskloom::analysis {

class BoundedSearch {
public:
  explicit BoundedSearch(const Statement &statement, int64_t maxCheckedPoints)
      : statement_(statement), maxCheckedPoints_(maxCheckedPoints) {}

  /// Evaluates about `points` pairs, counted over heads, parameters and lengths.
  std::optional<Counterexample> run(int64_t points);

private:
  std::vector<std::vector<int64_t>> parameterSets() const;
  std::vector<int64_t> heads() const;
  void fillAux(Counterexample &point, int kind) const;

  /// Every pair of one problem.
  std::optional<Counterexample> scan(const Counterexample &problem, int kind);
  std::optional<Counterexample> scanHead(const Counterexample &problem, int64_t head);
  std::optional<Counterexample> scanAllHeads(const Counterexample &problem);
  std::optional<Counterexample> scanDropped(const Counterexample &problem, int64_t head);
  std::optional<Counterexample> checked(Counterexample point, int kind) const;

  const Statement &statement_;
  const int64_t maxCheckedPoints_;
  int64_t pointsLeft_ = 0;
};

} // namespace maskloom::analysis
