// What a pattern does to the scores of a KV tile, as far as possible folded into the softmax, in log2 units:
//
//     plain     s * multiplier                            one FFMA a score, with the reference
//     affine    s * multiplier + (slope * x + base)       two
//     capped    an odd polynomial of s                    four; beyond its range a longer one, or tanh
//     general   point by point, before the mask
//
// Where a folded factor is not positive it would turn the maximum around, and 0 * -inf is not a number, so
// then scores are multiplied by it beforehand.
#pragma once

#include "../score.cuh"
#include "mask.cuh"
#include "softmax.cuh"

namespace maskloom::kernel {

/// What the forms share, and what most of them leave as it is. Element i of a thread's scores is in row i / 2
/// % 2.
template <class Config, class Pattern>
struct TileScoresBase {
  using Mask = TileMask<Config, Pattern>;
  using Softmax = WarpgroupSoftmax<Config::kBf16>;
  static constexpr int kScores = Mask::kScores, kBlockScores = Mask::kBlockScores;
  using Scores = float[kScores];

  MASKLOOM_DEVICE void begin_unit(const Mask &) {}
  /// Needs no scores: where there are registers for it, it is called while they are being computed.
  MASKLOOM_DEVICE void begin_tile(const Mask &) {}
  /// The references are known to be too small for the tile.
  MASKLOOM_DEVICE bool outgrown() const { return false; }
  /// After exponentials became too large: scaling the tile down afterwards is exact.
  MASKLOOM_DEVICE bool may_scale_down(const Softmax &softmax) const { return !softmax.overflowed(); }
  /// Otherwise: scores are about to be computed again, and their maximum will be taken.
  MASKLOOM_DEVICE void give_way() {}
  /// After the references of the softmax have changed.
  MASKLOOM_DEVICE void follow(const Softmax &) {}

  static MASKLOOM_DEVICE void multiply(Scores &scores, float factor) {
#pragma unroll
    for (int i = 0; i < kScores; ++i) scores[i] *= factor;
  }
  /// The largest of the elements from kFrom on in this thread's part of row r.
  template <int kFrom = 0>
  static MASKLOOM_DEVICE float largest(const Scores &scores, int r) {
    float maximum = fmaxf(scores[kFrom + 2 * r], scores[kFrom + 2 * r + 1]);
#pragma unroll
    for (int i = kFrom + 4; i < kScores; i += 4)
      maximum = fmaxf(maximum, fmaxf(scores[i + 2 * r], scores[i + 2 * r + 1]));
    return maximum;
  }
};

/// Where kernels meet a pattern's scores. For each tile: begin_tile; then, with its scores, prepare, (the
/// mask,) move_references if the maximum is needed, exponentiate.
template <class Config, class Pattern, ScoreForm kForm = Pattern::kScoreForm>
struct TileScores;

/// s * multiplier - reference.
struct Multiple {
  float multiplier;
  MASKLOOM_DEVICE float operator()(float s, int, float minus) const { return fmaf(s, multiplier, minus); }
};

template <class Config, class Pattern>
struct TileScores<Config, Pattern, ScoreForm::kPlain> : TileScoresBase<Config, Pattern> {
  using Base = TileScoresBase<Config, Pattern>;
  const Multiple multiple; ///< by more than 0, says the launcher

  explicit MASKLOOM_DEVICE TileScores(const ForwardArgs &args) : multiple{args.scale * kLog2e} {}

  MASKLOOM_DEVICE void prepare(typename Base::Scores &, const typename Base::Mask &) const {}
  MASKLOOM_DEVICE void move_references(const typename Base::Scores &scores, typename Base::Softmax &softmax,
                                       bool) {
    softmax.move_references(Base::largest(scores, 0) * multiple.multiplier,
                            Base::largest(scores, 1) * multiple.multiplier);
  }
  template <bool kFirst>
  MASKLOOM_DEVICE bool exponentiate(typename Base::Scores &scores, typename Base::Softmax &softmax) const {
    softmax.exponentiate(scores, multiple);
    return softmax.exceeds(Base::Softmax::kLimit, Base::Softmax::kLimit);
  }
};

template <class Config, class Pattern>
struct TileScores<Config, Pattern, ScoreForm::kAffine> : TileScoresBase<Config, Pattern> {
  using Base = TileScoresBase<Config, Pattern>;
  using Mask = typename Base::Mask;
  /// How far the bias may rise over that of the tile that the references were taken from. Rising biases
  /// (ALiBi: by slope * kTileKeys a tile) would outgrow the references again and again, each time noticed too
  /// late.
  static constexpr float kRise = Config::kBf16 ? 16.0f : 4.0f;
  /// How far above the maxima references go then, so that they last for more tiles: as far as the type of P
  /// still has its precision. What was summed before, four lanes' kLimit for each of n tiles at most, is then
  /// scaled down to the new references; where the factor is too small for a float, below 2^-126, it had less
  /// than n * 2^(34 - 126 + 64) of the weight of the new maximum, 2^-64.
  static constexpr float kAhead = Config::kBf16 ? 64.0f : 0.0f;

  const ForwardArgs &args;
  typename Pattern::ScoreScalars scalars;
  float factor, multiplier;                 ///< factor: with the scale
  float base[Config::kGather][2], slope[2]; ///< in log2 units
  float level[2];                           ///< the bias that the references were taken at

  explicit MASKLOOM_DEVICE TileScores(const ForwardArgs &args) : args(args) {}

  MASKLOOM_DEVICE void begin_unit(const Mask &mask) {
    const Context context = mask.context();
    scalars = Pattern::score_scalars(context);
    factor = Pattern::score_factor(context, scalars) * args.scale;
    multiplier = factor > 0.0f ? factor * kLog2e : kLog2e;
  }
  MASKLOOM_DEVICE void begin_tile(const Mask &mask) {
    const Context context = mask.context();
    const int query = mask.first_query(context);
#pragma unroll
    for (int i = 0; i < Config::kGather; ++i)
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        const ScoreBias bias = Pattern::score_bias(context, scalars, query + 8 * r,
                                                   mask.first_column(i) + int(context.key_offset));
        base[i][r] = bias.base * kLog2e;
        slope[r] = bias.slope * kLog2e;
      }
  }
  MASKLOOM_DEVICE bool outgrown() const {
    return __any_sync(0xffffffffu, end(0) > level[0] + kRise || end(1) > level[1] + kRise);
  }
  MASKLOOM_DEVICE void prepare(typename Base::Scores &scores, const Mask &) const {
    if (!(factor > 0.0f)) Base::multiply(scores, factor);
  }
  /// When the bias rises, the last columns are enough for a reference that is near the maximum.
  MASKLOOM_DEVICE void move_references(const typename Base::Scores &scores, typename Base::Softmax &softmax,
                                       bool all) {
    if (all)
      move_references<0>(scores, softmax);
    else
      move_references<Base::kScores - min(Base::kScores, 16)>(scores, softmax);
    level[0] = end(0) + ahead(0);
    level[1] = end(1) + ahead(1);
  }
  template <bool kFirst>
  MASKLOOM_DEVICE bool exponentiate(typename Base::Scores &scores, typename Base::Softmax &softmax) const {
    softmax.exponentiate(scores, *this);
    return softmax.exceeds(Base::Softmax::kLimit, Base::Softmax::kLimit);
  }
  /// Element i in log2 units, plus `plus`.
  MASKLOOM_DEVICE float operator()(float s, int i, float plus) const {
    const int r = i / 2 % 2, j = i % Base::kBlockScores;
    return fmaf(s, multiplier,
                fmaf(slope[r], float(j / 4 * 8 + j % 2), base[i / Base::kBlockScores][r] + plus));
  }

private:
  template <int kFrom>
  MASKLOOM_DEVICE void move_references(const typename Base::Scores &scores,
                                       typename Base::Softmax &softmax) const {
    float maximum[2] = {-infinity(), -infinity()};
#pragma unroll
    for (int i = kFrom; i < Base::kScores; ++i)
      maximum[i / 2 % 2] = fmaxf(maximum[i / 2 % 2], (*this)(scores[i], i, 0.0f));
    softmax.move_references(maximum[0], maximum[1], ahead(0), ahead(1));
  }
  MASKLOOM_DEVICE float ahead(int r) const { return slope[r] > 0.0f ? kAhead : 0.0f; }
  /// The bias at about the tile's end.
  MASKLOOM_DEVICE float end(int r) const {
    return fmaf(slope[r], float(Config::kTileKeys - 8), base[Config::kGather - 1][r]);
  }
};

/// cap * tanh(gain * s) + plus.
struct CappedTanh {
  float cap, gain;
  MASKLOOM_DEVICE float operator()(float s, int, float plus) const {
    return s == -infinity() ? s : fmaf(cap, fast_tanh(s * gain), plus);
  }
};

/// Scores within the range of a short polynomial cost three FFMA more than plain ones. That they are is not
/// looked at score by score: the polynomial is monotone, so that a score beyond its range has a weight that
/// shows in the row's sum; and with a score below the range the weight is too small to matter when the row's
/// largest is well above it. A warp that meets others goes on with a longer polynomial, then with tanh, until
/// the unit's end.
template <class Config, class Pattern>
struct TileScores<Config, Pattern, ScoreForm::kCapped> : TileScoresBase<Config, Pattern> {
  using Base = TileScoresBase<Config, Pattern>;
  using Softmax = typename Base::Softmax;
  static constexpr int kTanh = 2; ///< the tier that has no limit
  /// Caps for which the polynomials are within 2^-13 of the score.
  static constexpr float kSmallest = 0.5f, kLargest = 64.0f;
  /// Scores below the range have less than 2^-kInsignificant of the weight of the row's largest.
  static constexpr float kInsignificant = 16.0f;

  const ForwardArgs &args;
  float factor;    ///< what scores are multiplied with beforehand, or 1
  float cap, gain; ///< cap * tanh(gain * s) in log2 units
  int tier;        ///< uniform in the warp
  float limits[2]; ///< of the sums of tiles, by the references and the tier

  explicit MASKLOOM_DEVICE TileScores(const ForwardArgs &args) : args(args) {}

  MASKLOOM_DEVICE void begin_unit(const typename Base::Mask &mask) {
    const Context context = mask.context();
    const SoftCap form = Pattern::soft_cap(context, Pattern::score_scalars(context));
    cap = form.cap * kLog2e;
    gain = form.gain * args.scale;
    factor = 1.0f;
    // The smallest coefficient that must not vanish.
    const float last = cap * gain * (gain * gain) * (gain * gain) * (gain * gain) * (gain * gain);
    if (!(last > 1e-35f && last < 1e30f)) {
      factor = form.cap * gain;
      gain = form.cap != 0.0f ? 1.0f / form.cap : 0.0f;
    }
    tier = fabsf(form.cap) >= kSmallest && fabsf(form.cap) <= kLargest ? 0 : kTanh;
  }
  MASKLOOM_DEVICE void prepare(typename Base::Scores &scores, const typename Base::Mask &) const {
    if (factor != 1.0f) Base::multiply(scores, factor);
  }
  MASKLOOM_DEVICE void move_references(const typename Base::Scores &scores, Softmax &softmax, bool) {
    const CappedTanh capped{cap, gain};
    softmax.move_references(capped(Base::largest(scores, 0), 0, 0.0f),
                            capped(Base::largest(scores, 1), 2, 0.0f));
#pragma unroll
    for (int i = 0; i < kTanh; ++i)
      if (tier < kTanh && __any_sync(0xffffffffu, out_of_range(softmax.rows[0].reference) ||
                                                      out_of_range(softmax.rows[1].reference)))
        ++tier;
  }
  MASKLOOM_DEVICE void follow(const Softmax &softmax) {
#pragma unroll
    for (int r = 0; r < 2; ++r)
      limits[r] = tier == kTanh ? Softmax::kLimit : fminf(Softmax::kLimit, largest_weight(softmax, r));
  }
  template <bool kFirst>
  MASKLOOM_DEVICE bool exponentiate(typename Base::Scores &scores, Softmax &softmax) const {
    if (__builtin_expect(tier == 0, 1))
      softmax.exponentiate(scores, CappedPolynomial<0>(cap, gain));
    else if (!kFirst && tier == 1) // one of a unit's tiles is not worth the code
      softmax.exponentiate(scores, CappedPolynomial<1>(cap, gain));
    else
      softmax.exponentiate(scores, CappedTanh{cap, gain});
    return softmax.exceeds(limits[0], limits[1]);
  }
  MASKLOOM_DEVICE bool may_scale_down(const Softmax &softmax) const {
    return !softmax.overflowed() &&
           (tier == kTanh || !softmax.exceeds(largest_weight(softmax, 0), largest_weight(softmax, 1)));
  }
  MASKLOOM_DEVICE void give_way() { tier = min(tier + 1, kTanh); }

private:
  MASKLOOM_DEVICE float range() const {
    return fabsf(cap) * (tier == 0 ? TanhPolynomial<0>::kTanhOfRange : TanhPolynomial<1>::kTanhOfRange);
  }
  MASKLOOM_DEVICE bool out_of_range(float reference) const {
    return reference > range() || (reference != Softmax::kNone && reference < kInsignificant - range());
  }
  /// That of a score at the end of the range.
  MASKLOOM_DEVICE float largest_weight(const Softmax &softmax, int r) const {
    return exp2_approx(range() - softmax.rows[r].reference);
  }
};

template <class Config, class Pattern>
struct TileScores<Config, Pattern, ScoreForm::kGeneral> : TileScoresBase<Config, Pattern> {
  using Base = TileScoresBase<Config, Pattern>;
  using Mask = typename Base::Mask;

  const ForwardArgs &args;
  typename Pattern::ScoreScalars scalars;
  bool rises; ///< scores outgrew the references: from here on the maximum of every tile is taken

  explicit MASKLOOM_DEVICE TileScores(const ForwardArgs &args) : args(args) {}

  MASKLOOM_DEVICE void begin_unit(const Mask &mask) {
    scalars = Pattern::score_scalars(mask.context());
    rises = false;
  }
  MASKLOOM_DEVICE bool outgrown() const { return rises; }
  MASKLOOM_DEVICE void give_way() { rises = true; }
  MASKLOOM_DEVICE void prepare(typename Base::Scores &scores, const Mask &mask) const {
    const Context context = mask.context();
    // Positions depend on a zero read from memory, so that nothing is prepared in advance, for every score,
    // of what is the same when scores are computed again. (3: it would cancel in q - k.)
    const int zero = int(load_shared_volatile(mask.zero));
    const int query = mask.first_query(context) + zero, key_offset = int(context.key_offset) + 3 * zero;
#pragma unroll
    for (int i = 0; i < Config::kGather; ++i)
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        const RowScore<Pattern> modified(context, scalars, query + 8 * r, mask.first_column(i) + key_offset);
#pragma unroll
        for (int j = 0; j < Base::kBlockScores / 4; ++j)
#pragma unroll
          for (int e = 0; e < 2; ++e) {
            float &score = scores[i * Base::kBlockScores + 4 * j + 2 * r + e];
            score = modified(score * args.scale, 8 * j + e);
          }
      }
  }
  MASKLOOM_DEVICE void move_references(const typename Base::Scores &scores, typename Base::Softmax &softmax,
                                       bool) {
    softmax.move_references(Base::largest(scores, 0) * kLog2e, Base::largest(scores, 1) * kLog2e);
  }
  template <bool kFirst>
  MASKLOOM_DEVICE bool exponentiate(typename Base::Scores &scores, typename Base::Softmax &softmax) const {
    softmax.exponentiate(scores, Multiple{kLog2e});
    return softmax.exceeds(Base::Softmax::kLimit, Base::Softmax::kLimit);
  }
};

} // namespace maskloom::kernel
