// Interned nodes of the canonical form, their order, and sums.
#pragma once

#include "maskloom/dsl/Expr.h"

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace maskloom {

/// A sum of terms, sorted, atoms distinct and no coefficient 0, plus a constant.
struct Sum {
  struct Term {
    Expr atom; ///< no sum, no product by a constant
    int64_t coefficient;
  };
  std::vector<Term> terms;
  int64_t constant = 0;

  /// Greatest common divisor of all coefficients and, if asked for, the constant; 0 when all are 0.
  int64_t content(bool withConstant) const;
};

class NodeTable {
public:
  Expr intern(ExprNode node);
  Expr make(Op op, Type type, std::vector<Expr> operands, const Location &loc);
  Expr integer(int64_t value, const Location &loc);
  /// A tree of the lowest height.
  Expr balanced(Op op, Type type, std::vector<Expr> operands, const Location &loc);
  Expr truth(bool value, const Location &loc);
  Expr real(double value, const Location &loc);

  /// Smaller expressions come first, then by operation and operands from the left; parameters and tensors by
  /// name. The same on every machine.
  bool before(const Expr &a, const Expr &b) const { return compare(*a, *b) < 0; }

  Sum sumOf(const Expr &node) const;
  /// sum += factor * other; false when a number leaves 64 bits (INT64_MIN counts: it has no negative).
  bool addScaled(Sum &sum, const Sum &other, int64_t factor) const;
  Expr fromSum(const Sum &sum, const Location &loc);

private:
  int compare(const ExprNode &a, const ExprNode &b) const;

  struct Node : ExprNode {
    size_t number = 0; // of interning
    size_t size = 1;   // nodes when written out
  };
  static const Node &interned(const ExprNode &node) { return static_cast<const Node &>(node); }

  std::unordered_map<std::string, Expr> known_;
  std::unordered_map<const ExprNode *, Sum> sums_; // of what fromSum made
};

} // namespace maskloom
