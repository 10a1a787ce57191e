// The simplification rules of the canonical form, as algebra: what stands on the left is replaced by what
// stands on the right. Rules.cpp is the table, one rule a line; Canonicalizer applies it.
//
// Rules are expressions of the language. Their letters stand for
//   x y z   any integer expression          m n o   any mask          u v   any float expression
//   a b c   any integer constant            d e     any constant >= 1, what a divisor may be
//   g       the greatest common factor of all that it multiplies, >= 2
// A letter that occurs twice stands for the same both times.
//
// Sums are not rules: + - * and negation are kept as a sum of distinct terms, each with its coefficient, and
// a constant. So `a*x + y` matches each term of a sum in turn, y being the rest (which may be 0), `x + c` the
// sum and its constant (which may be 0), and `-x` anything. Likewise && || min max are kept as sets of
// operands: the rules on them take any two. The sides of such a rule are tried both ways round.
#pragma once

#include "maskloom/dsl/Index.h"

#include <optional>
#include <vector>

namespace maskloom {

struct Rule {
  enum class Use : uint8_t {
    Always,
    Ordered,    ///< true both ways: applied where the right side comes first in the order of expressions
    OneExtremum ///< only where the left side holds one min, max or abs: nested ones would double and double
  };
  using When = std::optional<Mask>;

  Rule(const Index &left, const IntArg &right, const When &condition = {}, Use how = Use::Always)
      : Rule(left.expr(), right.expr, condition, how) {}
  Rule(const Mask &left, const MaskArg &right, const When &condition = {}, Use how = Use::Always)
      : Rule(left.expr(), right.expr, condition, how) {}
  Rule(const Score &left, const Score &right, const When &condition = {}, Use how = Use::Always)
      : Rule(left.expr(), right.expr(), condition, how) {}

  Expr from, to;
  Expr when; ///< over constants; null: always
  Use use;

private:
  Rule(Expr left, Expr right, const When &condition, Use how)
      : from(std::move(left)), to(std::move(right)), when(condition ? condition->expr() : nullptr), use(how) {
  }
};

/// In the order in which they are tried.
const std::vector<Rule> &simplificationRules();

/// What a letter of a rule stands for.
enum class Letter : uint8_t { Integer, Mask, Float, Constant, Divisor, Factor };
/// Of a node that is a letter (Op::Param).
Letter letterOf(const ExprNode &node);

} // namespace maskloom
