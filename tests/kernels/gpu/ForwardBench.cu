// Times the portable forward kernel under a causal mask: median of CUDA event times on random data. SET picks
// the configurations.
#include "Gpu.cuh"

#include <cmath>
#include <random>

using namespace gpu;
namespace p = maskloom::kernel::policies;

namespace {

/// `flop`: what is counted as work; 0: dense causal.
template <class Config, class Pattern>
void bench(const char *name, int tokens, int batch, int heads, double flop = 0) {
  constexpr int D = Config::kHeadDim;
  const size_t elements = size_t(batch) * heads * tokens * D;
  Buffer q(elements * 2), k(elements * 2), v(elements * 2), o(elements * 2),
      lse(size_t(batch) * heads * tokens * 4);
  std::mt19937_64 generator(1);
  std::normal_distribution<float> normal;
  std::vector<__nv_bfloat16> pool(1 << 20), values(elements);
  for (auto &value : pool) value = __float2bfloat16(normal(generator));
  for (Buffer *buffer : {&q, &k, &v}) {
    size_t shift = generator();
    for (size_t i = 0; i < elements; ++i) values[i] = pool[(i * 7 + shift + i / 1000003) & (pool.size() - 1)];
    buffer->write(values);
  }
  ForwardArgs args{};
  TensorArg tensor{nullptr, (long long)heads * tokens * D, D, (long long)heads * D};
  for (auto [arg, buffer] : {std::pair{&args.q, &q}, {&args.k, &k}, {&args.v, &v}, {&args.o, &o}}) {
    *arg = tensor;
    arg->data = buffer->data();
  }
  args.lse = static_cast<float *>(lse.data());
  args.lse_head_stride = tokens;
  args.lse_batch_stride = (long long)heads * tokens;
  args.scale = 1.0f / std::sqrt(float(D));
  args.batch = batch;
  args.heads = args.kv_heads = heads;
  args.queries = args.keys = tokens;
  std::vector<int> ids(size_t(batch) * tokens);
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = int(i % tokens / 2000);
  Buffer documents(ids.size() * 4),
      plan(Pattern::kPlanned
               ? plan_bytes(batch, heads, tokens, tokens, Config::kTileQueries, Config::kTileKeys)
               : 0);
  documents.write(ids);
  args.aux[0] = {documents.data(), {tokens, 1, 0}, {batch, tokens, 1}};
  args.plan = static_cast<unsigned *>(plan.data());

  cudaEvent_t start, stop;
  CHECK_CUDA(cudaEventCreate(&start));
  CHECK_CUDA(cudaEventCreate(&stop));
  for (int i = 0; i < 3; ++i) launch<Config, Pattern>(args);
  std::vector<float> times;
  for (int i = 0; i < 15; ++i) {
    CHECK_CUDA(cudaEventRecord(start));
    launch<Config, Pattern>(args);
    CHECK_CUDA(cudaEventRecord(stop));
    CHECK_CUDA(cudaEventSynchronize(stop));
    float milliseconds;
    CHECK_CUDA(cudaEventElapsedTime(&milliseconds, start, stop));
    times.push_back(milliseconds);
  }
  std::sort(times.begin(), times.end());
  if (flop == 0) flop = 2.0 * batch * heads * double(tokens) * tokens * D;
  int blocks = 0;
  cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, forward_kernel<Config, Pattern>, Config::kWarps * 32,
                                                Config::kSharedBytes);
  std::printf("%-9s d%-3d %3dx%-3d warps %d stages %d tokens %6d: %8.3f ms %6.1f TFLOP/s (%d blocks an SM, "
              "spread %.1f %%)\n",
              name, D, Config::kTileQueries, Config::kTileKeys, Config::kWarps, Config::kStages, tokens,
              times[7], flop / times[7] * 1e-9, blocks, 100 * (times[12] - times[2]) / times[7]);
}

template <int D, int M, int N, int Warps, int Stages, int Align = 16>
void bench() {
  using Config = Configuration<D, D, M, N, Warps, Stages, Align, true>;
  using Pattern = p::Single<p::Causal<M, N>>;
  bench<Config, Pattern>(Align == 16 ? "causal" : "unaligned", 8192, 2, 16);
  bench<Config, Pattern>(Align == 16 ? "causal" : "unaligned", 16384, 1, 16);
}

/// S2 with blocks of 64, 16 local ones and one in 16: work counted in dense causal pairs, to compare with
/// dense.
template <int D, int M, int Warps, int Stages>
void bench_strided(int tokens) {
  using Config = Configuration<D, D, M, 64, Warps, Stages, 16, true>;
  bench<Config, p::Single<p::Strided<M, 64, 16, 16>>>("S2", tokens, 1, 16);
}

/// Sinks and a window of 200: nearly every tile is partial.
template <int D, int M, int Warps, int Stages>
void bench_window(int tokens) {
  using Config = Configuration<D, D, M, 64, Warps, Stages, 16, true>;
  bench<Config, p::Single<p::SinkWindow<M, 64>>>("window", tokens, 1, 16);
}

/// Documents of 2000 tokens: the planner, then the kernel, timed together.
template <int D, int M, int Warps, int Stages>
void bench_documents(int tokens) {
  using Config = Configuration<D, D, M, 64, Warps, Stages, 16, true>;
  bench<Config, p::Single<p::Documents<M, 64>>>("documents", tokens, 1, 16);
}

} // namespace

int main() {
#if SET == 0
  bench<128, 128, 64, 4, 1>();
  bench<128, 128, 64, 4, 2>();
  bench<128, 128, 64, 4, 2, 2>();
  bench_strided<128, 128, 4, 2>(131072);
  bench_window<128, 128, 4, 2>(16384);
#elif SET == 1
  bench<32, 128, 64, 4, 2>();
  bench<64, 128, 64, 4, 2>();
#elif SET == 2
  bench<80, 128, 64, 4, 2>();
  bench<96, 128, 64, 4, 2>();
  bench<112, 128, 64, 4, 2>();
#elif SET == 3
  bench<192, 128, 64, 8, 1>();
  bench<256, 128, 64, 8, 1>();
  bench_documents<128, 128, 4, 2>(131072);
#endif
}
