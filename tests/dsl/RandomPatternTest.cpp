// The generator keeps its promises: reproducible, within the quotas, valid, and not trivial.
#include "tests/support/RandomPattern.h"

#include <gtest/gtest.h>

#include <iostream>

using namespace maskloom;
using namespace maskloom::testing;

namespace {

struct Visibility {
  int64_t visible = 0, pairs = 0;
  uint64_t digest = 14695981039346656037ull;
};

Visibility enumerate(const RandomCase &c) {
  Visibility result;
  Interpreter interpreter(c.pattern, c.problem);
  for (int64_t b = 0; b < c.problem.batch; ++b)
    for (int64_t h = 0; h < c.problem.heads; ++h)
      for (int64_t row = 0; row < c.problem.queryLength(b); ++row)
        for (int64_t column = 0; column < c.problem.keyLength(b); ++column) {
          bool visible = interpreter.visible(b, h, row, column);
          result.visible += visible;
          ++result.pairs;
          result.digest = (result.digest ^ visible) * 1099511628211ull;
        }
  return result;
}

} // namespace

TEST(RandomPattern, HoldsItsQuotas) {
  FeatureCounts counts;
  constexpr int cases = 500;
  for (int i = 0; i < cases; ++i) {
    RandomCase c = randomCase(1, static_cast<uint64_t>(i));
    EXPECT_TRUE(c.has(static_cast<Feature>(i % kFeatures))) << c.describe();
    ASSERT_EQ(checkProblem(c.pattern, c.problem), std::vector<std::string>{}) << c.describe();
    counts.add(c);
  }
  for (size_t f = 0; f < kFeatures; ++f)
    EXPECT_GE(counts.counts[f], cases / static_cast<int>(kFeatures)) << name(static_cast<Feature>(f));
  std::cout << counts.report();
}

TEST(RandomPattern, IsReproducibleAndCheapAndNotTrivial) {
  int mixed = 0;
  RandomOptions options{.maxTokens = 120};
  for (uint64_t i = 0; i < 100; ++i) {
    RandomCase first = randomCase(7, i, options), second = randomCase(7, i, options);
    Visibility a = enumerate(first), b = enumerate(second);
    ASSERT_EQ(a.digest, b.digest) << first.describe();
    EXPECT_LE(a.pairs, 3 * 6 * 121 * 121) << first.describe();
    mixed += a.visible > 0 && a.visible < a.pairs;
  }
  EXPECT_GE(mixed, 90) << "most cases must have visible and invisible pairs";
}

TEST(RandomPattern, IsTheSameOnEveryMachine) {
  Visibility total;
  for (uint64_t i = 0; i < 34; ++i) {
    Visibility v = enumerate(randomCase(3, i, {.maxTokens = 64}));
    total.visible += v.visible;
    total.digest = (total.digest ^ v.digest) * 1099511628211ull;
  }
  RecordProperty("digest", std::to_string(total.digest));
  EXPECT_EQ(total.digest, 15631420041279889198ull) << "a change of the generator renumbers every case";
}
