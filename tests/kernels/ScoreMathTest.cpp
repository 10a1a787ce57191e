// How far tanh and the polynomials for soft caps are from tanh, over all floats of a range or a dense part of
// them. The device's ex2 and rcp, which are not the host's, add 2^-21 to fast_tanh.
#include "maskloom/templates/foundation.cuh"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace {
using namespace maskloom::kernel;

float from_bits(unsigned bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
unsigned to_bits(float value) {
  unsigned bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// Every kStep-th float between two positive ones, and its negative.
template <unsigned kStep, class Visit>
void for_floats(float first, float last, Visit visit) {
  for (unsigned bits = to_bits(first); bits <= to_bits(last); bits += kStep) {
    visit(from_bits(bits));
    visit(-from_bits(bits));
  }
}

TEST(ScoreMath, FastTanhIsRelativelyExact) {
  double worst = 0;
  for_floats<37>(1e-30f, 100.0f, [&](float x) {
    const double exact = std::tanh(double(x));
    worst = std::fmax(worst, std::fabs(fast_tanh(x) - exact) / std::fabs(exact));
  });
  EXPECT_LT(worst, std::exp2(-20));
  EXPECT_EQ(fast_tanh(0.0f), 0.0f);
  EXPECT_EQ(fast_tanh(INFINITY), 1.0f);
  EXPECT_EQ(fast_tanh(-INFINITY), -1.0f);
  EXPECT_TRUE(std::isnan(fast_tanh(NAN)));
}

/// In natural units, within the range.
template <int kTier>
double worst_error(float cap, float gain) {
  const CappedPolynomial<kTier> capped(cap, gain);
  double worst = 0;
  for_floats<509>(1e-12f / gain, TanhPolynomial<kTier>::kRange / gain, [&](float s) {
    worst = std::fmax(worst, std::fabs(capped(s, 0, 0.0f) - double(cap) * std::tanh(double(gain) * s)));
  });
  return worst;
}

TEST(ScoreMath, CappedPolynomialsWithinRange) {
  for (float cap : {0.5f, 5.0f, 30.0f, 50.0f, 64.0f})
    for (float scale :
         {1.0f, 0.08838835f, 5e-3f, 7.0f}) { // kernels multiply scores by smaller ones beforehand
      const float gain = scale / cap;
      EXPECT_LT(worst_error<0>(cap, gain), cap * TanhPolynomial<0>::kError) << cap << ' ' << scale;
      EXPECT_LT(worst_error<1>(cap, gain), cap * TanhPolynomial<1>::kError) << cap << ' ' << scale;
    }
  EXPECT_LT(64 * TanhPolynomial<0>::kError, std::exp2(-13) * 1.05);
  EXPECT_LT(64 * TanhPolynomial<1>::kError, std::exp2(-13) * 1.2);
}

/// What lets a kernel notice a score beyond the range by its weight.
template <int kTier>
void expect_monotone() {
  const CappedPolynomial<kTier> capped(1.0f, 1.0f);
  using Polynomial = TanhPolynomial<kTier>;
  EXPECT_NEAR(Polynomial::kTanhOfRange, std::tanh(Polynomial::kRange), 1e-4);
  float last = 0.0f;
  for (float x = 0.001f; x < 1e4f; x *= 1.001f) {
    const float value = capped(x, 0, 0.0f);
    ASSERT_GT(value, last) << x;
    ASSERT_EQ(capped(-x, 0, 0.0f), -value);
    if (x > Polynomial::kRange * 1.001f) {
      ASSERT_GT(value, std::tanh(x)) << x;
    }
    last = value;
  }
  EXPECT_EQ(capped(-INFINITY, 0, 3.0f), -INFINITY);
}
TEST(ScoreMath, CappedPolynomialsAreMonotone) {
  expect_monotone<0>();
  expect_monotone<1>();
}

} // namespace
