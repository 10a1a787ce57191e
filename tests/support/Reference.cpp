#include "tests/support/Reference.h"

#include "maskloom/program/Half.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace maskloom::testing {

namespace {

constexpr double kNegInf = -std::numeric_limits<double>::infinity();

class SplitMix64 {
public:
  explicit SplitMix64(uint64_t seed) : state_(seed) {}
  /// In (0, 1].
  double uniform() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return static_cast<double>(((z ^ (z >> 31)) >> 11) + 1) * 0x1p-53;
  }
  double normal() {
    double radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

private:
  uint64_t state_;
};

} // namespace

float roundTo(DType dtype, float x) {
  switch (dtype) {
  case DType::bf16: return bf16ToFloat(floatToBf16(x));
  case DType::f16: return f16ToFloat(floatToF16(x));
  case DType::f32: break;
  }
  return x;
}

AttentionInputs randomInputs(const Problem &problem, int64_t headDim, int64_t valueDim, DType dtype,
                             uint64_t seed) {
  AttentionInputs inputs;
  inputs.headDim = headDim;
  inputs.valueDim = valueDim;
  inputs.scale = 1 / std::sqrt(static_cast<double>(headDim));
  SplitMix64 random(seed);
  auto fill = [&](std::vector<float> &tensor, int64_t heads, int64_t tokens, int64_t dim) {
    tensor.resize(static_cast<size_t>(problem.batch * heads * tokens * dim));
    for (float &x : tensor) x = roundTo(dtype, static_cast<float>(random.normal()));
  };
  fill(inputs.q, problem.heads, problem.queries, headDim);
  fill(inputs.k, problem.kvHeads, problem.keys, headDim);
  fill(inputs.v, problem.kvHeads, problem.keys, valueDim);
  return inputs;
}

AttentionResult referenceAttention(const Pattern &pattern, const Problem &problem,
                                   const AttentionInputs &inputs, Rounding rounding, DType dtype) {
  const Interpreter interpreter(pattern, problem);
  const bool like = rounding == Rounding::LikeKernel;
  const int64_t d = inputs.headDim, dv = inputs.valueDim,
                rows = problem.batch * problem.heads * problem.queries;
  AttentionResult result{std::vector<double>(static_cast<size_t>(rows * dv), 0.0),
                         std::vector<double>(static_cast<size_t>(rows), kNegInf)};
  std::vector<double> scores(static_cast<size_t>(problem.keys));
  std::vector<int64_t> columns;
  for (int64_t b = 0; b < problem.batch; ++b)
    for (int64_t h = 0; h < problem.heads; ++h)
      for (int64_t row = 0; row < problem.queryLength(b); ++row) {
        const int64_t at = (b * problem.heads + h) * problem.queries + row;
        const int64_t kvBase = (b * problem.kvHeads + h / (problem.heads / problem.kvHeads)) * problem.keys;
        columns.clear();
        double top = interpreter.sink(h);
        for (int64_t column = 0; column < problem.keyLength(b); ++column) {
          if (!interpreter.visible(b, h, row, column)) continue;
          double dot = 0;
          for (int64_t i = 0; i < d; ++i)
            dot += static_cast<double>(inputs.q[at * d + i]) * inputs.k[(kvBase + column) * d + i];
          double scaled = dot * inputs.scale;
          if (like) scaled = static_cast<float>(scaled);
          scores[column] = interpreter.score(scaled, b, h, row, column);
          if (like) scores[column] = static_cast<float>(scores[column]);
          top = std::max(top, scores[column]);
          columns.push_back(column);
        }
        const double base = top == kNegInf ? 0 : top;
        double sum = std::exp(interpreter.sink(h) - base);
        double *o = &result.o[at * dv];
        for (int64_t column : columns) {
          double weight = std::exp(scores[column] - base);
          sum += weight;
          if (like) weight = roundTo(dtype, static_cast<float>(weight));
          for (int64_t i = 0; i < dv; ++i) o[i] += weight * inputs.v[(kvBase + column) * dv + i];
        }
        for (int64_t i = 0; i < dv; ++i) {
          o[i] = sum == 0 ? 0 : o[i] / sum;
          if (like) o[i] = roundTo(dtype, static_cast<float>(o[i]));
        }
        result.lse[at] = std::log(sum) + base;
      }
  return result;
}

} // namespace maskloom::testing
