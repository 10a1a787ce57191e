// Expressions of the DSL as predicates, one node for one: what the analysis is tested on without the
// pipeline.
#pragma once

#include "maskloom/facade/ProblemContext.h"
#include "maskloom/program/TileWalker.h"

#include <map>
#include <string>

namespace maskloom::testing {

/// A program that has the pattern's parameters and aux tensors, and one group per head group with its
/// predicate; schedules are left empty. Parameters inside divisors become constants with the problem's values
/// (or their defaults).
Program programOf(const Pattern &pattern, const Problem &problem = {});

/// The context of one (batch entry, head) of a problem. Pointers refer to members: do not copy.
class ContextOf {
public:
  ContextOf(const Program &program, const Problem &problem, int64_t batch, int64_t head)
      : contexts_(program, problem), context_(contexts_.of(batch, head)) {}
  ContextOf(const ContextOf &) = delete;
  const ScheduleContext &operator*() const { return context_; }
  const ScheduleContext *operator->() const { return &context_; }

private:
  ProblemContext contexts_;
  ScheduleContext context_;
};

} // namespace maskloom::testing
