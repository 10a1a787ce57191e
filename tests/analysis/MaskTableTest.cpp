// The 26 masks of the table: classes by the schedule against enumeration with the independent definition, in
// both orientations, at two tile shapes, at several lengths, offsets and parameter values.
#include "tests/analysis/MaskTable.h"
#include "maskloom/analysis/DeriveRuns.h"
#include "maskloom/program/Describe.h"
#include "tests/support/ExprPredicate.h"
#include "tests/support/TileClasses.h"

#include <gtest/gtest.h>

namespace maskloom::testing {
namespace {

class MaskTableTest : public ::testing::TestWithParam<TableMask> {};

std::vector<Problem> problemsOf(const TableMask &mask) {
  std::vector<std::pair<int64_t, int64_t>> params{{100, 64}};
  if (mask.usesParams) params = {{1, 0}, {7, 3}, {65, 64}, {128, 129}, {100, 200}};
  std::vector<Problem> problems;
  for (auto [w, g] : params)
    for (auto [queries, keys, queryOffset] : std::vector<std::array<int64_t, 3>>{
             {mask.tokens, mask.tokens, 0}, {257, 257, 0}, {200, 385, 185}, {129, 300, -20}}) {
      if (queries != mask.tokens && mask.tokens > 640 && queries > 257) continue;
      Problem problem;
      problem.heads = problem.kvHeads = 16;
      problem.queries = queries, problem.keys = keys, problem.queryOffset = queryOffset;
      if (mask.usesParams) problem.params = {{"w", w}, {"g", g}};
      problems.push_back(problem);
    }
  return problems;
}

TEST_P(MaskTableTest, ClassesAgreeWithEnumeration) {
  const TableMask &mask = GetParam();
  Pattern pattern(mask.name, mask.mask);
  Program program = programOf(pattern);
  const Predicate &predicate = program.groups[0].predicate;
  for (TileShape tile : {TileShape{128, 64}, TileShape{128, 128}})
    for (Orientation orientation : {Orientation::Forward, Orientation::Transposed}) {
      Schedule schedule = deriveSchedule(program, predicate, tile, orientation);
      SCOPED_TRACE(describe(program, schedule));
      EXPECT_TRUE(schedule.closedForm || !mask.closedForm) << schedule.remark;
      EXPECT_LE(schedule.touched.size(), mask.maxTouched);
      EXPECT_LE(schedule.notFull.size(), mask.maxNotFull);
      for (const Problem &problem : problemsOf(mask))
        for (int64_t head : mask.heads) {
          ContextOf context(program, problem, 0, head);
          auto param = [&](const char *name) { return problem.params.empty() ? 0 : problem.params.at(name); };
          int64_t w = param("w"), g = param("g");
          ClassComparison result =
              compareClasses(program, predicate, schedule, *context, [&](int64_t row, int64_t column) {
                return mask.visible({row + context->queryOffset, column, head, context->keyLength, w, g});
              });
          EXPECT_TRUE(result.sound()) << result.firstProblem;
          EXPECT_LE(result.inexact, mask.maxInexact)
              << result.firstProblem << ", " << result.inexact << " of " << result.tiles << " inexact; tile "
              << tile.queries << "x" << tile.keys << ", Sq " << problem.queries << ", Sk " << problem.keys
              << ", w " << w << ", g " << g;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Masks, MaskTableTest, ::testing::ValuesIn(tableMasks()),
                         [](const auto &info) { return info.param.name; });

} // namespace
} // namespace maskloom::testing
