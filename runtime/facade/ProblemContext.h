// A concrete Problem (names and host arrays) as the walker's contexts (indices and views).
#pragma once

#include "maskloom/dsl/Interpreter.h"
#include "maskloom/program/ScheduleWalker.h"

namespace maskloom {

/// Throws Error(User) with everything that is wrong with the problem for this pattern.
void checkProblemOrThrow(const Pattern &pattern, const Problem &problem,
                         MissingAux missing = MissingAux::Wrong);

/// Keeps what the contexts point to; program and problem must outlive it.
class ProblemContext {
public:
  ProblemContext(const Program &program, const Problem &problem);
  ScheduleContext of(int64_t batch, int64_t head) const;

private:
  const Problem &problem_;
  std::vector<int64_t> params_;
  std::vector<AuxView> aux_;
};

} // namespace maskloom
