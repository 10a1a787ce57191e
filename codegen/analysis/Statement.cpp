#include "maskloom/analysis/Statement.h"

#include "maskloom/analysis/RowEvaluator.h"

#include <algorithm>

namespace maskloom::analysis {

MaskNames namesOf(const Predicate &predicate) {
  MaskNames names;
  std::vector<bool> outside(predicate.nodes.size(), false); // of the indices of loads
  outside.back() = true;
  for (size_t i = predicate.nodes.size(); i-- > 0;) {
    const PredicateNode &node = predicate.nodes[i];
    names.aux |= node.op == PredicateNode::Op::AuxLoad;
    for (int32_t operand : node.operands)
      if (operand >= 0 && outside[i] && node.op != PredicateNode::Op::AuxLoad) outside[operand] = true;
    if (node.op != PredicateNode::Op::Symbol) continue;
    names.queryLength |= node.symbol == Symbol::QueryLength;
    names.keyLength |= node.symbol == Symbol::KeyLength || node.symbol == Symbol::QueryLength;
    names.head |= outside[i] && (node.symbol == Symbol::Head || node.symbol == Symbol::KvHead);
    names.aux |= node.symbol == Symbol::AuxScalar;
  }
  return names;
}

std::pair<int64_t, int64_t> MaskView::headsOf(size_t group, const ProofScope &scope) const {
  const HeadGroupProgram &heads = (*groups)[group];
  int64_t ratio = byKvHead ? scope.heads / scope.kvHeads : 1;
  int64_t last =
      std::min(heads.last, scope.heads); // before the product: an unbounded group ends at INT64_MAX
  return {heads.first * ratio, std::min(last * ratio + ratio - 1, scope.heads - 1)};
}

const Predicate &MaskView::maskOf(int64_t head, const ProofScope &scope) const {
  for (size_t i = 0; i < groups->size(); ++i)
    if (auto [first, last] = headsOf(i, scope); first <= head && head <= last) return (*groups)[i].predicate;
  return groups->back().predicate; // groups partition the heads that exist
}

Statement::Statement(Property property, const Program &program, const ProofScope &scope,
                     std::optional<MaskView> other)
    : property(property), program(program), mask{&program.groups, program.groupsByKvHead}, other(other),
      scope(scope) {
  for (const std::optional<MaskView> &view : {std::optional(mask), other})
    for (size_t i = 0; view && i < view->groups->size(); ++i) {
      MaskNames more = namesOf((*view->groups)[i].predicate);
      names.queryLength |= more.queryLength;
      names.keyLength |= more.keyLength;
      names.head |= more.head;
      names.aux |= more.aux;
    }
}

PointContext::PointContext(const Statement &statement, const Counterexample &point)
    : statement_(statement), point_(point) {
  for (const AuxContents &contents : point.aux) {
    AuxView &view = aux_.emplace_back();
    view.data = contents.values.data();
    int64_t stride = 1;
    for (size_t axis = contents.extents.size(); axis-- > 0;) {
      view.extents[axis] = contents.extents[axis];
      view.strides[axis] = stride;
      stride *= contents.extents[axis];
    }
  }
}

ScheduleContext PointContext::of(int64_t head) const {
  const ProofScope &scope = statement_.scope;
  ScheduleContext context;
  context.batch = point_.batch;
  context.head = head;
  context.kvHead = head / (scope.heads / scope.kvHeads);
  context.heads = scope.heads;
  context.kvHeads = scope.kvHeads;
  context.queryLength = point_.queryLength;
  context.keyLength = point_.keyLength;
  context.queryOffset = point_.keyLength - point_.queryLength;
  context.params = point_.params.data();
  context.aux = aux_.data();
  return context;
}

/// Part by part: most rows that see a key see one soon, and parts fit the caches.
static bool seesNoKey(const Statement &statement, const ScheduleContext &context, int64_t head,
                      int64_t query) {
  constexpr int64_t kPart = 256;
  const int64_t keys = context.keyLength;
  RowEvaluator rows(statement.program, statement.mask.maskOf(head, statement.scope), context,
                    std::min(keys, kPart));
  for (int64_t first = 0; first < keys; first += kPart) {
    rows.moveTo(first);
    const std::span<const int64_t> part = rows.row(query).first(std::min(keys - first, kPart));
    if (std::any_of(part.begin(), part.end(), [](int64_t seen) { return seen != 0; })) return false;
  }
  return true;
}

bool refutes(const Statement &statement, const Counterexample &point, int64_t maxPoints) {
  if (statement.names.aux && point.aux.empty()) return false;
  PointContext contexts(statement, point);
  auto visible = [&](const MaskView &view, int64_t head, int64_t q, int64_t k) {
    return evaluate(statement.program, view.maskOf(head, statement.scope), contexts.of(head), q, k);
  };
  auto exists = [&](int64_t position, bool query) {
    return position >= (query ? point.keyLength - point.queryLength : 0) && position < point.keyLength;
  };
  if (point.queryLength < 1 || point.queryLength > point.keyLength) return false;
  for (int64_t q : point.queries)
    if (!exists(q, true)) return false;
  if (point.key && !exists(*point.key, false)) return false;
  int64_t head = point.head.value_or(0);
  switch (statement.property) {
  case Property::Causal:
    return *point.key > point.queries[0] && visible(statement.mask, head, point.queries[0], *point.key);
  case Property::RowsNonempty:
    return point.keyLength <= maxPoints && seesNoKey(statement, contexts.of(head), head, point.queries[0]);
  case Property::CoversCausal:
  case Property::CoversAll:
    if (statement.property == Property::CoversCausal && *point.key > point.queries[0]) return false;
    for (int64_t h = 0; h < statement.scope.heads; ++h)
      if (visible(statement.mask, h, point.queries[0], *point.key)) return false;
    return true;
  case Property::KvEfficient:
    return point.queries[0] < point.queries[1] && point.queries[1] < point.queries[2] &&
           visible(statement.mask, head, point.queries[0], *point.key) &&
           !visible(statement.mask, head, point.queries[1], *point.key) &&
           visible(statement.mask, head, point.queries[2], *point.key);
  case Property::Equal:
    return visible(statement.mask, head, point.queries[0], *point.key) !=
           visible(*statement.other, head, point.queries[0], *point.key);
  }
  return false;
}

} // namespace maskloom::analysis
