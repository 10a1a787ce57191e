#include "maskloom/dsl/Print.h"
#include "maskloom/dsl/Check.h"
#include "maskloom/dsl/Names.h"
#include "maskloom/dsl/Parser.h"
#include "maskloom/dsl/Patterns.h"
#include "tests/support/RandomPattern.h"
#include "tests/support/SamePattern.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

using namespace maskloom;
using maskloom::testing::difference;

namespace {

// Printed and parsed again a pattern is the same: declarations, order, and every node of every tree.
void expectReadBack(const Pattern &pattern) {
  ASSERT_EQ(render(checkPattern(pattern)), "");
  std::string text = toText(pattern);
  ParseResult result = parsePatterns(text, "printed.mask");
  ASSERT_EQ(render(result.diagnostics), "") << text;
  ASSERT_EQ(result.patterns.size(), 1u);
  ASSERT_EQ(difference(result.patterns[0], pattern), "") << text;
  ASSERT_EQ(toText(result.patterns[0]), text) << "printing is stable";
}

} // namespace

TEST(Print, AsFewParenthesesAsTheTreeAllows) {
  Index q = query(), k = key(), h = head();
  EXPECT_EQ(
      toText((q >= k && (floordiv(q, 64) - floordiv(k, 64) < 16 || (floordiv(k, 64) + h) % 16 == 0)).expr()),
      "q >= k && (q / 64 - k / 64 < 16 || (k / 64 + h) % 16 == 0)");
  EXPECT_EQ(toText((q - (k - 1)).expr()), "q - (k - 1)");
  EXPECT_EQ(toText((q - k - 1).expr()), "q - k - 1");
  EXPECT_EQ(toText((2 * (q + k) % 3).expr()), "2 * (q + k) % 3");
  EXPECT_EQ(toText((2 * ((q + k) % 3)).expr()), "2 * ((q + k) % 3)");
  EXPECT_EQ(toText((!(q < k) && !all()).expr()), "!(q < k) && !all");
  EXPECT_EQ(toText((-(q + 1) * -3).expr()), "-(q + 1) * -3");
  EXPECT_EQ(toText(select(h == 1, min(q, 4), abs(k)).expr()), "select(h == 1, min(q, 4), abs(k))");
}

TEST(Print, FloatsReadBackAsTheyWere) {
  EXPECT_EQ(floatText(50), "50.0");
  EXPECT_EQ(floatText(0.1), "0.1");
  EXPECT_EQ(floatText(1e300), "1e+300");
  EXPECT_EQ(std::stod(floatText(1.0 / 3.0)), 1.0 / 3.0);
}

TEST(Print, WholePatterns) {
  Index q = query(), k = key();
  Param window("window", 8, 0, 64);
  AuxInt doc("doc", {axis::batch(), axis::query()});
  Layout layout;
  layout.heads(0, 3, q - k < window).heads(4, 7, doc(batch(), q) == doc(batch(), k));
  Pattern pattern("p", q >= k, layout);
  pattern.modifyScore(score() * 0.5).withSink(AuxFloat("sinks", {axis::head()}));
  pattern.withBlocks(AuxInt("table", {axis::head(), axis::query(128), axis::key(64)}));
  EXPECT_EQ(toText(pattern), "pattern p {\n"
                             "  param window in 0..64 = 8;\n"
                             "  aux doc[b, q]: i32;\n"
                             "  aux sinks[h]: f32;\n"
                             "  blocks table[h, q/128, k/64];\n"
                             "  mask q >= k;\n"
                             "  heads 0..3: q - k < window;\n"
                             "  heads 4..7: doc[b, q] == doc[b, k];\n"
                             "  score s * 0.5;\n"
                             "  sink sinks;\n"
                             "}\n");
}

TEST(Print, CoordinatesOfTheSpace) {
  Space space({30, 48, 80});
  Pattern pattern("p", space.query(0) == space.key(0) && abs(space.query(1) - space.key(1)) < 3 &&
                           space.query(2) >= space.key(2));
  EXPECT_EQ(toText(pattern),
            "pattern p {\n"
            "  mask q / 3840 == k / 3840 && abs(q / 80 % 48 - k / 80 % 48) < 3 && q % 80 >= k % 80;\n"
            "}\n");
  pattern.space = space.extents();
  EXPECT_EQ(toText(pattern), "pattern p {\n"
                             "  space (30, 48, 80);\n"
                             "  mask q.0 == k.0 && abs(q.1 - k.1) < 3 && q.2 >= k.2;\n"
                             "}\n");
  expectReadBack(pattern);
}

TEST(Print, WhatOccursTwiceIsWrittenOnce) {
  Index q = query(), k = key();
  Param e1("e1", 3);
  Index distance = floordiv(q, 64) - floordiv(k, 64) + head() * 2;
  Pattern pattern("p", distance < e1 || distance % 8 == 0);
  EXPECT_EQ(toText(pattern), "pattern p {\n"
                             "  param e1 in 0..2147483647 = 3;\n"
                             "  let e2 = q / 64 - k / 64 + h * 2;\n"
                             "  mask e2 < e1 || e2 % 8 == 0;\n"
                             "}\n");
  expectReadBack(pattern);
}

TEST(Print, NumbersThatAreHardToWrite) {
  Index q = query(), five(makeInt(5)), lowest(makeInt(INT64_MIN));
  expectReadBack(
      Pattern("p", -five < q && -(-five) < q && -Index(makeInt(-5)) < q && q - Index(makeInt(-3)) > 2));
  expectReadBack(Pattern("p", lowest < q && min(lowest, q) < Index(makeInt(INT64_MAX))));
  expectReadBack(Pattern("p", q < Param("p0", INT64_MIN, INT64_MIN, INT64_MAX)));
  for (double value : {0.0, -0.0, 1.0, -1.5, 1e300, -1e-300, std::numeric_limits<double>::denorm_min(),
                       std::numeric_limits<double>::max(), 1.0 / 3}) {
    Pattern pattern("p", all());
    pattern.modifyScore(score() * value - -Score(makeFloat(value)) + Score(makeFloat(value)));
    pattern.modifyScore(toScore(Index(makeInt(7))) + score());
    expectReadBack(pattern);
  }
}

// Deeper than the parser's own recursion allows as one text.
TEST(Print, DeepNestingIsCutIntoNames) {
  Index q = query(), sum = q;
  for (int i = 0; i < 900; ++i) sum = Index(makeInt(i)) + (sum - 1) * 1;
  Pattern rightNested("p", sum > 3);
  EXPECT_NE(render(checkPattern(rightNested)), "") << "too deep for the language";
  sum = q;
  for (int i = 0; i < 300; ++i) sum = Index(makeInt(i)) - (sum - 1) % 97;
  expectReadBack(Pattern("p", sum > 3));
  Mask mask = q > 0;
  for (int i = 0; i < 900; ++i) mask = q != i && mask;
  expectReadBack(Pattern("p", mask));
  for (int i = 0; i < 20; ++i) mask = !mask;
  expectReadBack(Pattern("p", mask));
}

TEST(Print, ReadsBackRandomPatterns) {
  for (uint64_t i = 0; i < 400; ++i) {
    SCOPED_TRACE(i);
    expectReadBack(maskloom::testing::randomCase(31, i).pattern);
    if (HasFatalFailure()) return;
  }
}

TEST(Print, ReadsBackTheLibraryAndItsFiles) {
  using namespace maskloom::patterns;
  masks::Neighborhood window{.window = {3, 5}, .stride = {2, 1}, .dilation = {1, 2}, .causal = {false, true}};
  for (const Pattern &pattern : {localStride({.stride = 8, .heads = 8, .denseHeads = 2}),
                                 twoRange(),
                                 contextRanges(),
                                 documents(),
                                 columnRanges(),
                                 blockDiffusion(),
                                 flamingo(),
                                 treeAncestors(),
                                 sliceTable(),
                                 slices({{0, 5, 0, 9}}),
                                 patterns::neighborhood(Space({9, 12}), window),
                                 patterns::slidingTile(Space({12, 8}), {.window = {3}, .tile = {2}}),
                                 alibi(),
                                 softCap(),
                                 relativeBias(),
                                 relativeBias2d(),
                                 sandwich(),
                                 graphBias(),
                                 attentionSink(),
                                 blockTable()})
    expectReadBack(pattern);
  size_t read = 0;
  for (const auto &entry : std::filesystem::directory_iterator(MASKLOOM_EXAMPLE_PATTERNS)) {
    if (entry.path().extension() != ".mask") continue;
    for (const Pattern &pattern : parsePatternFile(entry.path().string()).patterns) {
      SCOPED_TRACE(entry.path().string());
      expectReadBack(pattern);
      ++read;
    }
  }
  EXPECT_GE(read, 15u);
}

TEST(Names, TheNearestNameIsOneThatWasMeant) {
  std::vector<std::string> names = {"window", "sink", "local", "kvh"};
  EXPECT_EQ(nearestName("widnow", names), "window");
  EXPECT_EQ(nearestName("windows", names), "window");
  EXPECT_EQ(nearestName("snk", names), "sink");
  EXPECT_EQ(nearestName("global", names), "local");
  EXPECT_EQ(nearestName("completely", names), "");
  EXPECT_EQ(nearestName("x", names), "");
  EXPECT_TRUE(isIdentifier("a_1"));
  EXPECT_FALSE(isIdentifier("1a"));
  EXPECT_FALSE(isIdentifier(""));
  EXPECT_TRUE(isReserved("kvh"));
  EXPECT_FALSE(isReserved("sink")) << "words that only begin items may be names";
}
