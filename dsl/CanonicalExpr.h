// The canonical form of one expression: integers as sorted linear sums, comparisons of one sum with a
// constant, flattened and sorted connectives. Nodes are interned, so equal expressions are one node.
// The list of rules stands in Canonical.h.
#pragma once

#include "maskloom/dsl/Pattern.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace maskloom {

class Canonicalizer {
public:
  /// `constants` replaces parameters by values. Ties of the order are broken by the order of declaration in
  /// `pattern`, never by a name.
  Canonicalizer(const Pattern &pattern, std::map<const ParamDecl *, int64_t> constants);

  Expr canonical(const Expr &expr);
  /// AND of two canonical masks.
  Expr conjunction(const Expr &a, const Expr &b, const Location &loc);

private:
  struct Term {
    Expr atom;
    int64_t coefficient;
  };
  /// Sum of terms, sorted, atoms distinct and no coefficient 0, plus a constant.
  struct Linear {
    std::vector<Term> terms;
    int64_t constant = 0;
  };
  /// Texts of an interned node: `order` calls every parameter and tensor alike, `exact` tells them apart.
  struct Keys {
    std::string order, exact;
  };

  // Nodes (CanonicalExpr.cpp)
  Expr intern(ExprNode node);
  Expr make(Op op, Type type, std::vector<Expr> operands, const Location &loc);
  Expr intConst(int64_t value, const Location &loc);
  Expr boolConst(bool value, const Location &loc);
  bool before(const Expr &a, const Expr &b) const;
  void sortOperands(std::vector<Expr> &operands) const;
  Expr rebuild(const ExprNode &node);

  // Integers (CanonicalInt.cpp)
  static Linear single(const Expr &atom);
  Linear linearOf(const Expr &canonical) const;
  static bool addScaled(Linear &sum, const Linear &other, int64_t factor, const Canonicalizer &self);
  Expr fromLinear(const Linear &sum, const Location &loc);
  Expr plainInt(const ExprNode &node);
  Expr canonicalInt(const ExprNode &node);
  std::optional<Expr> floorDivision(const Linear &dividend, int64_t divisor, const Location &loc);
  std::optional<Expr> modulus(Linear dividend, int64_t divisor, const Location &loc);
  Expr extremum(const ExprNode &node);

  // Masks (CanonicalBool.cpp)
  Expr canonicalBool(const ExprNode &node);
  Expr compare(const ExprNode &node);
  Expr compareWithZero(Op op, Linear sum, const Location &loc);
  std::optional<Expr> compareModulus(Op op, const Linear &sum, const Location &loc);
  Expr negated(const Expr &canonicalMask);
  Expr computeNegated(const Expr &canonicalMask);
  Expr junction(Op op, const std::vector<Expr> &operands, const Location &loc);
  Expr selectMask(const Expr &condition, const Expr &a, const Expr &b, const Location &loc);

  Expr canonicalFloat(const ExprNode &node);

  std::map<const ParamDecl *, int64_t> constants_;
  std::map<const void *, size_t> declarationOrder_;
  std::unordered_map<const ExprNode *, Expr> done_; // of the pattern's own nodes
  std::unordered_map<std::string, Expr> interned_;
  std::unordered_map<const ExprNode *, Keys> keys_;
  std::unordered_map<const ExprNode *, Expr> negated_;  // of interned nodes
  std::unordered_map<const ExprNode *, Linear> linear_; // of sums built by fromLinear
};

} // namespace maskloom
