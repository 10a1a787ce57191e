// The canonical form of one expression: integers as sorted sums, sets of operands of && || min max sorted,
// everything else by the table of Rules.h. Nodes are interned, so equal expressions are one node.
#pragma once

#include "maskloom/dsl/CanonicalNodes.h"
#include "maskloom/dsl/RuleMatch.h"
#include "maskloom/dsl/Rules.h"

#include <array>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace maskloom {

class Canonicalizer {
public:
  /// `constants` replaces parameters by values.
  explicit Canonicalizer(std::map<const ParamDecl *, int64_t> constants,
                         const std::vector<Rule> &rules = simplificationRules());

  Expr canonical(const Expr &expr);
  /// AND of two canonical masks.
  Expr conjunction(const Expr &a, const Expr &b, const Location &loc);

private:
  using Operands = std::vector<Expr>;

  /// The operation over canonical operands in canonical form; nothing where a number would leave 64 bits.
  std::optional<Expr> construct(Op op, Type type, Operands operands, const Location &loc);
  std::optional<Expr> constructSum(Op op, const Operands &operands, const Location &loc);
  std::optional<Expr> fold(Op op, const Operands &operands, const Location &loc);

  // Rules (CanonicalRules.cpp)
  std::optional<Expr> simplify(const Expr &node);
  std::optional<Expr> rewrite(const Expr &node);
  /// A rule over two operands of a set, either way round.
  std::optional<Expr> combine(Op op, const Expr &a, const Expr &b, const Location &loc);
  std::optional<Expr> replacement(const Rule &rule, const Match &match, const Expr &original,
                                  const Location &loc);
  std::optional<Expr> build(const Expr &pattern, const Match &match, const Location &loc);
  size_t extrema(const Expr &canonical);

  // Sets of operands (CanonicalSets.cpp)
  Expr junction(Op op, Operands operands, const Location &loc);
  bool combineEqual(Op op, Operands &sorted, const Location &loc);
  bool combineConstant(Op op, Operands &sorted, const Location &loc);
  bool combineNested(Op op, Operands &sorted, const Location &loc);
  bool combineBounds(Op op, Operands &sorted, const Location &loc);
  std::optional<Expr> extremum(Op op, Operands operands, const Location &loc);

  std::map<const ParamDecl *, int64_t> constants_;
  std::map<std::pair<Op, Type>, std::vector<const Rule *>> rules_; // by the root of their left side
  NodeTable nodes_;
  std::unordered_map<const ExprNode *, Expr> done_;       // of the pattern's own nodes
  std::unordered_map<const ExprNode *, Expr> simplified_; // of interned nodes
  std::unordered_set<const ExprNode *> inProgress_;       // a rule that leads back to its node is not applied
  std::unordered_map<const ExprNode *, size_t> extrema_;
};

} // namespace maskloom
