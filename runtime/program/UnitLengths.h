// How long the work units of a launch are beside each other.
#pragma once

#include "maskloom/program/Program.h"

namespace maskloom {

/// Whether the first Q tiles of a sequence touch more KV tiles than the last ones, so that in an order from
/// long to short they come first: the trend over a sequence of reference, with the parameters' defaults.
/// False where runs depend on aux tensors. Microseconds.
bool firstUnitsAreLonger(const Program &program);

} // namespace maskloom
