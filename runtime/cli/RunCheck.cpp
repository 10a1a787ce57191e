#include "maskloom/cli/RunCheck.h"

#include "maskloom/facade/ReferenceRow.h"

#include <algorithm>
#include <cmath>

namespace maskloom {

namespace {

/// About this many multiply-adds are spent on checking.
constexpr double kBudget = 1.5e9;

double ulpOf(DType dtype, double magnitude) {
  if (magnitude == 0) return 0;
  int bits = dtype == DType::bf16 ? 7 : dtype == DType::f16 ? 10 : 23;
  return std::ldexp(1.0, std::ilogb(magnitude) - bits);
}

} // namespace

CheckResult checkRun(const Pattern &pattern, const Problem &problem, const HostArray &q, const HostArray &k,
                     const HostArray &v, const HostArray &o, const std::vector<float> &lse, float scale) {
  Interpreter oracle(pattern, problem);
  auto element = [](const HostArray &array) {
    return [&array](int64_t b, int64_t h, int64_t token, int64_t i) { return array.at(b, h, token, i); };
  };
  RowInputs inputs{element(q), element(k), element(v), q.shape[3], v.shape[3], scale};
  Round round = [dtype = o.dtype](float value) { return roundTo(dtype, value); };

  int64_t total = problem.batch * problem.heads * problem.queries;
  double perRow =
      static_cast<double>(problem.keys) * static_cast<double>(2 * q.shape[3] + 2 * v.shape[3] + 40);
  int64_t wanted = std::clamp<int64_t>(static_cast<int64_t>(kBudget / perRow), 8, total);
  // An odd stride that shares no factor with powers of two visits all residues of rows and heads.
  int64_t stride = std::max<int64_t>(1, total / std::max<int64_t>(1, wanted)) | 1;

  CheckResult result;
  double costOfRounding = 0, largest = 0, largestLse = 0;
  bool wrong = false;
  for (int64_t at = 0; at < total; at += stride) {
    int64_t row = at % problem.queries, h = at / problem.queries % problem.heads,
            b = at / problem.queries / problem.heads;
    if (row >= problem.queryLength(b)) continue;
    RowResult exact = referenceRow(oracle, problem, inputs, b, h, row);
    RowResult rounded = referenceRow(oracle, problem, inputs, b, h, row, &round);
    ++result.rows;
    for (int64_t i = 0; i < v.shape[3]; ++i) {
      double error = std::abs(o.at(b, h, row, i) - exact.o[i]);
      if (std::isnan(error) != std::isnan(exact.o[i])) wrong = true;
      result.maxAbsErr = std::max(result.maxAbsErr, error);
      costOfRounding = std::max(costOfRounding, std::abs(rounded.o[i] - exact.o[i]));
      largest = std::max(largest, std::abs(exact.o[i]));
    }
    float found = lse[at];
    if (std::isinf(exact.lse) || std::isinf(found)) {
      wrong |= found != static_cast<float>(exact.lse);
    } else {
      result.maxLseErr = std::max(result.maxLseErr, std::abs(found - exact.lse));
      largestLse = std::max(largestLse, std::abs(exact.lse));
      wrong |= std::isnan(found);
    }
  }
  result.tolerance = 2 * costOfRounding + std::max(ulpOf(o.dtype, largest), 1e-6);
  result.lseTolerance = 1e-4 + 1e-5 * largestLse;
  result.passed = !wrong && result.maxAbsErr <= result.tolerance && result.maxLseErr <= result.lseTolerance;
  return result;
}

} // namespace maskloom
