#include "maskloom/facade/HeadClasses.h"

#include <algorithm>

namespace maskloom {

namespace {

/// Heads of a group that names no head see the same.
bool differsByHead(const Predicate &predicate) {
  return std::any_of(predicate.nodes.begin(), predicate.nodes.end(), [](const PredicateNode &node) {
    return node.op == PredicateNode::Op::Symbol &&
           (node.symbol == Symbol::Head || node.symbol == Symbol::KvHead || node.symbol == Symbol::AuxScalar);
  });
}

} // namespace

size_t HeadClasses::groupOf(int64_t head) const {
  ScheduleContext at = contexts_.of(batch_, head);
  return maskloom::groupOf(program_, at.head, at.kvHead);
}

size_t HeadClasses::classOf(int64_t head) {
  auto [entry, isNew] = known_.try_emplace(head, 0);
  if (!isNew) return entry->second;
  size_t index = groupOf(head);
  const HeadGroupProgram &group = program_.groups[index];
  // Runs that are the same functions, up to whole periods of congruences, touch the same tiles.
  std::optional<OuterRuns> runs;
  if (group.forward.closedForm) runs = foldRuns(program_, group.forward, contexts_.of(batch_, head));
  for (const Class &known : compared_)
    if (known.group == index && (runs ? known.runs == runs : !differsByHead(group.predicate)))
      return entry->second = known.number;
  if (compared_.size() < kMaxCompared) compared_.push_back({count_, index, std::move(runs)});
  return entry->second = count_++;
}

} // namespace maskloom
