// The rules of one expression: types, products, divisors, aux indices, size.
#pragma once

#include "maskloom/dsl/Diagnostic.h"

#include <optional>
#include <vector>

namespace maskloom {

/// The expression must be a mask over integers; `s` and floats do not occur in it.
void checkMaskExpr(const Expr &mask, std::vector<Diagnostic> &diagnostics);
/// The expression must be a float.
void checkScoreExpr(const Expr &score, std::vector<Diagnostic> &diagnostics);

/// Nodes on the longest path from the root, and nodes when written out: shared subtrees count each time, up
/// to kLargestExpression + 1.
struct ExprExtent {
  size_t depth = 1, size = 1;
};
ExprExtent extentOf(const Expr &root);

/// Smallest and largest value of an expression made of constants and parameters, from the parameters'
/// declared ranges; nullopt when it has indices or does not fit in 64 bits.
struct ValueRange {
  int64_t low, high;
};
std::optional<ValueRange> rangeOfIndexFree(const Expr &expr);
/// The same for one node over the ranges of its operands, one for each.
std::optional<ValueRange> rangeOf(const ExprNode &node, const std::vector<ValueRange> &ranges);

} // namespace maskloom
