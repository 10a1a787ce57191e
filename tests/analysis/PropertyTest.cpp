// Random patterns, layouts, lengths, offsets and tile shapes: the classes that the walker gives, forward and
// transposed, against the interpreter at every position.
#include "maskloom/analysis/DeriveRuns.h"
#include "maskloom/program/Describe.h"
#include "tests/support/ExprPredicate.h"
#include "tests/support/RandomPattern.h"
#include "tests/support/TileClasses.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace maskloom::testing {
namespace {

constexpr uint64_t kSeed = 20;
constexpr int kCases = 500;
constexpr double kExactShare = 0.95;

/// Every batch entry and head of a case in one orientation.
ClassComparison compareCase(const RandomCase &test, Orientation orientation, const DeriveLimits &limits,
                            bool *closedForm = nullptr) {
  Program program = programOf(test.pattern, test.problem);
  Interpreter interpreter(test.pattern, test.problem);
  ClassComparison total;
  for (size_t group = 0; group < program.groups.size(); ++group) {
    const Predicate &predicate = program.groups[group].predicate;
    Schedule schedule =
        deriveSchedule(program, predicate, {test.tileQueries, test.tileKeys}, orientation, limits);
    if (closedForm) *closedForm &= schedule.closedForm;
    for (int64_t batch = 0; batch < test.problem.batch; ++batch)
      for (int64_t head = 0; head < test.problem.heads; ++head) {
        ContextOf context(program, test.problem, batch, head);
        if (groupOf(program, head, context->kvHead) != group) continue;
        total.add(compareClasses(program, predicate, schedule, *context, [&](int64_t row, int64_t column) {
          return interpreter.visible(batch, head, row, column);
        }));
      }
  }
  return total;
}

TEST(ScheduleProperty, NeverUnsoundAndNearlyAlwaysExact) {
  FeatureCounts features;
  int total = 0, exact = 0, closed = 0;
  for (int index = 0; index < kCases; ++index) {
    RandomCase test = randomCase(kSeed, index);
    features.add(test);
    for (Orientation orientation : {Orientation::Forward, Orientation::Transposed}) {
      bool closedForm = true;
      ClassComparison result = compareCase(test, orientation, {}, &closedForm);
      ++total;
      exact += result.exact();
      closed += closedForm;
      EXPECT_TRUE(result.sound()) << (orientation == Orientation::Forward ? "forward: " : "transposed: ")
                                  << result.firstProblem << "\n"
                                  << test.describe();
      // Without aux tensors and within its limits, a closed-form schedule promises exact classes.
      EXPECT_TRUE(result.exact() || !closedForm) << result.firstProblem << "\n" << test.describe();
    }
  }
  fmt::print("seed {}: {} schedules, {:.1f} % exact, {:.1f} % closed-form\n{}", kSeed, total,
             100.0 * exact / total, 100.0 * closed / total, features.report());
  EXPECT_GE(exact, kExactShare * total);
}

/// Tile shapes and lengths where nothing divides anything, and single rows and columns.
TEST(ScheduleProperty, OddTileShapes) {
  for (int index = 0; index < 30; ++index) {
    RandomCase test = randomCase(kSeed + 1, index, {.maxTokens = 120});
    for (auto [queries, keys] : {std::pair<int64_t, int64_t>{1, 1}, {1, 64}, {7, 13}, {96, 5}}) {
      test.tileQueries = queries, test.tileKeys = keys;
      for (Orientation orientation : {Orientation::Forward, Orientation::Transposed}) {
        ClassComparison result = compareCase(test, orientation, {});
        EXPECT_TRUE(result.sound()) << queries << "x" << keys << ": " << result.firstProblem << "\n"
                                    << test.describe();
      }
    }
  }
}

/// Step budgets that are far too small: less exact, never unsound, no crash.
TEST(ScheduleProperty, SoundUnderTinyLimits) {
  std::vector<DeriveLimits> limits(4);
  limits[0].maxDisjuncts = 1;
  limits[1].maxVariables = 8;
  limits[2].maxConstraints = 6;
  limits[3].maxProofWork = 3;
  for (int index = 0; index < 60; ++index) {
    RandomCase test = randomCase(kSeed + 2, index, {.maxTokens = 160});
    for (const DeriveLimits &limit : limits)
      for (Orientation orientation : {Orientation::Forward, Orientation::Transposed}) {
        ClassComparison result = compareCase(test, orientation, limit);
        EXPECT_TRUE(result.sound()) << result.firstProblem << "\n" << test.describe();
      }
  }
}

class PlantedDefectTest : public ::testing::TestWithParam<PlantedDefect> {};

TEST_P(PlantedDefectTest, IsNoticed) {
  DeriveLimits limits;
  limits.defect = GetParam();
  for (int index = 0; index < kCases; ++index) {
    RandomCase test = randomCase(kSeed, index);
    for (Orientation orientation : {Orientation::Forward, Orientation::Transposed})
      if (!compareCase(test, orientation, limits).sound()) {
        fmt::print("noticed in case {}\n", index);
        return;
      }
  }
  FAIL() << "the property test does not notice this defect";
}

INSTANTIATE_TEST_SUITE_P(Defects, PlantedDefectTest,
                         ::testing::Values(PlantedDefect::TightenBound, PlantedDefect::DropTouchedDisjunct,
                                           PlantedDefect::DropNotFullDisjunct, PlantedDefect::ShiftPhase),
                         [](const auto &info) {
                           switch (info.param) {
                           case PlantedDefect::TightenBound: return "TightenBound";
                           case PlantedDefect::DropTouchedDisjunct: return "DropTouchedDisjunct";
                           case PlantedDefect::DropNotFullDisjunct: return "DropNotFullDisjunct";
                           case PlantedDefect::ShiftPhase: return "ShiftPhase";
                           case PlantedDefect::None: break;
                           }
                           return "None";
                         });

} // namespace
} // namespace maskloom::testing
