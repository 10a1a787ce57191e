// What pictures are made of, against the interpreter at every point.
#include "maskloom/facade/TileMaps.h"
#include "maskloom/dsl/Parser.h"
#include "maskloom/dsl/Patterns.h"
#include "maskloom/facade/Error.h"
#include "maskloom/facade/Explain.h"
#include "maskloom/facade/SpaceWindows.h"
#include "tests/support/ProblemOf.h"
#include "tests/support/RandomPattern.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>

namespace maskloom::testing {
namespace {

Pattern parsed(const std::string &text) {
  ParseResult result = parsePatterns(text, "test.mask");
  EXPECT_EQ(render(result.diagnostics), "");
  return result.patterns.at(0);
}

std::string messageOf(const std::function<void()> &body) {
  try {
    body();
  } catch (const Error &error) {
    EXPECT_EQ(error.kind(), ErrorKind::User);
    return error.what();
  }
  return "nothing was thrown";
}

/// Visible and existing pairs of every tile of every head, by enumeration; and which keys a head sees from
/// the queries of a tile.
struct Enumerated {
  Enumerated(const Pattern &pattern, const Problem &problem, TileShape tile) {
    Interpreter oracle(pattern, problem);
    rows = problem.queryLength(0), columns = problem.keyLength(0);
    queryTiles = ceilDiv(rows, tile.queries);
    keyTiles = ceilDiv(columns, tile.keys);
    visible.assign(problem.heads, std::vector<int64_t>(queryTiles * keyTiles, 0));
    existing.assign(queryTiles * keyTiles, 0);
    seen.assign(queryTiles * columns, std::vector<bool>(problem.heads, false));
    upToQuery.assign(queryTiles * columns, false);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < columns; ++column) {
        int64_t at = row / tile.queries * keyTiles + column / tile.keys;
        int64_t key = row / tile.queries * columns + column;
        ++existing[at];
        if (column + problem.keyOffset <= row + problem.queryOffsetOf(0)) upToQuery[key] = true;
        for (int64_t h = 0; h < problem.heads; ++h)
          if (oracle.visible(0, h, row, column)) {
            ++visible[h][at];
            seen[key][h] = true;
          }
      }
  }
  int64_t rows, columns, queryTiles, keyTiles;
  std::vector<std::vector<int64_t>> visible; ///< [head][tile]
  std::vector<int64_t> existing;             ///< [tile]
  std::vector<std::vector<bool>> seen;       ///< [Q tile * keys + key][head]
  std::vector<bool> upToQuery;               ///< [Q tile * keys + key]
};

/// Cells of one tile each.
TileMapOptions everyTile(TileShape tile) {
  TileMapOptions options;
  options.tile = tile;
  options.mostCells = options.mostCellsAnAxis = int64_t{1} << 40;
  options.maxPairSteps = int64_t{1} << 40;
  return options;
}

/// The cover is exact where heads are looked at key by key, and sound where they are looked at by tiles. A
/// ragged last row of tiles is sound too: schedules do not know the lengths.
void expectCover(const TileMaps &maps, const Enumerated &points, TileShape tile) {
  const CoverMap &cover = maps.cover;
  std::vector<CoverCell> cells(cover.cells.size());
  bool causal = true;
  for (size_t key = 0; key < points.seen.size(); ++key)
    for (bool seen : points.seen[key]) causal &= !seen || points.upToQuery[key];
  bool ragged = points.rows % tile.queries != 0;
  EXPECT_TRUE(cover.causal == causal || cover.byTiles || ragged);
  EXPECT_TRUE(causal || !cover.causal);
  CoverCell total;
  for (size_t key = 0; key < points.seen.size(); ++key) {
    if (cover.causal && !points.upToQuery[key]) continue;
    int64_t row = static_cast<int64_t>(key) / points.columns,
            column = static_cast<int64_t>(key) % points.columns;
    for (CoverCell *cell : {&cells[row * points.keyTiles + column / tile.keys], &total}) {
      int64_t heads = std::count(points.seen[key].begin(), points.seen[key].end(), true);
      cell->context += 1;
      cell->uncovered += heads == 0;
      cell->seen += heads;
    }
  }
  cells.push_back(total);
  for (size_t i = 0; i < cells.size(); ++i) {
    const CoverCell &found = i < cover.cells.size() ? cover.cells[i] : cover.total;
    EXPECT_EQ(found.context, cells[i].context) << "cell " << i;
    bool last = static_cast<int64_t>(i) >= (points.queryTiles - 1) * points.keyTiles; // or the total
    bool exact = !cover.byTiles && !(last && ragged);
    EXPECT_TRUE(exact ? found.uncovered == cells[i].uncovered : found.uncovered <= cells[i].uncovered)
        << "cell " << i << ": " << found.uncovered << ", expected " << cells[i].uncovered;
    EXPECT_TRUE(exact ? found.seen == cells[i].seen : found.seen >= cells[i].seen)
        << "cell " << i << ": " << found.seen << ", expected " << cells[i].seen;
  }
}

/// Sound: what is visible is visited, what is full is visible. `exact`: and nothing else is visited, except
/// that the last, ragged tiles may be called partial.
void expectMaps(const Pattern &pattern, const Problem &problem, TileShape tile, bool exact) {
  TileMaps maps = tileMaps(pattern, problem, everyTile(tile));
  Enumerated points(pattern, problem, tile);
  ASSERT_EQ(maps.grid.rows(), points.queryTiles);
  ASSERT_EQ(maps.grid.columns(), points.keyTiles);
  int64_t tiles = points.queryTiles * points.keyTiles, heads = 0;
  for (const HeadTileMap &map : maps.maps) {
    int64_t pairs = 0;
    TileCounts counts;
    for (int64_t at = 0; at < tiles; ++at) {
      const MapCell &cell = map.cells[at];
      ASSERT_LE(cell.partial + cell.full, 1);
      counts.partial += cell.partial;
      counts.full += cell.full;
      counts.empty += 1 - cell.partial - cell.full;
      for (int64_t h : map.heads) {
        int64_t visible = points.visible[h][at];
        pairs += visible;
        int64_t visited = cell.partial + cell.full;
        EXPECT_TRUE(visible == 0 || visited == 1) << "missed: head " << h << " tile " << at;
        EXPECT_TRUE(cell.full == 0 || visible == points.existing[at])
            << "falsely full: head " << h << " tile " << at;
        if (!exact) continue;
        EXPECT_TRUE(visible > 0 || visited == 0) << "visited in vain: head " << h << " tile " << at;
        EXPECT_TRUE(visible < tile.queries * tile.keys || cell.full == 1)
            << "falsely partial: head " << h << " tile " << at;
      }
    }
    EXPECT_EQ(map.tiles, counts);
    ASSERT_TRUE(map.visiblePairs);
    EXPECT_EQ(*map.visiblePairs, pairs);
    heads += static_cast<int64_t>(map.heads.size());
  }
  EXPECT_EQ(heads, problem.heads);

  expectCover(maps, points, tile);
}

RandomOptions smallCases() {
  RandomOptions options;
  options.batches = false;
  options.maxTokens = 90;
  options.largeTiles = false;
  return options;
}

} // namespace

TEST(TileMaps, OfPublishedPatternsAreExact) {
  Problem some = squareProblem(200);
  some.queries = 70;
  for (const Pattern &pattern : {patterns::causal(), patterns::slidingWindow(37), patterns::sinkWindow(5, 20),
                                 patterns::prefix(50), parsed("pattern none { mask none; }")}) {
    SCOPED_TRACE(pattern.name);
    expectMaps(pattern, squareProblem(203, 2), {16, 32}, true);
    expectMaps(pattern, some, {8, 8}, true);
    expectMaps(pattern, squareProblem(5), {128, 128}, true);
  }
  expectMaps(patterns::localStride({.block = 8, .local = 2, .stride = 4}), squareProblem(200, 6), {16, 8},
             true);
  expectMaps(parsed("pattern two { causal; heads 0..2: q - k < 20; heads 3..4: k % 16 < 4; }"),
             squareProblem(150, 5), {16, 16}, true);
}

TEST(TileMaps, OfRandomPatternsAreSound) {
  for (uint64_t i = 0; i < 3 * kFeatures; ++i) {
    RandomCase c = randomCase(20, i, smallCases());
    SCOPED_TRACE(c.describe());
    expectMaps(c.pattern, c.problem, {c.tileQueries, c.tileKeys}, false);
    if (HasFailure()) return;
  }
}

TEST(TileMaps, OfTensorsAreSound) {
  Problem documents = squareProblem(150, 2);
  AuxValue &doc = documents.aux["doc"];
  doc.extents = {1, 150};
  for (int32_t i = 0; i < 150; ++i) doc.ints.push_back(i / 37);
  expectMaps(patterns::documents(), documents, {16, 16}, true);

  Problem blocks = squareProblem(512, 3);
  AuxValue &table = blocks.aux["table"];
  table.extents = {3, 4, 4};
  for (int32_t i = 0; i < 48; ++i) table.ints.push_back(i * 7 % 3 == 0);
  expectMaps(patterns::blockTable(), blocks, {64, 64}, true);
}

TEST(TileMaps, CellsAreSumsOfTiles) {
  Pattern pattern = patterns::localStride({.block = 16, .local = 4, .stride = 8});
  Problem problem = squareProblem(1000, 8);
  TileShape tile{8, 16};
  TileMaps fine = tileMaps(pattern, problem, everyTile(tile));
  TileMapOptions options;
  options.tile = tile;
  options.mostCellsAnAxis = 32;
  TileMaps coarse = tileMaps(pattern, problem, options);
  EXPECT_EQ(coarse.grid.cellQueries, 4); // 125 tiles of 8 in 32 cells at most
  EXPECT_EQ(coarse.grid.cellKeys, 2);    // 63 tiles of 16
  ASSERT_EQ(coarse.maps.size(), fine.maps.size());
  const CellGrid &grid = coarse.grid;
  for (size_t map = 0; map < fine.maps.size(); ++map) {
    std::vector<MapCell> sums(grid.rows() * grid.columns());
    std::vector<CoverCell> cover(sums.size());
    std::vector<int64_t> tiles(sums.size(), 0);
    for (int64_t i = 0; i < fine.grid.rows(); ++i)
      for (int64_t j = 0; j < fine.grid.columns(); ++j) {
        int64_t from = i * fine.grid.columns() + j;
        int64_t to = i / grid.cellQueries * grid.columns() + j / grid.cellKeys;
        sums[to].partial += fine.maps[map].cells[from].partial;
        sums[to].full += fine.maps[map].cells[from].full;
        cover[to].context += fine.cover.cells[from].context;
        cover[to].uncovered += fine.cover.cells[from].uncovered;
        cover[to].seen += fine.cover.cells[from].seen;
        ++tiles[to];
      }
    for (size_t i = 0; i < sums.size(); ++i) {
      EXPECT_EQ(coarse.maps[map].cells[i].partial, sums[i].partial);
      EXPECT_EQ(coarse.maps[map].cells[i].full, sums[i].full);
      EXPECT_EQ(coarse.cover.cells[i].context, cover[i].context);
      EXPECT_EQ(coarse.cover.cells[i].uncovered, cover[i].uncovered);
      EXPECT_EQ(coarse.cover.cells[i].seen, cover[i].seen);
      int64_t row = static_cast<int64_t>(i) / grid.columns(),
              column = static_cast<int64_t>(i) % grid.columns();
      EXPECT_EQ(grid.tilesIn(row, column), tiles[i]);
    }
  }
}

TEST(TileMaps, HeadsThatVisitTheSameShareAMap) {
  Pattern pattern = patterns::localStride({.stride = 8, .perKvHead = true});
  Problem problem = squareProblem(4096, 32);
  problem.kvHeads = 8;
  TileMaps maps = tileMaps(pattern, problem);
  ASSERT_EQ(maps.maps.size(), 8u);
  EXPECT_EQ(maps.maps[1].heads, (std::vector<int64_t>{4, 5, 6, 7}));
  Explanation counted = explain(pattern, problem, {.proofs = false});
  TileCounts tiles;
  int64_t pairs = 0;
  for (const HeadTileMap &map : maps.maps) {
    for (size_t i = 0; i < map.heads.size(); ++i) tiles += map.tiles;
    pairs += *map.visiblePairs;
  }
  EXPECT_EQ(tiles, counted.tiles);
  EXPECT_EQ(pairs, counted.visiblePairs);
  EXPECT_EQ(maps.cover.total.uncovered, 0);

  TileMapOptions options;
  options.heads = {5, 8};
  TileMaps shown = tileMaps(pattern, problem, options);
  ASSERT_EQ(shown.maps.size(), 2u);
  EXPECT_EQ(shown.maps[0].heads, (std::vector<int64_t>{5, 6, 7}));
  EXPECT_EQ(shown.maps[1].heads, (std::vector<int64_t>{8}));
  EXPECT_EQ(shown.cover.total.seen, maps.cover.total.seen) << "the cover is that of all heads";
}

/// More heads than shards: heads that are `stride` apart see the same.
TEST(TileMaps, ShardsRepeat) {
  Pattern pattern = patterns::localStride({.stride = 16});
  TileMaps maps = tileMaps(pattern, squareProblem(16384, 128));
  ASSERT_EQ(maps.maps.size(), 16u);
  EXPECT_EQ(maps.maps[3].heads, (std::vector<int64_t>{3, 19, 35, 51, 67, 83, 99, 115}));
  int64_t pairs = 0;
  for (const HeadTileMap &map : maps.maps) pairs += *map.visiblePairs;
  EXPECT_EQ(pairs, explain(pattern, squareProblem(16384, 128), {.proofs = false}).visiblePairs);
}

TEST(TileMaps, AShardThatNoHeadHasIsUncovered) {
  // 7 heads of 8 shards: what is missing are the blocks of one shard outside of the window. Tiles of 128 hold
  // blocks of two shards, and the heads visit all of them: it shows key by key only.
  Pattern pattern = patterns::localStride({.block = 64, .local = 2, .stride = 8});
  TileMaps maps = tileMaps(pattern, squareProblem(4096, 7), {});
  EXPECT_TRUE(maps.cover.causal);
  EXPECT_FALSE(maps.cover.byTiles);
  EXPECT_EQ(maps.cover.total.context, 128 * 32 * 33 / 2);
  int64_t missing = 0;
  for (int64_t tile = 0; tile < 32; ++tile)
    for (int64_t block = 0; block < 2 * tile + 2; ++block)
      missing += 2 * tile - block >= 2 && (block + 7) % 8 == 0
                     ? 64
                     : 0; // not in the window of the tile's first block
  EXPECT_EQ(maps.cover.total.uncovered, missing);

  TileMapOptions coarse;
  coarse.maxCoverSteps = 100;
  TileMaps byTiles = tileMaps(pattern, squareProblem(4096, 7), coarse);
  EXPECT_TRUE(byTiles.cover.byTiles);
  EXPECT_EQ(byTiles.cover.total.context, maps.cover.total.context);
  EXPECT_EQ(byTiles.cover.total.uncovered, 0);
  EXPECT_EQ(tileMaps(pattern, squareProblem(4096, 8), {}).cover.total.uncovered, 0);
}

TEST(TileMaps, TooMuchIsAnError) {
  EXPECT_NE(
      messageOf([] { tileMaps(patterns::causal(), squareProblem(1 << 22)); }).find("32768 x 32768 tiles"),
      std::string::npos);
  EXPECT_NE(messageOf([] {
              tileMaps(patterns::localStride({.stride = 128}), squareProblem(1024, 128));
            }).find("heads 0..127 have 128 different tile maps, there is room for 64"),
            std::string::npos);
  EXPECT_NE(messageOf([] {
              tileMaps(patterns::localStride({.stride = 4096}), squareProblem(1024, 2048));
            }).find("more than 1024 different masks"),
            std::string::npos);
  EXPECT_NE(messageOf([] {
              TileMapOptions options;
              options.maxSteps = 1000;
              tileMaps(patterns::localStride(), squareProblem(1 << 17, 16), options);
            }).find("too many steps"),
            std::string::npos);
  EXPECT_NE(messageOf([] {
              TileMapOptions options;
              options.heads = {4, 7};
              tileMaps(patterns::causal(), squareProblem(100, 4), options);
            }).find("heads 4..7 to show: the heads are 0..3"),
            std::string::npos);
  EXPECT_NE(messageOf([] { tileMaps(patterns::documents(), squareProblem(100)); }).find("doc"),
            std::string::npos);
}

namespace {

void expectWindows(const Pattern &pattern, const Problem &problem, int64_t step) {
  Interpreter oracle(pattern, problem);
  std::vector<int64_t> queries;
  for (int64_t row = 0; row < problem.queryLength(0); row += step)
    queries.push_back(row + problem.queryOffsetOf(0));
  std::vector<QueryWindow> windows = queryWindows(pattern, problem, queries);
  ASSERT_EQ(windows.size(), queries.size());
  for (size_t i = 0; i < queries.size(); ++i) {
    EXPECT_EQ(windows[i].query, queries[i]);
    std::map<int64_t, int64_t> seen;
    for (const SeenKeys &keys : windows[i].seen)
      for (int64_t k = keys.first; k <= keys.last; ++k) EXPECT_TRUE(seen.emplace(k, keys.heads).second);
    for (int64_t column = 0; column < problem.keyLength(0); ++column) {
      int64_t heads = 0;
      for (int64_t h = 0; h < problem.heads; ++h)
        heads += oracle.visible(0, h, queries[i] - problem.queryOffsetOf(0), column);
      auto found = seen.find(column + problem.keyOffset);
      ASSERT_EQ(found == seen.end() ? 0 : found->second, heads)
          << "query " << queries[i] << " column " << column;
    }
    for (const auto &[k, heads] : seen) {
      EXPECT_GE(k, problem.keyOffset);
      EXPECT_LT(k, problem.keyOffset + problem.keyLength(0));
      EXPECT_GT(heads, 0);
    }
  }
}

} // namespace

TEST(QueryWindows, OfRandomPatterns) {
  for (uint64_t i = 0; i < 3 * kFeatures; ++i) {
    RandomCase c = randomCase(21, i, smallCases());
    SCOPED_TRACE(c.describe());
    expectWindows(c.pattern, c.problem, 7);
    if (HasFailure()) return;
  }
}

TEST(QueryWindows, OfTokenSpaces) {
  expectWindows(patterns::neighborhood(Space({12, 20}), {.window = {5}, .stride = {2}}),
                squareProblem(240, 2), 1);
  expectWindows(patterns::neighborhood(
                    Space({5, 8, 9}), {.window = {3}, .dilation = {1, 2, 2}, .causal = {true, false, false}}),
                squareProblem(360), 5);
}

TEST(QueryWindows, QueriesMustBeRows) {
  Problem problem = squareProblem(100);
  problem.queries = 10;
  EXPECT_EQ(messageOf([&] { queryWindows(patterns::causal(), problem, {89}); }),
            "query 89: the queries are the positions 90..99");
  EXPECT_EQ(queryWindows(patterns::causal(), problem, {90})[0].seen[0].last, 90);
}

} // namespace maskloom::testing
