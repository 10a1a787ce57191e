// Rules of the canonical form with their letters replaced by random expressions.
#pragma once

#include "maskloom/dsl/Rules.h"

#include <map>
#include <optional>
#include <random>

namespace maskloom::testing {

class RuleInstances {
public:
  explicit RuleInstances(uint64_t seed) : engine_(seed) {}

  /// Both sides over positions, heads and constants. Nothing when the condition was not met in many draws.
  /// `farConstants`: some are near the ends of 64 bits. `plain`: letters stand for single positions, sums of
  /// two and comparisons of those.
  struct Instance {
    Expr from, to;
  };
  std::optional<Instance> draw(const Rule &rule, bool farConstants, bool plain);

  int64_t uniform(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(engine_() % static_cast<uint64_t>(high - low + 1));
  }
  bool chance(int percent) { return uniform(0, 99) < percent; }
  Index integer(int depth);
  Mask mask(int depth);

private:
  Expr valueOf(const ExprNode &letter, bool farConstants, bool plain);
  Index plainInteger();

  std::mt19937_64 engine_;
};

/// Every letter of `expr` replaced.
Expr substituted(const Expr &expr, const std::map<const ParamDecl *, Expr> &values);

} // namespace maskloom::testing
