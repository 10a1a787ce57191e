// The rules of patterns declared in C++, where no parser stands before the check.
#include "maskloom/dsl/Check.h"
#include "maskloom/dsl/CheckExpr.h"
#include "maskloom/dsl/Patterns.h"
#include "tests/support/RandomPattern.h"

#include <gtest/gtest.h>

#include <limits>

using namespace maskloom;

namespace {

std::string messages(const std::vector<Diagnostic> &diagnostics) {
  std::string out;
  for (const Diagnostic &d : diagnostics) out += d.message + "\n";
  return out;
}
std::string messages(const Pattern &pattern) { return messages(checkPattern(pattern)); }

class Check : public ::testing::Test {
protected:
  Index q = query(), k = key(), h = head();
};

} // namespace

TEST_F(Check, TheLibraryIsValid) {
  EXPECT_EQ(messages(patterns::causal()), "");
  EXPECT_EQ(messages(patterns::slidingWindow()), "");
  EXPECT_EQ(messages(patterns::sinkWindow()), "");
  EXPECT_EQ(messages(patterns::prefix()), "");
  EXPECT_EQ(messages(patterns::localStride({.heads = 8, .denseHeads = 2})), "");
  EXPECT_EQ(messages(patterns::localStride({.causal = false})), "");
  EXPECT_EQ(messages(patterns::twoRange()), "");
  EXPECT_EQ(messages(patterns::documents()), "");
  EXPECT_EQ(messages(patterns::blockTable()), "");
  EXPECT_EQ(messages(patterns::alibi()), "");
  EXPECT_EQ(messages(patterns::softCap()), "");
}

TEST_F(Check, ErrorsPointAtTheUsersLine) {
  unsigned line = __LINE__ + 1;
  Pattern pattern("p", q * k > 3);
  std::vector<Diagnostic> found = checkPattern(pattern);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].message, "product of two indices: 'q' and 'k'");
  EXPECT_EQ(found[0].loc.line, line);
  EXPECT_NE(found[0].loc.file.find("CheckTest.cpp"), std::string::npos);
  EXPECT_NE(render(found).find("CheckTest.cpp:" + std::to_string(line) + ":"), std::string::npos);
}

TEST_F(Check, DivisorsMustBePositiveForEveryParameterValue) {
  EXPECT_EQ(messages(Pattern("p", floordiv(q, 0) < k)), "division by zero\n");
  EXPECT_EQ(messages(Pattern("p", q % k == 0)), "division by a non-constant: 'k'\n");
  Param stride("stride", 4), good("good", 4, 1, 64), negative("negative", -1, -5, -1);
  EXPECT_EQ(messages(Pattern("p", q % stride == 0)),
            "the divisor 'stride' can be 0: its range is 0..2147483647\n");
  EXPECT_EQ(messages(Pattern("p", q % good == 0 && q % (good * 2 + 1) == 0 && q % (5 - 4) == 0)), "");
  EXPECT_EQ(messages(Pattern("p", q % (good - 3) == 0)),
            "the divisor 'good - 3' can be 0: its range is -2..61\n");
  EXPECT_EQ(messages(Pattern("p", q % negative == 0)),
            "the divisor 'negative' can be -5: its range is -5..-1\n");
  EXPECT_EQ(messages(Pattern("p", q % (3 - 3) == 0)), "division by zero\n");
}

TEST_F(Check, RangesOfIndexFreeExpressions) {
  Param a("a", 0, -3, 5), d("d", 2, 2, 4);
  auto range = [](const Index &e) {
    auto r = rangeOfIndexFree(e.expr());
    return r ? std::to_string(r->low) + ".." + std::to_string(r->high) : "none";
  };
  EXPECT_EQ(range(a + 2 * d), "1..13");
  EXPECT_EQ(range(a * d), "-12..20");
  EXPECT_EQ(range(-a), "-5..3");
  EXPECT_EQ(range(abs(a)), "0..5");
  EXPECT_EQ(range(abs(-d)), "2..4");
  EXPECT_EQ(range(floordiv(a, d)), "-2..2");
  EXPECT_EQ(range(a % d), "0..3");
  EXPECT_EQ(range(min(a, d)), "-3..4");
  EXPECT_EQ(range(max(a, d)), "2..5");
  EXPECT_EQ(range(q + a), "none");
  Param huge("huge", 0, INT64_MIN, INT64_MAX);
  EXPECT_EQ(range(huge + 1), "none");
}

TEST_F(Check, Products) {
  Param step("step", 2);
  EXPECT_EQ(messages(Pattern("p", (h * step + 2 * q - step * step) % 4 == 0)), "");
  EXPECT_EQ(messages(Pattern("p", queryLength() * q > k)), "product of two indices: 'Sq' and 'q'\n");
}

TEST_F(Check, SpacesAndTheirAxes) {
  Space space({4, 5});
  EXPECT_EQ(messages(Pattern("p", space.query(1) == space.key(1))), "");
  EXPECT_EQ(messages(Pattern("p", space.query(2) == 0)), "the token space has no such axis\n");
  EXPECT_EQ(messages(Pattern("p", Space({4, 0}).query(0) == 0)), "division by zero\n");
  EXPECT_EQ(messages(Pattern("p", Space({4, INT64_MAX, 3}).query(0) == 0)),
            "the token space has no such axis\n");
  Pattern declared("p", q >= k);
  declared.space = {4, -1};
  EXPECT_EQ(messages(declared), "the token space has an axis of extent -1, must be at least 1\n");
}

TEST_F(Check, Names) {
  Param first("window", 3), second("window", 4), reserved("q", 1), unwritable("a b", 1);
  EXPECT_EQ(messages(Pattern("p", q - k < first || k < second)),
            "the name 'window' is declared twice\nthe first 'window' is declared here\n");
  EXPECT_EQ(messages(Pattern("p", k < reserved)),
            "'q' is a word of the language and cannot name a parameter\n");
  EXPECT_EQ(messages(Pattern("p", k < unwritable)),
            "'a b' is no name for a parameter: use letters, digits and '_'\n");
}

TEST_F(Check, Groups) {
  Layout overlapping, missing, mixed;
  overlapping.heads(0, 4, all()).heads(2, 6, all());
  missing.heads(2, 3, all()).heads(6, 6, all());
  mixed.heads(0, 1, all()).kvHeads(2, 3, all());
  EXPECT_EQ(messages(Pattern("p", q >= k, overlapping)),
            "the groups 0..4 and 2..6 overlap\nthe other group is declared here\n");
  EXPECT_EQ(messages(Pattern("p", q >= k, missing)),
            "heads 0..1 are in no group\nheads 4..5 are in no group\n");
  EXPECT_EQ(messages(Pattern("p", q >= k, mixed)), "'heads' and 'kv_heads' groups cannot be mixed\n");
}

TEST_F(Check, HeadsOfTheModel) {
  Layout layout, byKvHead;
  layout.heads(0, 3, all()).heads(4, 7, q >= k);
  byKvHead.kvHeads(0, 1, all());
  Pattern pattern("p", q >= k, layout), kv("p", q >= k, byKvHead);
  EXPECT_EQ(messages(checkHeads(pattern, 8, 2)), "");
  EXPECT_EQ(messages(checkHeads(pattern, 8, 3)), "8 query heads cannot be shared evenly by 3 KV heads\n");
  EXPECT_EQ(messages(checkHeads(pattern, 6, 2)), "heads 6..7 do not exist: there are 6 heads\n");
  EXPECT_EQ(messages(checkHeads(pattern, 9, 9)), "head 8 is in no group: there are 9 heads\n");
  EXPECT_EQ(messages(checkHeads(pattern, 16, 2)), "heads 8..15 are in no group: there are 16 heads\n");
  EXPECT_EQ(messages(checkHeads(kv, 8, 2)), "");
  EXPECT_EQ(messages(checkHeads(kv, 8, 4)), "KV heads 2..3 are in no group: there are 4 KV heads\n");
  EXPECT_EQ(messages(checkHeads(pattern, 0, 2)), "0 query heads and 2 KV heads: both must be at least 1\n");
}

TEST_F(Check, Constants) {
  Pattern pattern = patterns::localStride();
  EXPECT_EQ(messages(checkConstants(pattern, {{"block", 32}, {"local", 4}})), "");
  std::vector<Diagnostic> found = checkConstants(pattern, {{"blok", 32}, {"stride", 0}});
  EXPECT_EQ(messages(found), "the pattern 's2_local_stride' has no parameter 'blok'\n"
                             "parameter 'stride' is 0, must be in 1..65536\n");
  EXPECT_EQ(found[0].hint, "did you mean 'block'?");
}

TEST_F(Check, TensorsAndSinks) {
  AuxInt doc("doc", {axis::batch(), axis::query()});
  EXPECT_EQ(messages(Pattern("p", doc(q) == 0)), "aux tensor 'doc' has 2 axes, indexed by 1\n");
  EXPECT_EQ(messages(Pattern("p", doc(batch(), doc(batch(), k)) == 0)),
            "axis 1 of 'doc' follows q and cannot be indexed by 'doc[b, k]'\n");
  EXPECT_EQ(messages(Pattern("p", AuxInt("t", {axis::fixed(0)})(q) == 0)),
            "aux tensor 't' has an axis of extent 0, must be at least 1\n");
  EXPECT_EQ(messages(Pattern("p", AuxInt("t", {axis::query(0)})(q) == 0)),
            "aux tensor 't' has blocks of 0 tokens, must be at least 1\n");
  Pattern sink("p", q >= k);
  sink.withSink(AuxFloat("sink", {axis::kvHead()}));
  EXPECT_EQ(messages(sink), "the sink 'sink' must be an f32 tensor over h\n");
}

TEST_F(Check, DeepAndLargeExpressions) {
  Index sum = q;
  for (int i = 0; i < 20000; ++i) sum = sum + 1;
  EXPECT_EQ(messages(Pattern("p", sum > k)), "the expression is nested more than 1000 levels deep\n");
  Index doubled = q;
  for (int i = 0; i < 60; ++i) doubled = doubled + doubled;
  EXPECT_EQ(messages(Pattern("p", doubled > k)), "the expression has more than 100000 operations\n");
}

TEST_F(Check, RandomPatternsAreValid) {
  for (uint64_t i = 0; i < 500; ++i) {
    auto c = maskloom::testing::randomCase(2, i);
    ASSERT_EQ(render(checkPattern(c.pattern)), "") << c.describe();
    ASSERT_EQ(render(checkHeads(c.pattern, c.problem.heads, c.problem.kvHeads)), "") << c.describe();
  }
}

TEST_F(Check, NumbersAndNamesThatCannotBeWritten) {
  Pattern infinite("p", all());
  infinite.modifyScore(score() + std::numeric_limits<double>::infinity());
  EXPECT_EQ(messages(infinite), "a number in a score must be finite\n");
  infinite.scores = {(score() * std::numeric_limits<double>::quiet_NaN()).expr()};
  EXPECT_EQ(messages(infinite), "a number in a score must be finite\n");
  EXPECT_EQ(messages(Pattern("two words", all())),
            "'two words' is no name for a pattern: use letters, digits and '_'\n");
  EXPECT_EQ(messages(Pattern("", all())), "'' is no name for a pattern: use letters, digits and '_'\n");
}
