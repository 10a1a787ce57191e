// The C++ API on the CPU, and its errors. What needs a GPU skips with a sentence where there is none.
#include "maskloom/dsl/Interpreter.h"
#include "maskloom/facade/CompileKernel.h"
#include "maskloom/facade/Explain.h"
#include "maskloom/facade/ReferenceRow.h"
#include "maskloom/maskloom.h"
#include "tests/support/ProblemOf.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <thread>

using namespace maskloom;

namespace {

struct Tensors {
  int64_t heads, kvHeads, queries, keys, dim;
  std::vector<float> q, k, v, o, lse;
  Tensors(int64_t heads, int64_t kvHeads, int64_t queries, int64_t keys, int64_t dim)
      : heads(heads), kvHeads(kvHeads), queries(queries), keys(keys), dim(dim), q(heads * queries * dim),
        k(kvHeads * keys * dim), v(kvHeads * keys * dim), o(heads * queries * dim, NAN),
        lse(heads * queries, NAN) {
    std::mt19937 engine(7);
    std::normal_distribution<float> normal;
    for (auto *values : {&q, &k, &v})
      for (float &value : *values) value = normal(engine);
  }
  Tensor tensor(std::vector<float> &values, int64_t h, int64_t tokens) {
    return Tensor::contiguous(values.data(), {1, h, tokens, dim}, DType::f32);
  }
  void forward(Attention &attention, ForwardOptions options = {}) {
    options.lse = lse.data();
    attention.forward(tensor(q, heads, queries), tensor(k, kvHeads, keys), tensor(v, kvHeads, keys),
                      tensor(o, heads, queries), options);
  }
  /// The largest difference from attention by definition.
  double error(const Pattern &pattern, const Problem &problem) const {
    Interpreter oracle(pattern, problem);
    RowInputs inputs{[&](int64_t, int64_t h, int64_t t, int64_t i) { return q[(h * queries + t) * dim + i]; },
                     [&](int64_t, int64_t h, int64_t t, int64_t i) { return k[(h * keys + t) * dim + i]; },
                     [&](int64_t, int64_t h, int64_t t, int64_t i) { return v[(h * keys + t) * dim + i]; },
                     dim,
                     dim,
                     1 / std::sqrt(static_cast<float>(dim))};
    double worst = 0;
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t row = 0; row < queries; ++row) {
        RowResult exact = referenceRow(oracle, problem, inputs, 0, h, row);
        for (int64_t i = 0; i < dim; ++i) {
          double difference = std::abs(o[(h * queries + row) * dim + i] - exact.o[i]);
          worst = difference <= worst ? worst : difference; // NaN wins
        }
      }
    return worst;
  }
  Problem problem() const { return maskloom::testing::problemOf(queries, keys, heads, kvHeads); }
};

Attention onCpu(const Pattern &pattern, int64_t heads, int64_t kvHeads, int64_t dim) {
  return compile(pattern, {.heads = heads,
                           .kv_heads = kvHeads,
                           .head_dim = dim,
                           .dtype = DType::f32,
                           .device = Device::Cpu,
                           .use_cache = false});
}

std::string messageOf(const std::function<void()> &body, ErrorKind kind) {
  try {
    body();
  } catch (const Error &error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

TEST(Attention, DeclaredInCpp) {
  Index q = query(), k = key(), h = head();
  Mask near = floordiv(q, 16) - floordiv(k, 16) < 2;
  Mask strided = (floordiv(k, 16) + h) % 4 == 0;
  Pattern s2("s2", q >= k && (near || strided));
  Tensors t(4, 2, 100, 130, 32);
  Attention attention = onCpu(s2, 4, 2, 32);
  t.forward(attention);
  EXPECT_LT(t.error(s2, t.problem()), 1e-5);
}

TEST(Attention, ParametersAreArguments) {
  Pattern window = patterns::slidingWindow();
  Attention attention = onCpu(window, 2, 2, 16);
  Tensors t(2, 2, 90, 90, 16);
  for (int64_t value : {0, 1, 7, 64, 1000}) {
    t.forward(attention, {.params = {{"window", value}}});
    Problem problem = t.problem();
    problem.params["window"] = value;
    EXPECT_LT(t.error(window, problem), 1e-5) << value;
  }
}

TEST(Attention, ParametersThatSwapPlacesAreNotConfused) {
  // The same canonical text up to names: a cached kernel of one must not serve the other.
  Param low("low", 10), high("high", 30);
  Index q = query(), k = key();
  Pattern first("p", q < low && k < high), second("p", q < high && k < low);
  first.params = second.params = {low.expr()->param, high.expr()->param};
  for (const Pattern *pattern : {&first, &second}) {
    Attention attention =
        compile(*pattern, {.heads = 2, .head_dim = 16, .dtype = DType::f32, .device = Device::Cpu});
    Tensors t(2, 2, 50, 50, 16);
    t.forward(attention);
    EXPECT_LT(t.error(*pattern, t.problem()), 1e-5);
  }
}

TEST(Attention, SafeFromSeveralThreads) {
  Pattern pattern = patterns::sinkWindow(8, 20);
  Attention attention = onCpu(pattern, 2, 2, 16);
  std::vector<std::thread> threads;
  std::vector<double> errors(4, 1);
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      Tensors t(2, 2, 100 + i, 100 + i, 16);
      t.forward(attention);
      errors[i] = t.error(pattern, t.problem());
    });
  for (auto &thread : threads) thread.join();
  for (double error : errors) EXPECT_LT(error, 1e-5);
}

TEST(Attention, ErrorsNameTheProblem) {
  Pattern causal = patterns::causal();
  auto contains = [](const std::string &text, const char *part) {
    return text.find(part) != std::string::npos;
  };
  EXPECT_PRED2(contains, messageOf([&] { compile(causal, {.head_dim = 12}); }, ErrorKind::User),
               "head_dim is 12");
  EXPECT_PRED2(contains, messageOf([&] { compile(causal, {.heads = 6, .kv_heads = 4}); }, ErrorKind::User),
               "6");
  Attention attention = onCpu(causal, 2, 2, 16);
  Tensors t(2, 2, 30, 30, 16), other(3, 3, 30, 30, 16);
  EXPECT_PRED2(contains, messageOf([&] { other.forward(attention); }, ErrorKind::User),
               "q heads is 3, expected 2");
  EXPECT_PRED2(contains, messageOf([&] { t.forward(attention, {.params = {{"w", 1}}}); }, ErrorKind::User),
               "no parameter 'w'");
  Attention window = onCpu(patterns::slidingWindow(), 2, 2, 16);
  EXPECT_PRED2(contains, messageOf([&] { t.forward(window, {.params = {{"window", -1}}}); }, ErrorKind::User),
               "declared range");
  Attention documents = onCpu(patterns::documents(), 2, 2, 16);
  EXPECT_PRED2(contains, messageOf([&] { t.forward(documents); }, ErrorKind::User),
               "needs the aux tensor 'doc'");
  std::vector<int32_t> doc(12);
  EXPECT_PRED2(contains,
               messageOf([&] { t.forward(documents, {.aux = {{"doc", {doc.data(), {1, 12}, {}}}}}); },
                         ErrorKind::User),
               "too short");
}

TEST(Attention, WithoutAGpuSaysWhy) {
  try {
    compile(patterns::causal(), {.device = Device::Gpu});
  } catch (const Error &error) {
    EXPECT_EQ(error.kind(), ErrorKind::Machine);
    EXPECT_NE(std::string(error.what()).find("no GPU"), std::string::npos) << error.what();
    return;
  }
  GTEST_SKIP() << "this machine has a GPU";
}

TEST(Explain, CountsWhatTheInterpreterSees) {
  for (const Pattern &pattern :
       {patterns::localStride({.block = 16, .local = 3, .stride = 4}), patterns::twoRange({.block = 8}),
        patterns::prefix(77), patterns::slidingWindow(50)}) {
    Problem problem;
    problem.heads = problem.kvHeads = 4;
    problem.queries = 150;
    problem.keys = 333;
    Explanation explanation = explain(pattern, problem, {{32, 48}, false});
    Interpreter oracle(pattern, problem);
    int64_t pairs = 0;
    bool future = false;
    for (int64_t h = 0; h < 4; ++h)
      for (int64_t row = 0; row < 150; ++row)
        for (int64_t column = 0; column < 333; ++column)
          if (oracle.visible(0, h, row, column)) ++pairs, future |= column > row + 183;
    EXPECT_EQ(explanation.visiblePairs, pairs) << pattern.name;
    EXPECT_EQ(explanation.causal, !future) << pattern.name;
    EXPECT_EQ(explanation.tiles.empty + explanation.tiles.partial + explanation.tiles.full, 4 * 5 * 7);
  }
}

TEST(Attention, GivenConfigurationsAreChecked) {
  KernelConfig hopper;
  hopper.kernel = kHopperKernel;
  hopper.warps = 8;
  hopper.gather = 2;
  hopper.pingPong = true;
  auto error = [&](auto change, const std::string &arch = "sm_90a") {
    KernelConfig config = hopper;
    change(config);
    CompileOptions options{.kv_heads = 1, .value_dim = 128, .config = config, .use_cache = false};
    return messageOf([&] { compileKernel(Pattern("causal", query() >= key()), options, arch); },
                     ErrorKind::User);
  };
  EXPECT_EQ(error([](KernelConfig &) {}, "sm_80"), "hopper_forward is for sm_90a, not sm_80");
  EXPECT_EQ(error([](KernelConfig &c) { c.kernel = "fast"; }),
            "config.kernel is fast: expected portable_forward or hopper_forward");
  EXPECT_EQ(error([](KernelConfig &c) { c.tileQueries = 96; }),
            "config.tileQueries is 96: expected 64, 128 or 192 with hopper_forward");
  EXPECT_EQ(error([](KernelConfig &c) { c.warps = 4; }),
            "config.warps is 4: expected tileHeads * tileQueries / 16 with hopper_forward");
  EXPECT_EQ(error([](KernelConfig &c) { c.tileHeads = 2; }),
            "config.tileHeads is 2: expected 1 or more, tileHeads * tileQueries at most 192");
  EXPECT_EQ(error([](KernelConfig &c) { c.tileHeads = 2, c.tileQueries = 64; }),
            "config.tileHeads is 2: expected a divisor of the query heads of a KV head, which have one mask");
  EXPECT_EQ(
      error([](KernelConfig &c) { c.tileHeads = 2, c.tileQueries = 64, c.cluster = 2; }),
      "config.cluster is 2: expected 1, or 2 where a KV tile has two equal parts and a Q tile one head");
  EXPECT_EQ(error([](KernelConfig &c) { c.tileKeys = 40; }),
            "config.tileKeys is 40: expected a multiple of 16 up to 256");
  EXPECT_EQ(error([](KernelConfig &c) { c.gather = 5; }),
            "config.gather is 5: expected 1 or more, gather * tileKeys at most 256");
  EXPECT_EQ(error([](KernelConfig &c) { c.stages = 0; }), "config.stages is 0: expected 1 to 8");
  EXPECT_EQ(error([](KernelConfig &c) { c.tileQueries = 64, c.warps = 4; }),
            "config.pingPong is true: expected false with one warpgroup: it takes two to take turns");
  EXPECT_EQ(
      error([](KernelConfig &c) { c.cluster = 3; }),
      "config.cluster is 3: expected 1, or 2 where a KV tile has two equal parts and a Q tile one head");
  EXPECT_EQ(error([](KernelConfig &c) { c.alignBytes = 2; }),
            "config.alignBytes is 2: expected 16: TMA loads 16 bytes at least");
  EXPECT_NE(error([](KernelConfig &c) { c.stages = 8; }).find("bytes of shared memory, sm_90a has 232448"),
            std::string::npos);
  EXPECT_EQ(error([](KernelConfig &c) { c.kernel = kPortableKernel; }),
            "config.gather is 2: expected 1 with portable_forward");
  EXPECT_EQ(error([](KernelConfig &c) { c = {.sharedP = true}; }),
            "config.sharedP is true: expected false with portable_forward");
}

} // namespace
