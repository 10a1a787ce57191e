// What a lesson needs beside Maskloom: random tensors, and attention by definition in plain loops, so that
// lessons check themselves against nothing of Maskloom's.
#pragma once

#include <maskloom/maskloom.h>

#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <optional>
#include <random>
#include <vector>

namespace lesson {

/// A [batch, heads, tokens, dim] tensor of floats on the host.
struct Values {
  int64_t batch, heads, tokens, dim;
  std::vector<float> data = std::vector<float>(batch * heads * tokens * dim);

  float &at(int64_t b, int64_t h, int64_t token, int64_t i) {
    return data[((b * heads + h) * tokens + token) * dim + i];
  }
  maskloom::Tensor tensor() {
    return maskloom::Tensor::contiguous(data.data(), {batch, heads, tokens, dim}, maskloom::DType::f32);
  }
};

inline Values random(int64_t batch, int64_t heads, int64_t tokens, int64_t dim, unsigned seed) {
  Values values{batch, heads, tokens, dim};
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  for (float &value : values.data) value = normal(engine);
  return values;
}

/// May row `row` of head h see key column `column`? The lesson's own words for its mask.
using Visible = std::function<bool(int64_t b, int64_t h, int64_t row, int64_t column)>;
/// The score that takes the place of the scaled score s.
using Modified = std::function<double(double s, int64_t b, int64_t h, int64_t row, int64_t column)>;

struct Difference {
  double o = 0;              ///< the largest one; NaN counts as infinite
  std::optional<double> lse; ///< when there is one
};

/// Attention by definition, in double, against O and (unless null) the LSE. `sink`: a logit for each head.
inline Difference difference(Values &q, Values &k, Values &v, Values &o, const Visible &visible,
                             const float *lse = nullptr, const Modified &modified = {},
                             const float *sink = nullptr) {
  Difference worst;
  if (lse) worst.lse = 0;
  auto take = [](double &largest, double expected, double found) {
    if (expected == found) return; // both -inf
    double apart = std::abs(expected - found);
    if (!(apart <= largest)) largest = std::isnan(apart) ? std::numeric_limits<double>::infinity() : apart;
  };
  for (int64_t b = 0; b < q.batch; ++b)
    for (int64_t h = 0; h < q.heads; ++h)
      for (int64_t row = 0; row < q.tokens; ++row) {
        const int64_t kvHead = h / (q.heads / k.heads);
        double sum = sink ? std::exp(sink[h]) : 0;
        std::vector<double> expected(v.dim);
        for (int64_t column = 0; column < k.tokens; ++column) {
          if (!visible(b, h, row, column)) continue;
          double score = 0;
          for (int64_t i = 0; i < q.dim; ++i)
            score += static_cast<double>(q.at(b, h, row, i)) * k.at(b, kvHead, column, i);
          score /= std::sqrt(static_cast<double>(q.dim));
          if (modified) score = modified(score, b, h, row, column);
          double weight = std::exp(score);
          sum += weight;
          for (int64_t i = 0; i < v.dim; ++i) expected[i] += weight * v.at(b, kvHead, column, i);
        }
        // A row that sees nothing gives O = 0 and LSE = -inf.
        for (int64_t i = 0; i < v.dim; ++i)
          take(worst.o, sum > 0 ? expected[i] / sum : 0, o.at(b, h, row, i));
        if (lse) take(*worst.lse, std::log(sum), lse[(b * q.heads + h) * q.tokens + row]);
      }
  return worst;
}

/// Counts what a lesson found wrong; main() returns it.
class Checks {
public:
  void expect(bool holds, const char *what) {
    std::printf("  %-7s %s\n", holds ? "ok" : "WRONG", what);
    wrong_ += !holds;
  }
  void near(const Difference &worst, const char *what) {
    bool holds = worst.o < 1e-5 && worst.lse.value_or(0) < 1e-5;
    std::printf("  %-7s %s: O differs by %.1e", holds ? "ok" : "WRONG", what, worst.o);
    if (worst.lse) std::printf(", the LSE by %.1e", *worst.lse);
    std::printf("\n");
    wrong_ += !holds;
  }
  int result() const { return wrong_ != 0; }

private:
  int wrong_ = 0;
};

} // namespace lesson
