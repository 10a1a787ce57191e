// A program of its own: each query sees its block of 16 keys and the block before it. Runs on the CPU and
// compares with a loop.
#include <maskloom/maskloom.h>

#include <cmath>
#include <cstdio>
#include <vector>

using namespace maskloom;

int main() try {
  constexpr int64_t kTokens = 100, kDim = 16;
  Index q = query(), k = key();
  Pattern pattern("block_window", q >= k && floordiv(q, 16) - floordiv(k, 16) < 2);
  Attention attention = compile(pattern, {.head_dim = kDim, .dtype = DType::f32, .device = Device::Cpu});

  // Q = 0: every visible key has the same weight, and O is the mean of the values that are seen.
  std::vector<float> Q(kTokens * kDim), K(kTokens * kDim, 1.0f), V(kTokens * kDim), O(kTokens * kDim);
  for (int64_t token = 0; token < kTokens; ++token)
    for (int64_t i = 0; i < kDim; ++i) V[token * kDim + i] = static_cast<float>(token);
  auto tensor = [](std::vector<float> &values) {
    return Tensor::contiguous(values.data(), {1, 1, kTokens, kDim}, DType::f32);
  };
  attention.forward(tensor(Q), tensor(K), tensor(V), tensor(O));

  double worst = 0;
  for (int64_t row = 0; row < kTokens; ++row) {
    int64_t first = row < 16 ? 0 : row / 16 * 16 - 16;
    double mean = static_cast<double>(first + row) / 2;
    for (int64_t i = 0; i < kDim; ++i) worst = std::fmax(worst, std::fabs(O[row * kDim + i] - mean));
  }
  std::printf("block_window: largest error %.1e\n", worst);
  return worst < 1e-4 ? 0 : 1;
} catch (const Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
