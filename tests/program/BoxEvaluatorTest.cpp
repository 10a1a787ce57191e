// Interval x congruence evaluation of boxes: sound against every point, and sharp where it should be.
#include "maskloom/program/BoxEvaluator.h"
#include "maskloom/program/PredicateEvaluation.h"
#include "tests/support/ExprPredicate.h"
#include "tests/support/ProblemOf.h"
#include "tests/support/RandomPattern.h"
#include "tests/support/Seed.h"

#include <gtest/gtest.h>

#include <random>

namespace maskloom::testing {
namespace {

TEST(BoxEvaluator, SoundOnRandomPatternsAndPointEvaluationAgreesWithTheInterpreter) {
  int decided = 0;
  const uint64_t seed = seedOfThisRun();
  for (int index = 0; index < casesOfThisRun(2000); ++index) {
    RandomCase test = randomCase(seed, index, {.maxTokens = 90});
    Program program = programOf(test.pattern, test.problem);
    Interpreter interpreter(test.pattern, test.problem);
    ContextOf context(program, test.problem, 0, test.problem.heads - 1);
    const Predicate &predicate = program.groups[groupOf(program, context->head, context->kvHead)].predicate;
    BoxEvaluator boxes(program, predicate, *context);
    const int64_t step = 1 + index % 23;
    for (int64_t row = 0; row < context->queryLength; row += step)
      for (int64_t column = 0; column < context->keyLength; column += step) {
        int64_t rowEnd = std::min(row + step, context->queryLength);
        int64_t columnEnd = std::min(column + step, context->keyLength);
        int64_t q = context->queryOffset, k = context->keyOffset;
        TileClass kind = boxes.classify(row + q, rowEnd - 1 + q, column + k, columnEnd - 1 + k);
        const Predicate remaining = boxes.remaining();
        ASSERT_LE(remaining.nodes.size(), predicate.nodes.size());
        bool any = false, all = true;
        for (int64_t r = row; r < rowEnd; ++r)
          for (int64_t c = column; c < columnEnd; ++c) {
            bool visible = interpreter.visible(0, context->head, r, c);
            ASSERT_EQ(evaluate(program, predicate, *context, r + q, c + k), visible) << test.describe();
            ASSERT_EQ(evaluate(program, remaining, *context, r + q, c + k), visible) << test.describe();
            any |= visible;
            all &= visible;
          }
        ASSERT_FALSE(kind == TileClass::Empty && any) << test.describe();
        ASSERT_FALSE(kind == TileClass::Full && !all) << test.describe();
        decided += kind != TileClass::Partial;
      }
  }
  EXPECT_GT(decided, 0);
}

Program oneGroup(const Mask &mask) { return programOf(Pattern("p", mask)); }

TEST(BoxEvaluator, LeavesOutWhatABoxDecides) {
  Mask mask = query() - key() == 0;
  for (int64_t i = 1; i < 300; ++i) mask = mask || query() - key() == 100 * i;
  const Program program = oneGroup(query() >= key() && mask);
  const Predicate &predicate = program.groups[0].predicate;
  const Problem problem = squareProblem(40000);
  ContextOf context(program, problem, 0, 0);
  BoxEvaluator boxes(program, predicate, *context);
  ASSERT_EQ(boxes.classify(20000, 20015, 10000, 10015), TileClass::Partial);
  // q - k == 10000
  const Predicate rest = boxes.remaining();
  EXPECT_LE(rest.nodes.size(), 5u);
  BoxEvaluator inside(program, rest, *context);
  EXPECT_EQ(inside.classify(20000, 20007, 10008, 10015), TileClass::Empty);
  EXPECT_EQ(inside.classify(20000, 20007, 10000, 10007), TileClass::Partial);
  ASSERT_EQ(boxes.classify(0, 10, 20, 30), TileClass::Empty);
  EXPECT_EQ(boxes.remaining().nodes.size(), 1u);
}

TEST(BoxEvaluator, SeesStridesThroughFloorDivision) {
  // (k/64 + 1) % 16 == 0: block 15 of every 16.
  Program program = oneGroup((floordiv(key(), 64) + 1) % 16 == 0);
  Problem problem = squareProblem(4096);
  ContextOf context(program, problem, 0, 0);
  const Predicate &predicate = program.groups[0].predicate;
  EXPECT_EQ(classifyBox(program, predicate, *context, 0, 127, 15 * 64, 16 * 64 - 1), TileClass::Full);
  EXPECT_EQ(classifyBox(program, predicate, *context, 0, 127, 0, 15 * 64 - 1), TileClass::Empty);
  EXPECT_EQ(classifyBox(program, predicate, *context, 0, 127, 14 * 64, 16 * 64 - 1), TileClass::Partial);
}

TEST(BoxEvaluator, DocumentsByBlockSummaries) {
  AuxInt doc("doc", {axis::batch(), axis::query()});
  Program program = oneGroup(query() >= key() && doc(batch(), query()) == doc(batch(), key()));
  Problem problem = squareProblem(5000, 1, 1, 2);
  AuxValue &value = problem.aux["doc"];
  value.extents = {2, 5000};
  value.ints.resize(10000);
  for (int64_t i = 0; i < 10000; ++i) value.ints[i] = static_cast<int32_t>(i % 5000 / 700 + i / 5000);
  ContextOf context(program, problem, 1, 0);
  const Predicate &predicate = program.groups[0].predicate;
  BoxEvaluator boxes(program, predicate, *context);
  EXPECT_EQ(boxes.classify(900, 999, 710, 899), TileClass::Full);
  EXPECT_EQ(boxes.classify(1400, 4999, 0, 1399), TileClass::Empty); // longer than a level of the summaries
  EXPECT_EQ(boxes.classify(1400, 4999, 0, 1400), TileClass::Partial);
  EXPECT_EQ(boxes.classify(600, 800, 600, 640), TileClass::Partial);
}

TEST(BoxEvaluator, MinimaOfLongRanges) {
  AuxInt limit("limit", {axis::query()});
  Program program = oneGroup(key() < limit(query()));
  const int64_t n = 20000;
  Problem problem = squareProblem(n);
  AuxValue &value = problem.aux["limit"];
  value.extents = {n};
  std::mt19937 random(3);
  for (int64_t i = 0; i < n; ++i) value.ints.push_back(static_cast<int32_t>(1000 + random() % 1000000));
  ContextOf context(program, problem, 0, 0);
  BoxEvaluator boxes(program, program.groups[0].predicate, *context);
  for (int repeat = 0; repeat < 300; ++repeat) {
    int64_t first = random() % n, last = first + random() % (n - first);
    int64_t low = *std::min_element(value.ints.begin() + first, value.ints.begin() + last + 1);
    int64_t high = *std::max_element(value.ints.begin() + first, value.ints.begin() + last + 1);
    EXPECT_EQ(boxes.classify(first, last, low - 1, low - 1), TileClass::Full);
    EXPECT_EQ(boxes.classify(first, last, high, high + 5), TileClass::Empty);
    EXPECT_EQ(boxes.classify(first, last, low, low), low == high ? TileClass::Empty : TileClass::Partial);
  }
}

TEST(BoxEvaluator, LoadsOutsideTheTensorAreUnknown) {
  AuxInt limit("limit", {axis::query()});
  Program program = oneGroup(query() < 100 || limit(query() - 100) > 0);
  Problem problem = squareProblem(200);
  problem.aux["limit"] = {{200}, std::vector<int32_t>(200, 1), {}};
  ContextOf context(program, problem, 0, 0);
  const Predicate &predicate = program.groups[0].predicate;
  EXPECT_EQ(classifyBox(program, predicate, *context, 0, 99, 0, 9), TileClass::Full);
  EXPECT_EQ(classifyBox(program, predicate, *context, 90, 110, 0, 9), TileClass::Partial);
  EXPECT_EQ(classifyBox(program, predicate, *context, 100, 150, 0, 9), TileClass::Full);
}

} // namespace
} // namespace maskloom::testing
