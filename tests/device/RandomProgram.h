// Programs with every field filled at random, and their comparison.
#pragma once

#include "maskloom/program/Program.h"

namespace maskloom {

/// With `runs` above 0 each schedule has that many runs in each set.
Program randomProgram(unsigned seed, int runs = 0);
/// Every field, with gtest expectations.
void expectSame(const Program &a, const Program &b);

} // namespace maskloom
