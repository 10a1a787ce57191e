#include "maskloom/program/PairCount.h"

#include "maskloom/program/Arithmetic.h"
#include "maskloom/program/BoxEvaluator.h"
#include "maskloom/program/PredicateEvaluation.h"
#include "maskloom/program/RunUnion.h"
#include "maskloom/program/TileWalker.h"

#include <algorithm>

namespace maskloom {

namespace {

/// Quarters of the plane until a box is of one kind, or small enough to look at its points. A long predicate
/// shrinks with the boxes, to what a box does not decide.
class BoxCounter {
public:
  BoxCounter(const Program &program, const ScheduleContext &context, int64_t &steps)
      : program_(program), context_(context), steps_(steps) {}

  /// Meaningless once the steps have run out.
  int64_t count(const Predicate &predicate) {
    BoxEvaluator boxes(program_, predicate, context_);
    return count(predicate, boxes, {0, context_.queryLength, 0, context_.keyLength});
  }

private:
  static constexpr int64_t kLeaf = 16;
  static constexpr size_t kShort = 16; ///< predicates of so many nodes stay as they are

  struct Box { // rows [r0, r1), columns [c0, c1)
    int64_t r0, r1, c0, c1;
  };

  int64_t count(const Predicate &predicate, BoxEvaluator &boxes, const Box &box) {
    if (--steps_ < 0) return 0;
    const int64_t rows = box.r1 - box.r0, columns = box.c1 - box.c0;
    const int64_t q = context_.queryOffset, k = context_.keyOffset;
    const TileClass kind = boxes.classify(box.r0 + q, box.r1 - 1 + q, box.c0 + k, box.c1 - 1 + k);
    if (kind == TileClass::Empty) return 0;
    if (kind == TileClass::Full) return rows * columns;
    const bool isLong = predicate.nodes.size() > kShort;
    const Predicate rest = isLong ? boxes.remaining() : Predicate();
    if (rows <= kLeaf && columns <= kLeaf) return countPoints(isLong ? rest : predicate, box);
    // An evaluator of loads has summaries of the tensors, which are worth keeping.
    if (!isLong || rest.nodes.size() > predicate.nodes.size() / 2 || loads(rest))
      return countHalves(predicate, boxes, box);
    BoxEvaluator inside(program_, rest, context_);
    return countHalves(rest, inside, box);
  }

  int64_t countPoints(const Predicate &predicate, const Box &box) {
    steps_ -= kLeaf; // a point costs less than a box
    int64_t total = 0;
    for (int64_t row = box.r0; row < box.r1; ++row)
      for (int64_t column = box.c0; column < box.c1; ++column)
        total +=
            evaluate(program_, predicate, context_, row + context_.queryOffset, column + context_.keyOffset);
    return total;
  }

  /// Cuts at multiples of powers of two, so that boxes line up with the blocks that patterns are made of.
  int64_t countHalves(const Predicate &predicate, BoxEvaluator &boxes, const Box &box) {
    Box first = box, second = box;
    if (box.r1 - box.r0 > box.c1 - box.c0)
      first.r1 = second.r0 = cut(box.r0, box.r1);
    else
      first.c1 = second.c0 = cut(box.c0, box.c1);
    const int64_t inFirst = count(predicate, boxes, first);
    return inFirst + count(predicate, boxes, second);
  }

  static int64_t cut(int64_t first, int64_t end) {
    int64_t size = kLeaf;
    while (2 * size < end - first) size *= 2;
    int64_t middle = (first + size) / size * size;
    return middle < end ? middle : first + (end - first) / 2;
  }

  static bool loads(const Predicate &predicate) {
    return std::any_of(predicate.nodes.begin(), predicate.nodes.end(),
                       [](const PredicateNode &node) { return node.op == PredicateNode::Op::AuxLoad; });
  }

  const Program &program_;
  const ScheduleContext &context_;
  int64_t &steps_;
};

/// The runs of one row as they are, stretch by stretch.
std::optional<int64_t> walkRows(const Program &program, const Schedule &rows, const ScheduleContext &context,
                                int64_t &steps) {
  using Set = ScheduleInstance::Set;
  ScheduleInstance instance(program, rows, context);
  int64_t total = 0;
  for (int64_t row = 0; row < context.queryLength; ++row) {
    instance.setOuter(row, context.keyLength);
    for (int64_t x = instance.next(Set::Touched, 0); x != kNoTile;) {
      if (--steps < 0) return std::nullopt;
      int64_t last = instance.lastOfStretch(Set::Touched, x);
      total += last - x + 1;
      x = instance.next(Set::Touched, last + 1);
    }
    if (--steps < 0) return std::nullopt;
  }
  return total;
}

std::vector<const OuterRun *> pointers(const std::vector<OuterRun> &runs) {
  std::vector<const OuterRun *> result;
  for (const OuterRun &run : runs) result.push_back(&run);
  return result;
}

/// Tiles by the walker's rules, from counts of unions: the full ones are those of T or N that are not in N.
std::optional<TileCounts> countClosedForm(OuterRuns runs, const Schedule &schedule,
                                          const ScheduleContext &context, int64_t &steps) {
  int64_t queryTiles = integer::ceilDiv(context.queryLength, schedule.tile.queries);
  int64_t keyTiles = integer::ceilDiv(context.keyLength, schedule.tile.keys);
  if (keyTiles * schedule.tile.keys > context.keyLength) { // the ragged last tile is never full
    OuterRun ragged;
    ragged.low.push_back({{keyTiles - 1, 0, {}}, 1});
    runs.notFull.push_back(std::move(ragged));
  }
  std::vector<const OuterRun *> touched = pointers(runs.touched), notFull = pointers(runs.notFull),
                                both = touched;
  both.insert(both.end(), notFull.begin(), notFull.end());
  auto count = [&](std::vector<const OuterRun *> set) {
    return RunUnion(runs.floors, std::move(set), keyTiles).sum(0, queryTiles - 1, steps);
  };
  std::optional<int64_t> inTouched = count(touched), inNotFull = count(notFull), inBoth = count(both);
  if (!inTouched || !inNotFull || !inBoth) return std::nullopt;
  TileCounts counts;
  counts.full = *inBoth - *inNotFull;
  counts.partial = *inTouched - counts.full;
  counts.empty = queryTiles * keyTiles - *inTouched;
  return counts;
}

std::optional<TileCounts> walkTiles(const Program &program, const Predicate &predicate,
                                    const Schedule &schedule, const ScheduleContext &context,
                                    int64_t &steps) {
  TileWalker walker(program, predicate, schedule, context);
  TileCounts counts;
  for (int64_t tile = 0; tile < walker.outerTiles(); ++tile) {
    // A row that is not closed-form classifies its candidates one by one.
    steps -= schedule.closedForm ? 1 : walker.innerTiles();
    if (steps < 0) return std::nullopt;
    const int64_t before = walker.boxes();
    for (const Stretch &stretch : walker.stretches(tile)) {
      (stretch.partial ? counts.partial : counts.full) += stretch.last - stretch.first + 1;
      --steps;
    }
    steps -= std::max<int64_t>(walker.boxes() - before - walker.innerTiles(), 0);
  }
  counts.empty = walker.outerTiles() * walker.innerTiles() - counts.partial - counts.full;
  return counts;
}

} // namespace

std::optional<int64_t> countVisiblePairs(const Program &program, const Predicate &predicate,
                                         const Schedule *rows, const ScheduleContext &context,
                                         int64_t &steps) {
  if (!rows || !rows->closedForm || rows->tile != TileShape{1, 1} ||
      rows->orientation != Orientation::Forward) {
    int64_t total = BoxCounter(program, context, steps).count(predicate);
    return steps < 0 ? std::nullopt : std::optional(total);
  }
  Schedule touched = *rows;
  touched.notFull.clear();
  if (std::optional<OuterRuns> runs = foldRuns(program, touched, context))
    return RunUnion(runs->floors, pointers(runs->touched), context.keyLength)
        .sum(0, context.queryLength - 1, steps);
  return walkRows(program, touched, context, steps);
}

std::optional<TileCounts> countTiles(const Program &program, const Predicate &predicate,
                                     const Schedule &schedule, const ScheduleContext &context,
                                     int64_t &steps) {
  if (schedule.closedForm)
    if (std::optional<OuterRuns> runs = foldRuns(program, schedule, context))
      return countClosedForm(std::move(*runs), schedule, context, steps);
  return walkTiles(program, predicate, schedule, context, steps);
}

} // namespace maskloom
