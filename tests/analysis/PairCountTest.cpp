// Visible pairs counted from the runs of rows, by boxes, and one by one.
#include "maskloom/program/PairCount.h"
#include "maskloom/analysis/DeriveRuns.h"
#include "maskloom/dsl/Patterns.h"
#include "tests/support/ExprPredicate.h"
#include "tests/support/RandomPattern.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ctime>

namespace maskloom::testing {
namespace {

constexpr TileShape kPoint{1, 1};

Problem problemOf(int64_t heads, int64_t tokens) {
  Problem problem;
  problem.heads = problem.kvHeads = heads;
  problem.queries = problem.keys = tokens;
  return problem;
}

TEST(PairCount, RandomPatterns) {
  int closed = 0;
  for (int index = 0; index < 170; ++index) {
    RandomCase test = randomCase(9, index, {.maxTokens = 150});
    Program program = programOf(test.pattern, test.problem);
    Interpreter interpreter(test.pattern, test.problem);
    for (int64_t batch = 0; batch < test.problem.batch; ++batch)
      for (int64_t head = 0; head < test.problem.heads; ++head) {
        ContextOf context(program, test.problem, batch, head);
        const Predicate &predicate = program.groups[groupOf(program, head, context->kvHead)].predicate;
        int64_t expected = 0;
        for (int64_t row = 0; row < context->queryLength; ++row)
          for (int64_t column = 0; column < context->keyLength; ++column)
            expected += interpreter.visible(batch, head, row, column);
        Schedule rows = deriveSchedule(program, predicate, kPoint, Orientation::Forward);
        closed += rows.closedForm;
        EXPECT_EQ(countVisiblePairs(program, predicate, &rows, *context), expected) << test.describe();
        EXPECT_EQ(countVisiblePairs(program, predicate, nullptr, *context), expected) << test.describe();
      }
  }
  EXPECT_GT(closed, 100);
}

/// Two overlapping strides share a common period.
TEST(PairCount, OverlappingStrides) {
  const Index q = query(), k = key(), h = head();
  Pattern pattern("p", q >= k && (q - k < 5 || (k + h) % 6 == 0 || k % 9 < 2 || (3 * k + h) % 16 < 3));
  Program program = programOf(pattern);
  Problem problem = problemOf(7, 700);
  Interpreter interpreter(pattern, problem);
  const Predicate &predicate = program.groups[0].predicate;
  Schedule rows = deriveSchedule(program, predicate, kPoint, Orientation::Forward);
  ASSERT_TRUE(rows.closedForm);
  for (int64_t head : {0, 4, 6}) {
    int64_t expected = 0;
    for (int64_t row = 0; row < 700; ++row)
      for (int64_t column = 0; column <= row; ++column) expected += interpreter.visible(0, head, row, column);
    ContextOf context(program, problem, 0, head);
    EXPECT_EQ(countVisiblePairs(program, predicate, &rows, *context), expected);
  }
}

/// Block-level arithmetic gives the count of the local-stride pattern directly.
TEST(PairCount, LocalStrideAt131072Tokens) {
  const int64_t tokens = 131072, heads = 16, block = 64, local = 16, stride = 16, blocks = tokens / block;
  int64_t expected = 0;
  for (int64_t head = 0; head < heads; ++head)
    for (int64_t qb = 0; qb < blocks; ++qb)
      for (int64_t kb = 0; kb <= qb; ++kb)
        if (qb - kb < local || (kb + head) % stride == 0)
          expected += kb == qb ? block * (block + 1) / 2 : block * block;
  Program program = programOf(patterns::localStride());
  const Predicate &predicate = program.groups[0].predicate;
  Problem problem = problemOf(heads, tokens);
  std::clock_t start = std::clock();
  Schedule rows = deriveSchedule(program, predicate, kPoint, Orientation::Forward);
  int64_t count = 0;
  for (int64_t head = 0; head < heads; ++head) {
    ContextOf context(program, problem, 0, head);
    count += countVisiblePairs(program, predicate, &rows, *context);
  }
  double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  EXPECT_EQ(count, expected);
  fmt::print("{} pairs in {:.3f} s of processor time\n", count, seconds);
  EXPECT_LT(seconds, 2);
}

} // namespace
} // namespace maskloom::testing
