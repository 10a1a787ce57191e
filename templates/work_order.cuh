// The order in which blocks take the work units of a launch.
#pragma once

#include "args.cuh"
#include "prelude.cuh"

namespace maskloom::kernel {

struct WorkUnit {
  int batch, head, query_tile;
};

/// Sections of args.section_heads (batch entry, head) pairs, so that the K and V of the heads under way stay
/// in L2; inside a section from long to short: the last Q tile first, as under a causal mask, or the first
/// one. The last section is larger, so that the launch ends with many short units. Index: long long, or
/// unsigned for launches of fewer than 2^31 units.
template <class Index>
struct WorkOrder {
  int heads, query_tiles;
  Index pairs, section_pairs, last_pairs;
  bool first_tiles_first;

  MASKLOOM_DEVICE WorkOrder(const ForwardArgs &args, int tile_queries)
      : heads(args.heads), query_tiles(ceil_div(args.queries, tile_queries)),
        pairs(Index(args.batch) * Index(args.heads)), section_pairs(Index(max(args.section_heads, 1))),
        first_tiles_first(args.first_tiles_first) {
    const Index last = Index(max(args.last_section_heads, 1));
    last_pairs = last < pairs ? last : pairs;
  }

  MASKLOOM_DEVICE Index units() const { return pairs * Index(query_tiles); }

  MASKLOOM_DEVICE WorkUnit operator[](Index unit) const {
    const Index last_first = pairs - last_pairs; // the first pair of the last section
    Index first = last_first, count = last_pairs;
    if (unit < last_first * Index(query_tiles)) {
      first = unit / (section_pairs * Index(query_tiles)) * section_pairs;
      count = last_first - first < section_pairs ? last_first - first : section_pairs;
    }
    const Index within = unit - first * Index(query_tiles), pair = first + within % count;
    const int tile = int(within / count);
    return {int(pair / Index(heads)), int(pair % Index(heads)),
            first_tiles_first ? tile : query_tiles - 1 - tile};
  }
};

} // namespace maskloom::kernel
