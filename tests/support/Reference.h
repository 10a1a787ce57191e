// Dense attention by definition, in double precision, over the interpreter: what every backend is compared
// with.
#pragma once

#include "maskloom/dsl/Interpreter.h"
#include "maskloom/program/Program.h"

#include <cstdint>
#include <vector>

namespace maskloom::testing {

/// Contiguous [batch, heads, tokens, dim] tensors. Values beyond a batch entry's lengths are never read.
struct AttentionInputs {
  int64_t headDim = 8, valueDim = 8;
  double scale = 1;
  std::vector<float> q; ///< [batch, heads, queries, headDim]
  std::vector<float> k; ///< [batch, kvHeads, keys, headDim]
  std::vector<float> v; ///< [batch, kvHeads, keys, valueDim]
};

/// Normal values (Box-Muller over SplitMix64: the same on every machine), already rounded to `dtype`.
AttentionInputs randomInputs(const Problem &problem, int64_t headDim, int64_t valueDim, DType dtype,
                             uint64_t seed);
/// x rounded to nearest even.
float roundTo(DType dtype, float x);

enum class Rounding : uint8_t {
  None,      ///< double throughout
  LikeKernel ///< scores in fp32, weights (before the division by their sum) and O rounded to the dtype
};

struct AttentionResult {
  std::vector<double> o;   ///< [batch, heads, queries, valueDim]
  std::vector<double> lse; ///< [batch, heads, queries], natural log; -inf for a row that sees nothing
};

/// softmax(score(scale * q.k) over the visible keys and the sink) v. Rows without a visible key, and rows
/// beyond the length, give 0; their LSE is the sink logit (-inf without one) and -inf.
AttentionResult referenceAttention(const Pattern &pattern, const Problem &problem,
                                   const AttentionInputs &inputs, Rounding rounding = Rounding::None,
                                   DType dtype = DType::f32);

} // namespace maskloom::testing
