// What positions, lengths, heads and batch entries of a launch may be: compiled masks rely on it when they
// choose 32 bits for an integer.
#pragma once

#include <cstdint>

namespace maskloom {

struct InputRanges {
  /// Query and key positions, offsets included. q - k fits 32 bits.
  static constexpr int64_t kPositionLow = -(int64_t{1} << 30);
  static constexpr int64_t kPositionHigh = (int64_t{1} << 30) - 1;
  static constexpr int64_t kLongest = int64_t{1} << 30;   ///< query and key lengths
  static constexpr int64_t kMostHeads = int64_t{1} << 20; ///< heads, KV heads and batch entries
  /// Signed bits of run-time parameters: times the coefficients of runs, below 2^26, they fit 64 bits.
  static constexpr unsigned kParamBits = 35;
};

} // namespace maskloom
