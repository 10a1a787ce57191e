// How a pattern modifies scores, and one row of one tile of it. The point (q, k + x) lies x columns behind a
// row's origin in the tile, which is the first column of a thread; x is known at compile time where loops are
// unrolled, so that positions become floats with one addition, not with a conversion.
#pragma once

#include "math.cuh"
#include "schedule.cuh"

namespace maskloom::kernel {

/// What emitted code says about a modification; every pattern has score(s, c, q, k) as well.
enum class ScoreForm {
  kPlain,   ///< none
  kAffine,  ///< score_factor() * s + base + slope * x, with score_bias() for base and slope of a row
  kCapped,  ///< soft_cap(): cap * tanh(gain * s)
  kGeneral, ///< score() of a row that score_row() prepared
};

struct ScoreBias {
  float base, slope;
};
struct SoftCap {
  float cap, gain;
};

/// The modified score of a row: a function of s, which is scaled, and x. `k` is the origin's position.
template <class Pattern, ScoreForm kForm = Pattern::kScoreForm>
struct RowScore;

template <class Pattern>
struct RowScore<Pattern, ScoreForm::kAffine> {
  float factor;
  ScoreBias bias;

  MASKLOOM_DEVICE RowScore(const Context &c, const typename Pattern::ScoreScalars &scalars, int q, int k)
      : factor(Pattern::score_factor(c, scalars)), bias(Pattern::score_bias(c, scalars, q, k)) {}
  MASKLOOM_DEVICE float operator()(float s, int x) const {
    return fmaf(factor, s, fmaf(bias.slope, float(x), bias.base));
  }
};

template <class Pattern>
struct RowScore<Pattern, ScoreForm::kCapped> {
  SoftCap form;

  MASKLOOM_DEVICE RowScore(const Context &c, const typename Pattern::ScoreScalars &scalars, int, int)
      : form(Pattern::soft_cap(c, scalars)) {}
  MASKLOOM_DEVICE float operator()(float s, int) const { return form.cap * fast_tanh(form.gain * s); }
};

template <class Pattern>
struct RowScore<Pattern, ScoreForm::kGeneral> {
  const Context &context;
  const typename Pattern::ScoreScalars &scalars;
  typename Pattern::ScoreRow row;
  int q, k;

  MASKLOOM_DEVICE RowScore(const Context &c, const typename Pattern::ScoreScalars &scalars, int q, int k)
      : context(c), scalars(scalars), row(Pattern::score_row(c, scalars, q, k)), q(q), k(k) {}
  MASKLOOM_DEVICE float operator()(float s, int x) const {
    return Pattern::score(s, context, scalars, row, q, k + x, float(x));
  }
};

/// cap * tanh(gain * s) + plus, where gain * s is within the polynomial's range.
template <int kTier>
struct CappedPolynomial {
  using Polynomial = TanhPolynomial<kTier>;
  float coefficients[Polynomial::kTerms];

  MASKLOOM_DEVICE CappedPolynomial(float cap, float gain) {
    float factor = cap * gain;
    MASKLOOM_UNROLL
    for (int i = 0; i < Polynomial::kTerms; ++i) {
      coefficients[i] = factor * Polynomial::coefficient(i);
      factor *= gain * gain;
    }
  }
  /// -inf stays -inf, because the last coefficient is positive.
  MASKLOOM_DEVICE float operator()(float s, int, float plus) const {
    const float square = s * s;
    float factor = coefficients[Polynomial::kTerms - 1];
    MASKLOOM_UNROLL
    for (int i = Polynomial::kTerms - 2; i >= 0; --i) factor = fmaf(factor, square, coefficients[i]);
    return fmaf(s, factor, plus);
  }
};

} // namespace maskloom::kernel
