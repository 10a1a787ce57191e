// Online softmax over tiles of scores (Milakov and Gimelshein 2018; Dao et al. 2022), in powers of two, for a
// wgmma accumulator.
#pragma once

#include "../mma.cuh"

namespace maskloom::kernel {

/// The two rows of one thread. Scores times `multiplier` are in log2 units. The reference of a row is what is
/// subtracted before exp2: not its running maximum but a value that the maximum never exceeds by more than
/// kSlack, so that most tiles need no quad reduction and no rescaling; the quotient that comes out is the
/// same.
struct WarpgroupSoftmax {
  /// exp2(8) = 256 is far below the largest f16, and rounding is relative.
  static constexpr float kSlack = 8.0f;
  /// Lower than any finite score; finite, so that a row without a visible key yet gives exp2(-inf) = 0, not
  /// NaN.
  static constexpr float kNone = -3.0e38f;

  float multiplier;
  float reference[2] = {kNone, kNone}; ///< equal in the four lanes of a row
  float sum[2] = {0.0f, 0.0f};         ///< this lane's part until finish()
  float correction[2];                 ///< what the output must be multiplied by, when step() says so

  /// Scores become probabilities relative to the reference. True (in the whole warp) when the references
  /// moved.
  template <int kScores>
  MASKLOOM_DEVICE bool step(float (&scores)[kScores]) {
    float maximum[2] = {fmaxf(scores[0], scores[1]), fmaxf(scores[2], scores[3])};
#pragma unroll
    for (int j = 4; j < kScores; j += 4) {
      maximum[0] = fmaxf(maximum[0], fmaxf(scores[j], scores[j + 1]));
      maximum[1] = fmaxf(maximum[1], fmaxf(scores[j + 2], scores[j + 3]));
    }
    maximum[0] *= multiplier;
    maximum[1] *= multiplier;
    const bool exceeds = maximum[0] > reference[0] + kSlack || maximum[1] > reference[1] + kSlack;
    const bool moved = __any_sync(0xffffffffu, exceeds);
    if (moved) {
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        float row = fmaxf(maximum[r], __shfl_xor_sync(0xffffffffu, maximum[r], 1));
        row = fmaxf(row, __shfl_xor_sync(0xffffffffu, row, 2));
        const float larger = fmaxf(reference[r], row);
        correction[r] = exp2_approx(reference[r] - larger);
        reference[r] = larger;
        sum[r] *= correction[r];
      }
    }
#pragma unroll
    for (int j = 0; j < kScores; ++j) {
      scores[j] = exp2_approx(fmaf(scores[j], multiplier, -reference[j / 2 % 2]));
      sum[j / 2 % 2] += scores[j];
    }
    return moved;
  }

  template <int kOutput>
  MASKLOOM_DEVICE void rescale(float (&output)[kOutput]) const {
#pragma unroll
    for (int j = 0; j < kOutput; ++j) output[j] *= correction[j / 2 % 2];
  }

  /// Adds the quad's parts of the sums.
  MASKLOOM_DEVICE void finish() {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      sum[r] += __shfl_xor_sync(0xffffffffu, sum[r], 1);
      sum[r] += __shfl_xor_sync(0xffffffffu, sum[r], 2);
    }
  }
};

} // namespace maskloom::kernel
