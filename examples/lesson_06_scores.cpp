// Lesson 6: score modifications, sinks and the LSE.
//
// A score is a float expression over the scaled score s and the same indices as a mask. Several compose, in
// order. A sink is one more logit a head in the denominator of the softmax: a head may attend to nothing. The
// LSE is what merges results over parts of the keys.
#include "lesson.h"

using namespace maskloom;

int main() try {
  lesson::Checks checks;
  constexpr int64_t kHeads = 4, kTokens = 100, kDim = 16;
  Index q = query(), k = key(), h = head();
  AuxFloat slope("slope", {axis::head()}), sink("sink", {axis::head()});
  Pattern pattern("biased", q >= k && q - k < 40);
  pattern.modifyScore(score() + slope(h) * (k - q)); // ALiBi: a penalty that grows with the distance
  pattern.modifyScore(5.0 * tanh(score() / 5.0)); // then a soft cap; score() is the result of the line before
  pattern.withSink(sink);

  const float slopes[kHeads] = {0.5f, 0.25f, 0.125f, 0.0625f}, sinks[kHeads] = {-1, 0, 1, 2};
  auto visible = [](auto, auto, int64_t row, int64_t column) { return row >= column && row - column < 40; };
  auto modified = [&](double s, auto, int64_t head, int64_t row, int64_t column) {
    return 5 * std::tanh((s + slopes[head] * static_cast<double>(column - row)) / 5);
  };

  Attention attention =
      compile(pattern, {.heads = kHeads, .head_dim = kDim, .dtype = DType::f32, .device = Device::Cpu});
  lesson::Values Q = lesson::random(1, kHeads, kTokens, kDim, 1),
                 K = lesson::random(1, kHeads, kTokens, kDim, 2),
                 V = lesson::random(1, kHeads, kTokens, kDim, 3), O{1, kHeads, kTokens, kDim};
  std::vector<float> lse(kHeads * kTokens);
  ForwardOptions options;
  options.lse = lse.data();
  options.aux = {{"slope", {slopes, {kHeads}}}, {"sink", {sinks, {kHeads}}}};
  attention.forward(Q.tensor(), K.tensor(), V.tensor(), O.tensor(), options);
  checks.near(lesson::difference(Q, K, V, O, visible, lse.data(), modified, sinks),
              "ALiBi, a soft cap and a sink");

  // The LSE (natural log) weighs results over parts of the keys: two calls over halves of the keys give what
  // one over all gives. The positions of the second half begin at 50, and the queries are at 0 .. 99 in both.
  Pattern plain("causal", q >= k);
  Attention causal =
      compile(plain, {.heads = kHeads, .head_dim = kDim, .dtype = DType::f32, .device = Device::Cpu});
  lesson::Values whole{1, kHeads, kTokens, kDim}, merged = whole, part[2] = {whole, whole};
  std::vector<float> parts[2] = {lse, lse};
  causal.forward(Q.tensor(), K.tensor(), V.tensor(), whole.tensor());
  for (int64_t half = 0; half < 2; ++half) {
    auto keys = [&](lesson::Values &values) { // a view: the same strides, other tokens
      Tensor t = values.tensor();
      t.data = &values.at(0, 0, half * 50, 0);
      t.shape[2] = 50;
      return t;
    };
    causal.forward(Q.tensor(), keys(K), keys(V), part[half].tensor(),
                   {.lse = parts[half].data(), .query_offset = 0, .key_offset = half * 50});
  }
  double worst = 0;
  for (int64_t head = 0; head < kHeads; ++head)
    for (int64_t row = 0; row < kTokens; ++row)
      for (int64_t i = 0; i < kDim;
           ++i) { // rows before 50 see nothing of the second half: LSE -inf, weight 0, O 0
        double a = std::exp(parts[0][head * kTokens + row]), b = std::exp(parts[1][head * kTokens + row]);
        double value = (a * part[0].at(0, head, row, i) + b * part[1].at(0, head, row, i)) / (a + b);
        worst = std::fmax(worst, std::abs(value - whole.at(0, head, row, i)));
      }
  checks.near({worst, {}}, "two halves of the keys, merged by their LSE");
  checks.expect(std::isinf(parts[1][10]) && part[1].at(0, 0, 10, 3) == 0,
                "a row that sees nothing: O = 0, LSE = -inf");
  return checks.result();
} catch (const Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
