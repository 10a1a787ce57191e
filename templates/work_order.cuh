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
struct WorkOrder {
  int heads, query_tiles, section_heads;
  long long pairs;

  MASKLOOM_DEVICE WorkOrder(const ForwardArgs &args, int tile_queries)
      : heads(args.heads), query_tiles(ceil_div(args.queries, tile_queries)),
        section_heads(max(args.section_heads, 1)), pairs((long long)args.batch * args.heads) {}

  MASKLOOM_DEVICE long long units() const { return pairs * query_tiles; }

  MASKLOOM_DEVICE WorkUnit operator[](long long unit) const {
    const long long section = unit / ((long long)section_heads * query_tiles);
    const long long first_pair = section * section_heads;
    const long long section_pairs = min((long long)section_heads, pairs - first_pair);
    const long long within = unit - first_pair * query_tiles;
    const long long pair = first_pair + within % section_pairs;
    return {int(pair / heads), int(pair % heads), query_tiles - 1 - int(within / section_pairs)};
  }
};

} // namespace maskloom::kernel
