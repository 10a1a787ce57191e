// Random patterns, layouts, lengths, offsets and tile shapes: the classes that the walker gives, forward and
// transposed, against the interpreter at every position.
#include "maskloom/analysis/DeriveRuns.h"
#include "maskloom/program/Describe.h"
#include "tests/support/ExprPredicate.h"
#include "tests/support/Parallel.h"
#include "tests/support/RandomPattern.h"
#include "tests/support/Seed.h"
#include "tests/support/TileClasses.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <mutex>

namespace maskloom::testing {
namespace {

constexpr int kCases = 2000; // MASKLOOM_RANDOM_CASES=20000 for the long run, see docs/testing.md
constexpr double kExactShare = 0.99;

struct Compared {
  ClassComparison classes;
  bool closedForm = true; ///< of every group
  bool remark = true;     ///< every group's schedule that is not closed-form says why
};

/// Every batch entry and head of a case in one orientation.
Compared compareCase(const RandomCase &test, Orientation orientation, const DeriveLimits &limits = {}) {
  Program program = programOf(test.pattern, test.problem);
  Interpreter interpreter(test.pattern, test.problem);
  Compared total;
  for (size_t group = 0; group < program.groups.size(); ++group) {
    const Predicate &predicate = program.groups[group].predicate;
    Schedule schedule =
        deriveSchedule(program, predicate, {test.tileQueries, test.tileKeys}, orientation, limits);
    total.closedForm &= schedule.closedForm;
    total.remark &= schedule.closedForm || !schedule.remark.empty();
    for (int64_t batch = 0; batch < test.problem.batch; ++batch)
      for (int64_t head = 0; head < test.problem.heads; ++head) {
        ContextOf context(program, test.problem, batch, head);
        if (groupOf(program, head, context->kvHead) != group) continue;
        total.classes.add(
            compareClasses(program, predicate, schedule, *context, [&](int64_t row, int64_t column) {
              return interpreter.visible(batch, head, row, column);
            }));
      }
  }
  return total;
}

TEST(ScheduleProperty, NeverUnsoundAndNearlyAlwaysExact) {
  const uint64_t seed = seedOfThisRun();
  FeatureCounts features;
  int total = 0, exact = 0, closed = 0;
  std::mutex counting;
  forEachCase(casesOfThisRun(kCases), [&](int index) {
    RandomCase test = randomCase(seed, index);
    for (Orientation orientation : {Orientation::Forward, Orientation::Transposed}) {
      Compared result = compareCase(test, orientation);
      std::lock_guard lock(counting);
      if (orientation == Orientation::Forward) features.add(test);
      ++total;
      exact += result.classes.exact();
      closed += result.closedForm;
      const char *name = orientation == Orientation::Forward ? "forward: " : "transposed: ";
      EXPECT_TRUE(result.classes.sound()) << name << result.classes.firstProblem << "\n" << test.describe();
      // Without aux tensors and within its limits, a closed-form schedule promises exact classes; the others
      // say why they are none.
      EXPECT_TRUE(result.classes.exact() || !result.closedForm) << name << result.classes.firstProblem << "\n"
                                                                << test.describe();
      EXPECT_TRUE(result.remark) << name << test.describe();
    }
  });
  fmt::print("seed {}: {} schedules, {:.2f} % exact, {:.1f} % closed-form\n{}", seed, total,
             100.0 * exact / total, 100.0 * closed / total, features.report());
  EXPECT_GE(exact, kExactShare * total) << "seed " << seed;
}

/// Tile shapes and lengths where nothing divides anything, and single rows and columns.
TEST(ScheduleProperty, OddTileShapes) {
  const uint64_t seed = seedOfThisRun();
  for (int index = 0; index < 30; ++index) {
    RandomCase test = randomCase(seed + 1, index, {.maxTokens = 120});
    for (auto [queries, keys] : {std::pair<int64_t, int64_t>{1, 1}, {1, 64}, {7, 13}, {96, 5}}) {
      test.tileQueries = queries, test.tileKeys = keys;
      for (Orientation orientation : {Orientation::Forward, Orientation::Transposed}) {
        ClassComparison result = compareCase(test, orientation).classes;
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
  const uint64_t seed = seedOfThisRun();
  for (int index = 0; index < 60; ++index) {
    RandomCase test = randomCase(seed + 2, index, {.maxTokens = 160});
    for (const DeriveLimits &limit : limits)
      for (Orientation orientation : {Orientation::Forward, Orientation::Transposed}) {
        ClassComparison result = compareCase(test, orientation, limit).classes;
        EXPECT_TRUE(result.sound()) << result.firstProblem << "\n" << test.describe();
      }
  }
}

class PlantedDefectTest : public ::testing::TestWithParam<PlantedDefect> {};

TEST_P(PlantedDefectTest, IsNoticed) {
  DeriveLimits limits;
  limits.defect = GetParam();
  const uint64_t seed = seedOfThisRun();
  for (int index = 0; index < kCases; ++index) {
    RandomCase test = randomCase(seed, index);
    for (Orientation orientation : {Orientation::Forward, Orientation::Transposed})
      if (!compareCase(test, orientation, limits).classes.sound()) {
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
