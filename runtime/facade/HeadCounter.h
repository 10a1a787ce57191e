// Counts of visible pairs and of tiles, head by head; heads that see the same are counted once.
#pragma once

#include "maskloom/dsl/Pattern.h"
#include "maskloom/facade/HeadClasses.h"
#include "maskloom/program/PairCount.h"

#include <map>

namespace maskloom {

/// For batch entry 0 of a problem, which must have passed its checks and outlive the counter.
class HeadCounter {
public:
  /// Counting stops after maxSteps steps of walks, which only patterns without closed-form runs need.
  HeadCounter(const Pattern &pattern, const Problem &problem, TileShape tile, int64_t maxSteps);
  HeadCounter(const HeadCounter &) = delete;
  HeadCounter &operator=(const HeadCounter &) = delete;

  const Program &program() const { return program_; }
  ScheduleContext context(int64_t head) const { return contexts_.of(0, head); }
  HeadClasses &classes() { return classes_; }

  /// Nothing when the steps have run out. Pairs need a counter whose tiles are 1 x 1, to be counted in closed
  /// form.
  std::optional<int64_t> pairs(int64_t head);
  std::optional<TileCounts> tiles(int64_t head);

private:
  Program program_;
  ProblemContext contexts_;
  HeadClasses classes_;
  int64_t steps_;
  std::map<size_t, std::optional<int64_t>> pairs_; ///< by class
  std::map<size_t, std::optional<TileCounts>> tiles_;
};

} // namespace maskloom
