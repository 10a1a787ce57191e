// The oracle against numbers worked out by hand and against the plainest C++ of each mask.
#include "maskloom/dsl/Interpreter.h"
#include "maskloom/dsl/Patterns.h"
#include "tests/support/ExpectMask.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace maskloom;
using maskloom::testing::problemOf;

namespace {

// Compares every (h, row, column) with a reference over positions.
template <typename Reference>
void expectMask(const Pattern &pattern, const Problem &problem, Reference reference) {
  ASSERT_EQ(checkProblem(pattern, problem), std::vector<std::string>{});
  Interpreter interpreter(pattern, problem);
  for (int64_t b = 0; b < problem.batch; ++b)
    for (int64_t h = 0; h < problem.heads; ++h)
      for (int64_t row = 0; row < problem.queryLength(b); ++row)
        for (int64_t column = 0; column < problem.keyLength(b); ++column) {
          int64_t q = row + problem.queryOffsetOf(b), k = column + problem.keyOffset;
          ASSERT_EQ(interpreter.visible(b, h, row, column), reference(b, h, q, k))
              << pattern.name << " b=" << b << " h=" << h << " q=" << q << " k=" << k;
        }
}

} // namespace

TEST(Interpreter, CausalIsAlignedAtTheBottomRight) {
  auto causal = [](int64_t, int64_t, int64_t q, int64_t k) { return q >= k; };
  expectMask(patterns::causal(), problemOf(5, 5), causal);
  expectMask(patterns::causal(), problemOf(3, 8), causal);
  Problem decode = problemOf(1, 8);
  Pattern pattern = patterns::causal();
  Interpreter interpreter(pattern, decode);
  EXPECT_TRUE(interpreter.visible(0, 0, 0, 7)) << "the only query row is position 7";
}

TEST(Interpreter, MoreQueriesThanKeysLeavesEmptyRows) {
  Problem problem = problemOf(8, 3);
  Pattern pattern = patterns::causal();
  Interpreter interpreter(pattern, problem);
  for (int64_t row = 0; row < 5; ++row)
    for (int64_t column = 0; column < 3; ++column) EXPECT_FALSE(interpreter.visible(0, 0, row, column));
  EXPECT_TRUE(interpreter.visible(0, 0, 5, 0));
}

TEST(Interpreter, OffsetsMoveThePositions) {
  Problem problem = problemOf(4, 6);
  problem.queryOffset = 10;
  problem.keyOffset = 8;
  Pattern pattern = patterns::causal();
  Interpreter interpreter(pattern, problem);
  EXPECT_TRUE(interpreter.visible(0, 0, 0, 2));
  EXPECT_FALSE(interpreter.visible(0, 0, 0, 3));
}

TEST(Interpreter, NothingIsSeenBeyondTheLengths) {
  Problem problem = problemOf(6, 6);
  problem.batch = 2;
  problem.queryLengths = {6, 2};
  problem.keyLengths = {6, 3};
  Pattern pattern("all", all());
  Interpreter interpreter(pattern, problem);
  EXPECT_TRUE(interpreter.visible(1, 0, 1, 2));
  EXPECT_FALSE(interpreter.visible(1, 0, 2, 2));
  EXPECT_FALSE(interpreter.visible(1, 0, 1, 3));
}

TEST(Interpreter, LibraryPatternsMeanWhatTheirDocumentationSays) {
  auto div = [](int64_t a, int64_t b) { return static_cast<int64_t>(std::floor(double(a) / double(b))); };
  expectMask(patterns::slidingWindow(3), problemOf(9, 9),
             [](int64_t, int64_t, int64_t q, int64_t k) { return k <= q && k > q - 3; });
  expectMask(patterns::slidingWindow(0), problemOf(9, 9),
             [](int64_t, int64_t, int64_t, int64_t) { return false; });
  expectMask(patterns::sinkWindow(2, 3), problemOf(12, 12),
             [](int64_t, int64_t, int64_t q, int64_t k) { return k <= q && (k < 2 || k > q - 3); });
  expectMask(patterns::prefix(4), problemOf(9, 9),
             [](int64_t, int64_t, int64_t q, int64_t k) { return k < 4 || k <= q; });

  patterns::LocalStride s2{.block = 4, .local = 2, .stride = 4, .headStep = 1, .offset = 1};
  expectMask(patterns::localStride(s2), problemOf(50, 50, 4, 2),
             [&](int64_t, int64_t h, int64_t q, int64_t k) {
               return q >= k && (q / 4 - k / 4 < 2 || (k / 4 + h + 1) % 4 == 0);
             });
  s2.perKvHead = true;
  s2.headStep = 2;
  expectMask(patterns::localStride(s2), problemOf(50, 50, 4, 2),
             [&](int64_t, int64_t h, int64_t q, int64_t k) {
               return q >= k && (q / 4 - k / 4 < 2 || (k / 4 + (h / 2) * 2 + 1) % 4 == 0);
             });
  s2.perKvHead = false;
  s2.sameForAll = true;
  s2.heads = 4;
  s2.denseHeads = 1;
  expectMask(patterns::localStride(s2), problemOf(50, 50, 4, 2),
             [&](int64_t, int64_t h, int64_t q, int64_t k) {
               return q >= k && (h == 3 || q / 4 - k / 4 < 2 || (k / 4 + 1) % 4 == 0);
             });
  patterns::LocalStride both{.block = 4, .local = 2, .stride = 4, .causal = false};
  expectMask(patterns::localStride(both), problemOf(33, 33, 4, 4),
             [&](int64_t, int64_t h, int64_t q, int64_t k) {
               int64_t distance = div(k, 4) - div(q, 4);
               return std::abs(distance) < 2 || (distance + h + 400) % 4 == 0;
             });
  expectMask(patterns::twoRange({.block = 2, .local = 2, .middle = 6, .middleStride = 2, .farStride = 4}),
             problemOf(40, 40, 4, 4), [](int64_t, int64_t h, int64_t q, int64_t k) {
               int64_t distance = q / 2 - k / 2;
               return q >= k && (distance < 2 || (k / 2 + h) % (distance < 6 ? 2 : 4) == 0);
             });
}

TEST(Interpreter, DocumentsReadTheTensorAtBothPositions) {
  Problem problem = problemOf(6, 6);
  problem.aux["doc"] = {{1, 6}, {0, 0, 1, 1, 1, 2}, {}};
  const std::vector<int32_t> doc = {0, 0, 1, 1, 1, 2};
  expectMask(patterns::documents(), problem, [&](int64_t, int64_t, int64_t q, int64_t k) {
    return q >= k && doc[size_t(q)] == doc[size_t(k)];
  });
}

TEST(Interpreter, BlockTablesAreIndexedByBlock) {
  Problem problem = problemOf(10, 10, 2, 2);
  problem.aux["table"] = {{2, 3, 3}, {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 7, 0, 0, 0, 1, 1, 1}, {}};
  const auto &table = problem.aux["table"].ints;
  expectMask(patterns::blockTable(4, 4), problem, [&](int64_t, int64_t h, int64_t q, int64_t k) {
    return table[size_t((h * 3 + q / 4) * 3 + k / 4)] != 0;
  });
}

TEST(Interpreter, LoadsOutsideTheTensorReadTheNearestEntry) {
  AuxInt bias("bias", {axis::fixed(4)});
  Pattern pattern("p", bias(query() - key()) == 0);
  Problem problem = problemOf(8, 8);
  problem.aux["bias"] = {{4}, {0, 1, 1, 0}, {}};
  expectMask(pattern, problem,
             [](int64_t, int64_t, int64_t q, int64_t k) { return q - k <= 0 || q - k >= 3; });
}

TEST(Interpreter, IntegersAreMathematicalWithNegatives) {
  Index q = query(), k = key();
  Problem problem = problemOf(20, 20);
  problem.queryOffset = -7;
  expectMask(Pattern("p", (k - q) % 5 < 2 && floordiv(q - 3, 4) < -floordiv(k, 3)), problem,
             [](int64_t, int64_t, int64_t q, int64_t k) {
               int64_t mod = (((k - q) % 5) + 5) % 5;
               return mod < 2 && std::floor((double(q) - 3) / 4) < -std::floor(double(k) / 3);
             });
  Param huge("huge", INT64_MAX, INT64_MIN, INT64_MAX);
  Pattern overflowing("p", q + huge > k);
  Problem one = problemOf(2, 2);
  Interpreter interpreter(overflowing, one);
  EXPECT_THROW(interpreter.visible(0, 0, 1, 0), std::overflow_error);
  EXPECT_TRUE(interpreter.visible(0, 0, 0, 0));
}

TEST(Interpreter, ConnectivesAndSelectAreLazy) {
  Index q = query(), k = key();
  Param huge("huge", INT64_MAX, 0, INT64_MAX);
  Mask overflows = q + huge + 1 > k;
  Pattern pattern("p", (q < 0 && overflows) || (q >= 0 || overflows) || select(q < 0, overflows, all()));
  Problem problem = problemOf(2, 2);
  EXPECT_TRUE(Interpreter(pattern, problem).visible(0, 0, 0, 0));
}

TEST(Interpreter, GroupsAndTheirHeads) {
  Index q = query(), k = key();
  Layout layout;
  layout.kvHeads(1, 1, q - k < 3).kvHeads(0, 0, all());
  expectMask(Pattern("p", q >= k, layout), problemOf(9, 9, 4, 2),
             [](int64_t, int64_t h, int64_t q, int64_t k) { return q >= k && (h < 2 || q - k < 3); });
}

TEST(Interpreter, ScoresComposeInOrder) {
  Pattern pattern = patterns::softCap(2.0);
  pattern.modifyScore(score() + 1.0);
  Problem problem = problemOf(4, 4);
  Interpreter interpreter(pattern, problem);
  EXPECT_DOUBLE_EQ(interpreter.score(3.0, 0, 0, 0, 0), 2.0 * std::tanh(1.5) + 1.0);
}

TEST(Interpreter, AlibiAndSink) {
  Pattern pattern = patterns::alibi();
  pattern.withSink(AuxFloat("sink", {axis::head()}));
  Problem problem = problemOf(4, 4, 2, 2);
  problem.aux["slope"] = {{2}, {}, {0.5f, 0.25f}};
  problem.aux["sink"] = {{2}, {}, {1.5f, -2.0f}};
  ASSERT_EQ(checkProblem(pattern, problem), std::vector<std::string>{});
  Interpreter interpreter(pattern, problem);
  EXPECT_DOUBLE_EQ(interpreter.score(1.0, 0, 1, 3, 1), 1.0 + 0.25 * -2.0);
  EXPECT_DOUBLE_EQ(interpreter.sink(1), -2.0);
  Pattern plain = patterns::causal();
  EXPECT_EQ(Interpreter(plain, problem).sink(0), -std::numeric_limits<double>::infinity());
}

TEST(CheckProblem, NamesWhatIsWrong) {
  Pattern pattern = patterns::documents();
  Problem problem = problemOf(6, 6, 3, 2);
  EXPECT_EQ(checkProblem(pattern, problem),
            std::vector<std::string>{"3 query heads cannot be shared evenly by 2 KV heads"});
  problem.kvHeads = 3;
  EXPECT_EQ(checkProblem(pattern, problem), std::vector<std::string>{"aux tensor 'doc' is missing"});
  problem.aux["doc"] = {{1, 5}, {0, 0, 1, 1, 1}, {}};
  EXPECT_EQ(checkProblem(pattern, problem),
            std::vector<std::string>{
                "aux tensor 'doc' is too short: axis 1 (q) has 5 entries, the pattern reads 6"});
  problem.aux["doc"] = {{1, 6}, {0, 0, 1, 1, 1}, {}};
  EXPECT_EQ(checkProblem(pattern, problem),
            std::vector<std::string>{"aux tensor 'doc' holds 5 i32 values, its extents ask for 6"});
  problem.aux["doc"] = {{6}, {0, 0, 1, 1, 1, 2}, {}};
  EXPECT_EQ(checkProblem(pattern, problem),
            std::vector<std::string>{"aux tensor 'doc' has 1 axes, the pattern declares 2"});
  Problem window = problemOf(4, 4);
  window.params = {{"window", -1}, {"widow", 3}};
  EXPECT_EQ(checkProblem(patterns::slidingWindow(), window),
            (std::vector<std::string>{"the pattern 'sliding_window' has no parameter 'widow'",
                                      "parameter 'window' is -1, must be in 0..2147483647"}));
}

TEST(CheckProblem, TensorsMustReachTheLastPosition) {
  Problem problem = problemOf(4, 4);
  problem.queryOffset = 10;
  problem.aux["doc"] = {{1, 4}, {0, 0, 1, 1}, {}};
  EXPECT_EQ(checkProblem(patterns::documents(), problem),
            std::vector<std::string>{
                "aux tensor 'doc' is too short: axis 1 (q) has 4 entries, the pattern reads 14"});
  Problem blocks = problemOf(300, 300);
  blocks.aux["table"] = {{1, 3, 2}, std::vector<int32_t>(6, 1), {}};
  EXPECT_EQ(checkProblem(patterns::blockTable(), blocks),
            std::vector<std::string>{
                "aux tensor 'table' is too short: axis 2 (k) has 2 entries, the pattern reads 3"});
}
