// Random scores: sums and products of s, positions, heads, parameters and aux tensors, soft caps, choices by
// head or by distance; the text of a pattern.
#pragma once

#include <cstdint>
#include <string>

namespace maskloom::testing {

/// The same seed and index give the same pattern everywhere. Its parameters are `cap` and `near`.
std::string scorePattern(uint64_t seed, uint64_t index);

} // namespace maskloom::testing
