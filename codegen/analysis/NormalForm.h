// Negation normal form of a predicate, whose atoms are free of min, max, abs and select: what comes before
// the distribution into disjuncts (Disjunction.h).
//
// 1. `not` moves to the atoms, which become e >= 0 or e == 0. Over the integers not (e >= 0) is -e - 1 >= 0.
//    not (e == 0) is e >= 1 or -e >= 1, one disjunct where the range of e says so: congruences are first
//    written x mod c == 0 (x mod c == r is (x - r) mod c == 0), whose negation is x mod c >= 1.
// 2. Min, max, abs and integer select are split off atoms. In a position where e is monotone,
//    max(x, y) + z >= 0 is (x + z >= 0) or (y + z >= 0), and dually; elsewhere by cases.
#pragma once

#include "maskloom/program/Program.h"

#include <map>
#include <optional>
#include <vector>

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
  /// Interval of an integer node from constants, moduli, declared ranges and those of launches.
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

} // namespace maskloom::analysis
