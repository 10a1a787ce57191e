/// @file
/// Numbers of tiles by kind.
#pragma once

#include <cstdint>

namespace maskloom {

/// Tiles of a schedule: without a visible pair, with visible and invisible ones, with visible ones only.
struct TileCounts {
  int64_t empty = 0;   ///< nothing is computed
  int64_t partial = 0; ///< the mask is evaluated
  int64_t full = 0;    ///< no mask is needed
  /// Kind by kind.
  TileCounts &operator+=(const TileCounts &other) {
    empty += other.empty;
    partial += other.partial;
    full += other.full;
    return *this;
  }
  bool operator==(const TileCounts &) const = default; ///< kind by kind
};

} // namespace maskloom
