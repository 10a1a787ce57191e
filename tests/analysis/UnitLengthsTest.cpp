// Which end of a sequence has the long work units.
#include "maskloom/program/UnitLengths.h"

#include "maskloom/analysis/DeriveRuns.h"
#include "maskloom/dsl/Patterns.h"
#include "tests/support/ExprPredicate.h"

#include <gtest/gtest.h>

namespace maskloom::testing {
namespace {

bool firstAreLonger(const Pattern &pattern, TileShape tile = {128, 64}) {
  Program program = programOf(pattern);
  for (HeadGroupProgram &group : program.groups)
    group.forward = deriveSchedule(program, group.predicate, tile, Orientation::Forward);
  return firstUnitsAreLonger(program);
}

TEST(UnitLengths, TheTrendOverASequence) {
  const Index q = query(), k = key(), h = head(), b = batch();
  EXPECT_FALSE(firstAreLonger(Pattern("full", all())));
  EXPECT_FALSE(firstAreLonger(patterns::causal()));
  EXPECT_FALSE(firstAreLonger(patterns::slidingWindow()));
  EXPECT_FALSE(firstAreLonger(patterns::localStride(), {128, 128}));
  EXPECT_FALSE(firstAreLonger(Pattern("prefix", q >= k || k < 1000)));
  EXPECT_TRUE(firstAreLonger(Pattern("later keys", k >= q)));
  EXPECT_TRUE(firstAreLonger(Pattern("later keys nearby", k >= q && k - q < 2000), {64, 128}));
  EXPECT_TRUE(firstAreLonger(Pattern("later blocks", k >= q && floordiv(k, 64) % 4 == 0)));
  // The longer group decides.
  EXPECT_TRUE(firstAreLonger(
      Pattern("both", all(), Layout().heads(0, 0, q >= k && q - k < 300).heads(1, 1, k >= q))));
  EXPECT_FALSE(firstAreLonger(
      Pattern("both", all(), Layout().heads(0, 0, q >= k).heads(1, 1, k >= q && k - q < 300))));
  // Of a planned group the bounds that are known; of aux tensors over heads nothing.
  AuxInt doc("doc", {axis::batch(), axis::query()}), first("first", {axis::head()});
  EXPECT_TRUE(firstAreLonger(Pattern("documents", k >= q && doc(b, q) == doc(b, k))));
  EXPECT_FALSE(firstAreLonger(Pattern("from", k >= q && k >= first(h))));
}

} // namespace
} // namespace maskloom::testing
