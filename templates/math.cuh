// Functions of the MUFU pipe, which is a quarter as wide as the one for FFMA, and what is computed without
// it. Host compilers get the same formulas over their own functions.
#pragma once

#include "prelude.cuh"

namespace maskloom::kernel {

#if defined(__CUDACC__) || defined(__CUDACC_RTC__)
/// 2^x, ex2.approx: relative error 2^-22, 2^-inf = 0.
MASKLOOM_DEVICE float exp2_approx(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

/// 1 / x, rcp.approx: relative error 2^-23.
MASKLOOM_DEVICE float reciprocal_approx(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

MASKLOOM_DEVICE float log2_approx(float x) {
  float y;
  asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
#else
inline float fmaf(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline float exp2_approx(float x) { return __builtin_exp2f(x); }
inline float reciprocal_approx(float x) { return 1.0f / x; }
#endif

/// tanh with a relative error below 2^-19.
MASKLOOM_DEVICE float fast_tanh(float x) {
  constexpr float kTwoLog2e = 2.8853900817779268f;
  // Near 0, where 1 - 2 / (1 + e^2x) cancels, the minimax polynomial of degree 9 on -1/2 .. 1/2.
  const float square = x * x;
  float factor = fmaf(square, 0.016737567f, -0.052762131f);
  factor = fmaf(factor, square, 0.13320571f);
  factor = fmaf(factor, square, -0.33332776f);
  const float near = fmaf(factor * square, x, x);
  const float far = fmaf(-2.0f, reciprocal_approx(1.0f + exp2_approx(x * kTwoLog2e)), 1.0f);
  return square < 0.25f ? near : far;
}

/// tanh x as x times a polynomial in x^2, for |x| up to kRange: the odd minimax polynomial of absolute error.
/// Further out it is still monotone, and lies beyond tanh x.
template <int kTier>
struct TanhPolynomial;

template <>
struct TanhPolynomial<0> {
  static constexpr int kTerms = 3;
  static constexpr float kRange = 0.425f, kTanhOfRange = 0.40114f, kError = 1.9e-6f;
  static constexpr MASKLOOM_DEVICE float coefficient(int i) {
    return i == 0 ? 0.999970045f : i == 1 ? -0.331977472f : 0.117791620f;
  }
};

template <>
struct TanhPolynomial<1> {
  static constexpr int kTerms = 5;
  static constexpr float kRange = 0.96f, kTanhOfRange = 0.74427f, kError = 2.1e-6f;
  static constexpr MASKLOOM_DEVICE float coefficient(int i) {
    return i == 0   ? 0.999977378f
           : i == 1 ? -0.332810340f
           : i == 2 ? 0.129897426f
           : i == 3 ? -0.044387734f
                    : 0.008938212f;
  }
};

} // namespace maskloom::kernel
