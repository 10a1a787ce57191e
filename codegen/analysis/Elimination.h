// Quantifier elimination over one conjunction: removes the local variables, keeping track of exactness.
//
// Let v be a local variable with lower bounds a*v >= L and upper bounds b*v <= U, a, b > 0. An integer v
// exists iff ceil(L/a) <= floor(U/b) for every pair of a lower and an upper bound. Per pair:
//
//   (a) an equality is solved for a local and substituted: exact. Where no local has a unit coefficient, a
//       unimodular change of the locals leaves a single one, a*v = -R, and "a divides R" is added as in (d).
//   (b) a = 1 or b = 1: the condition is a*U >= b*L: exact. Likewise no condition at all when a = b and
//       U - L >= a - 1 always.
//   (c) otherwise a*U - b*L >= (a - 1)*(b - 1) suffices (the dark shadow of the Omega test; Pugh, 1991).
//   Where
//       the remaining constraints together with a*U >= b*L imply it, a*U >= b*L is exact.
//   (d) L and U free of other locals: the condition itself, floor(U/b) >= ceil(L/a), is kept. If only one of
//       them mentions the inner tile x, the other's quotient becomes a floor scalar and the condition linear;
//       if both do, it is a gap: with equal coefficients of x a congruence.
//   (e) otherwise a*U >= b*L alone: an over-approximation, and the result is flagged inexact.
//
// Bounds are divided by the gcd of their coefficients and rounded after every step. Before (e) is resorted
// to, only the coefficients of locals and of x count: g*e + R >= 0 with R known at run time becomes e +
// floor(R/g) >= 0, the quotient a floor scalar. With symbolic offsets this is what brings coefficients down
// to 1, and (b) applies again.
#pragma once

#include "maskloom/analysis/Emptiness.h"

namespace maskloom::analysis {

/// There is an integer v with lower <= modulus * v <= upper; both sides mention the inner tile.
struct GapForm {
  Form lower, upper;
  int64_t modulus = 1;
  bool operator==(const GapForm &) const = default;
};

/// A set of tiles: constraints and gaps over outer variables.
struct TileSet {
  System constraints;
  std::vector<GapForm> gaps;
  bool exact = true;

  /// The constraints, and the gaps with a variable of their own each: for emptiness and implication.
  System asSystem() const;
};

class Eliminator {
public:
  Eliminator(VariableTable &table, const Prover &prover, const DeriveLimits &limits)
      : table_(table), prover_(prover), limits_(limits) {}

  /// The projection of a closed system onto the outer variables; nothing when it is empty.
  std::optional<TileSet> project(System system);

private:
  struct Bounds {
    System lower, upper, rest; ///< lower: positive coefficient of v
  };
  enum class Pair : uint8_t { Linear, Always, Quasi, Inexact };
  Bounds boundsOn(int variable, const System &system) const;
  Pair classify(int variable, const Constraint &lower, const Constraint &upper) const;
  /// a*U - b*L as a form that must be >= 0; nothing on overflow.
  std::optional<Form> shadow(int variable, const Constraint &lower, const Constraint &upper) const;
  /// What holds once `variable` is gone, if all its pairs are combined.
  System shadowContext(int variable, const Bounds &bounds) const;
  bool darkShadowImplied(int variable, const System &context, const Constraint &lower,
                         const Constraint &upper) const;
  /// False when there was nothing to round.
  bool roundOuterPart(System &system);
  /// The cheapest variable of the best rule that any variable offers.
  struct Choice {
    int variable;
    long cost; ///< constraints gained
    bool proveDark, exact;
  };
  Choice choose(const std::vector<int> &locals, const System &system);
  /// Rule (a). False when no equality has a local (or numbers get too large).
  bool substituteEquality(const std::vector<int> &locals, System &system, TileSet &result);
  void eliminate(int variable, bool tryDarkShadow, System &system, TileSet &result);
  /// Adds floor(U/b) >= ceil(L/a) to the system or the gaps; false on overflow.
  bool addQuotientCondition(int variable, const Constraint &lower, const Constraint &upper, System &system,
                            TileSet &result);
  void dropRedundant(TileSet &set) const;

  VariableTable &table_;
  const Prover &prover_;
  const DeriveLimits &limits_;
};

} // namespace maskloom::analysis
