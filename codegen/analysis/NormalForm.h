// From a predicate to a disjunction of conjunctions of linear constraints.
//
// 1. Negation normal form: `not` moves to the atoms, which become e >= 0 or e == 0. Over the integers
//    not (e >= 0) is -e - 1 >= 0. not (e == 0) is e >= 1 or -e >= 1, one disjunct where the range of e says
//    so: congruences are first written x mod c == 0 (x mod c == r is (x - r) mod c == 0), whose negation is
//    x mod c >= 1.
// 2. Min, max, abs and integer select are split off atoms. In a position where e is monotone,
//    max(x, y) + z >= 0 is (x + z >= 0) or (y + z >= 0), and dually; elsewhere by cases.
//    Atoms with a part that is not quasi-affine (a load that depends on q or k, a product of two symbols)
//    become `unknown`.
// 3. Distribution into disjuncts; each product is dropped when it is empty together with what is known, and
//    absorbed when it implies one that is already there. Unknown atoms are dropped from their conjunction:
//    both sets may be over-approximated.
#pragma once

#include "maskloom/analysis/Emptiness.h"

#include <map>

namespace maskloom::analysis {

/// A formula without negations.
struct Formula {
  enum class Kind : uint8_t { True, False, Unknown, Atom, And, Or } kind = Kind::True;
  int expression = -1;   ///< Atom: node of the arena
  bool equality = false; ///< Atom: expression == 0 rather than >= 0
  std::vector<Formula> operands;
};

/// The predicate's nodes, and those that rewriting adds.
class ExpressionArena {
public:
  ExpressionArena(const Program &program, const Predicate &predicate);

  int root() const { return root_; }
  const PredicateNode &operator[](int node) const { return nodes_[node]; }
  int constant(int64_t value);
  int make(PredicateNode::Op op, int a, int b = -1);

  /// The formula that holds where `node` (a boolean) is true, or where it is false.
  Formula normalForm(int node, bool negate);

  bool isBoolean(int node) const;
  /// Interval of an integer node from constants, moduli and declared ranges.
  struct Range {
    std::optional<int64_t> low, high;
  };
  Range range(int node) const;
  /// A predicate was too large to rewrite within the step budget: parts became unknown.
  bool truncated() const { return truncated_; }

private:
  Formula equalityAtom(int difference, bool negate);
  Formula atom(int expression, bool equality);
  Formula compare(const PredicateNode &node, bool negate);
  int congruenceDifference(int a, int b);
  /// The outermost min, max, abs or select in an expression, or -1.
  int findPiecewise(int node) const;
  /// Bit 0: `target` occurs where the expression grows with it; bit 1: where it falls; both: neither.
  int signsOf(int node, int target, int sign) const;
  int substitute(int node, int target, int replacement, std::map<int, int> &done);
  int substitute(int node, int target, int replacement);

  const Program &program_;
  std::vector<PredicateNode> nodes_;
  int root_ = -1;
  int splitsLeft_ = 256;
  bool truncated_ = false;
};

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

private:
  /// The conjunctions with redundant members of the union left out; false when over the limit.
  bool keep(Disjuncts &all, System conjunction);

  VariableTable &table_;
  ExpressionArena &arena_;
  const Prover &prover_;
  int maxDisjuncts_;
  bool dropped_ = false;
  std::map<int, std::optional<Form>> lowered_;
};

} // namespace maskloom::analysis
