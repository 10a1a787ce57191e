#include "maskloom/codegen/emit/CppText.h"

#include <gtest/gtest.h>

namespace maskloom::emit {
namespace {

CppExpr narrow(const char *text, int64_t low, int64_t high) {
  return {text, Precedence::Primary, false, {low, high}};
}
CppExpr wide(const char *text) { return {text, Precedence::Primary, true, Range::anyLong()}; }

TEST(CppText, SumsAreNarrowWhereNoPartialSumOverflows) {
  const CppExpr a = narrow("a", 0, 1000), b = narrow("b", -1000, 1000);
  const CppExpr sum = sumText({{b, -3}, {a, 1}}, 7);
  EXPECT_EQ(sum.text, "a - 3 * b + 7");
  EXPECT_FALSE(sum.wide);
  EXPECT_EQ(sum.range.low, -2993);
  EXPECT_EQ(sum.range.high, 4007);
}

TEST(CppText, ProductsOfWideSumsAreWideWhereTheyMayOverflow) {
  const int64_t most = int64_t{1} << 29; // four times that is one too many
  EXPECT_EQ(sumText({{wide("w"), 1}, {narrow("a", -most, most - 1), 4}}, 0).text, "w + 4 * a");
  EXPECT_EQ(sumText({{wide("w"), 1}, {narrow("a", -most, most), 4}}, 0).text, "w + 4LL * a");
  EXPECT_EQ(sumText({{wide("w"), 1}, {narrow("a", 1 - most, most - 1), -4}}, 0).text, "w - 4 * a");
  // -4 * a would fit; 4 * a, which is what is subtracted, does not.
  EXPECT_EQ(sumText({{wide("w"), 1}, {narrow("a", 1 - most, most), -4}}, 0).text, "w - 4LL * a");
  EXPECT_EQ(sumText({{narrow("a", 0, most), -4}, {wide("w"), -1}}, 0).text, "-(4LL * a) - w");
}

TEST(CppText, NegatedTermsOfWideSums) {
  EXPECT_EQ(sumText({{narrow("a", INT32_MIN, 0), -1}, {wide("w"), -1}}, 0).text, "-(long long)a - w");
  EXPECT_EQ(sumText({{narrow("a", 1, INT32_MAX), 1}, {narrow("b", 1, INT32_MAX), 1}}, 0).text,
            "(long long)a + b");
  EXPECT_EQ(sumText({}, INT64_MIN).text, "(-9223372036854775807LL - 1)");
}

} // namespace
} // namespace maskloom::emit
