// Masks with aux tensors: the runs over-approximate, the walker evaluates boxes.
#include "maskloom/analysis/DeriveRuns.h"
#include "maskloom/dsl/Patterns.h"
#include "tests/support/ExprPredicate.h"
#include "tests/support/ProblemOf.h"
#include "tests/support/TileClasses.h"

#include <gtest/gtest.h>

#include <random>

namespace maskloom::testing {
namespace {

/// Compares every head of a problem; the classes must be exact.
void expectExact(const Pattern &pattern, const Problem &problem, TileShape tile, bool closedForm) {
  Program program = programOf(pattern, problem);
  Interpreter interpreter(pattern, problem);
  const Predicate &predicate = program.groups[0].predicate;
  for (Orientation orientation : {Orientation::Forward, Orientation::Transposed}) {
    Schedule schedule = deriveSchedule(program, predicate, tile, orientation);
    EXPECT_EQ(schedule.closedForm, closedForm) << schedule.remark;
    for (int64_t batch = 0; batch < problem.batch; ++batch)
      for (int64_t head = 0; head < problem.heads; ++head) {
        ContextOf context(program, problem, batch, head);
        ClassComparison result =
            compareClasses(program, predicate, schedule, *context, [&](int64_t row, int64_t column) {
              return interpreter.visible(batch, head, row, column);
            });
        EXPECT_TRUE(result.exact()) << pattern.name << ": " << result.firstProblem;
      }
  }
}

TEST(AuxSchedule, DocumentsAlignedToTiles) {
  Pattern pattern = patterns::documents();
  Problem problem = squareProblem(640, 1, 1, 2);
  AuxValue &doc = problem.aux[pattern.auxes[0]->name];
  doc.extents = {2, 640};
  for (int64_t i = 0; i < 1280; ++i) doc.ints.push_back(static_cast<int32_t>(i / 128));
  expectExact(pattern, problem, {64, 32}, false);
}

TEST(AuxSchedule, BlockTables) {
  Pattern pattern = patterns::blockTable(64, 32);
  Problem problem = squareProblem(500, 3);
  AuxValue &table = problem.aux[pattern.blocks->name];
  table.extents = {3, 8, 16};
  std::mt19937 random(11);
  for (int64_t i = 0; i < 3 * 8 * 16; ++i) table.ints.push_back(random() % 3 == 0);
  expectExact(pattern, problem, {64, 32}, false);
  expectExact(pattern, problem, {32, 16}, false);
}

TEST(AuxSchedule, LoadsByHeadAreSymbolsOfClosedForms) {
  AuxInt window("window", {axis::head()});
  Pattern pattern("per_head_window", query() >= key() && query() - key() < window(head()));
  Problem problem = squareProblem(400, 4);
  problem.aux["window"] = {{4}, {1, 50, 64, 300}, {}};
  expectExact(pattern, problem, {64, 32}, true);
}

TEST(AuxSchedule, ProductsOfRunTimeValuesAreSound) {
  Pattern pattern("slope", query() >= key() && query() - key() < floordiv(head() * keyLength(), 8) + 1);
  Problem problem = squareProblem(300, 3);
  Program program = programOf(pattern, problem);
  Interpreter interpreter(pattern, problem);
  const Predicate &predicate = program.groups[0].predicate;
  Schedule schedule = deriveSchedule(program, predicate, {32, 32}, Orientation::Forward);
  EXPECT_FALSE(schedule.closedForm);
  for (int64_t head = 0; head < 3; ++head) {
    ContextOf context(program, problem, 0, head);
    ClassComparison result =
        compareClasses(program, predicate, schedule, *context, [&](int64_t row, int64_t column) {
          return interpreter.visible(0, head, row, column);
        });
    EXPECT_TRUE(result.exact()) << result.firstProblem;
  }
}

/// Twelve packed documents with constant bounds: an OR whose negation is large.
TEST(AuxSchedule, PackedDocumentsWithConstantBoundsStayClosed) {
  Mask packed = none();
  for (int64_t i = 0; i < 12; ++i) {
    int64_t first = 61 * i, end = 61 * (i + 1);
    packed = packed || (query() >= first && query() < end && key() >= first && key() < end);
  }
  expectExact(Pattern("packed", query() >= key() && packed), squareProblem(732), {64, 32}, true);
}

} // namespace
} // namespace maskloom::testing
