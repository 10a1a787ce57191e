// Random masks of the kind that are intervals of k for every q: comparisons that are monotone in k, with
// floor division of negative numbers, min, max, abs, select, parameters and aux loads at the ends of their
// ranges, and positions near the ends of theirs.
#pragma once

#include "maskloom/dsl/Interpreter.h"

#include <cstdint>

namespace maskloom::testing {

struct IntervalCase {
  Pattern pattern;
  Problem problem;
};

/// The same seed and index give the same case everywhere.
IntervalCase intervalCase(uint64_t seed, uint64_t index);

} // namespace maskloom::testing
