// Random tests take another seed in every run, print it, and repeat a run with MASKLOOM_RANDOM_SEED=n.
#pragma once

#include <cstdint>

namespace maskloom::testing {

/// One seed a process: MASKLOOM_RANDOM_SEED, or a fresh one.
uint64_t seedOfThisRun();
/// How many random cases a test draws: MASKLOOM_RANDOM_CASES where it is set, else `usual`, an eighth of it
/// under the address sanitizer.
int casesOfThisRun(int usual);

} // namespace maskloom::testing
