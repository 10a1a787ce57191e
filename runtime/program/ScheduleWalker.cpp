#include "maskloom/program/ScheduleWalker.h"

#include "maskloom/program/Arithmetic.h"
#include "maskloom/program/TileWalker.h"

#include <algorithm>

namespace maskloom {

using integer::ceilDiv;
using Set = ScheduleInstance::Set;

namespace {

constexpr int64_t kPartsOfATile = 512; // a bound of the work where no part decides anything

bool loadsTensors(const Predicate &predicate) {
  return std::any_of(predicate.nodes.begin(), predicate.nodes.end(),
                     [](const PredicateNode &node) { return node.op == PredicateNode::Op::AuxLoad; });
}

} // namespace

TileWalker::TileWalker(const Program &program, const Predicate &predicate, const Schedule &schedule,
                       const ScheduleContext &context)
    : schedule_(schedule), context_(context), instance_(program, schedule, context),
      boxes_(program, predicate, context), refines_(!loadsTensors(predicate)) {
  int64_t queryTiles = ceilDiv(context.queryLength, schedule.tile.queries);
  int64_t keyTiles = ceilDiv(context.keyLength, schedule.tile.keys);
  bool forward = schedule.orientation == Orientation::Forward;
  outerTiles_ = forward ? queryTiles : keyTiles;
  innerTiles_ = forward ? keyTiles : queryTiles;
}

TileWalker::TileWalker(const Program &program, const HeadGroupProgram &group, Orientation orientation,
                       const ScheduleContext &context)
    : TileWalker(program, group.predicate,
                 orientation == Orientation::Forward ? group.forward : group.transposed, context) {}

const std::vector<Stretch> &TileWalker::stretches(int64_t outer) {
  result_.clear();
  instance_.setOuter(outer, innerTiles_);
  int64_t x = 0;
  while (true) {
    x = instance_.next(Set::Touched, x);
    if (x == kNoTile) break;
    int64_t last = instance_.lastOfStretch(Set::Touched, x);
    // Cut [x, last] where membership in N changes.
    while (x <= last) {
      bool partial = instance_.contains(Set::NotFull, x);
      int64_t nextChange =
          partial ? instance_.lastOfStretch(Set::NotFull, x) + 1 : instance_.next(Set::NotFull, x + 1);
      int64_t end = nextChange == kNoTile ? last : std::min(last, nextChange - 1);
      if (schedule_.closedForm || !partial)
        append(x, end, partial);
      else
        classify(outer, x, end, partial);
      x = end + 1;
    }
  }
  bool forward = schedule_.orientation == Orientation::Forward;
  int64_t innerLength = forward ? context_.keyLength : context_.queryLength;
  int64_t innerSize = forward ? schedule_.tile.keys : schedule_.tile.queries;
  // Going forward, a ragged Q tile only has rows that nobody stores; transposed, a ragged KV tile has keys
  // that do not exist in every inner tile.
  bool raggedKeys = !forward && (outer + 1) * schedule_.tile.keys > context_.keyLength;
  if (raggedKeys) {
    std::vector<Stretch> all;
    all.swap(result_);
    for (const Stretch &stretch : all) append(stretch.first, stretch.last, true);
  } else if (innerTiles_ * innerSize > innerLength && !result_.empty()) {
    Stretch tail = result_.back();
    if (tail.last == innerTiles_ - 1 && !tail.partial) {
      if (tail.first == tail.last)
        result_.pop_back();
      else
        --result_.back().last;
      append(tail.last, tail.last, true);
    }
  }
  return result_;
}

void TileWalker::append(int64_t first, int64_t last, bool partial) {
  if (!result_.empty() && result_.back().last + 1 == first && result_.back().partial == partial)
    result_.back().last = last;
  else
    result_.push_back({first, last, partial});
}

void TileWalker::classify(int64_t outer, int64_t first, int64_t last, bool partial) {
  bool forward = schedule_.orientation == Orientation::Forward;
  auto [q0, q1] = forward ? std::pair(outer, outer) : std::pair(first, last);
  auto [k0, k1] = forward ? std::pair(first, last) : std::pair(outer, outer);
  int64_t queries = schedule_.tile.queries, keys = schedule_.tile.keys;
  Box box{q0 * queries + context_.queryOffset,
          std::min((q1 + 1) * queries, context_.queryLength) - 1 + context_.queryOffset,
          k0 * keys + context_.keyOffset,
          std::min((k1 + 1) * keys, context_.keyLength) - 1 + context_.keyOffset};
  TileClass kind = classOf(box);
  if (kind == TileClass::Partial && first == last && refines_) {
    int64_t budget = kPartsOfATile;
    kind = refined(box, budget);
  }
  if (kind == TileClass::Empty) return;
  if (kind == TileClass::Full) return append(first, last, false);
  if (first == last) return append(first, last, partial);
  int64_t middle = first + (last - first) / 2;
  classify(outer, first, middle, partial);
  classify(outer, middle + 1, last, partial);
}

TileClass TileWalker::classOf(const Box &box) {
  ++boxCount_;
  return boxes_.classify(box.q0, box.q1, box.k0, box.k1);
}

// Halves of the longer side, until the parts agree, two of them differ, or the budget is spent.
TileClass TileWalker::refined(const Box &box, int64_t &budget) {
  int64_t rows = box.q1 - box.q0, columns = box.k1 - box.k0;
  if ((budget -= 2) < 0 || (rows == 0 && columns == 0)) return TileClass::Partial;
  Box one = box, two = box;
  if (rows > columns) {
    one.q1 = box.q0 + rows / 2;
    two.q0 = one.q1 + 1;
  } else {
    one.k1 = box.k0 + columns / 2;
    two.k0 = one.k1 + 1;
  }
  TileClass first = classOf(one), second = classOf(two);
  if (first != second && first != TileClass::Partial && second != TileClass::Partial)
    return TileClass::Partial;
  if (first == TileClass::Partial) first = refined(one, budget);
  if (first == TileClass::Partial) return first;
  if (second == TileClass::Partial) second = refined(two, budget);
  return first == second ? first : TileClass::Partial;
}

void walk(const Program &program, const HeadGroupProgram &group, Orientation orientation,
          const ScheduleContext &context, int64_t outer, const std::function<void(const Stretch &)> &visit) {
  TileWalker walker(program, group, orientation, context);
  for (const Stretch &stretch : walker.stretches(outer)) visit(stretch);
}

} // namespace maskloom
