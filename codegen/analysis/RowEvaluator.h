// A predicate at one query and all keys 0 .. n - 1 at once: node by node over arrays, and what does not
// depend on the query is computed only once.
#pragma once

#include "maskloom/program/PredicateEvaluation.h"

namespace maskloom::analysis {

class RowEvaluator {
public:
  /// All must outlive the evaluator; the context is copied, not what it points to. Key offset 0.
  RowEvaluator(const Program &program, const Predicate &predicate, const ScheduleContext &context,
               int64_t keys);

  /// Element k is not 0 iff query position q sees key k. Valid until the next call.
  const std::vector<int64_t> &row(int64_t q);

private:
  struct NodeValue {
    bool usesQuery = false, usesKey = false;
    int64_t scalar = 0;          ///< !usesKey
    std::vector<int64_t> values; ///< usesKey
  };
  void compute(size_t node, int64_t q);
  int64_t load(const PredicateNode &node, int64_t k) const;

  const Program &program_;
  const Predicate &predicate_;
  const ScheduleContext context_;
  int64_t keys_;
  std::vector<NodeValue> nodes_;
  std::vector<int64_t> result_;
};

} // namespace maskloom::analysis
