// A predicate at one query and n neighbouring keys at once: node by node over arrays. What does not depend on
// the query is computed once, what a row does not need is not computed: in most rows most terms of a long
// disjunction are off for all keys.
#pragma once

#include "maskloom/program/PredicateEvaluation.h"

#include <span>

namespace maskloom::analysis {

class RowEvaluator {
public:
  /// All must outlive the evaluator; the context is copied, not what it points to. Key offset 0.
  RowEvaluator(const Program &program, const Predicate &predicate, const ScheduleContext &context,
               int64_t keys);

  /// The keys are `first`, first + 1, ... from now on (0 at the start); they may go beyond the last one.
  void moveTo(int64_t first);

  /// Element i is not 0 iff query position q sees key first + i. Valid until the next call.
  std::span<const int64_t> row(int64_t q);

private:
  struct NodeValue {
    bool usesQuery = false, usesKey = false;
    bool known = false;             ///< once, or of query `query`
    int64_t query = 0;              ///< usesQuery
    const int64_t *array = nullptr; ///< a value a key, or null: `scalar` for all of them
    int64_t scalar = 0;
    std::vector<int64_t> values; ///< usesKey: room for `array`, which may be an operand's instead
  };
  const NodeValue &at(int32_t node, int64_t q);
  void compute(int32_t node, int64_t q);
  void load(const PredicateNode &node, int64_t q, NodeValue &out);
  void connective(const PredicateNode &node, int64_t q, NodeValue &out);
  void applyToAll(PredicateNode::Op op, const NodeValue *const (&operands)[3], NodeValue &out);

  const Program &program_;
  const Predicate &predicate_;
  const ScheduleContext context_;
  int64_t keys_, first_ = 0;
  std::vector<NodeValue> nodes_;
  std::vector<int64_t> result_;
};

} // namespace maskloom::analysis
