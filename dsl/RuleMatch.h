// Matching of a rule's left side with canonical expressions, sums included.
#pragma once

#include "maskloom/dsl/CanonicalNodes.h"
#include "maskloom/dsl/Rules.h"

#include <functional>
#include <vector>

namespace maskloom {

/// What each letter of a rule stands for.
class Match {
public:
  const Expr *find(const ParamDecl *letter) const;
  void bind(const ParamDecl *letter, Expr value) { bound_.emplace_back(letter, std::move(value)); }

private:
  std::vector<std::pair<const ParamDecl *, Expr>> bound_;
};

/// A part of the left side, and the canonical expression that it has to be.
struct Goal {
  Expr pattern, target;
};

class Matcher {
public:
  /// `accept` is asked for every match in turn until it says yes.
  Matcher(NodeTable &nodes, std::function<bool(const Match &)> accept)
      : nodes_(nodes), accept_(std::move(accept)) {}
  bool run(std::vector<Goal> goals); ///< goals are met from the last to the first

private:
  struct State {
    std::vector<Goal> goals;
    Match match;
    std::vector<Goal> multiples; // left to do: the target is `g` times the pattern
    const ParamDecl *factor = nullptr;
  };
  bool solve(State state);
  bool solveSum(const State &state, const Goal &goal);
  bool solveSet(State state, const Goal &goal);
  bool divideMultiples(State &state);

  NodeTable &nodes_;
  std::function<bool(const Match &)> accept_;
};

/// The operands of a set (&&, ||, min, max) written as a tree.
std::vector<Expr> flattened(const Expr &set);

} // namespace maskloom
