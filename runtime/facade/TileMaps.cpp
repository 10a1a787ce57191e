#include "maskloom/facade/TileMaps.h"

#include "maskloom/facade/CoverWalk.h"
#include "maskloom/facade/Error.h"
#include "maskloom/facade/HeadCounter.h"

#include "maskloom/program/Arithmetic.h"
#include "maskloom/program/TileWalker.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace maskloom {

namespace {

constexpr int64_t kMostTiles = int64_t{1} << 28;
/// One walker each.
constexpr size_t kMostClasses = 1024;

constexpr const char *kCoarser = "choose larger tiles, a shorter sequence or fewer heads";

/// Heads that visit the same tiles.
struct Shared {
  std::unique_ptr<TileWalker> walker;
  std::optional<size_t> map; ///< index into TileMaps::maps, when one of the heads is shown
};

class MapMaker {
public:
  MapMaker(const Pattern &pattern, const Problem &problem, const TileMapOptions &options)
      : pattern_(pattern), problem_(problem), options_(options),
        counter_(pattern, problem, options.tile, options.maxPairSteps) {}

  TileMaps make() {
    out_.tile = options_.tile;
    out_.grid.queryTiles = integer::ceilDiv(problem_.queryLength(0), options_.tile.queries);
    out_.grid.keyTiles = integer::ceilDiv(problem_.keyLength(0), options_.tile.keys);
    if (out_.grid.queryTiles > kMostTiles / out_.grid.keyTiles)
      throw Error(ErrorKind::User, fmt::format("{} x {} tiles are too many to look at: {}",
                                               out_.grid.queryTiles, out_.grid.keyTiles, kCoarser));
    findClasses();
    chooseCells();
    int64_t steps = options_.maxSteps;
    for (int64_t tile = 0; tile < out_.grid.queryTiles; ++tile) addRow(tile, steps);
    for (HeadTileMap &map : out_.maps)
      map.tiles.empty = out_.grid.queryTiles * out_.grid.keyTiles - map.tiles.partial - map.tiles.full;
    findCover();
    countPairs();
    return std::move(out_);
  }

private:
  void findClasses() {
    const HeadRange &shown = options_.heads;
    for (int64_t h = 0; h < problem_.heads; ++h) {
      size_t number = counter_.classes().classOf(h);
      if (number == classes_.size()) {
        if (number == kMostClasses)
          throw Error(
              ErrorKind::User,
              fmt::format("the heads have more than {} different masks: choose fewer heads", kMostClasses));
        const HeadGroupProgram &group = counter_.program().groups[counter_.classes().groupOf(h)];
        classes_.push_back({std::make_unique<TileWalker>(counter_.program(), group, Orientation::Forward,
                                                         counter_.context(h)),
                            {}});
        steps_.push_back(group.forward.closedForm ? 1 : out_.grid.keyTiles);
      }
      Shared &heads = classes_[number];
      if (h < shown.first || h > shown.last) continue;
      if (!heads.map) {
        heads.map = out_.maps.size();
        out_.maps.emplace_back();
      }
      out_.maps[*heads.map].heads.push_back(h);
    }
    if (out_.maps.size() > options_.mostMaps)
      throw Error(ErrorKind::User,
                  fmt::format("heads {}..{} have {} different tile maps, there is room for {}: choose fewer "
                              "heads to show",
                              shown.first, std::min(shown.last, problem_.heads - 1), out_.maps.size(),
                              options_.mostMaps));
  }

  void chooseCells() {
    int64_t most = options_.mostCellsAnAxis;
    while (most > 1 && most * most * static_cast<int64_t>(out_.maps.size()) > options_.mostCells) most /= 2;
    CellGrid &grid = out_.grid;
    grid.cellQueries = integer::ceilDiv(grid.queryTiles, most);
    grid.cellKeys = integer::ceilDiv(grid.keyTiles, most);
    for (HeadTileMap &map : out_.maps) map.cells.resize(grid.rows() * grid.columns());
  }

  /// One row of tiles, of the heads that are shown.
  void addRow(int64_t tile, int64_t &steps) {
    for (size_t i = 0; i < classes_.size(); ++i) {
      if (!classes_[i].map) continue;
      const std::vector<Stretch> &stretches = classes_[i].walker->stretches(tile);
      steps -= steps_[i] + static_cast<int64_t>(stretches.size());
      if (steps < 0)
        throw Error(ErrorKind::User, fmt::format("walking the tiles takes too many steps: {}", kCoarser));
      for (const Stretch &stretch : stretches) addStretch(out_.maps[*classes_[i].map], tile, stretch);
    }
  }

  void addStretch(HeadTileMap &map, int64_t tile, const Stretch &stretch) {
    const CellGrid &grid = out_.grid;
    int64_t length = stretch.last - stretch.first + 1;
    (stretch.partial ? map.tiles.partial : map.tiles.full) += length;
    MapCell *row = map.cells.data() + tile / grid.cellQueries * grid.columns();
    for (int64_t x = stretch.first; x <= stretch.last;) {
      int64_t column = x / grid.cellKeys, end = std::min(stretch.last + 1, (column + 1) * grid.cellKeys);
      (stretch.partial ? row[column].partial : row[column].full) += end - x;
      x = end;
    }
  }

  void findCover() {
    HeadCounter keys(pattern_, problem_, {options_.tile.queries, 1}, 0);
    for (bool byTiles : {false, true}) {
      CoverWalk walk(keys, counter_, problem_, options_.tile, out_.grid, byTiles);
      if (!walk.run(byTiles ? options_.maxSteps : options_.maxCoverSteps)) continue;
      out_.cover = walk.take();
      return;
    }
    throw Error(ErrorKind::User, fmt::format("walking the tiles takes too many steps: {}", kCoarser));
  }

  void countPairs() {
    HeadCounter rows(pattern_, problem_, {1, 1}, options_.maxPairSteps);
    for (HeadTileMap &map : out_.maps) {
      map.visiblePairs = 0;
      for (int64_t h : map.heads) {
        std::optional<int64_t> pairs = rows.pairs(h);
        if (!pairs || !map.visiblePairs)
          map.visiblePairs.reset();
        else
          *map.visiblePairs += *pairs;
      }
    }
  }

  const Pattern &pattern_;
  const Problem &problem_;
  const TileMapOptions &options_;
  HeadCounter counter_;
  TileMaps out_;
  std::vector<Shared> classes_;
  std::vector<int64_t> steps_; ///< by class: what a row costs at least
};

} // namespace

TileMaps tileMaps(const Pattern &pattern, const Problem &problem, const TileMapOptions &options) {
  checkProblemOrThrow(pattern, problem);
  if (options.heads.first < 0 || options.heads.first > options.heads.last ||
      options.heads.first >= problem.heads)
    throw Error(ErrorKind::User, fmt::format("heads {}..{} to show: the heads are 0..{}", options.heads.first,
                                             options.heads.last, problem.heads - 1));
  return MapMaker(pattern, problem, options).make();
}

} // namespace maskloom
