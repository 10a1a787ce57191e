// Patterns written differently have equal hashes, different ones do not, and the canonical form means the
// same at every point.
#include "maskloom/dsl/Canonical.h"
#include "maskloom/dsl/Parser.h"
#include "maskloom/dsl/Patterns.h"
#include "maskloom/dsl/Print.h"
#include "tests/support/RandomPattern.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <random>

using namespace maskloom;
using maskloom::testing::randomCase;

namespace {

std::string hashOf(const Pattern &pattern) { return patternHash(canonicalize(pattern)); }
std::string hashOf(const Mask &mask) { return hashOf(Pattern("p", mask)); }
std::string textOf(const Mask &mask) { return canonicalText(canonicalize(Pattern("p", mask))); }

void expectSame(const Mask &a, const Mask &b) { EXPECT_EQ(textOf(a), textOf(b)); }
void expectDifferent(const Mask &a, const Mask &b) { EXPECT_NE(hashOf(a), hashOf(b)) << textOf(a); }

class Canonical : public ::testing::Test {
protected:
  Index q = query(), k = key(), h = head();
};

// A failing random case is named by its first differing point.
std::string firstDifference(const Pattern &a, const Pattern &b, const Problem &problem) {
  Interpreter x(a, problem), y(b, problem);
  for (int64_t batch = 0; batch < problem.batch; ++batch)
    for (int64_t head = 0; head < problem.heads; ++head)
      for (int64_t row = 0; row < problem.queryLength(batch); ++row)
        for (int64_t column = 0; column < problem.keyLength(batch); ++column)
          if (x.visible(batch, head, row, column) != y.visible(batch, head, row, column))
            return fmt::format("b={} h={} row={} column={}\n{}{}", batch, head, row, column, toText(a),
                               canonicalText(b));
  return {};
}

} // namespace

TEST_F(Canonical, ComparisonsAreOneForm) {
  expectSame(q >= k, k <= q);
  expectSame(q >= k, q - k >= 0);
  expectSame(q >= k, q > k - 1);
  expectSame(q >= k, !(q < k));
  expectSame(q >= k, !(k > q));
  expectSame(q - k<8, k - q> - 8);
  expectSame(2 * q >= 2 * k + 1, q > k);
  expectSame(q == k, k == q);
  expectSame(q == k, !(k != q));
  expectSame(q == k, 3 * q - 3 * k == 0);
  expectDifferent(q >= k, q > k);
  expectDifferent(q >= k, k >= q);
  expectDifferent(q - k < 8, q - k < 9);
}

TEST_F(Canonical, SumsAreCollectedAndSorted) {
  expectSame(q + k + 3 < h, h > 3 + k + q);
  expectSame(q + q - k == 0, 2 * q == k);
  expectSame((q - 5) * 4 < k, 4 * q - 20 < k);
  expectSame(q - q + k < 7, k < 7);
  expectSame(-(q - k) < 1, q >= k);
}

TEST_F(Canonical, DivisionsAndModuliAreReduced) {
  expectSame(floordiv(q + 64, 64) == 2, floordiv(q, 64) == 1);
  expectSame(floordiv(floordiv(q, 8), 8) < 3, floordiv(q, 64) < 3);
  expectSame(floordiv(floordiv(q, 8) + 3, 8) < 3, floordiv(q + 24, 64) < 3);
  expectSame(floordiv(2 * q, 128) < 3, floordiv(q, 64) < 3);
  expectSame(floordiv(q, 1) < 3, q < 3);
  expectSame((k + 16 + h) % 16 == 0, (h + k) % 16 == 0);
  expectSame((17 * k + h) % 16 == 0, (k + h) % 16 == 0);
  expectSame((k % 32 + h) % 16 == 0, (k + h) % 16 == 0);
  expectSame((k + h + 1) % 8 == 0, (k + h) % 8 == 7);
  expectSame((q - k) % 5 == 0, (k - q) % 5 == 0);
  expectSame((k + h) % 4 < 1, (k + h) % 4 == 0);
  expectSame((k + h) % 4 > 0, (k + h) % 4 != 0);
  expectSame((2 * k) % 4 == 0, k % 2 == 0);
  expectSame(k % 4 > 2, k % 4 == 3);
  expectSame(k % 2 != 0, (k + 1) % 2 == 0);
  expectSame(floordiv(k % 64, 8) == 3, floordiv(k, 8) % 8 == 3);
  expectSame(floordiv(k % 8, 8) == 0, all());
  expectSame(floordiv(floordiv(q, 8) + k, 8) < 3, floordiv(q + 8 * k, 64) < 3);
  expectSame(floordiv(-k, 64) < 0, floordiv(63 * k, 64) < k);
  expectSame(k % 4 == 9, none());
  expectSame(k % 4 < 4, all());
  expectDifferent((k + h) % 8 == 0, (k - h) % 8 == 0);
}

TEST_F(Canonical, ConnectivesAreFlattenedSortedAndDeduplicated) {
  Mask a = q >= k, b = k < 4, c = h == 2;
  expectSame(a && (b && c), (c && a) && b);
  expectSame(a || (b || c), (c || a) || b);
  expectSame(a && b && a, b && a);
  expectSame(!(a && b), !b || !a);
  expectSame(!(!a || b), a && !b);
  expectSame(a && all(), a);
  expectSame(a || all(), all());
  expectSame(a && none(), none());
  expectDifferent(a && b, a || b);
}

TEST_F(Canonical, SelectsWithConstantBranchesAreConnectives) {
  Mask a = q >= k, b = k < 4;
  expectSame(select(a, b, none()), a && b);
  expectSame(select(a, all(), b), b || a);
  expectSame(select(a, none(), b), !a && b);
  expectSame(select(a, b, all()), !a || b);
  expectSame(select(a, b, b), b);
  expectSame(!select(h == 2, a, b), select(h == 2, !a, !b));
  expectSame(bands(q - k, {{8, all()}}, none()), q - k < 8);
}

TEST_F(Canonical, BoundsOfOneSumAreCombined) {
  expectSame(q - k >= 2 && q - k >= 5, q - k >= 5);
  expectSame(q - k >= 2 || q - k >= 5, q >= k + 2);
  expectSame(q - k < 9 && h == 1 && q < k + 8, q - k <= 7 && h == 1);
  expectSame(q >= k && q <= k, q == k);
  expectSame(q > k && q < k, none());
  expectSame(q > k || q < k, q != k);
  expectSame(q > k || q <= k, all());
  expectSame(q == k || q > k, q >= k);
  expectSame(q != k && q >= k, q > k);
  expectSame(h == 2 && h == 3, none());
  expectSame(h != 2 || h == 3, h != 2);
  expectSame(k >= 3 && k != 5 && k <= 2, none());
  expectSame(q >= k && (q >= k || h == 2), q >= k);
  expectSame(q >= k || (q >= k && h == 2), q >= k);
  expectDifferent(q >= k && q <= k + 1, q == k);
}

TEST_F(Canonical, WindowsByAbsAndByTwoBounds) {
  Param w("w", 8);
  expectSame(abs(q - k) < 8, q - k < 8 && k - q < 8);
  expectSame(abs(q - k) <= w, q - k <= w && q + w >= k);
  expectSame(abs(q - k) >= 8, q - k >= 8 || k - q >= 8);
  expectSame(max(q, k) < 100, q < 100 && k < 100);
  expectSame(min(q - 3, k) < 100, q < 103 || k < 100);
  expectSame(min(q, k) >= w, q >= w && k >= w);
}

TEST_F(Canonical, MinMaxAbs) {
  expectSame(max(q, max(k, h)) < 9, max(max(h, q), k) < 9);
  expectSame(min(q, q + 1) < 9, q < 9);
  expectSame(max(q, q + 1) < 9, q + 1 < 9);
  expectSame(abs(q - k) < 9, abs(k - q) < 9);
  expectSame(abs(Index(makeInt(-3))) < q, 3 < q);
}

// Callers bind values by the names of parameters and tensors; no other name counts.
TEST_F(Canonical, NamesByWhichValuesAreBoundCountAndRanges) {
  Param window("window", 8), again("window", 9), w("w", 8), narrow("window", 8, 0, 64), sink("sink", 4);
  expectSame(q - k < window, q - k < again);
  expectDifferent(q - k < window, q - k < w);
  expectDifferent(q - k < window, q - k < narrow);
  expectDifferent(q - k < window, q - k < 8);
  expectSame(q - k < window || k < sink, k < sink || q - k < window);
  expectDifferent(q - k < window || k < sink, q - k < sink || k < window);
  auto documents = [&](const char *pattern, const char *tensor) {
    AuxInt doc(tensor, {axis::batch(), axis::query()});
    return hashOf(Pattern(pattern, doc(batch(), key()) == doc(batch(), query()) && key() <= query()));
  };
  EXPECT_EQ(hashOf(patterns::documents()), documents("another", "doc"));
  EXPECT_NE(hashOf(patterns::documents()), documents("documents", "segment"));
  EXPECT_NE(hashOf(patterns::alibi()), hashOf(patterns::causal()));
}

TEST_F(Canonical, NamesOfPatternsAndLetsDoNotCount) {
  auto hashOfFile = [](const char *text) {
    ParseResult parsed = parsePatterns(text, "f.mask");
    EXPECT_TRUE(parsed.ok()) << render(parsed.diagnostics);
    return hashOf(parsed.patterns.at(0));
  };
  std::string one =
      hashOfFile("pattern one { param w = 8; param n = 4; let d = q - k; causal; mask d < w || k < n; }");
  EXPECT_EQ(one,
            hashOfFile("pattern two { param n = 4; param w = 5; let near = q - k < w; let first = k < n;\n"
                       "mask first || near; mask k <= q; }"));
  EXPECT_EQ(one,
            hashOfFile("pattern p { param w = 8; param n = 4; mask !(q < k || (q - k >= w && k >= n)); }"));
  EXPECT_NE(one, hashOfFile("pattern one { param w = 8; param n = 4; let d = q - k; mask d < w || k < n; }"));
}

TEST_F(Canonical, ParametersOfDivisorsAreConstants) {
  Param block("block", 64, 1, 4096);
  Pattern parametric("p", floordiv(q, block) == floordiv(k, block));
  Pattern fixed("p", floordiv(q, 64) == floordiv(k, 64));
  Pattern fixed32("p", floordiv(q, 32) == floordiv(k, 32));
  EXPECT_EQ(hashOf(parametric), hashOf(fixed));
  EXPECT_EQ(patternHash(canonicalize(parametric, {{"block", 32}})), hashOf(fixed32));
  EXPECT_TRUE(canonicalize(parametric).params.empty());
}

TEST_F(Canonical, GroupsAreSortedAndMerged) {
  Mask a = q - k < 8;
  Layout split, whole, inverted;
  split.heads(0, 1, a).heads(2, 3, k > q - 8).heads(4, 7, all());
  whole.heads(4, 7, all()).heads(0, 3, a);
  inverted.heads(0, 3, all()).heads(4, 7, a);
  EXPECT_EQ(hashOf(Pattern("p", q >= k, split)), hashOf(Pattern("p", q >= k, whole)));
  EXPECT_NE(hashOf(Pattern("p", q >= k, split)), hashOf(Pattern("p", q >= k, inverted)));
  Layout repeated;
  repeated.heads(0, 3, a && q >= k).heads(4, 7, q >= k);
  EXPECT_EQ(hashOf(Pattern("p", all(), repeated)), hashOf(Pattern("p", q >= k, whole)));
}

TEST_F(Canonical, NothingIsFoldedBeyond64Bits) {
  Param large("large", INT64_MAX, INT64_MIN, INT64_MAX);
  Index huge = Index(makeInt(INT64_MAX));
  Problem problem;
  problem.queries = problem.keys = 3;
  Pattern pattern("p", (q + huge) - 2 > k && (q * 4 - huge) * 3 < huge);
  (void)hashOf(pattern);
  Pattern safe("p", q - huge < k + (huge - 3));
  EXPECT_EQ(firstDifference(safe, canonicalize(safe), problem), "");
  (void)textOf(abs(Index(makeInt(INT64_MIN))) > q);
  (void)textOf(q % huge == k % huge);
  (void)textOf(floordiv(floordiv(q, huge) + 7, huge) < Index(makeInt(INT64_MIN)));
}

// The text is the contract of the cache: it changes only together with its version number.
TEST_F(Canonical, TextAndHashAreStable) {
  Pattern s2 = canonicalize(patterns::localStride());
  EXPECT_EQ(canonicalText(s2), "maskloom pattern 2\n"
                               "param p0 offset 0..65536\n"
                               "param p1 local 0..2147483647\n"
                               "mask (&& (>= (- q k) 0) (|| (== (% (+ (+ h p0) (/ k 64)) 16) 0) "
                               "(>= (- (+ p1 (/ k 64)) (/ q 64)) 1)))\n");
  EXPECT_EQ(patternHash(s2), "9263a9652eade674dbf762e2159de9dd");
}

TEST_F(Canonical, RandomPatternsMeanTheSame) {
  for (uint64_t i = 0; i < 400; ++i) {
    auto c = randomCase(11, i, {.maxTokens = 80, .maxHeads = 4});
    std::map<std::string, int64_t> constants;
    for (const auto &param : constantParams(c.pattern))
      constants[param->name] = c.problem.params[param->name];
    Pattern canonical = canonicalize(c.pattern, constants);
    ASSERT_EQ(firstDifference(c.pattern, canonical, c.problem), "") << c.describe();
    ASSERT_EQ(canonicalText(canonicalize(canonical)), canonicalText(canonical))
        << "the rules reach a fixed point: " << c.describe();
  }
}

// Sums with coefficients and constants of both signs, divided and reduced in every nesting of two divisors.
TEST_F(Canonical, DivisionsOfSumsKeepTheirValue) {
  std::mt19937_64 random(12);
  auto uniform = [&](int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random() % static_cast<uint64_t>(high - low + 1));
  };
  Problem problem;
  problem.queries = problem.keys = 16;
  problem.queryOffset = -5;
  problem.heads = problem.kvHeads = 2;
  for (int i = 0; i < 600; ++i) {
    int64_t scale = uniform(1, 3), outer = uniform(1, 12), inner = uniform(1, 12);
    Index sum = scale * (uniform(-4, 4) * q + uniform(-4, 4) * k + uniform(-2, 2) * h) + uniform(-40, 40);
    int64_t shift = uniform(-20, 20), factor = uniform(-3, 3);
    Index reduced = i % 2 ? floordiv(sum, inner) : sum % inner;
    Index value = factor * reduced + k + shift;
    Index result = i % 4 < 2 ? floordiv(value, outer) : value % outer;
    Index pure = i % 4 < 2 ? floordiv(reduced + shift, outer) : (reduced + shift) % outer;
    int64_t bound = uniform(-4, 8);
    Pattern pattern("p", i % 3 == 0 ? result < bound : i % 3 == 1 ? pure == bound : pure >= bound);
    ASSERT_EQ(firstDifference(pattern, canonicalize(pattern), problem), "") << i;
  }
}

TEST_F(Canonical, ScoresKeepTheirValue) {
  AuxFloat slope("slope", {axis::head()});
  Pattern pattern("p", q >= k);
  pattern.modifyScore(slope(h) * (k - q + 3 - 3) + score()).modifyScore(score());
  pattern.modifyScore(2.0 * tanh(score() / 2.0) + select(q > k, score(), -score()));
  Pattern canonical = canonicalize(pattern);
  EXPECT_EQ(canonical.scores.size(), 2u) << "'score s' changes nothing";
  Problem problem;
  problem.queries = problem.keys = 5;
  problem.heads = problem.kvHeads = 2;
  problem.aux["slope"] = {{2}, {}, {0.5f, 0.25f}};
  Interpreter a(pattern, problem), b(canonical, problem);
  for (int64_t row = 0; row < 5; ++row)
    for (int64_t column = 0; column < 5; ++column)
      EXPECT_EQ(a.score(0.7, 0, 1, row, column), b.score(0.7, 0, 1, row, column));
}
