// Each library score modification against its published formula.
#include "maskloom/dsl/Scores.h"
#include "maskloom/dsl/Patterns.h"
#include "tests/support/ExpectMask.h"

#include <cmath>

using namespace maskloom;
using namespace maskloom::testing;

namespace {

using ScoreOracle = std::function<double(double s, int64_t b, int64_t h, int64_t q, int64_t k)>;

void expectScores(const Pattern &pattern, const Problem &problem, const ScoreOracle &oracle) {
  ASSERT_EQ(render(checkPattern(pattern)), "");
  ASSERT_EQ(checkProblem(pattern, problem), std::vector<std::string>{});
  Interpreter interpreter(pattern, problem);
  for (int64_t b = 0; b < problem.batch; ++b)
    for (int64_t h = 0; h < problem.heads; ++h)
      for (int64_t row = 0; row < problem.queries; ++row)
        for (int64_t column = 0; column < problem.keys; ++column)
          for (double s : {-3.25, 0.0, 70.0}) {
            double expected = oracle(s, b, h, row + problem.queryOffsetOf(b), column);
            ASSERT_NEAR(interpreter.score(s, b, h, row, column), expected, 1e-5 * (1 + std::abs(expected)))
                << pattern.name << " b=" << b << " h=" << h << " row=" << row << " column=" << column;
          }
}

std::string errors(const Score &score) {
  Pattern pattern("p", all());
  std::string text;
  for (const Diagnostic &d : checkPattern(pattern.modifyScore(score)))
    text += d.message + " | " + d.hint + "\n";
  return text;
}

} // namespace

TEST(Scores, Alibi) {
  Problem problem = problemOf(9, 13, 4, 4);
  problem.aux["slope"] = {{4}, {}, {0.25f, 0.0625f, 0.015625f, 0.00390625f}}; // 2^(-8 (h + 1) / H)
  expectScores(patterns::alibi(), problem, [](double s, int64_t, int64_t h, int64_t q, int64_t k) {
    return s - std::pow(2.0, -8.0 * double(h + 1) / 4) * double(q - k);
  });
}

TEST(Scores, SoftCap) {
  expectScores(patterns::softCap(30), problemOf(3, 3),
               [](double s, int64_t, int64_t, int64_t, int64_t) { return 30 * std::tanh(s / 30); });
}

TEST(Scores, RelativeBias) {
  Problem problem = problemOf(11, 17, 2, 2);
  problem.aux["bias"] = randomFloats({2, 11}, 3); // distances -5 .. 5
  expectScores(patterns::relativeBias(6), problem, [&](double s, int64_t, int64_t h, int64_t q, int64_t k) {
    int64_t distance = std::clamp<int64_t>(k - q, -5, 5);
    return s + problem.aux.at("bias").floats[size_t(h * 11 + distance + 5)];
  });
}

TEST(Scores, RelativeBiasOfASpace) {
  Problem problem = problemOf(12, 12, 2, 2);
  problem.aux["bias"] = randomFloats({2, 5, 7}, 4); // 3 x 4 positions
  expectScores(patterns::relativeBias2d(3, 4), problem,
               [&](double s, int64_t, int64_t h, int64_t q, int64_t k) {
                 int64_t rows = k / 4 - q / 4, columns = k % 4 - q % 4;
                 return s + problem.aux.at("bias").floats[size_t((h * 5 + rows + 2) * 7 + columns + 3)];
               });
}

// The inner products of sinusoidal position embeddings, divided by the head's compression ratio.
TEST(Scores, Sandwich) {
  constexpr int64_t kHeads = 3, kTokens = 14, kDim = 16;
  auto embedding = [](int64_t position) {
    std::vector<double> values;
    for (int64_t i = 0; i < kDim / 2; ++i) {
      double angle = double(position) / std::pow(10000.0, 2.0 * double(i) / kDim);
      values.push_back(std::sin(angle));
      values.push_back(std::cos(angle));
    }
    return values;
  };
  Problem problem = problemOf(kTokens, kTokens, kHeads, kHeads);
  AuxValue &cosines = problem.aux["cosines"], &ratio = problem.aux["ratio"];
  cosines.extents = {kTokens};
  for (int64_t m = 0; m < kTokens; ++m) {
    double sum = 0;
    for (int64_t i = 0; i < kDim / 2; ++i)
      sum += std::cos(double(m) / std::pow(10000.0, 2.0 * double(i) / kDim));
    cosines.floats.push_back(static_cast<float>(sum));
  }
  ratio.extents = {kHeads};
  for (int64_t h = 0; h < kHeads; ++h) ratio.floats.push_back(8.0f * static_cast<float>(h + 1) / kHeads);
  expectScores(patterns::sandwich(kTokens), problem, [&](double s, int64_t, int64_t h, int64_t q, int64_t k) {
    auto a = embedding(q), b = embedding(k);
    double product = 0;
    for (size_t i = 0; i < a.size(); ++i) product += a[i] * b[i];
    return s + product / (8.0 * double(h + 1) / kHeads);
  });
}

TEST(Scores, GraphBias) {
  Problem problem = problemOf(7, 7, 2, 2);
  problem.batch = 2;
  problem.aux["distance"] = randomInts({2, 7, 7}, 0, 4, 5);
  problem.aux["bias"] = randomFloats({2, 5}, 6);
  expectScores(patterns::graphBias(5), problem, [&](double s, int64_t b, int64_t h, int64_t q, int64_t k) {
    int64_t distance = problem.aux.at("distance").ints[size_t((b * 7 + q) * 7 + k)];
    return s + problem.aux.at("bias").floats[size_t(h * 5 + distance)];
  });
}

TEST(Scores, TensorsThatDoNotFitAreErrors) {
  AuxFloat token("x", {axis::query()}), flat("x", {axis::fixed(3), axis::fixed(3)}),
      perHead("x", {axis::head()});
  EXPECT_EQ(errors(scores::alibi(token)),
            "the tensor 'x' must have one entry a head | declare it as 'aux x[h]: f32;'\n");
  EXPECT_EQ(errors(scores::relativeBias(flat)),
            "the tensor 'x' must have 1 axis of fixed extent, and before it h or "
            "kvh at most | declare it for example as 'aux bias[h, 255]: f32;'\n");
  EXPECT_EQ(errors(scores::relativeBias2d(flat, Space({3, 4, 5}))),
            "a 2-D bias needs a token space of 2 axes, found 3 | declare it before: 'space (48, 80);'\n");
  EXPECT_EQ(
      errors(scores::relativeBias2d(perHead, Space({3, 4}))),
      "the tensor 'x' must have 2 axes of fixed extent, and before them h or kvh at most | declare it for "
      "example as 'aux bias[h, 255]: f32;'\n");
  AuxInt distance("d", {axis::query(), axis::key(2)});
  EXPECT_EQ(errors(scores::graphBias(distance, AuxFloat("y", {axis::fixed(4)}))),
            "the tensor 'd' must have one entry for two nodes | declare it as 'aux d[b, q, k]: i32;'\n");
}
