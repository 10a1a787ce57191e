// Milliseconds of processor time per derivation of the patterns that people use most. Printed; the limit
// asserted is a multiple of the target so that a slow machine does not fail it.
#include "maskloom/analysis/DeriveRuns.h"
#include "maskloom/dsl/Patterns.h"
#include "tests/support/ExprPredicate.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>

namespace maskloom::testing {
namespace {

constexpr double kTargetMs = 5; ///< forward and transposed together
constexpr double kSlack = 4;

TEST(DerivationTiming, LibraryPatterns) {
  std::vector<Pattern> all{patterns::causal(),
                           patterns::slidingWindow(),
                           patterns::sinkWindow(),
                           patterns::localStride(),
                           patterns::localStride({.causal = false}),
                           patterns::twoRange()};
  for (const Pattern &pattern : all)
    for (TileShape tile : {TileShape{128, 64}, TileShape{128, 128}, TileShape{128, 96}}) {
      Program program = programOf(pattern);
      double best = 1e9;
      size_t runs[2] = {0, 0};
      for (int repeat = 0; repeat < 5; ++repeat) {
        std::clock_t start = std::clock(); // processor time: other processes do not count
        for (Orientation orientation : {Orientation::Forward, Orientation::Transposed}) {
          Schedule schedule = deriveSchedule(program, program.groups[0].predicate, tile, orientation);
          EXPECT_TRUE(schedule.closedForm) << pattern.name << ": " << schedule.remark;
          runs[0] = schedule.touched.size(), runs[1] = schedule.notFull.size();
        }
        best = std::min(best, 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
      }
      fmt::print("{:16} {}x{:<4} {:6.2f} ms forward + transposed, {} touched and {} not-full runs\n",
                 pattern.name, tile.queries, tile.keys, best, runs[0], runs[1]);
      EXPECT_LT(best, kTargetMs * kSlack) << pattern.name;
    }
}

} // namespace
} // namespace maskloom::testing
