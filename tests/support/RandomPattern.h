// Random quasi-affine patterns with a problem and a tile shape: what people write (causal, windows, sinks,
// block strides, N-D windows, documents by constants, and negations, ANDs and ORs of those), and some that
// nobody would. The same seed gives the same case on every machine and with every standard library.
#pragma once

#include "maskloom/dsl/Interpreter.h"

#include <array>
#include <cstdint>
#include <string>

namespace maskloom::testing {

enum class Feature : uint8_t {
  UnalignedDivisor, ///< a divisor that does not divide the tile
  Negation,
  Bands,
  HeadInModulus,
  KvHead,
  Space, ///< N-D coordinates
  QueryOffset,
  KeyOffset,
  Parameter,         ///< linear run-time parameters, at values other than their defaults
  ConstantParameter, ///< a parameter inside a divisor
  MinMaxAbs,
  Select,
  UnequalLengths, ///< Sq != Sk
  Groups,         ///< a layout with groups of heads
  Lengths,        ///< names Sq or Sk in the mask
  BatchLengths,   ///< several batch entries with their own lengths
  Nasty,          ///< trees of random operators
};
constexpr size_t kFeatures = static_cast<size_t>(Feature::Nasty) + 1;
const char *name(Feature feature);

struct RandomCase {
  Pattern pattern;
  Problem problem;
  int64_t tileQueries = 0, tileKeys = 0;
  uint64_t seed = 0, index = 0;
  std::array<bool, kFeatures> features{};

  bool has(Feature feature) const { return features[static_cast<size_t>(feature)]; }
  /// Seed, index, tile shape, problem and the features: what a failing test prints.
  std::string describe() const;
};

struct RandomOptions {
  int64_t maxTokens = 300; ///< bound of Sq and Sk; enumeration costs their product
  int64_t maxHeads = 6;    ///< query heads
  bool batches = true;     ///< allow several batch entries with lengths of their own
  bool nasty = true;       ///< allow trees of random operators
  bool largeTiles = true;  ///< tiles up to 128; false: up to 32
};

/// Case `index` of the stream `seed`. Feature number `index % kFeatures` is always present (when the options
/// allow it), so that n cases hold at least floor(n / kFeatures) of each. Of up to four draws the first is
/// taken that has visible and invisible pairs.
RandomCase randomCase(uint64_t seed, uint64_t index, const RandomOptions &options = {});

/// Counts features over cases; `report` prints one line each.
struct FeatureCounts {
  std::array<int, kFeatures> counts{};
  int cases = 0;
  void add(const RandomCase &c);
  std::string report() const;
};

} // namespace maskloom::testing
