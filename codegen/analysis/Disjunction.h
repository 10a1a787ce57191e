// A normal form as a disjunction of conjunctions of linear constraints.
//
// Atoms become linear forms over the table's variables, with quotients of floor divisions among them. Atoms
// with a part that is not quasi-affine (a load that depends on q or k, a product of two symbols) are unknown:
// they are dropped from their conjunction, since both sets of tiles may be over-approximated. Of the products
// of the distribution each is dropped when it is empty together with what is known, and absorbed when it
// implies one that is already there.
#pragma once

#include "maskloom/analysis/Emptiness.h"
#include "maskloom/analysis/NormalForm.h"

#include <map>

namespace maskloom::analysis {

using Disjuncts = std::vector<System>;

class Disjunction {
public:
  Disjunction(VariableTable &table, ExpressionArena &arena, const Prover &prover, int maxDisjuncts)
      : table_(table), arena_(arena), prover_(prover), maxDisjuncts_(maxDisjuncts) {}

  /// Nothing when there are more disjuncts than allowed.
  std::optional<Disjuncts> expand(const Formula &formula);
  /// An atom was dropped: the disjuncts are a superset.
  bool dropped() const { return dropped_; }

  /// An integer node as a linear form; nothing when it is not quasi-affine, or the table is full.
  std::optional<Form> lower(int node);
  /// A node would be quasi-affine, were its numbers smaller or the table larger.
  bool tooLarge() const { return tooLarge_; }

private:
  /// The conjunctions with redundant members of the union left out; false when over the limit.
  bool keep(Disjuncts &all, System conjunction);

  VariableTable &table_;
  ExpressionArena &arena_;
  const Prover &prover_;
  int maxDisjuncts_;
  bool dropped_ = false;
  bool tooLarge_ = false;
  std::map<int, std::optional<Form>> lowered_;
};

} // namespace maskloom::analysis
