// Compares the forward kernels with an fp64 reference (Check.cuh), for the set of configurations that SET
// names. Exit code 0: everything passed.
#include "Check.cuh"

using namespace gpu;
namespace p = maskloom::kernel::policies;

namespace {

std::vector<Shape> shapes(bool quick) {
  std::vector<Shape> all = {
      {"1x1", 1, 2, 1, 1, 1},
      {"15", 2, 4, 2, 15, 15},
      {"decode 1 of 1028", 1, 4, 4, 1, 1028},
      {"1028 grouped", 2, 4, 1, 1028, 1028, {}, {}, 0, false, 0, false, true},
      {"chunk 300 of 777, lengths", 3, 2, 1, 300, 777, {300, 1, 129}, {777, 64, 130}},
      {"more queries than keys", 1, 3, 3, 500, 130},
      {"key offset", 1, 2, 2, 257, 400, {}, {}, 33},
      {"NaN in one key", 1, 2, 2, 200, 200, {}, {}, 0, false, 0, true},
      {"no keys in one entry", 2, 1, 1, 70, 90, {70, 70}, {0, 90}},
      {"large scale", 1, 1, 1, 300, 300, {}, {}, 0, false, 3.0f},
      // Maxima that grow by more than the exponents of the types hold.
      {"large scale, long", 1, 2, 1, 1028, 1028, {}, {}, 0, false, 3.0f},
      {.name = "far below 0",
       .batch = 1,
       .heads = 2,
       .kv_heads = 1,
       .queries = 700,
       .keys = 700,
       .levels = {-150}},
      {.name = "from far below 0 up and down",
       .batch = 1,
       .heads = 2,
       .kv_heads = 2,
       .queries = 900,
       .keys = 900,
       .levels = {-250, -60, -45, 0, 20, 120, -20}},
  };
  if (!quick) {
    all.push_back({"scale 0", 1, 1, 1, 130, 130, {}, {}, 0, false, 0.0f});
    all.push_back({"negative scale", 1, 1, 1, 130, 130, {}, {}, 0, false, -0.3f});
    all.push_back({"huge scale, long", 1, 2, 1, 1028, 1028, {}, {}, 0, false, 40.0f});
    for (float level : {-85.0f, -50.0f, 30.0f, 100.0f})
      all.push_back({.name = "level",
                     .batch = 1,
                     .heads = 1,
                     .kv_heads = 1,
                     .queries = 400,
                     .keys = 400,
                     .levels = {level}});
    all.push_back({"5175", 1, 2, 1, 5175, 5175});
    all.push_back({"8192", 1, 1, 1, 8192, 8192});
  }
  return all;
}

template <class Config, class Pattern>
void check_all(const std::string &name, bool aligned = false) {
  for (Shape shape : shapes(std::getenv("QUICK") != nullptr)) {
    if (kIsHopper<Config> && shape.scale <= 0) continue; // the portable kernel's
    if (Config::kTileHeads > 1) shape.heads = shape.kv_heads * 2 * Config::kTileHeads;
    if (aligned) {
      if (shape.queries > shape.keys || shape.key_offset != 0) continue;
      shape.aligned_positions = true;
    }
    check<Config, Pattern>(name, shape, 1LL << 30);
  }
  // Also when quick: every block runs several units of both heads' groups, and every ring wraps.
  Shape few{"1028, 3 blocks", 1, 2 * Config::kTileHeads, 1, 1028, 1028};
  few.aligned_positions = aligned;
  check<Config, Pattern>(name, few, 3);
}

template <int D, int DV, int M, int N, int Warps, int Stages, int Align, bool Bf16>
void check_basic() {
  using Config = Configuration<D, DV, M, N, Warps, Stages, Align, Bf16>;
  char name[100];
  std::snprintf(name, sizeof name, "%s d%d/%d %dx%d w%d s%d a%d", Bf16 ? "bf16" : "f16", D, DV, M, N, Warps,
                Stages, Align);
  check_all<Config, p::Single<p::SinkWindow<M, N>>>(std::string(name) + " sink+window");
}

template <int D, int DV, int M, int N, int Gather, int Stages, bool PingPong, bool Bf16, bool SharedP = false>
void check_hopper() {
  using Config = HopperConfiguration<D, DV, M, N, Gather, Stages, PingPong, Bf16, CLUSTER, 1, SharedP>;
  char name[100];
  std::snprintf(name, sizeof name, "hopper %s d%d/%d %dx%dx%d s%d%s%s", Bf16 ? "bf16" : "f16", D, DV, M,
                Gather, N, Stages, PingPong ? " ping-pong" : "", SharedP ? " shared P" : "");
  check_all<Config, p::Single<p::SinkWindow<M, N>>>(std::string(name) + " sink+window");
  check_all<Config, p::Alternating<p::Documents<M, N>, p::Causal<M, N>>>(std::string(name) +
                                                                         " documents, causal");
}

/// Q tiles of several heads of one KV head; masks are the same for them, scores and sinks their own.
template <class Config>
void check_heads(const std::string &name) {
  constexpr int M = Config::kTileQueries, N = Config::kTileKeys;
  check_all<Config, p::Single<p::Documents<M, N>>>(name + " documents", true);
  check_all<Config, p::Alibi<p::Causal<M, N>>>(name + " ALiBi");
  check_all<Config, p::BiasAndSink<p::SinkWindow<M, N>, 1>>(name + " bias, sink");
}

/// Every form of score; caps and slopes such that scores leave the ranges of polynomials and references.
template <class Config>
void check_scores(const std::string &name) {
  constexpr int M = Config::kTileQueries, N = Config::kTileKeys;
  using Causal = p::Causal<M, N>;
  check_all<Config, p::Alibi<Causal>>(name + " ALiBi");
  check_all<Config, p::BiasAndSink<p::SinkWindow<M, N>, 1>>(name + " steep bias, sink");
  check_all<Config, p::BiasAndSink<Causal, -10>>(name + " falling bias, sink");
  check_all<Config, p::Capped<Causal>>(name + " cap 50");
  check_all<Config, p::Capped<p::SinkWindow<M, N>, 4>>(name + " cap 4");
  check_all<Config, p::Capped<Causal, 200>>(name + " cap 200");
  check_all<Config, p::Distance<p::All<M, N>>>(name + " distance");
}

} // namespace

int main() {
#if SET == 0
  using C = Configuration<128, 128, 128, 64, 4, 1, 16, true>;
  check_all<C, p::Single<p::Causal<128, 64>>>("causal");
  check_all<C, p::Single<p::All<128, 64>>>("all");
  check_all<C, p::Single<p::None<128, 64>>>("none");
  check_all<C, p::Single<p::Strided<128, 64>>>("strided", true);
  check_all<C, p::Single<p::Filtered<128, 64>>>("filtered", true);
  // Narrow tiles: more of them than the tile list holds.
  using Narrow = Configuration<64, 64, 64, 16, 4, 2, 16, true>;
  check_all<Narrow, p::Single<p::All<64, 16>>>("narrow all");
  check_all<Narrow, p::Alternating<p::Causal<64, 16>, p::SinkWindow<64, 16>>>("narrow causal, sink+window");
  check_all<Narrow, p::Single<p::Documents<64, 16>>>("narrow documents", true);
#elif SET == 1
  using C = Configuration<128, 128, 128, 64, 4, 1, 16, false>;
  check_all<C, p::Alternating<p::Causal<128, 64>, p::SinkWindow<128, 64>>>("causal, sink+window");
  check_all<C, p::Single<p::Documents<128, 64>>>("documents", true);
  check_all<C, p::Alternating<p::Documents<128, 64>, p::Strided<128, 64>>>("documents, strided", true);
  check_all<C, p::BiasAndSink<p::SinkWindow<128, 64>>>("bias and sink");
  check_all<C, p::BiasAndSink<p::None<128, 64>>>("none with sink");
#elif SET == 2
  check_basic<128, 128, 128, 64, 4, 1, 16, true>();
  check_basic<128, 128, 128, 64, 4, 2, 16, true>();
  check_basic<128, 128, 128, 64, 4, 1, 2, false>();
  check_basic<128, 64, 128, 64, 4, 2, 2, true>();
#elif SET == 3
  check_basic<64, 64, 128, 64, 4, 2, 16, true>();
  check_basic<64, 64, 128, 64, 4, 2, 16, false>();
  check_basic<64, 64, 128, 128, 4, 1, 16, false>();
  check_basic<80, 80, 128, 64, 4, 2, 16, true>();
  check_basic<80, 80, 128, 64, 4, 1, 16, false>();
  check_basic<80, 80, 128, 64, 4, 1, 2, false>();
  check_basic<96, 96, 128, 64, 4, 2, 16, true>();
  check_basic<96, 96, 128, 64, 4, 1, 16, false>();
#elif SET == 4
  check_basic<192, 192, 128, 64, 8, 1, 16, true>();
  check_basic<192, 128, 128, 64, 8, 1, 16, false>();
  check_basic<256, 256, 128, 64, 8, 1, 16, true>();
  check_basic<256, 256, 128, 64, 8, 1, 16, false>();
  check_basic<256, 256, 64, 32, 4, 1, 16, true>();
#elif SET == 5
  check_basic<8, 8, 128, 64, 4, 2, 16, true>();
  check_basic<16, 32, 128, 64, 4, 2, 16, false>();
  check_basic<40, 72, 128, 64, 4, 1, 16, true>();
  check_basic<24, 56, 128, 64, 4, 2, 2, false>();
  check_basic<8, 256, 128, 64, 8, 1, 16, true>();
  check_basic<256, 8, 128, 64, 8, 1, 16, true>();
  check_basic<48, 48, 128, 48, 8, 2, 16, true>();
#elif SET == 6
  check_hopper<128, 128, 128, 128, 1, 2, true, true>();
  using C = HopperConfiguration<128, 128, 128, 128, 1, 2, true, true>;
  check_all<C, p::Single<p::Causal<128, 128>>>("hopper causal");
  check_all<C, p::Single<p::All<128, 128>>>("hopper all");
  check_all<C, p::Single<p::None<128, 128>>>("hopper none");
  using G = HopperConfiguration<128, 128, 128, 64, 2, 2, true, true>;
  check_all<G, p::Single<p::Strided<128, 64>>>("hopper strided", true);
  check_all<G, p::Single<p::Filtered<128, 64>>>("hopper filtered", true);
  // Gathered tiles and two groups of heads, planned and not.
  check_all<G, p::Alternating<p::Documents<128, 64>, p::Strided<128, 64>>>("hopper documents, strided", true);
  check_all<G, p::Alternating<p::SinkWindow<128, 64>, p::Strided<128, 64>>>("hopper sink+window, strided",
                                                                            true);
  check_all<G, p::BiasAndSink<p::SinkWindow<128, 64>>>("hopper bias and sink");
  check_all<G, p::BiasAndSink<p::None<128, 64>>>("hopper none with sink");
  check_heads<HopperConfiguration<128, 128, 64, 64, 2, 2, false, true, 1, 2>>("hopper two heads");
#elif SET == 7
  check_hopper<64, 64, 192, 128, 1, 2, true, true, /*SharedP=*/true>();
  check_hopper<96, 96, 192, 112, 1, 2, false, true, /*SharedP=*/true>();
  check_hopper<128, 128, 128, 64, 2, 2, false, false, /*SharedP=*/true>();
  check_hopper<64, 64, 192, 64, 2, 2, true, false>();
  check_hopper<64, 64, 128, 16, 8, 3, true, false>();
  check_hopper<96, 96, 128, 128, 1, 2, true, true>();
  check_hopper<80, 80, 128, 128, 1, 2, true, false>();
  check_hopper<8, 8, 128, 128, 1, 2, true, true>();
  check_hopper<40, 72, 128, 64, 1, 3, false, true>();
  check_all<HopperConfiguration<64, 64, 64, 128, 1, 2, false, false, 1, 3>,
            p::Single<p::SinkWindow<64, 128>>>("hopper three heads sink+window");
#elif SET == 8
  check_hopper<192, 192, 128, 96, 1, 2, true, true>();
  check_hopper<192, 128, 128, 112, 1, 2, true, false>();
  check_hopper<256, 256, 128, 80, 1, 2, true, true>();
  check_hopper<256, 256, 128, 64, 1, 2, false, false>();
  check_hopper<128, 128, 64, 128, 1, 2, false, true>();
  check_heads<HopperConfiguration<256, 256, 64, 64, 1, 2, true, true, 1, 2>>("hopper two heads");
#elif SET == 9
  check_scores<HopperConfiguration<128, 128, 128, 128, 1, 2, true, true>>("hopper");
  check_scores<HopperConfiguration<64, 64, 128, 64, 2, 2, true, false>>("hopper f16 gathered");
  check_scores<Configuration<64, 64, 128, 64, 4, 2, 16, true>>("portable");
#endif
  std::printf("set %d: %d checks, %d failures\n", SET, checks, failures);
  return failures != 0;
}
