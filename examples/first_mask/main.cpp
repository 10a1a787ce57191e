// The first mask: every query sees the keys of its own block of 16 and, of older ones, every fourth block, a
// different one for each head. Declared, explained, run, and checked against attention by definition.
#include "maskloom/facade/Explain.h"
#include "maskloom/maskloom.h"

#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

using namespace maskloom;

int main() try {
  // 1. Declare. q and k are token positions, h is the query head.
  Index q = query(), k = key(), h = head();
  Mask near = floordiv(q, 16) == floordiv(k, 16);
  Mask strided = (floordiv(k, 16) + h) % 4 == 0;
  Pattern pattern("first_mask", q >= k && (near || strided));

  // 2. Ask what it costs, before anything runs.
  Problem problem;
  problem.heads = problem.kvHeads = 4;
  problem.queries = problem.keys = 300;
  Explanation cost = explain(pattern, problem);
  std::printf("%lld visible pairs, at most %.1fx faster than dense causal attention\n",
              static_cast<long long>(cost.visiblePairs), cost.speedupCeiling);

  // 3. Compile. On a machine with a GPU, leave out `device` and `dtype` and pass device pointers.
  constexpr int64_t kHeads = 4, kTokens = 300, kDim = 32;
  Attention attention =
      compile(pattern, {.heads = kHeads, .head_dim = kDim, .dtype = DType::f32, .device = Device::Cpu});

  // 4. Run on [batch, heads, tokens, dim] tensors.
  std::vector<float> Q(kHeads * kTokens * kDim), K(Q.size()), V(Q.size()), O(Q.size());
  std::mt19937 engine(1);
  std::normal_distribution<float> normal;
  for (auto *values : {&Q, &K, &V})
    for (float &value : *values) value = normal(engine);
  auto tensor = [](std::vector<float> &values) {
    return Tensor::contiguous(values.data(), {1, kHeads, kTokens, kDim}, DType::f32);
  };
  attention.forward(tensor(Q), tensor(K), tensor(V), tensor(O));

  // 5. Check one row by hand: softmax over the keys that the interpreter calls visible.
  Interpreter oracle(pattern, problem);
  const int64_t head = 2, row = 250;
  auto at = [](const std::vector<float> &values, int64_t token, int64_t i) {
    return values[(head * kTokens + token) * kDim + i];
  };
  double sum = 0;
  std::vector<double> expected(kDim);
  for (int64_t key = 0; key < kTokens; ++key) {
    if (!oracle.visible(0, head, row, key)) continue;
    double dot = 0;
    for (int64_t i = 0; i < kDim; ++i) dot += static_cast<double>(at(Q, row, i)) * at(K, key, i);
    double p = std::exp(dot / std::sqrt(static_cast<double>(kDim)));
    sum += p;
    for (int64_t i = 0; i < kDim; ++i) expected[i] += p * at(V, key, i);
  }
  double worst = 0;
  for (int64_t i = 0; i < kDim; ++i) worst = std::max(worst, std::abs(expected[i] / sum - at(O, row, i)));
  std::printf("largest difference from attention by definition: %.1e\n", worst);
  return worst < 1e-5 ? 0 : 1;
} catch (const Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
