// Problems by their numbers alone.
#pragma once

#include "maskloom/dsl/Interpreter.h"

namespace maskloom::testing {

inline Problem problemOf(int64_t queries, int64_t keys, int64_t heads = 1, int64_t kvHeads = 1) {
  Problem problem;
  problem.queries = queries;
  problem.keys = keys;
  problem.heads = heads;
  problem.kvHeads = kvHeads;
  return problem;
}

/// As many queries as keys; `kvHeads` 0: as many as heads.
inline Problem squareProblem(int64_t tokens, int64_t heads = 1, int64_t kvHeads = 0, int64_t batch = 1) {
  Problem problem = problemOf(tokens, tokens, heads, kvHeads ? kvHeads : heads);
  problem.batch = batch;
  return problem;
}

} // namespace maskloom::testing
