// One question to the case search: the variables of a statement, the masks lowered over them, and the formula
// of its counterexamples.
//
// Variables: the head, the positions, the lengths where a mask names them, and run-time parameters in their
// ranges. H, Hkv, constant parameters, and all parameters when only the given values count, are numbers. A
// position that is quantified inside (is there a key that ...?) is local; everything else is outer. What a
// load from an aux tensor reads is a variable too, unless local ones decide where it reads.
#pragma once

#include "maskloom/analysis/CaseSearch.h"
#include "maskloom/analysis/Elimination.h"
#include "maskloom/analysis/LoadNaming.h"
#include "maskloom/analysis/Statement.h"

#include <deque>
#include <set>

namespace maskloom::analysis {

class Question {
public:
  Question(const Statement &statement, const ProofLimits &limits);

  /// The head of the statement, one of first .. last.
  void head(int64_t first, int64_t last);
  /// The head of masks lowered from now on, quantified inside (false: there are too many groups); or a
  /// certain one, which stands for those up to `last`: their masks differ by what they load at most.
  bool localHead(int64_t first, int64_t last);
  void certainHead(int64_t head, int64_t last);

  /// A query (key) position of the statement; `local`: quantified inside.
  Form query();
  Form key(bool local = false);
  /// The position that masks lowered from now on are about.
  void at(const Form &query, const Form &key);

  /// Restricts the points in question.
  void require(LinearFormula formula) { conjuncts_.push_back(std::move(formula)); }
  /// a >= b + distance
  static LinearFormula atLeast(const Form &a, const Form &b, int64_t distance);

  /// Where the mask holds (fails), or more.
  LinearFormula holds(const Predicate &mask) { return lowered(mask, false); }
  LinearFormula fails(const Predicate &mask) { return lowered(mask, true); }
  /// Where the mask fails for every value of the local variables, or more.
  LinearFormula failsForAll(const Predicate &mask);

  /// Is there a point of all requirements that `accept` confirms? Without it none is.
  using Accept = std::function<bool(const Counterexample &)>;
  CaseSearch::Outcome search(const Accept &accept = {});

  /// For people, why the set of counterexamples is only known to be inside a larger one; empty when it is
  /// exact.
  const std::string &approximation() const { return approximation_; }
  bool exhausted() const { return searchProver_.exhausted(); }

private:
  LinearFormula lowered(const Predicate &mask, bool negate);
  void approximate(const FormulaLowering &lowering, const ExpressionArena &arena);
  Form variable(bool local, int64_t low, std::optional<int64_t> high);
  void bindHead(const Form &head);
  void approximate(const char *why);
  /// Nothing where numbers are too large to be evaluated.
  std::optional<int64_t> value(const Form &form, const Solution &solution) const;
  std::optional<Counterexample> read(const Solution &solution) const;
  bool accepted(const Solution &solution, const Accept &accept);
  /// Writes the numbers that the solution has for loads where these loads read. `everywhere`: the first one
  /// of a tensor also in its other entries.
  void write(const Solution &solution, bool everywhere, Counterexample &point);
  std::optional<Form> indexAt(const Place &place, const Predicate &index);
  /// Where two loads read one entry, they read one number.
  LinearFormula congruence(int load, int other);

  const Statement &statement_;
  const ProofLimits &limits_;
  DeriveLimits derive_;
  VariableTable table_;
  LoadNaming loads_;
  Place place_;
  std::set<std::pair<int, int>> aliases_; ///< loads that read one entry at a point, with different numbers
  int64_t contentsLeft_;
  Budget projectBudget_, searchBudget_;
  Prover projectProver_, searchProver_;
  std::optional<Form> queryLength_, keyLength_, head_, localKey_, key_;
  std::vector<Form> queries_;
  std::deque<LinearFormula> conjuncts_;
  std::string approximation_;
};

} // namespace maskloom::analysis
