#include "maskloom/facade/ReferenceRow.h"

#include <cmath>
#include <limits>

namespace maskloom {

RowResult referenceRow(const Interpreter &oracle, const Problem &problem, const RowInputs &inputs, int64_t b,
                       int64_t h, int64_t row, const Round *round) {
  const double minusInfinity = -std::numeric_limits<double>::infinity();
  int64_t kvHead = h / (problem.heads / problem.kvHeads);
  std::vector<int64_t> columns;
  std::vector<double> scores;
  std::vector<float> q(inputs.headDim);
  for (int64_t i = 0; i < inputs.headDim; ++i) q[i] = inputs.q(b, h, row, i);
  double sink = oracle.sink(h), largest = sink;
  for (int64_t column = 0; column < problem.keyLength(b); ++column) {
    if (!oracle.visible(b, h, row, column)) continue;
    double dot = 0;
    for (int64_t i = 0; i < inputs.headDim; ++i)
      dot += static_cast<double>(q[i]) * inputs.k(b, kvHead, column, i);
    double score =
        oracle.score(round ? static_cast<float>(dot) * inputs.scale : dot * inputs.scale, b, h, row, column);
    if (round) score = static_cast<float>(score);
    columns.push_back(column);
    scores.push_back(score);
    largest = std::max(largest, score);
  }
  RowResult result{std::vector<double>(inputs.valueDim, 0.0), minusInfinity};
  if (largest == minusInfinity) return result;
  double sum = std::exp(sink - largest);
  for (size_t j = 0; j < columns.size(); ++j) {
    double p = std::exp(scores[j] - largest);
    sum += p;
    if (round) p = (*round)(static_cast<float>(p));
    for (int64_t i = 0; i < inputs.valueDim; ++i) result.o[i] += p * inputs.v(b, kvHead, columns[j], i);
  }
  for (double &value : result.o) {
    value /= sum;
    if (round) value = (*round)(static_cast<float>(value));
  }
  result.lse = largest + std::log(sum);
  return result;
}

} // namespace maskloom
