// What a picture of a pattern shows: which tiles each head visits, and what all heads cover together, summed
// into a grid of cells that is coarse enough to be looked at.
#pragma once

#include "maskloom/dsl/Interpreter.h"
#include "maskloom/program/PairCount.h"
#include "maskloom/program/Schedule.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace maskloom {

/// Tiles of the (query, key) plane, cut into cells of cellQueries x cellKeys tiles; the last row and column
/// of cells may hold fewer.
struct CellGrid {
  int64_t queryTiles = 1, keyTiles = 1;
  int64_t cellQueries = 1, cellKeys = 1;
  int64_t rows() const { return (queryTiles + cellQueries - 1) / cellQueries; }
  int64_t columns() const { return (keyTiles + cellKeys - 1) / cellKeys; }
  int64_t tilesIn(int64_t row, int64_t column) const {
    return std::min(cellQueries, queryTiles - row * cellQueries) *
           std::min(cellKeys, keyTiles - column * cellKeys);
  }
};

/// Tiles of a cell that a head visits; the others are empty.
struct MapCell {
  int64_t partial = 0, full = 0;
};

/// The tiles of heads that visit the same ones.
struct HeadTileMap {
  std::vector<int64_t> heads;          ///< ascending
  TileCounts tiles;                    ///< of one of them
  std::optional<int64_t> visiblePairs; ///< summed over them; nothing: not counted within the steps allowed
  std::vector<MapCell> cells;          ///< [row][column] of the grid
};

/// Of columns: one key and the queries of one tile. A head sees a column when one of these queries sees the
/// key.
struct CoverCell {
  int64_t context = 0;   ///< columns that belong to the context
  int64_t uncovered = 0; ///< those that no head sees
  int64_t seen = 0;      ///< heads that see a column, summed over columns
};

/// What all heads see together. The context is made of the keys up to the last query of each tile when no
/// head sees a later one, and of all keys otherwise. A ragged last row of tiles counts as if all its queries
/// existed, as for the kernels.
struct CoverMap {
  bool causal = true;   ///< the context is the keys up to the query
  bool byTiles = false; ///< some heads were looked at tile by tile, for want of closed-form runs or of steps
  CoverCell total;      ///< of the whole plane
  std::vector<CoverCell> cells; ///< [row][column] of the grid
};

struct TileMaps {
  TileShape tile;
  CellGrid grid;
  std::vector<HeadTileMap> maps; ///< in the order of their first heads
  CoverMap cover;
};

/// Query heads first .. last, both included.
struct HeadRange {
  int64_t first = 0, last = INT64_MAX;
};

struct TileMapOptions {
  TileShape tile{128, 128};
  HeadRange heads;             ///< that get a map; the cover is that of all heads
  size_t mostMaps = 64;        ///< more is an error
  int64_t mostCells = 1 << 16; ///< of all maps together; cells are the smallest that keep to it
  int64_t mostCellsAnAxis = 128;
  int64_t maxSteps = 100'000'000; ///< of walks over tiles; more is an error
  int64_t maxCoverSteps =
      10'000'000;                 ///< of walks over keys, for the cover; with more it is looked at by tiles
  int64_t maxPairSteps = 400'000; ///< of counting pairs where no closed form applies
};

/// For batch entry 0. Walks the schedule, and visits no pair of positions where runs are closed-form. Throws
/// Error.
TileMaps tileMaps(const Pattern &pattern, const Problem &problem, const TileMapOptions &options = {});

} // namespace maskloom
