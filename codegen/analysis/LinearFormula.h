// Formulas whose atoms are linear constraints, and their lowering from the normal form of a predicate.
#pragma once

#include "maskloom/analysis/Disjunction.h"

namespace maskloom::analysis {

/// A formula without negations over the variables of one table.
struct LinearFormula {
  enum class Kind : uint8_t { True, False, Atom, And, Or } kind = Kind::True;
  Constraint atom;
  std::vector<LinearFormula> operands;

  static LinearFormula constant(bool value);
  static LinearFormula of(const Constraint &constraint);
  static LinearFormula all(std::vector<LinearFormula> operands);
  static LinearFormula any(std::vector<LinearFormula> operands);
};

/// The points outside a conjunction.
LinearFormula negation(const System &conjunction);

/// Lowers normal forms with the bindings that the table has now.
class FormulaLowering {
public:
  FormulaLowering(VariableTable &table, ExpressionArena &arena, const Prover &prover, int maxDisjuncts)
      : disjunction_(table, arena, prover, maxDisjuncts) {}

  /// True wherever the formula may be: what is not linear counts as satisfied.
  LinearFormula lower(const Formula &formula);
  /// The disjuncts of a subset of the formula; nothing when there are too many.
  std::optional<Disjuncts> expandSubset(const Formula &formula) {
    return disjunction_.expand(withoutUnknowns(formula));
  }
  /// Something was unknown in a formula lowered so far.
  bool approximated() const { return approximated_; }
  /// Because of numbers or divisions that are too many for the table (Disjunction.h).
  bool tooLarge() const { return disjunction_.tooLarge(); }

private:
  Formula withoutUnknowns(const Formula &formula);

  Disjunction disjunction_;
  bool approximated_ = false;
};

} // namespace maskloom::analysis
