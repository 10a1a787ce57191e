// The end of a work unit: O / sum to memory, and the LSE.
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

/// A row without a visible key has sum 0: O = 0, LSE = -inf, or the sink's logit. Rows beyond the entry's
/// length get O = 0 and LSE = -inf. Every lane of a quad holds 2 of 8 neighbouring columns; after a
/// transposition over the quad it holds 8 of 32, one store of 16 bytes.
template <class Config, class Pattern, int kOutput>
MASKLOOM_DEVICE void write_output(const ForwardArgs &args, const UnitSlot &slot, int first_row,
                                  float (&output)[kOutput],
                                  const typename WarpgroupSoftmax<Config::kBf16>::Row (&rows)[2]) {
  const Context context = with_args(slot.context, args);
  const float sink = Pattern::kHasSink ? Pattern::sink(context) * kLog2e : 0.0f;
  const int quarter = int(threadIdx.x % 4);
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    float reference = rows[r].reference, sum = quad_sum(rows[r].sum), factor = 1.0f;
    if constexpr (Pattern::kHasSink) {
      const float larger = fmaxf(reference, sink);
      factor = exp2_approx(reference - larger);
      sum = sum * factor + exp2_approx(sink - larger);
      reference = larger;
    }
    factor *= reciprocal_approx(fmaxf(sum, 1e-30f)); // a sum is 0, and the output with it, or at least 1
    const int query = slot.query_tile * Config::kTileQueries + first_row + 8 * r;
    const bool exists = query < context.query_length, stored = query < args.queries;
    if (args.lse && quarter == 0 && stored)
      args.lse[context.batch * args.lse_batch_stride + context.head * args.lse_head_stride + query] =
          exists && sum != 0.0f ? (reference + log2_approx(sum)) * kLn2 : -infinity();

    half_bits *to = static_cast<half_bits *>(args.o.data) + context.batch * args.o.batch_stride +
                    context.head * args.o.head_stride + query * args.o.token_stride + quarter * 8;
    constexpr int kBlocks = kOutput / 4; // of 8 columns
    Chunk chunks[(kBlocks + 3) / 4];
#pragma unroll
    for (int block = 0; block < (kBlocks + 3) / 4 * 4; ++block) {
      unsigned &word = chunks[block / 4].words[block % 4];
      word = 0;
      if (block < kBlocks) {
        const int first = block * 4 + 2 * r;
        word = pack<Config::kBf16>(output[first] * factor, output[first + 1] * factor);
        word = exists ? word : 0;
      }
    }
#pragma unroll
    for (int i = 0; i < (kBlocks + 3) / 4; ++i) transpose_quad(chunks[i].words);
#pragma unroll
    for (int i = 0; i < (kBlocks + 3) / 4; ++i)
      if (stored && i * 32 + quarter * 8 < Config::kValueDim) store_global(to + i * 32, chunks[i]);
  }
}

} // namespace maskloom::kernel
