// What all heads see together: one row of tiles after the other, key by key.
#pragma once

#include "maskloom/facade/HeadCounter.h"
#include "maskloom/facade/TileMaps.h"

#include "maskloom/program/TileWalker.h"

#include <memory>
#include <vector>

namespace maskloom {

/// Heads are walked in tiles of one key where that is closed-form, and in `tiles`' own tiles otherwise, or
/// when `byTiles` asks for it. Both counters are of the same problem, with tiles of equally many queries, and
/// outlive the walk.
class CoverWalk {
public:
  CoverWalk(HeadCounter &keys, HeadCounter &tiles, const Problem &problem, TileShape tile,
            const CellGrid &grid, bool byTiles);

  /// Visits all rows of tiles. False when the steps have run out.
  bool run(int64_t steps);
  CoverMap take();

private:
  struct Shared {
    int64_t heads = 0;
    int64_t width = 1; ///< keys of a tile of the walker
    std::unique_ptr<TileWalker> walker;
  };
  /// From `key` on, so many heads more see it.
  struct Change {
    int64_t key, heads;
  };

  void addRow(int64_t tile);
  void addKeys(int64_t tile, int64_t first, int64_t end, int64_t heads);

  TileShape tile_;
  const CellGrid &grid_;
  int64_t keys_, queries_, shift_; ///< shift: position of query row 0 minus that of key column 0
  std::vector<Shared> classes_;
  std::vector<Change> changes_;
  CoverMap causal_, plane_; ///< for both contexts: which one it is shows at the end
};

} // namespace maskloom
