// Visible pairs and tiles counted in closed form, by boxes, and one by one.
#include "maskloom/program/PairCount.h"
#include "maskloom/analysis/DeriveRuns.h"
#include "maskloom/dsl/Patterns.h"
#include "maskloom/program/TileWalker.h"
#include "tests/support/ExprPredicate.h"
#include "tests/support/ProblemOf.h"
#include "tests/support/RandomPattern.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ctime>

namespace maskloom::testing {
namespace {

constexpr TileShape kPoint{1, 1};
constexpr int64_t kManySteps = int64_t(1) << 40;

int64_t enumerate(const Interpreter &interpreter, int64_t batch, int64_t head,
                  const ScheduleContext &context) {
  int64_t total = 0;
  for (int64_t row = 0; row < context.queryLength; ++row)
    for (int64_t column = 0; column < context.keyLength; ++column)
      total += interpreter.visible(batch, head, row, column);
  return total;
}

std::optional<int64_t> pairs(const Program &program, const Predicate &predicate, const Schedule *rows,
                             const ScheduleContext &context, int64_t steps = kManySteps) {
  return countVisiblePairs(program, predicate, rows, context, steps);
}

TileCounts walked(const Program &program, const Predicate &predicate, const Schedule &schedule,
                  const ScheduleContext &context) {
  TileWalker walker(program, predicate, schedule, context);
  TileCounts counts;
  for (int64_t tile = 0; tile < walker.outerTiles(); ++tile)
    for (const Stretch &stretch : walker.stretches(tile))
      (stretch.partial ? counts.partial : counts.full) += stretch.last - stretch.first + 1;
  counts.empty = walker.outerTiles() * walker.innerTiles() - counts.partial - counts.full;
  return counts;
}

/// Of hundreds of terms a box of the plane looks at those that it meets: 0.6 s, and 19 s were it at all of
/// them.
TEST(PairCount, LongDisjunctionsShrinkWithTheirBoxes) {
  Mask mask = none();
  int64_t expected = 0;
  for (int64_t i = 0; i < 400; ++i) {
    mask = mask || query() - key() == 3 * i + 1;
    expected += 4096 - (3 * i + 1);
  }
  const Program program = programOf(Pattern("diagonals", mask));
  const Problem problem = squareProblem(4096);
  ContextOf context(program, problem, 0, 0);
  const std::clock_t start = std::clock();
  EXPECT_EQ(pairs(program, program.groups[0].predicate, nullptr, *context), expected);
  const double ms = 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  fmt::print("400 diagonals of 4096 tokens: {:.0f} ms\n", ms);
  EXPECT_LT(ms, 5000);
}

TEST(PairCount, RandomPatterns) {
  int closed = 0, heads = 0;
  for (int index = 0; index < 500; ++index) {
    RandomCase test = randomCase(9, index, {.maxTokens = 150});
    Program program = programOf(test.pattern, test.problem);
    Interpreter interpreter(test.pattern, test.problem);
    for (size_t group = 0; group < program.groups.size(); ++group) {
      const Predicate &predicate = program.groups[group].predicate;
      Schedule rows = deriveSchedule(program, predicate, kPoint, Orientation::Forward);
      Schedule tiles =
          deriveSchedule(program, predicate, {test.tileQueries, test.tileKeys}, Orientation::Forward);
      for (int64_t batch = 0; batch < test.problem.batch; ++batch)
        for (int64_t head = 0; head < test.problem.heads; ++head) {
          ContextOf context(program, test.problem, batch, head);
          if (groupOf(program, head, context->kvHead) != group) continue;
          ++heads;
          closed += rows.closedForm;
          int64_t expected = enumerate(interpreter, batch, head, *context);
          ASSERT_EQ(pairs(program, predicate, &rows, *context), expected) << test.describe();
          if (index % 5 == 0) {
            ASSERT_EQ(pairs(program, predicate, nullptr, *context), expected) << test.describe();
          }
          int64_t steps = kManySteps;
          ASSERT_EQ(countTiles(program, predicate, tiles, *context, steps),
                    walked(program, predicate, tiles, *context))
              << test.describe();
        }
    }
  }
  fmt::print("{} of {} heads in closed form\n", closed, heads);
  EXPECT_GT(closed, heads * 8 / 10);
}

/// Long enough for many periods, far from the places where ends of runs change their order. The walk over
/// rows, which knows nothing of periods, is the reference.
TEST(PairCount, ManyPeriods) {
  const Index q = query(), k = key(), h = head();
  const Mask masks[] = {
      q >= k && (q - k < 50 || (floordiv(k, 8) + h) % 6 == 0),
      q >= k && floordiv(q, 12) - floordiv(k, 12) < 3,
      q >= k && (q - k) % 7 < 3,
      floordiv(q, 5) >= floordiv(k, 3) && (floordiv(q, 5) - floordiv(k, 3) < 40 || (k + h) % 5 == 0),
      q >= k && (k < 100 || (floordiv(k, 4) + floordiv(q, 6)) % 5 == 0),
      abs(q - k) < 64 || (q - k + 3 * h) % 16 == 0,
      2 * q >= 3 * k && (k % 9 < 2 || q - k < 30),
      q >= k && (q - k < 20 || (q - k < 200 && k % 4 == 0) || k % 24 == 5),
      q + k < 3000 && (q % 4 == k % 4 || k < 10),
      q >= k && (k % 6 == 1 || k % 9 == 4 || q - k < 5),
      q >= k && abs(q % 40 - k % 40) <= 3 && floordiv(q, 40) - floordiv(k, 40) <= 2, // a 2-D window
      select(q < 2000, k <= q, k <= 4000 - q && k % 3 == 0),
  };
  int exercised = 0;
  for (const Mask &mask : masks) {
    Pattern pattern("p", mask);
    for (int64_t tokens : {1234, 5000}) {
      Program program = programOf(pattern);
      Problem problem = squareProblem(tokens, 3);
      const Predicate &predicate = program.groups[0].predicate;
      Schedule rows = deriveSchedule(program, predicate, kPoint, Orientation::Forward);
      ASSERT_TRUE(rows.closedForm);
      ContextOf context(program, problem, 0, 2);
      int64_t expected = 0;
      TileWalker walker(program, predicate, rows, *context);
      for (int64_t row = 0; row < tokens; ++row)
        for (const Stretch &stretch : walker.stretches(row)) expected += stretch.last - stretch.first + 1;
      int64_t steps = kManySteps;
      EXPECT_EQ(countVisiblePairs(program, predicate, &rows, *context, steps), expected)
          << &mask - masks << " at " << tokens;
      exercised += kManySteps - steps < tokens / 2;
      for (TileShape tile : {TileShape{16, 16}, TileShape{32, 24}}) {
        Schedule tiles = deriveSchedule(program, predicate, tile, Orientation::Forward);
        steps = kManySteps;
        EXPECT_EQ(countTiles(program, predicate, tiles, *context, steps),
                  walked(program, predicate, tiles, *context))
            << &mask - masks << " at " << tokens;
      }
    }
  }
  EXPECT_GE(exercised, 16) << "the counts are right, but walked";
}

/// Two overlapping strides share a common period.
TEST(PairCount, OverlappingStrides) {
  const Index q = query(), k = key(), h = head();
  Pattern pattern("p", q >= k && (q - k < 5 || (k + h) % 6 == 0 || k % 9 < 2 || (3 * k + h) % 16 < 3));
  Program program = programOf(pattern);
  Problem problem = squareProblem(700, 7);
  Interpreter interpreter(pattern, problem);
  const Predicate &predicate = program.groups[0].predicate;
  Schedule rows = deriveSchedule(program, predicate, kPoint, Orientation::Forward);
  ASSERT_TRUE(rows.closedForm);
  for (int64_t head : {0, 4, 6}) {
    ContextOf context(program, problem, 0, head);
    EXPECT_EQ(pairs(program, predicate, &rows, *context), enumerate(interpreter, 0, head, *context));
  }
}

TEST(PairCount, StepsRunOut) {
  const Index q = query(), k = key();
  Program program = programOf(Pattern("p", q >= k && (q - k) % 3 == 0));
  ContextOf context(program, squareProblem(4000), 0, 0);
  const Predicate &predicate = program.groups[0].predicate;
  Schedule rows = deriveSchedule(program, predicate, kPoint, Orientation::Forward);
  Schedule tiles = deriveSchedule(program, predicate, {16, 16}, Orientation::Forward);
  EXPECT_EQ(pairs(program, predicate, &rows, *context, 1), std::nullopt);
  EXPECT_EQ(pairs(program, predicate, nullptr, *context, 1000), std::nullopt);
  int64_t steps = 1;
  EXPECT_EQ(countTiles(program, predicate, tiles, *context, steps), std::nullopt);
}

/// Block-level arithmetic gives the count of the local-stride pattern directly.
TEST(PairCount, LocalStrideAtTenMillionTokens) {
  const int64_t tokens = 10'485'760, heads = 128, block = 64, local = 16, blocks = tokens / block;
  for (int64_t stride : {16, 128}) {
    int64_t expected = 0;
    for (int64_t head = 0; head < heads; ++head) {
      auto strided = [&](int64_t last) { // blocks 0 .. last of this head's shard
        int64_t first = (stride - head % stride) % stride;
        return last < first ? 0 : (last - first) / stride + 1;
      };
      for (int64_t qb = 0; qb < blocks; ++qb)
        expected += block * block * (std::min(local, qb + 1) + strided(qb - local)) - block * (block - 1) / 2;
    }
    Program program = programOf(patterns::localStride({.block = block, .local = local, .stride = stride}));
    const Predicate &predicate = program.groups[0].predicate;
    Problem problem = squareProblem(tokens, heads);
    std::clock_t start = std::clock();
    Schedule rows = deriveSchedule(program, predicate, kPoint, Orientation::Forward);
    int64_t count = 0, steps = kManySteps;
    for (int64_t head = 0; head < heads; ++head) {
      ContextOf context(program, problem, 0, head);
      count += countVisiblePairs(program, predicate, &rows, *context, steps).value_or(0);
    }
    double ms = 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    EXPECT_EQ(count, expected);
    fmt::print("stride {}: {} pairs in {:.1f} ms of processor time, {} steps\n", stride, count, ms,
               kManySteps - steps);
    EXPECT_LT(ms, 400); // 100 on the machine it was written on
  }
}

} // namespace
} // namespace maskloom::testing
