// Times the forward kernels under a causal mask: median of CUDA event times on random data. SET picks
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
  Buffer counter(8);
  counter.fill(0);
  unsigned *work_counter = std::getenv("STATIC") ? nullptr : static_cast<unsigned *>(counter.data());
  // Batches of launches back to back, long enough for the chip to reach its power limit.
  auto time_batch = [&](int launches) {
    CHECK_CUDA(cudaEventRecord(start));
    for (int i = 0; i < launches; ++i) launch<Config, Pattern>(args, 1LL << 30, work_counter);
    CHECK_CUDA(cudaEventRecord(stop));
    CHECK_CUDA(cudaEventSynchronize(stop));
    float milliseconds;
    CHECK_CUDA(cudaEventElapsedTime(&milliseconds, start, stop));
    return milliseconds / float(launches);
  };
  time_batch(2);
  const int launches = std::max(1, int(20 / time_batch(2)));
  for (int i = 0; i < 4; ++i) time_batch(launches);
  std::vector<float> times;
  for (int i = 0; i < 15; ++i) times.push_back(time_batch(launches));
  std::sort(times.begin(), times.end());
  if (flop == 0) flop = 2.0 * batch * heads * double(tokens) * tokens * D;
  std::printf("%-9s d%-3d %3dx%-3d warps %d stages %d tokens %6d: %8.3f ms %6.1f TFLOP/s (spread %.1f %%)\n",
              name, D, Config::kTileQueries, Config::kTileKeys, Config::kWarps, Config::kStages, tokens,
              times[7], flop / times[7] * 1e-9, 100 * (times[12] - times[2]) / times[7]);
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

template <int D, int M, int N, int Gather, int Stages, bool PingPong>
using Hopper = HopperConfiguration<D, D, M, N, Gather, Stages, PingPong, true>;

template <int D, int M, int N, int Stages, bool PingPong>
void bench_hopper(bool full = true, bool causal = true) {
  constexpr int kHeads = 2048 / D;
  using Config = Hopper<D, M, N, 1, Stages, PingPong>;
  const char *turns = PingPong ? "pp" : "";
  std::printf("%s\n", turns);
  if (full)
    for (int tokens : {8192, 16384})
      bench<Config, p::Single<p::All<M, N>>>("full", tokens, 32768 / tokens, kHeads,
                                             4.0 * 32768 * kHeads * double(tokens) * D);
  if (causal)
    for (int tokens : {8192, 16384})
      bench<Config, p::Single<p::Causal<M, N>>>("causal", tokens, 32768 / tokens, kHeads);
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
#elif SET == 6
  bench_hopper<128, 128, 128, 2, true>();
  bench_hopper<128, 128, 176, 2, true>();
  bench_hopper<128, 128, 160, 2, true>();
  bench_hopper<128, 128, 144, 2, true>();
#elif SET == 7
  bench_hopper<64, 192, 128, 2, true>();
  bench_hopper<64, 128, 128, 3, true>();
  bench_hopper<256, 128, 80, 2, true>();
  bench_hopper<256, 128, 80, 2, false>();
#elif SET == 8
  bench<Hopper<128, 128, 64, 2, 2, true>, p::Single<p::Strided<128, 64, 16, 16>>>("S2", 131072, 1, 16);
  bench<Hopper<128, 128, 128, 1, 2, true>, p::Single<p::Causal<128, 128>>>("causal", 131072, 1, 16);
#elif SET == 9
  for (int tokens : {4096, 16384}) {
    using C = Hopper<128, 128, 128, 1, 2, true>;
    using Causal = p::Causal<128, 128>;
    bench<C, p::Single<Causal>>("causal", tokens, 32768 / tokens, 16);
    bench<C, p::Alibi<Causal>>("ALiBi", tokens, 32768 / tokens, 16);
    bench<C, p::Capped<Causal>>("cap 50", tokens, 32768 / tokens, 16);
    bench<C, p::Capped<Causal, 20>>("cap 20", tokens, 32768 / tokens, 16);
    bench<C, p::Capped<Causal, 4>>("cap 4", tokens, 32768 / tokens, 16);
    bench<C, p::Distance<Causal>>("distance", tokens, 32768 / tokens, 16);
  }
#endif
}
