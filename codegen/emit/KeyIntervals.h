// Sets of keys as few intervals, whose ends and conditions are C++ text that does not depend on k.
#pragma once

#include "maskloom/codegen/emit/CppText.h"

#include <optional>
#include <vector>

namespace maskloom::emit {

/// The keys from `first` to `last` where `gate` holds; what is absent does not limit.
struct KeyInterval {
  std::optional<CppExpr> first, last, gate;
  bool bounded() const { return first || last; }
};

/// Their union. Empty: no key at all.
using KeyIntervals = std::vector<KeyInterval>;
/// Nothing: not of this form, or too many intervals.
using MaybeKeyIntervals = std::optional<KeyIntervals>;

/// At most two intervals; those with a common end become one.
MaybeKeyIntervals unionOf(const MaybeKeyIntervals &a, const MaybeKeyIntervals &b);
/// At most two intervals; those that are known to be empty disappear.
MaybeKeyIntervals intersectionOf(const MaybeKeyIntervals &a, const MaybeKeyIntervals &b);

/// Ends of intervals that do not limit: constants of mask_words.cuh.
CppExpr firstPosition();
CppExpr lastPosition();

} // namespace maskloom::emit
