// Exact counts of visible (query, key) pairs and of tiles by kind.
//
// Where runs are closed-form nothing is visited: rows are Q tiles of one query, and unions of runs are summed
// over all outer tiles (RunUnion.h). Otherwise (aux tensors, runs with more than one congruence) boxes of the
// plane are classified, or stretches walked, within a budget of steps.
#pragma once

#include "maskloom/program/ScheduleWalker.h"
#include "maskloom/program/TileCounts.h"

namespace maskloom {

/// Pairs that one head of one batch entry sees, over the existing rows and columns. `rows` is the forward
/// schedule of `predicate` for 1 x 1 tiles; when it is null or not closed-form, boxes of the (q, k) plane are
/// classified by interval evaluation and only what stays partial is evaluated point by point. `steps` is
/// counted down; nothing when it runs out.
std::optional<int64_t> countVisiblePairs(const Program &program, const Predicate &predicate,
                                         const Schedule *rows, const ScheduleContext &context,
                                         int64_t &steps);

/// Tiles of one head of one batch entry by kind, as TileWalker classifies them; `schedule` is a forward one.
std::optional<TileCounts> countTiles(const Program &program, const Predicate &predicate,
                                     const Schedule &schedule, const ScheduleContext &context,
                                     int64_t &steps);

} // namespace maskloom
