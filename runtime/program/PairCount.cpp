#include "maskloom/program/PairCount.h"

#include "maskloom/program/BoxEvaluator.h"
#include "maskloom/program/PredicateEvaluation.h"
#include "maskloom/program/ScheduleInstance.h"

#include <algorithm>
#include <numeric>

namespace maskloom {

namespace {

/// Common periods beyond this are not worth building: the segment is walked.
constexpr int64_t kMaxCommonPeriod = 1 << 16;

class RowCounter {
public:
  int64_t count(const ScheduleInstance &instance) {
    runs_.clear();
    for (const RunInstance &run : instance.touched()) {
      if (run.low > run.high) continue;
      if (!run.plain) return walk(instance);
      runs_.push_back(&run);
    }
    if (runs_.empty()) return 0;
    if (runs_.size() == 1) return runs_[0]->step.count(runs_[0]->low, runs_[0]->high);
    cuts_.clear();
    for (const RunInstance *run : runs_) {
      cuts_.push_back(run->low);
      cuts_.push_back(run->high + 1);
    }
    std::sort(cuts_.begin(), cuts_.end());
    int64_t total = 0;
    for (size_t i = 0; i + 1 < cuts_.size(); ++i)
      if (cuts_[i] < cuts_[i + 1]) total += segment(cuts_[i], cuts_[i + 1] - 1);
    return total;
  }

private:
  int64_t segment(int64_t first, int64_t last) {
    active_.clear();
    for (const RunInstance *run : runs_) {
      if (run->low > first || run->high < last) continue;
      if (run->step.period == 1) return last - first + 1;
      active_.push_back(&run->step);
    }
    if (active_.empty()) return 0;
    if (active_.size() == 1) return active_[0]->count(first, last);
    int64_t period = 1, length = last - first + 1;
    for (const Progression *step : active_)
      if (period <= kMaxCommonPeriod) period = std::lcm(period, step->period);
    if (period > kMaxCommonPeriod || length < 2 * period) return walk(first, last);
    int64_t whole = length / period;
    return whole * walk(first, first + period - 1) + walk(first + whole * period, last);
  }

  /// Members of the union of the active progressions, stretch by stretch.
  int64_t walk(int64_t first, int64_t last) const {
    int64_t total = 0;
    for (int64_t x = first; x <= last;) {
      int64_t from = kNoTile, to = kNoTile;
      for (const Progression *step : active_) from = std::min(from, step->next(x));
      if (from > last) break;
      for (const Progression *step : active_)
        if (step->contains(from))
          to = to == kNoTile ? step->lastOfStretch(from) : std::max(to, step->lastOfStretch(from));
      to = std::min(to, last);
      total += to - from + 1;
      x = to + 1;
    }
    return total;
  }

  static int64_t walk(const ScheduleInstance &instance) {
    using Set = ScheduleInstance::Set;
    int64_t total = 0;
    for (int64_t x = instance.next(Set::Touched, 0); x != kNoTile;) {
      int64_t last = instance.lastOfStretch(Set::Touched, x);
      total += last - x + 1;
      x = instance.next(Set::Touched, last + 1);
    }
    return total;
  }

  std::vector<const RunInstance *> runs_;
  std::vector<int64_t> cuts_;
  std::vector<const Progression *> active_;
};

/// Quarters of the plane until a box is of one kind, or small enough to look at its points.
class BoxCounter {
public:
  BoxCounter(const Program &program, const Predicate &predicate, const ScheduleContext &context)
      : program_(program), predicate_(predicate), context_(context), boxes_(program, predicate, context) {}

  /// Rows [r0, r1), columns [c0, c1).
  int64_t count(int64_t r0, int64_t r1, int64_t c0, int64_t c1) {
    int64_t rows = r1 - r0, columns = c1 - c0, q = context_.queryOffset, k = context_.keyOffset;
    TileClass kind = boxes_.classify(r0 + q, r1 - 1 + q, c0 + k, c1 - 1 + k);
    if (kind == TileClass::Empty) return 0;
    if (kind == TileClass::Full) return rows * columns;
    if (rows <= kLeaf && columns <= kLeaf) {
      int64_t total = 0;
      for (int64_t row = r0; row < r1; ++row)
        for (int64_t column = c0; column < c1; ++column)
          total += evaluate(program_, predicate_, context_, row + q, column + k);
      return total;
    }
    // Cuts at multiples of powers of two, so that boxes line up with the blocks that patterns are made of.
    if (rows > columns) {
      int64_t middle = cut(r0, r1);
      return count(r0, middle, c0, c1) + count(middle, r1, c0, c1);
    }
    int64_t middle = cut(c0, c1);
    return count(r0, r1, c0, middle) + count(r0, r1, middle, c1);
  }

private:
  static constexpr int64_t kLeaf = 16;

  static int64_t cut(int64_t first, int64_t end) {
    int64_t size = kLeaf;
    while (2 * size < end - first) size *= 2;
    int64_t middle = (first + size) / size * size;
    return middle < end ? middle : first + (end - first) / 2;
  }

  const Program &program_;
  const Predicate &predicate_;
  const ScheduleContext &context_;
  BoxEvaluator boxes_;
};

} // namespace

int64_t countVisiblePairs(const Program &program, const Predicate &predicate, const Schedule *rows,
                          const ScheduleContext &context) {
  if (!rows || !rows->closedForm || rows->tile != TileShape{1, 1} ||
      rows->orientation != Orientation::Forward)
    return BoxCounter(program, predicate, context).count(0, context.queryLength, 0, context.keyLength);
  Schedule touchedOnly = *rows;
  touchedOnly.notFull.clear();
  ScheduleInstance instance(program, touchedOnly, context);
  RowCounter counter;
  int64_t total = 0;
  for (int64_t row = 0; row < context.queryLength; ++row) {
    instance.setOuter(row, context.keyLength);
    total += counter.count(instance);
  }
  return total;
}

} // namespace maskloom
