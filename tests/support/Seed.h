// Random tests take another seed in every run, print it, and repeat a run with MASKLOOM_SEED=n.
#pragma once

#include <cstdint>

namespace maskloom::testing {

/// One seed a process: MASKLOOM_SEED, or a fresh one.
uint64_t seedOfThisRun();
/// `usual`, or MASKLOOM_CASES where it is set: how many random cases a test draws.
int casesOfThisRun(int usual);

} // namespace maskloom::testing
