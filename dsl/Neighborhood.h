/// @file
/// Masks over N-D token spaces: neighbourhood attention and sliding tiles. A mask over several axes is the
/// AND of one mask an axis. Arguments that are not legal are an error of the pattern (checkPattern) that
/// names the axis and the reason.
#pragma once

#include "maskloom/dsl/Index.h"

#include <vector>

namespace maskloom::masks {

/// Generalised neighbourhood attention (NATTEN, Hassani et al., 2023; strides: Hassani et al., 2025). Per
/// axis; one entry serves all axes, an absent one is 1 (false). Legal on an axis of n positions: window >= 2,
/// dilation >= 1, window * dilation <= n, 1 <= stride <= window.
///
/// Positions i with the same i mod dilation form a group: r = i div dilation counts m = ceil((n - i mod
/// dilation) / dilation) of them, and a query sees keys of its group only. With stride s, s queries share the
/// window of their leader. Not causal: the leader is min((r/s)*s + s/2, m - 1) and the keys are the `window`
/// positions from first on, with first = clamp(leader - window/2, 0, m - window): at the edges the window is
/// shifted, it never shrinks. Causal: the leader is min((r/s)*s + s - 1, m - 1) and the keys are max(leader -
/// window + 1, 0) .. r.
struct Neighborhood {
  std::vector<int64_t> window = {};   ///< keys that a query sees
  std::vector<int64_t> stride = {};   ///< queries that share a window; absent: 1
  std::vector<int64_t> dilation = {}; ///< distance between the keys; absent: 1
  std::vector<bool> causal = {};      ///< no key after the query; absent: false
};
/// Defined for positions inside the space.
Mask neighborhood(const Space &space, const Neighborhood &options, At at = At::current());
/// In one dimension, n being Sk. Where Sk < window * dilation a window holds its whole group.
Mask neighborhood(const Neighborhood &options, At at = At::current());

/// Sliding tile attention (Zhang et al., 2025). The space is cut into tiles, and a query sees the keys in the
/// window of tiles around its own tile, shifted at the edges: on an axis of n tiles, key tile j is seen from
/// query tile i iff |clamp(i, window/2, n - 1 - window/2) - j| <= window/2. Legal: tile >= 1 divides the
/// extent, window is odd and in 1 .. n.
struct SlidingTile {
  std::vector<int64_t> window = {}; ///< tiles; one entry serves all axes
  std::vector<int64_t> tile = {};   ///< positions; one entry serves all axes
  bool tileOrdered = false;         ///< tokens are stored tile after tile instead of row-major
  bool text = false;                ///< tokens behind the space (text) see and are seen by every token
};
/// The AND of one mask an axis.
Mask slidingTile(const Space &space, const SlidingTile &options, At at = At::current());

} // namespace maskloom::masks
