#include "maskloom/facade/SpaceWindows.h"

#include "maskloom/facade/Error.h"
#include "maskloom/facade/HeadCounter.h"

#include "maskloom/program/TileWalker.h"

#include <fmt/format.h>

#include <map>

namespace maskloom {

std::vector<QueryWindow> queryWindows(const Pattern &pattern, const Problem &problem,
                                      const std::vector<int64_t> &queries) {
  checkProblemOrThrow(pattern, problem);
  int64_t firstQuery = problem.queryOffsetOf(0), lastQuery = firstQuery + problem.queryLength(0) - 1;
  for (int64_t query : queries)
    if (query < firstQuery || query > lastQuery)
      throw Error(ErrorKind::User, fmt::format("query {}: the queries are the positions {}..{}", query,
                                               firstQuery, lastQuery));

  HeadCounter rows(pattern, problem, {1, 1}, 0);
  std::map<size_t, std::pair<int64_t, int64_t>> classes; // first head, number of heads
  for (int64_t h = 0; h < problem.heads; ++h)
    ++classes.try_emplace(rows.classes().classOf(h), h, 0).first->second.second;

  std::vector<std::map<int64_t, int64_t>> changes(queries.size()); // of the number of heads, by column
  for (const auto &[number, heads] : classes) {
    const HeadGroupProgram &group = rows.program().groups[rows.classes().groupOf(heads.first)];
    TileWalker walker(rows.program(), group, Orientation::Forward, rows.context(heads.first));
    for (size_t i = 0; i < queries.size(); ++i)
      for (const Stretch &stretch : walker.stretches(queries[i] - firstQuery)) {
        changes[i][stretch.first] += heads.second;
        changes[i][stretch.last + 1] -= heads.second;
      }
  }
  std::vector<QueryWindow> windows;
  for (size_t i = 0; i < queries.size(); ++i) {
    QueryWindow window{queries[i], {}};
    int64_t heads = 0, from = 0;
    for (const auto &[column, change] : changes[i]) {
      if (change == 0) continue;
      if (heads > 0) window.seen.push_back({from + problem.keyOffset, column - 1 + problem.keyOffset, heads});
      heads += change;
      from = column;
    }
    windows.push_back(std::move(window));
  }
  return windows;
}

} // namespace maskloom
