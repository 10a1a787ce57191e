// The runs of well-known patterns, as people read them. Also a check that they stay this simple.
#include "maskloom/program/Describe.h"
#include "maskloom/analysis/DeriveRuns.h"
#include "maskloom/dsl/Patterns.h"
#include "tests/support/ExprPredicate.h"

#include <gtest/gtest.h>

namespace maskloom::testing {
namespace {

std::string runs(const Pattern &pattern, TileShape tile, Orientation orientation,
                 DescribeOptions options = {.queryOffset = 0, .keyOffset = 0}) {
  Program program = programOf(pattern);
  return describe(program, deriveSchedule(program, program.groups[0].predicate, tile, orientation), options);
}

TEST(Describe, Causal) {
  EXPECT_EQ(runs(patterns::causal(), {128, 64}, Orientation::Forward),
            "T: [0, 2Q + 1]\nN: [max(0, 2Q), ..\n");
  EXPECT_EQ(runs(patterns::causal(), {128, 128}, Orientation::Transposed), "T: [max(0, K), ..\nN: [0, K]\n");
}

TEST(Describe, OffsetsStaySymbolic) {
  EXPECT_EQ(runs(patterns::causal(), {128, 64}, Orientation::Forward, {}),
            "T: [0, (128Q + q_offset - k_offset + 127)/64]\n"
            "N: [max((128Q + q_offset - k_offset + 1)/64, 0), ..\n");
}

TEST(Describe, Window) {
  EXPECT_EQ(runs(Pattern("w", query() >= key() && query() - key() < 256), {128, 128}, Orientation::Forward),
            "T: [max(0, Q - 2), Q]\n"
            "N: [max(0, Q), ..\n"
            "N: [0, Q - 2]\n");
}

TEST(Describe, StridesAreCongruences) {
  EXPECT_EQ(runs(Pattern("s", (floordiv(key(), 64) + head()) % 16 == 0), {128, 64}, Orientation::Forward),
            "T: [0, .. with (K + h) mod 16 = 0\n"
            "N: [0, .. with (K + h + 15) mod 16 <= 14\n");
}

TEST(Describe, FactorsStandOutsideOfRoundedQuotients) {
  Index q = query(), k = key();
  std::string text = runs(Pattern("s", k <= 16 * floordiv(q + 5, 1024) + 3 * floordiv(q, 7)), {128, 64},
                          Orientation::Forward);
  EXPECT_NE(text.find("16*((128Q + 132)/1024)"), std::string::npos) << text;
  EXPECT_NE(text.find("3*((2Q + 1)/7)"), std::string::npos) << text;
}

TEST(Describe, SaysWhyRunsAreNotEnough) {
  std::string text = runs(patterns::documents(), {128, 64}, Orientation::Forward);
  EXPECT_NE(text.find("T: [0, 2Q + 1]\n"), std::string::npos) << text;
  EXPECT_NE(text.find("not quasi-affine"), std::string::npos) << text;
}

} // namespace
} // namespace maskloom::testing
