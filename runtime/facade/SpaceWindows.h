// The keys that single queries see, for pictures of windows in the coordinates of a token space.
#pragma once

#include "maskloom/dsl/Interpreter.h"

#include <vector>

namespace maskloom {

/// Key positions first .. last, both included, that `heads` heads see.
struct SeenKeys {
  int64_t first = 0, last = 0, heads = 0;
};

struct QueryWindow {
  int64_t query = 0;          ///< absolute position
  std::vector<SeenKeys> seen; ///< ascending, disjoint; heads > 0
};

/// For batch entry 0 and each of `queries` (absolute positions, which must be those of rows). Walks the
/// schedule of single rows. Throws Error.
std::vector<QueryWindow> queryWindows(const Pattern &pattern, const Problem &problem,
                                      const std::vector<int64_t> &queries);

} // namespace maskloom
