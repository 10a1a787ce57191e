#include "maskloom/facade/ProblemContext.h"

#include "maskloom/dsl/Check.h"
#include "maskloom/facade/Error.h"

namespace maskloom {

void checkProblemOrThrow(const Pattern &pattern, const Problem &problem, MissingAux missing) {
  auto diagnostics = checkPattern(pattern);
  if (!hasErrors(diagnostics)) diagnostics = checkHeads(pattern, problem.heads, problem.kvHeads);
  if (hasErrors(diagnostics)) throw Error(ErrorKind::User, render(diagnostics));
  std::string text;
  for (const std::string &line : checkProblem(pattern, problem, missing))
    text += (text.empty() ? "" : "\n") + line;
  if (!text.empty()) throw Error(ErrorKind::User, text);
}

ProblemContext::ProblemContext(const Program &program, const Problem &problem) : problem_(problem) {
  for (const ProgramParam &param : program.params) {
    auto given = problem.params.find(param.name);
    params_.push_back(given == problem.params.end() ? param.defaultValue : given->second);
  }
  for (const ProgramAux &aux : program.auxes) {
    AuxView &view = aux_.emplace_back();
    const auto given = problem.aux.find(aux.name);
    if (given == problem.aux.end()) continue;
    const AuxValue &value = given->second;
    view.data = aux.isFloat ? static_cast<const void *>(value.floats.data()) : value.ints.data();
    int64_t stride = 1;
    for (size_t axis = value.extents.size(); axis-- > 0;) {
      view.extents[axis] = value.extents[axis];
      view.strides[axis] = stride;
      stride *= value.extents[axis];
    }
  }
}

ScheduleContext ProblemContext::of(int64_t batch, int64_t head) const {
  ScheduleContext context;
  context.batch = batch;
  context.head = head;
  context.kvHead = head / (problem_.heads / problem_.kvHeads);
  context.heads = problem_.heads;
  context.kvHeads = problem_.kvHeads;
  context.queryLength = problem_.queryLength(batch);
  context.keyLength = problem_.keyLength(batch);
  context.queryOffset = problem_.queryOffsetOf(batch);
  context.keyOffset = problem_.keyOffset;
  context.params = params_.data();
  context.aux = aux_.data();
  return context;
}

} // namespace maskloom
