// The tensor maps of a launch of the Hopper kernel: what TMA is told of Q, K, V and O.
#pragma once

#include "maskloom/device/Driver.h"
#include "maskloom/program/Program.h"
#include "maskloom/templates/args.cuh"

#include <array>
#include <cstdint>
#include <string>

namespace maskloom {

struct TensorMapLayouts {
  TensorMapLayout q, k, v, o;
};

/// Dimensions {dim, tokens, heads, batch entries}, unpadded; boxes of 64 elements (128 bytes) by the rows of
/// a Q tile, or of a schedule tile; one that is a whole KV tile comes in as many boxes as a cluster has
/// blocks.
TensorMapLayouts tensorMapLayouts(const ForwardArgs &args, const KernelConfig &config);

/// Why TMA cannot address a tensor, as in "stride 8 of dimension 1 is no multiple of 16 bytes"; empty when it
/// can as far as the driver's documentation goes.
std::string tensorMapProblem(const TensorMapLayout &layout);

/// The maps of launches, encoded when they are new. Each thread keeps its last ones: a hit costs a
/// comparison, and nothing is locked. Maps hold no state: it does not matter what became of the tensors
/// meanwhile.
class TensorMapCache {
public:
  static constexpr size_t kEntries = 8;

  /// The calling thread's cache.
  static TensorMapCache &ofThread();

  /// Points `maps` at the maps of these arguments, valid until the thread's next call. Fails, with the name
  /// of the tensor, when TMA cannot address one.
  DriverStatus find(const Driver &driver, const ForwardArgs &args, const KernelConfig &config,
                    const TensorMaps *&maps);

private:
  /// All that the layouts are made of.
  using Key = std::array<int64_t, 32>;
  static Key keyOf(const Driver &driver, const ForwardArgs &args, const KernelConfig &config);

  struct Entry {
    Key key{};
    TensorMaps maps{};
  };
  std::array<Entry, kEntries> entries_;
  size_t last_ = 0, next_ = 0; ///< found last; replaced next
};

} // namespace maskloom
