// Online softmax over tiles of scores (Milakov and Gimelshein 2018; Dao et al. 2022), in powers of two, for a
// wgmma accumulator.
//
// What is subtracted from a row's scores before exp2, its reference, only has to be near the row's maximum:
// the quotient that comes out is the same. So the maximum is taken once, when a row meets its first visible
// keys; later tiles are exponentiated as they are, and the sum, which is needed anyway, tells whether the
// reference has become too small. Then, hardly ever, the tile is scaled down after the fact, or, when exp2
// overflowed, its scores are computed again. The search for the maximum would be a quarter of the
// instructions of this loop.
#pragma once

#include "../mma.cuh"

namespace maskloom::kernel {

/// The largest over the four lanes that share a row.
MASKLOOM_DEVICE float quad_max(float value) {
  value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, 1));
  return fmaxf(value, __shfl_xor_sync(0xffffffffu, value, 2));
}

/// The two rows of one thread.
template <bool kBf16>
struct WarpgroupSoftmax {
  /// Lower than any finite score; finite, so that a row without a visible key yet gives exp2(-inf) = 0, not
  /// NaN.
  static constexpr float kNone = -3.0e38f;
  /// A tile whose sums stay below it is left as it is: far below the largest number of the type, 2^16 or
  /// 2^127.
  static constexpr float kLimit = kBf16 ? 4294967296.0f : 4096.0f;

  struct Row {
    float reference = kNone; ///< equal in the four lanes of a row
    float sum = 0.0f;        ///< this lane's part
  };

  Row rows[2] = {};
  float tile_sum[2];   ///< this lane's part of the tile at hand
  float correction[2]; ///< what the output must be multiplied by, when begin_tile() was followed by a move
  bool unset = true;   ///< some row of the warp has seen no key yet

  /// A new unit.
  MASKLOOM_DEVICE void reset() {
    rows[0] = rows[1] = Row{};
    unset = true;
  }

  MASKLOOM_DEVICE void begin_tile() { correction[0] = correction[1] = 1.0f; }

  /// Raises references that are below the maxima of their rows, of which this thread knows its part, in log2
  /// units, to those maxima and `ahead`.
  MASKLOOM_DEVICE void move_references(float maximum0, float maximum1, float ahead0 = 0.0f,
                                       float ahead1 = 0.0f) {
    const float maxima[2] = {maximum0, maximum1}, ahead[2] = {ahead0, ahead1};
    bool none = false;
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      const float maximum = quad_max(maxima[r]);
      const float larger = maximum > rows[r].reference ? maximum + ahead[r] : rows[r].reference;
      correct(r, exp2_approx(rows[r].reference - larger));
      rows[r].reference = larger;
      none = none || larger == kNone;
    }
    unset = __any_sync(0xffffffffu, none);
  }

  /// Scores become probabilities relative to the references. exponent(s, i, plus): score i, which was s, in
  /// log2 units, plus `plus`.
  template <int kScores, class Exponent>
  MASKLOOM_DEVICE void exponentiate(float (&scores)[kScores], const Exponent &exponent) {
#pragma unroll
    for (int i = 0; i < kScores; ++i) {
      scores[i] = exp2_approx(exponent(scores[i], i, -rows[i / 2 % 2].reference));
      float &tile = tile_sum[i / 2 % 2];
      tile = i / 4 == 0 && i % 2 == 0 ? scores[i] : tile + scores[i];
    }
  }

  /// A sum of the tile is above its row's limit, in some thread of the warp.
  MASKLOOM_DEVICE bool exceeds(float limit0, float limit1) const {
    return __any_sync(0xffffffffu, tile_sum[0] > limit0 || tile_sum[1] > limit1);
  }

  /// When tile sums exceed kLimit: did exp2 or a sum overflow, or come near to it?
  MASKLOOM_DEVICE bool overflowed() const {
    constexpr float kLarge = 1.329228e36f; // 2^120: its reciprocal is an ordinary number
    return exceeds(kLarge, kLarge);
  }

  /// Otherwise: scales the probabilities down by a power of two a row, exactly, so that the largest is
  /// near 1.
  template <int kScores>
  MASKLOOM_DEVICE void scale_down(float (&probabilities)[kScores]) {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      float maximum = 1.0f;
#pragma unroll
      for (int j = 0; j < kScores; j += 4)
        maximum = fmaxf(maximum, fmaxf(probabilities[j + 2 * r], probabilities[j + 2 * r + 1]));
      const int exponent = (__float_as_int(quad_max(maximum)) >> 23) - 127;
      const float factor = __int_as_float((127 - exponent) << 23);
#pragma unroll
      for (int j = 0; j < kScores; j += 4) {
        probabilities[j + 2 * r] *= factor;
        probabilities[j + 2 * r + 1] *= factor;
      }
      rows[r].reference += float(exponent);
      tile_sum[r] *= factor;
      correct(r, factor);
    }
  }

  MASKLOOM_DEVICE void end_tile() {
    rows[0].sum += tile_sum[0];
    rows[1].sum += tile_sum[1];
  }

  template <int kOutput>
  MASKLOOM_DEVICE void rescale(float (&output)[kOutput]) const {
#pragma unroll
    for (int j = 0; j < kOutput; ++j) output[j] *= correction[j / 2 % 2];
  }

private:
  MASKLOOM_DEVICE void correct(int r, float factor) {
    correction[r] *= factor;
    rows[r].sum *= factor;
  }
};

} // namespace maskloom::kernel
