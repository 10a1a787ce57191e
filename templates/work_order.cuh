// The order in which blocks take the work units of a launch.
#pragma once

#include "args.cuh"
#include "prelude.cuh"

namespace maskloom::kernel {

struct WorkUnit {
  int batch, head, query_tile; ///< head: the first of its Q tile
};

/// Pairs of (batch entry, head), or (batch entry, heads of one Q tile), that share the cache.
template <class Index>
struct Section {
  Index first, count;
};

/// Sections of args.section_heads (batch entry, head) pairs, so that the K and V of the heads under way stay
/// in L2; inside a section from long to short: the last Q tile first, as under a causal mask, or the first
/// one. The last section is larger, so that the launch ends with many short units. A Q tile may hold several
/// heads, which then count as one in what follows. Index: long long, or unsigned for launches of fewer than
/// 2^31 units.
template <class Index>
struct WorkOrder {
  int tile_heads, heads, query_tiles;
  Index pairs, section_pairs, last_pairs;
  bool first_tiles_first;

  MASKLOOM_DEVICE WorkOrder(const ForwardArgs &args, int tile_heads, int tile_queries)
      : tile_heads(tile_heads), heads(args.heads / tile_heads),
        query_tiles(ceil_div(args.queries, tile_queries)), pairs(Index(args.batch) * Index(heads)),
        section_pairs(Index(max(args.section_heads / tile_heads, 1))),
        first_tiles_first(args.first_tiles_first) {
    const Index last = Index(max(args.last_section_heads / tile_heads, 1));
    last_pairs = last < pairs ? last : pairs;
  }

  MASKLOOM_DEVICE Index units() const { return pairs * Index(query_tiles); }
  MASKLOOM_DEVICE Index sections() const { return ceil_div(pairs - last_pairs, section_pairs) + 1; }

  MASKLOOM_DEVICE Section<Index> section(Index index) const {
    const Index others = pairs - last_pairs, first = index * section_pairs; // of the sections before the last
    if (first >= others) return {others, last_pairs};
    return {first, others - first < section_pairs ? others - first : section_pairs};
  }

  MASKLOOM_DEVICE WorkUnit operator[](Index unit) const {
    Section<Index> home{pairs - last_pairs, last_pairs};
    if (unit < home.first * Index(query_tiles)) home = section(unit / (section_pairs * Index(query_tiles)));
    const Index within = unit - home.first * Index(query_tiles), pair = home.first + within % home.count;
    const int tile = int(within / home.count);
    return {int(pair / Index(heads)), int(pair % Index(heads)) * tile_heads,
            first_tiles_first ? tile : query_tiles - 1 - tile};
  }
};

/// The unit to take as number `place`: by the lengths that a planner found, or else as WorkOrder says.
template <class Pattern, class Index>
MASKLOOM_DEVICE WorkUnit unit_at(const ForwardArgs &args, const WorkOrder<Index> &order, Index place) {
  if constexpr (Pattern::kPlanned)
    if (args.unit_order) place = Index(args.unit_order[place]);
  return order[place];
}

} // namespace maskloom::kernel
