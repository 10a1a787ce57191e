// Counterexamples among small problems: every pair of short sequences, with the given parameters, with
// parameters at the ends of their ranges, and with several contents of aux tensors. What it finds has
// been checked; finding nothing proves nothing. For masks with long periods, points are also scattered over
// longer and longer sequences.
#pragma once

#include "maskloom/analysis/Statement.h"

namespace maskloom::analysis {

class BoundedSearch {
public:
  BoundedSearch(const Statement &statement, int64_t maxCheckedPoints, int64_t maxContents)
      : statement_(statement), maxCheckedPoints_(maxCheckedPoints), contentsLeft_(maxContents) {}

  /// Evaluates about `points` pairs, counted over heads, parameters and lengths.
  std::optional<Counterexample> run(int64_t points);
  /// About so many points at pseudo-random positions (always the same ones) below 2^8, 2^10, ... 2^24.
  std::optional<Counterexample> scatter(int64_t points);

private:
  std::vector<std::vector<int64_t>> parameterSets() const;
  std::vector<int64_t> heads() const;

  /// About so many points of sequences of up to `longest` tokens, with one set of parameters and one kind of
  /// contents.
  std::optional<Counterexample> scanLengths(Counterexample problem, int kind, int64_t points,
                                            int64_t longest);
  /// Every pair of one problem.
  std::optional<Counterexample> scan(const Counterexample &problem, int kind);
  std::optional<Counterexample> scanHead(const Counterexample &problem, int64_t head);
  std::optional<Counterexample> scanAllHeads(const Counterexample &problem);
  std::optional<Counterexample> scanDropped(const Counterexample &problem, int64_t head);
  std::optional<Counterexample> scatterDropped(Counterexample point, int64_t reach, uint64_t &random);
  std::optional<Counterexample> checked(Counterexample point, int kind) const;

  const Statement &statement_;
  const int64_t maxCheckedPoints_;
  int64_t contentsLeft_; ///< entries of aux tensors
  int64_t pointsLeft_ = 0;
};

} // namespace maskloom::analysis
