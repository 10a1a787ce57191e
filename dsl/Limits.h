// How large a pattern may be. Every recursion over expressions relies on these limits, which the parser
// and checkPattern enforce.
#pragma once

#include <cstddef>
#include <cstdint>

namespace maskloom {

constexpr size_t kDeepestExpression = 1000;   ///< nodes on a path from the root
constexpr size_t kLargestExpression = 100000; ///< nodes when written out, shared subtrees counted each time
constexpr size_t kLargestFile = size_t{1} << 20; ///< bytes
constexpr size_t kMostLibraryCalls = 1000;       ///< in one file with all it includes
constexpr size_t kDeepestInclude = 64;
constexpr size_t kMostErrors = 100;  ///< of one file; more help nobody, and parsing stops
constexpr size_t kLongestName = 128; ///< characters
constexpr size_t kMostSpaceAxes = 8;
constexpr size_t kMostParams = 16;               ///< room in a launch's arguments
constexpr int64_t kMostHeads = int64_t{1} << 20; ///< of a layout
constexpr size_t kMostAuxes = 8;                 ///< likewise

} // namespace maskloom
