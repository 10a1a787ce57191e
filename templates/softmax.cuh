// Online softmax over tiles of scores (Milakov and Gimelshein 2018; Dao et al. 2022), in powers of two.
#pragma once

#include "mma.cuh"

namespace maskloom::kernel {

/// The rows of one thread: two (l/4 and l/4 + 8) in each of kRowBlocks blocks of 16. Scores times
/// `multiplier` are in log2 units. The reference of a row is what is subtracted before exp2: not its running
/// maximum but a value that the maximum never exceeds by more than kSlack, so that most tiles need no quad
/// reduction and no rescaling; the quotient that comes out is the same.
template <int kRowBlocks>
struct OnlineSoftmax {
  /// exp2(8) = 256 is far below the largest f16, and rounding is relative.
  static constexpr float kSlack = 8.0f;
  /// Lower than any finite score; finite, so that a row without a visible key yet gives exp2(-inf) = 0, not
  /// NaN.
  static constexpr float kNone = -3.0e38f;

  float reference[kRowBlocks][2]; ///< equal in the four lanes of a row
  float sum[kRowBlocks][2];       ///< this lane's part until finish()

  MASKLOOM_DEVICE OnlineSoftmax() {
#pragma unroll
    for (int m = 0; m < kRowBlocks; ++m)
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        reference[m][r] = kNone;
        sum[m][r] = 0.0f;
      }
  }

  /// Scores become probabilities relative to the reference; output is rescaled when the reference moves.
  template <int kKeyBlocks, int kValueBlocks>
  MASKLOOM_DEVICE void step(float (&scores)[kRowBlocks][kKeyBlocks][4],
                            float (&output)[kRowBlocks][kValueBlocks][4], float multiplier) {
    float maximum[kRowBlocks][2];
    bool exceeds = false;
#pragma unroll
    for (int m = 0; m < kRowBlocks; ++m)
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        float largest = fmaxf(scores[m][0][2 * r], scores[m][0][2 * r + 1]);
#pragma unroll
        for (int j = 1; j < kKeyBlocks; ++j)
          largest = fmaxf(largest, fmaxf(scores[m][j][2 * r], scores[m][j][2 * r + 1]));
        maximum[m][r] = largest * multiplier;
        exceeds = exceeds || maximum[m][r] > reference[m][r] + kSlack;
      }
    if (__any_sync(0xffffffffu, exceeds)) move_references(maximum, output);

#pragma unroll
    for (int m = 0; m < kRowBlocks; ++m)
#pragma unroll
      for (int j = 0; j < kKeyBlocks; ++j)
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          scores[m][j][e] = exp2_approx(fmaf(scores[m][j][e], multiplier, -reference[m][e / 2]));
          sum[m][e / 2] += scores[m][j][e];
        }
  }

  template <int kValueBlocks>
  MASKLOOM_DEVICE void move_references(float (&maximum)[kRowBlocks][2],
                                       float (&output)[kRowBlocks][kValueBlocks][4]) {
#pragma unroll
    for (int m = 0; m < kRowBlocks; ++m)
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        float row = fmaxf(maximum[m][r], __shfl_xor_sync(0xffffffffu, maximum[m][r], 1));
        row = fmaxf(row, __shfl_xor_sync(0xffffffffu, row, 2));
        const float moved = fmaxf(reference[m][r], row);
        const float correction = exp2_approx(reference[m][r] - moved);
        reference[m][r] = moved;
        sum[m][r] *= correction;
#pragma unroll
        for (int j = 0; j < kValueBlocks; ++j) {
          output[m][j][2 * r] *= correction;
          output[m][j][2 * r + 1] *= correction;
        }
      }
  }

  /// Adds the quad's parts of the sums.
  MASKLOOM_DEVICE void finish() {
#pragma unroll
    for (int m = 0; m < kRowBlocks; ++m)
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        sum[m][r] += __shfl_xor_sync(0xffffffffu, sum[m][r], 1);
        sum[m][r] += __shfl_xor_sync(0xffffffffu, sum[m][r], 2);
      }
  }
};

} // namespace maskloom::kernel
