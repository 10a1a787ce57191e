// The end of a work unit: O / sum, on its way to memory, and the LSE.
#pragma once

#include "../constants.cuh"
#include "layout.cuh"
#include "softmax.cuh"

namespace maskloom::kernel {

/// Transposes 4 x 4 words over the four lanes of a quad: lane t ends with word t of every lane.
MASKLOOM_DEVICE void transpose_quad(unsigned (&words)[4]) {
  const int t = int(threadIdx.x % 4);
#pragma unroll
  for (int distance = 1; distance <= 2; distance *= 2)
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (i & distance) continue;
      unsigned &low = words[i], &high = words[i | distance];
      const bool upper = t & distance;
      const unsigned received = __shfl_xor_sync(0xffffffffu, upper ? low : high, distance);
      (upper ? low : high) = received;
    }
}

/// The sum over the four lanes that share a row.
MASKLOOM_DEVICE float quad_sum(float value) {
  value += __shfl_xor_sync(0xffffffffu, value, 1);
  return value + __shfl_xor_sync(0xffffffffu, value, 2);
}

/// An accumulator, rounded, to a tile of kRows rows in shared memory, chunks of 64 columns as the copy engine
/// and wgmma want them. Lane t names row t % 8 of the 8 x 8 block t / 8 of four: both row halves of two
/// neighbouring column blocks.
template <bool kBf16, int kRows, int kCount>
MASKLOOM_DEVICE void store_accumulator(const float (&values)[kCount], unsigned tile) {
  const unsigned thread = thread_index_anew(), lane = thread % 32, in_block = lane % 8;
  const unsigned row = (thread / 32 - 4) * 16 + lane / 8 % 2 * 8 + in_block;
  const unsigned to = tile + row * 128, swizzle = (lane / 16 ^ in_block) * 16;
#pragma unroll
  for (int block = 0; block < kCount / 4; block += 2) {
    unsigned words[4];
#pragma unroll
    for (int i = 0; i < 4; ++i)
      words[i] = pack<kBf16>(values[block * 4 + 2 * i], values[block * 4 + 2 * i + 1]);
    stmatrix(to + block / 8 * kRows * 128 + (block % 8 * 16 ^ swizzle), words);
  }
}

/// The rows of one thread in the output of a work unit: first_row and first_row + 8 of the Q tile.
template <class Config, class Pattern>
struct OutputTile {
  static constexpr int kColumns = (Config::kValueDim + 15) / 16 * 16, kOutput = kColumns / 2;
  using Row = typename WarpgroupSoftmax<Config::kBf16>::Row;

  const ForwardArgs &args;
  const UnitSlot &slot;
  const int first_row;

  /// What O is multiplied by, and the LSE to memory. A row without a visible key has sum 0: O = 0, LSE =
  /// -inf, or the sink's logit. Rows beyond the entry's length get LSE = -inf.
  MASKLOOM_DEVICE void finish_rows(const Row (&rows)[2], float (&factors)[2]) const {
    const Context context = context_of_row<Config>(slot, args, first_row);
    const float sink = Pattern::kHasSink ? Pattern::sink(context) * kLog2e : 0.0f;
    float references[2], sums[2]; // both rows side by side: what they wait for comes at the same time
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      references[r] = rows[r].reference;
      sums[r] = quad_sum(rows[r].sum);
      factors[r] = 1.0f;
      if constexpr (Pattern::kHasSink) {
        const float larger = fmaxf(references[r], sink);
        factors[r] = exp2_approx(references[r] - larger);
        sums[r] = sums[r] * factors[r] + exp2_approx(sink - larger);
        references[r] = larger;
      }
      factors[r] *=
          reciprocal_approx(fmaxf(sums[r], 1e-36f)); // a sum is 0, and the output with it, or far above that
    }
    if (!args.lse || threadIdx.x % 4 != 0) return;
    const int query = first_query();
    float *lse =
        args.lse + context.batch * args.lse_batch_stride + context.head * args.lse_head_stride + query;
    float values[2];
#pragma unroll
    for (int r = 0; r < 2; ++r)
      values[r] = query + 8 * r < context.query_length && sums[r] != 0.0f
                      ? (references[r] + log2_approx(sums[r])) * kLn2
                      : -infinity();
#pragma unroll
    for (int r = 0; r < 2; ++r)
      if (query + 8 * r < args.queries) lse[8 * r] = values[r];
  }

  /// Rows beyond the entry's length become 0, whatever was in their place in Q.
  MASKLOOM_DEVICE void scale(float (&output)[kOutput], const float (&factors)[2]) const {
#pragma unroll
    for (int i = 0; i < kOutput; ++i) output[i] *= factors[i / 2 % 2];
    const int first = first_query(), length = slot.context.query_length;
    if (__any_sync(0xffffffffu, first + 8 >= length)) {
#pragma unroll
      for (int i = 0; i < kOutput; ++i)
        if (first + i / 2 % 2 * 8 >= length) output[i] = 0.0f;
    }
  }

  /// To the tile in shared memory.
  MASKLOOM_DEVICE void stage(const float (&output)[kOutput], unsigned tile) const {
    store_accumulator<Config::kBf16, HopperLayout<Config>::kTileRows>(output, tile);
  }

  /// Straight to memory. Every lane of a quad holds 2 of 8 neighbouring columns; after a transposition over
  /// the quad it holds 8 of 32, one store of 16 bytes.
  MASKLOOM_DEVICE void store(const float (&output)[kOutput]) const {
    const int quarter = int(threadIdx.x % 4), head = slot.context.head + head_in_tile<Config>(first_row);
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      const int query = first_query() + 8 * r;
      half_bits *to = static_cast<half_bits *>(args.o.data) + slot.context.batch * args.o.batch_stride +
                      head * args.o.head_stride + query * args.o.token_stride + quarter * 8;
#pragma unroll
      for (int i = 0; i < (kColumns + 31) / 32; ++i) {
        Chunk chunk;
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          const int first = (i * 4 + j) * 4 + 2 * r;
          chunk.words[j] = first < kOutput ? pack<Config::kBf16>(output[first], output[first + 1]) : 0;
        }
        transpose_quad(chunk.words);
        if (query < args.queries && i * 32 + quarter * 8 < Config::kValueDim)
          store_global(to + i * 32, chunk);
      }
    }
  }

private:
  /// The first row's query.
  MASKLOOM_DEVICE int first_query() const {
    return slot.query_tile * Config::kTileQueries + query_in_tile<Config>(first_row);
  }
};

} // namespace maskloom::kernel
