// Exact counts of visible (query, key) pairs without visiting them.
//
// A row's visible keys are the touched "tiles" of a schedule derived for 1 x 1 tiles. Its runs are cut at
// their bounds into segments in which the same runs are active; a segment counts whole when an unbroken run
// is active, by the closed form of Progression::count when one congruence is, and by one common period when
// several are.
#pragma once

#include "maskloom/program/ScheduleWalker.h"

namespace maskloom {

/// Pairs that one head of one batch entry sees, over the existing rows and columns. `rows` is the forward
/// schedule of `predicate` for 1 x 1 tiles; when it is null or not closed-form, boxes of the (q, k) plane are
/// classified by interval evaluation and only what stays partial is evaluated point by point.
int64_t countVisiblePairs(const Program &program, const Predicate &predicate, const Schedule *rows,
                          const ScheduleContext &context);

} // namespace maskloom
