// Pattern files mean what the C++ embedding means.
#include "maskloom/dsl/Parser.h"
#include "maskloom/dsl/Canonical.h"
#include "maskloom/dsl/Check.h"
#include "maskloom/dsl/Print.h"
#include "tests/support/RandomPattern.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

using namespace maskloom;

namespace {

Pattern parseOne(const std::string &items) {
  ParseResult result = parsePatterns("pattern p {\n" + items + "\n}", "test.mask");
  EXPECT_EQ(render(result.diagnostics), "");
  return result.patterns.empty() ? Pattern("failed", none()) : result.patterns[0];
}

std::string textOf(const Pattern &pattern) { return canonicalText(canonicalize(pattern)); }

void expectMask(const std::string &items, const Mask &mask) {
  EXPECT_EQ(textOf(parseOne(items)), textOf(Pattern("p", mask))) << items;
}

class Parser : public ::testing::Test {
protected:
  Index q = query(), k = key(), h = head();
};

} // namespace

TEST_F(Parser, MasksAndCausalAreAnded) {
  expectMask("causal;", q >= k);
  expectMask("causal; mask q - k < 8;", q >= k && q - k < 8);
  expectMask("mask all;", all());
  expectMask("# nothing\nmask none; # at all", none());
}

TEST_F(Parser, PrecedenceIsThatOfC) {
  expectMask("mask q + k * 2 < 9 || q > 3 && k > 4;", q + k * 2 < 9 || (q > 3 && k > 4));
  expectMask("mask q - k - 3 < 4;", (q - k) - 3 < 4);
  expectMask("mask q / 4 % 3 == 1;", floordiv(q, 4) % 3 == 1);
  expectMask("mask q % 12 / 4 * 3 == 3;", floordiv(q % 12, 4) * 3 == 3);
  expectMask("mask -q + 3 > -k;", -q + 3 > -k);
  expectMask("mask !(q < k) && !!(q > 2);", q >= k && q > 2);
  expectMask("mask (q - (k - 3)) < 4;", q - (k - 3) < 4);
  expectMask("mask q - k > -5;", q - k > -5);
}

TEST_F(Parser, EveryVariableAndFunction) {
  expectMask("mask q + k + h + kvh + b < Sq + Sk + H + Hkv;",
             q + k + h + kvHead() + batch() < queryLength() + keyLength() + heads() + kvHeads());
  expectMask("mask min(q, k, h) < max(q, 4) && abs(q - k) < 9;",
             min(min(q, k), h) < max(q, 4) && abs(q - k) < 9);
  expectMask("mask select(h % 2 == 0, q, k) < 7;", select(h % 2 == 0, q, k) < 7);
  expectMask("mask select(h < 2, q > k, none);", select(h<2, q> k, none()));
}

TEST_F(Parser, BandsAreNestedSelects) {
  Mask middle = (floordiv(k, 64) + h) % 4 == 0, far = k < 3;
  Index distance = floordiv(q, 64) - floordiv(k, 64);
  expectMask("mask bands q/64 - k/64 { 16: all; 128: (k/64 + h) % 4 == 0; rest: k < 3 };",
             bands(distance, {{16, all()}, {128, middle}}, far));
  expectMask("mask bands q - k { -4: none; rest: all; };", bands(q - k, {{-4, none()}}, all()));
  expectMask("mask bands q - k { rest: all };", all());
}

TEST_F(Parser, ParametersHaveRangesAndDefaults) {
  Pattern p = parseOne("param a in -4..12 = -2, window = 1024; param sink in 1..9 = 3;\n"
                       "mask q - k < window || k < a + sink;");
  ASSERT_EQ(p.params.size(), 3u);
  EXPECT_EQ(p.findParam("a")->low, -4);
  EXPECT_EQ(p.findParam("a")->defaultValue, -2);
  EXPECT_EQ(p.findParam("window")->low, 0);
  EXPECT_EQ(p.findParam("window")->high, 2147483647);
  EXPECT_EQ(p.findParam("sink")->high, 9);
}

TEST_F(Parser, LetsAreSubstituted) {
  expectMask("let near = q - k < 8; let d = q - k; mask near || d % 4 == 0;", q - k < 8 || (q - k) % 4 == 0);
}

TEST_F(Parser, CoordinatesOfASpace) {
  Space space({4, 5, 6});
  expectMask("space (4, 5, 6); mask abs(q.0 - k.0) <= 1 && q.1 == k.1 && q.2 >= k.2;",
             abs(space.query(0) - space.key(0)) <= 1 && space.query(1) == space.key(1) &&
                 space.query(2) >= space.key(2));
  EXPECT_EQ(parseOne("space (4, 5); mask q.0 == k.0;").space, (std::vector<int64_t>{4, 5}));
}

TEST_F(Parser, Tensors) {
  AuxInt doc("doc", {axis::batch(), axis::query()}),
      table("t", {axis::head(), axis::query(64), axis::key(32)}),
      fixed("f", {axis::kvHead(), axis::fixed(7)});
  expectMask("aux doc[b, q]: i32; mask doc[b, q] == doc[b, k];", doc(batch(), q) == doc(batch(), k));
  expectMask("aux t[h, q/64, k/32]: i32; mask t[h, q/64, k/32] != 0;",
             table(h, floordiv(q, 64), floordiv(k, 32)) != 0);
  expectMask("aux f[kvh, 7]: i32; mask f[kvh, q - k] > 2;", fixed(kvHead(), q - k) > 2);
}

TEST_F(Parser, BlockTablesAreASchedule) {
  Pattern p = parseOne("causal; blocks table[h, q/128, k/64];");
  ASSERT_TRUE(p.blocks);
  EXPECT_EQ(p.blocks->axes[2].block, 64);
  Pattern expected("p", q >= k);
  expected.withBlocks(AuxInt("table", {axis::head(), axis::query(128), axis::key(64)}));
  EXPECT_EQ(textOf(p), textOf(expected));
  EXPECT_EQ(textOf(parseOne("causal; blocks table[h, q/128, k/64]: i32;")), textOf(expected));
}

TEST_F(Parser, Groups) {
  Pattern p = parseOne("causal; heads 0..2: q - k < 8; heads 3: all;");
  Layout layout;
  layout.heads(0, 2, q - k < 8).heads(3, 3, all());
  EXPECT_EQ(textOf(p), textOf(Pattern("p", q >= k, layout)));
  EXPECT_TRUE(parseOne("kv_heads 0..1: q >= k; kv_heads 2..7: all;").layout.byKvHead);
}

TEST_F(Parser, ScoresAreTypedByTheirOperands) {
  AuxFloat slope("slope", {axis::head()});
  Pattern expected("p", q >= k);
  expected.modifyScore(score() + slope(h) * (k - q));
  expected.modifyScore(30.0 * tanh(score() / 30.0));
  Pattern p =
      parseOne("aux slope[h]: f32; causal; score s + slope[h] * (k - q); score 30.0 * tanh(s / 30.0);");
  EXPECT_EQ(textOf(p), textOf(expected));

  Pattern integers = parseOne("causal; score s * (q / 4 - k % 3);");
  EXPECT_EQ(toText(integers.scores[0]), "s * float(q / 4 - k % 3)") << "'/' of integers stays floor division";
  Pattern mixed = parseOne("causal; score s - (q - k) / 8.0 + max(k, 0.5) + exp2(2) + select(q > k, 1, s);");
  EXPECT_EQ(toText(mixed.scores[0]),
            "s - float(q - k) / 8.0 + max(float(k), 0.5) + exp2(2.0) + select(q > k, 1.0, s)");
  EXPECT_EQ(mixed.scores[0]->type, Type::Float);
  EXPECT_EQ(toText(parseOne("causal; score sqrt(abs(s)) + log(exp(-s)) * 1e-3;").scores[0]),
            "sqrt(abs(s)) + log(exp(-s)) * 0.001");
}

TEST_F(Parser, Sinks) {
  Pattern p = parseOne("aux sink[h]: f32; causal; sink sink;");
  ASSERT_TRUE(p.sink);
  EXPECT_EQ(p.sink->name, "sink");
}

TEST_F(Parser, SeveralPatternsInOneFile) {
  ParseResult result = parsePatterns("pattern a { causal; } pattern b { mask q == k; }", "test.mask");
  ASSERT_EQ(result.patterns.size(), 2u);
  EXPECT_EQ(result.patterns[0].name, "a");
  EXPECT_EQ(result.patterns[1].name, "b");
  EXPECT_TRUE(result.ok());
  EXPECT_TRUE(parsePatterns("", "test.mask").patterns.empty());
  EXPECT_TRUE(parsePatterns("# only a comment", "test.mask").ok());
}

TEST_F(Parser, PlacesAreThoseOfTheFile) {
  ParseResult result = parsePatterns("pattern p {\n  causal;\n  mask q - k\n    < 7;\n}", "dir/test.mask");
  ASSERT_EQ(result.patterns.size(), 1u);
  const Expr &mask = result.patterns[0].mask->operands[1];
  EXPECT_EQ(mask->loc.file, "dir/test.mask");
  EXPECT_EQ(mask->loc.line, 4u);
  EXPECT_EQ(mask->loc.column, 5u);
  EXPECT_EQ(result.patterns[0].loc.line, 1u);
}

// Printing and parsing again keeps the meaning, of every feature that the generator knows.
TEST_F(Parser, ReadsWhatIsPrinted) {
  for (uint64_t i = 0; i < 300; ++i) {
    auto c = maskloom::testing::randomCase(5, i);
    ASSERT_EQ(render(checkPattern(c.pattern)), "") << c.describe();
    std::string text = toText(c.pattern);
    ParseResult result = parsePatterns(text, "printed.mask");
    ASSERT_EQ(render(result.diagnostics), "") << text;
    ASSERT_EQ(textOf(result.patterns.at(0)), textOf(c.pattern)) << text;
    ASSERT_EQ(toText(result.patterns.at(0)), text) << "printing is stable";
  }
}
