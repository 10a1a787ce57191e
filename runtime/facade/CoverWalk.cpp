#include "maskloom/facade/CoverWalk.h"

#include <algorithm>
#include <map>

namespace maskloom {

CoverWalk::CoverWalk(HeadCounter &keys, HeadCounter &tiles, const Problem &problem, TileShape tile,
                     const CellGrid &grid, bool byTiles)
    : tile_(tile), grid_(grid), keys_(problem.keyLength(0)), queries_(problem.queryLength(0)),
      shift_(problem.queryOffsetOf(0) - problem.keyOffset) {
  std::map<std::pair<bool, size_t>, size_t> known; // by whether tiles are the coarse ones, and class
  for (int64_t h = 0; h < problem.heads; ++h) {
    bool coarse = byTiles || !keys.program().groups[keys.classes().groupOf(h)].forward.closedForm;
    HeadCounter &counter = coarse ? tiles : keys;
    auto [entry, isNew] = known.try_emplace({coarse, counter.classes().classOf(h)}, classes_.size());
    if (isNew) {
      const HeadGroupProgram &group = counter.program().groups[counter.classes().groupOf(h)];
      classes_.push_back(
          {0, coarse ? tile.keys : 1,
           std::make_unique<TileWalker>(counter.program(), group, Orientation::Forward, counter.context(h))});
      causal_.byTiles |= coarse && tile.keys > 1;
    }
    ++classes_[entry->second].heads;
  }
  causal_.cells.resize(grid.rows() * grid.columns());
  plane_.cells.resize(grid.rows() * grid.columns());
}

bool CoverWalk::run(int64_t steps) {
  for (int64_t tile = 0; tile < grid_.queryTiles; ++tile) {
    changes_.clear();
    for (const Shared &shared : classes_)
      for (const Stretch &stretch : shared.walker->stretches(tile)) {
        if (--steps < 0) return false;
        changes_.push_back({stretch.first * shared.width, shared.heads});
        changes_.push_back({std::min((stretch.last + 1) * shared.width, keys_), -shared.heads});
      }
    addRow(tile);
  }
  return true;
}

void CoverWalk::addRow(int64_t tile) {
  std::sort(changes_.begin(), changes_.end(), [](const Change &a, const Change &b) { return a.key < b.key; });
  int64_t key = 0, heads = 0;
  for (const Change &change : changes_) {
    addKeys(tile, key, change.key, heads);
    key = change.key;
    heads += change.heads;
  }
  addKeys(tile, key, keys_, 0);
}

void CoverWalk::addKeys(int64_t tile, int64_t first, int64_t end, int64_t heads) {
  int64_t lastQuery = std::min((tile + 1) * tile_.queries, queries_) - 1;
  int64_t behind = std::clamp<int64_t>(lastQuery + shift_ + 1, 0, keys_); // from here on keys are later
  if (heads > 0 && end > std::max(first, behind)) causal_.causal = false;
  int64_t width = grid_.cellKeys * tile_.keys, row = tile / grid_.cellQueries * grid_.columns();
  auto add = [&](CoverMap &map, int64_t column, int64_t from, int64_t to) {
    if (from >= to) return;
    for (CoverCell *cell : {&map.cells[row + column], &map.total}) {
      cell->context += to - from;
      cell->uncovered += heads == 0 ? to - from : 0;
      cell->seen += heads * (to - from);
    }
  };
  while (first < end) {
    int64_t column = first / width, to = std::min(end, (column + 1) * width);
    add(plane_, column, first, to);
    add(causal_, column, first, std::min(to, behind));
    first = to;
  }
}

CoverMap CoverWalk::take() {
  if (causal_.causal) return std::move(causal_);
  plane_.causal = false;
  plane_.byTiles = causal_.byTiles;
  return std::move(plane_);
}

} // namespace maskloom
