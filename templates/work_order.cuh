// The order in which blocks take the work units of a launch.
#pragma once

#include "args.cuh"
#include "prelude.cuh"

namespace maskloom::kernel {

struct WorkUnit {
  int batch, head, query_tile;
};

/// Sections of args.section_heads (batch entry, head) pairs, so that the K and V of the heads under way stay
/// in L2; inside a section the last Q tile first: under a causal mask that is the longest one.
/// Index: long long, or unsigned for launches of fewer than 2^31 units.
template <class Index>
struct WorkOrder {
  int heads, query_tiles, section_heads;
  Index pairs;

  MASKLOOM_DEVICE WorkOrder(const ForwardArgs &args, int tile_queries)
      : heads(args.heads), query_tiles(ceil_div(args.queries, tile_queries)),
        section_heads(max(args.section_heads, 1)), pairs(Index(args.batch) * Index(args.heads)) {}

  MASKLOOM_DEVICE Index units() const { return pairs * Index(query_tiles); }

  MASKLOOM_DEVICE WorkUnit operator[](Index unit) const {
    const Index section = unit / (Index(section_heads) * Index(query_tiles));
    const Index first_pair = section * Index(section_heads);
    const Index section_pairs =
        pairs - first_pair < Index(section_heads) ? pairs - first_pair : Index(section_heads);
    const Index within = unit - first_pair * Index(query_tiles);
    const Index pair = first_pair + within % section_pairs;
    return {int(pair / Index(heads)), int(pair % Index(heads)),
            query_tiles - 1 - int(within / section_pairs)};
  }
};

} // namespace maskloom::kernel
