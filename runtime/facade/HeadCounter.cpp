#include "maskloom/facade/HeadCounter.h"

#include "maskloom/facade/Analyzed.h"

namespace maskloom {

HeadCounter::HeadCounter(const Pattern &pattern, const Problem &problem, TileShape tile, int64_t maxSteps)
    : program_(analyzed(pattern, tile, problem.params)), contexts_(program_, problem),
      classes_(program_, contexts_), steps_(maxSteps) {}

std::optional<int64_t> HeadCounter::pairs(int64_t head) {
  auto [entry, isNew] = pairs_.try_emplace(classes_.classOf(head));
  if (isNew) {
    const HeadGroupProgram &group = program_.groups[classes_.groupOf(head)];
    entry->second = countVisiblePairs(program_, group.predicate, &group.forward, context(head), steps_);
  }
  return entry->second;
}

std::optional<TileCounts> HeadCounter::tiles(int64_t head) {
  auto [entry, isNew] = tiles_.try_emplace(classes_.classOf(head));
  if (isNew) {
    const HeadGroupProgram &group = program_.groups[classes_.groupOf(head)];
    entry->second = countTiles(program_, group.predicate, group.forward, context(head), steps_);
  }
  return entry->second;
}

} // namespace maskloom
