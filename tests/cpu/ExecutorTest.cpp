// The executor on hand-written programs: schedules and lowered functions that need no pipeline.
#include "maskloom/cpu/Executor.h"
#include "maskloom/dsl/Patterns.h"
#include "tests/cpu/CheckForward.h"
#include "tests/cpu/LoweredModule.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <thread>

namespace maskloom {
namespace {

using testing::checkForward;
using testing::CheckOptions;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr const char *kCausal = "func.func @visible_0(%q: i32, %k: i32) -> i1 {\n"
                                "  %0 = arith.cmpi sge, %q, %k : i32\n  func.return %0 : i1\n}\n";

Affine affine(std::vector<Term> terms, int64_t constant) { return {std::move(terms), constant}; }

/// The exact runs of causal: T up to the tile of the last query, N from the tile of the first one.
Schedule causalSchedule(TileShape tile) {
  const int64_t m = tile.queries, n = tile.keys;
  Schedule schedule;
  schedule.tile = tile;
  std::vector<Term> first = {
      {Symbol::OuterTile, 0, m}, {Symbol::QueryOffset, 0, 1}, {Symbol::KeyOffset, 0, -1}};
  Run touched, notFull;
  touched.upper.push_back({affine(first, m - 1), n});
  notFull.lower.push_back({affine(first, 2 - n), n});
  schedule.touched.push_back(touched);
  schedule.notFull.push_back(notFull);
  return schedule;
}

std::unique_ptr<CpuExecutor> makeExecutor(const std::string &lowered, const Schedule &schedule,
                                          Program program = {}) {
  program.name = "handmade";
  HeadGroupProgram group;
  group.forward = schedule;
  program.groups.push_back(group);
  std::string error = testing::compileLowered(lowered, program);
  EXPECT_EQ(error, "");
  auto executor = CpuExecutor::create(program, error);
  EXPECT_EQ(error, "");
  return executor;
}

std::unique_ptr<CpuExecutor> causalExecutor(TileShape tile) {
  return makeExecutor(kCausal, causalSchedule(tile));
}

TEST(Executor, CausalAtEveryDtypeAndTile) {
  const Pattern pattern = patterns::causal();
  for (TileShape tile : {TileShape{64, 64}, {128, 32}, {16, 128}, {48, 80}}) {
    auto executor = causalExecutor(tile);
    for (DType dtype : {DType::f32, DType::bf16, DType::f16})
      for (int64_t tokens : {1, 15, 64, 150, 257}) {
        Problem problem;
        problem.heads = 2;
        problem.kvHeads = 1;
        problem.queries = problem.keys = tokens;
        CheckOptions options;
        options.dtype = dtype;
        EXPECT_EQ(checkForward(*executor, pattern, problem, options), "")
            << tile.queries << "x" << tile.keys << " " << tokens;
      }
  }
}

TEST(Executor, EveryHeadDim) {
  auto executor = causalExecutor({64, 64});
  const Pattern pattern = patterns::causal();
  Problem problem;
  problem.queries = problem.keys = 70;
  for (int64_t dim = 8; dim <= 256; dim += 8) {
    CheckOptions options;
    options.headDim = dim;
    options.valueDim = 264 - dim;
    EXPECT_EQ(checkForward(*executor, pattern, problem, options), "") << dim;
  }
}

TEST(Executor, UnequalLengthsOffsetsAndEmptyRows) {
  auto executor = causalExecutor({32, 32});
  const Pattern pattern = patterns::causal();
  for (auto [queries, keys] : {std::pair<int64_t, int64_t>{1, 100}, {40, 100}, {100, 40}, {100, 1}})
    for (int64_t keyOffset : {0, 13, -20})
      for (std::optional<int64_t> queryOffset :
           {std::optional<int64_t>(), std::optional<int64_t>(-7), std::optional<int64_t>(90)}) {
        Problem problem;
        problem.queries = queries;
        problem.keys = keys;
        problem.keyOffset = keyOffset;
        problem.queryOffset = queryOffset;
        EXPECT_EQ(checkForward(*executor, pattern, problem, {}), "")
            << queries << " " << keys << " " << keyOffset;
      }
}

TEST(Executor, LengthsPerBatchEntry) {
  auto executor = causalExecutor({32, 64});
  Problem problem;
  problem.batch = 4;
  problem.heads = 6;
  problem.kvHeads = 2;
  problem.queries = 100;
  problem.keys = 130;
  problem.queryLengths = {100, 1, 37, 0};
  problem.keyLengths = {130, 64, 0, 5};
  EXPECT_EQ(checkForward(*executor, patterns::causal(), problem, {}), "");
}

TEST(Executor, InvisibleKeysNeverMatter) {
  auto executor = causalExecutor({32, 64});
  Problem problem;
  problem.queries = problem.keys = 200;
  problem.heads = 2;
  for (float poison : {std::numeric_limits<float>::quiet_NaN(), kInf, -kInf})
    for (int64_t column : {0, 63, 64, 100, 199}) {
      CheckOptions options;
      options.poisoned = {column};
      options.poison = poison;
      EXPECT_EQ(checkForward(*executor, patterns::causal(), problem, options), "")
          << poison << " in " << column;
    }
}

TEST(Executor, ScoreAndSink) {
  AuxFloat slope("slope", {axis::head()}), sink("sink", {axis::head()});
  Pattern pattern = Pattern("alibi_sink", query() >= key());
  pattern.modifyScore(score() + slope(head()) * toScore(key() - query())).withSink(sink);
  Program program;
  program.hasScore = true;
  program.auxes = {{"slope", true, {{ProgramAux::Axis::Kind::Head, 1, 0}}},
                   {"sink", true, {{ProgramAux::Axis::Kind::Head, 1, 0}}}};
  program.sinkAux = 1;
  auto executor = makeExecutor(std::string(kCausal) + "func.func @score(%s: f32, %q: i32, %k: i32) -> f32 {\n"
                                                      "  %h = tile.symbol \"head\" : i32\n"
                                                      "  %slope = tile.aux_load 0[%h : i32] : f32\n"
                                                      "  %d = arith.subi %k, %q : i32\n"
                                                      "  %f = arith.sitofp %d : i32 to f32\n"
                                                      "  %b = arith.mulf %slope, %f : f32\n"
                                                      "  %0 = arith.addf %s, %b : f32\n"
                                                      "  func.return %0 : f32\n}",
                               causalSchedule({32, 48}), program);
  Problem problem;
  problem.heads = 4;
  problem.kvHeads = 2;
  problem.queries = 120; // the first 20 rows see nothing
  problem.keys = 100;
  problem.aux["slope"] = {{4}, {}, {0.5f, 0.25f, 0.0625f, 0}};
  problem.aux["sink"] = {{4}, {}, {0, 3, -kInf, 200}};
  EXPECT_EQ(checkForward(*executor, pattern, problem, {}), "");
}

TEST(Executor, SeveralThreadsAtOnce) {
  auto executor = causalExecutor({32, 32});
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (uint64_t t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        Problem problem;
        problem.heads = 2;
        problem.queries = problem.keys = static_cast<int64_t>(90 + 10 * t);
        CheckOptions options;
        options.seed = t;
        options.threads = 3;
        for (int repeat = 0; repeat < 5; ++repeat)
          if (!checkForward(*executor, patterns::causal(), problem, options).empty()) ++wrong;
      });
  }
  EXPECT_EQ(wrong, 0);
}

TEST(Executor, ThreadsDoNotChangeTheResult) {
  auto executor = causalExecutor({64, 64});
  const int64_t tokens = 300, dim = 64;
  std::vector<float> q(tokens * dim * 3), k = q, v = q;
  for (size_t i = 0; i < q.size(); ++i) {
    q[i] = std::sin(static_cast<float>(i));
    k[i] = std::sin(static_cast<float>(i * 7 + 1));
    v[i] = std::cos(static_cast<float>(i));
  }
  std::vector<std::vector<float>> outputs;
  for (unsigned threads : {1u, 2u, 5u, 0u}) {
    std::vector<float> o(q.size());
    CpuForwardArgs args;
    auto view = [&](std::vector<float> &t) { return HostTensor{t.data(), {0, tokens * dim, dim}}; };
    args.q = view(q), args.k = view(k), args.v = view(v), args.o = view(o);
    args.heads = args.kvHeads = 3;
    args.queries = args.keys = tokens;
    args.headDim = args.valueDim = dim;
    args.threads = threads;
    ASSERT_EQ(executor->forward(args), "");
    outputs.push_back(o);
  }
  for (const auto &output : outputs) EXPECT_EQ(output, outputs.front());
}

TEST(Executor, BadArguments) {
  auto executor = causalExecutor({64, 64});
  float memory[64] = {};
  auto run = [&](auto change) {
    CpuForwardArgs args;
    args.q.data = args.k.data = args.v.data = args.o.data = memory;
    change(args);
    return executor->forward(args);
  };
  int32_t length = 2;
  EXPECT_EQ(run([](CpuForwardArgs &) {}), "");
  EXPECT_EQ(run([](CpuForwardArgs &a) { a.k.data = nullptr; }), "q, k, v and o must not be null");
  EXPECT_EQ(run([](CpuForwardArgs &a) { a.heads = 3, a.kvHeads = 2; }),
            "3 heads are not a multiple of 2 KV heads");
  EXPECT_EQ(run([](CpuForwardArgs &a) { a.headDim = 12; }),
            "head dim 12 is not a multiple of 8 from 8 to 256");
  EXPECT_EQ(run([](CpuForwardArgs &a) { a.valueDim = 264; }),
            "head dim 264 is not a multiple of 8 from 8 to 256");
  EXPECT_EQ(run([](CpuForwardArgs &a) { a.params = {1}; }),
            "the program has 0 parameters, 1 values were given");
  EXPECT_EQ(run([&](CpuForwardArgs &a) { a.keyLengths = &length; }),
            "key length 2 of batch entry 0 is not in 0..1");
  EXPECT_EQ(run([&](CpuForwardArgs &a) { a.keys = 0; }),
            "batch, heads, KV heads, queries and keys must be at least 1, not 1, 1, 1, 1, 0");
  EXPECT_EQ(run([&](CpuForwardArgs &a) { a.keyOffset = INT64_C(1) << 31; }),
            "key positions 2147483648..2147483648 of batch entry 0 do not fit 32 bits");
  EXPECT_EQ(run([&](CpuForwardArgs &a) { a.hasQueryOffset = true, a.queryOffset = INT64_C(-1) << 40; }),
            "query positions -1099511627776..-1099511627776 of batch entry 0 do not fit 32 bits");

  std::string error;
  EXPECT_EQ(CpuExecutor::create(Program{}, error), nullptr);
  EXPECT_EQ(error, "program '' was not compiled for the CPU");
}

TEST(Executor, BadAuxTensors) {
  Program program;
  program.auxes = {{"sink", true, {{ProgramAux::Axis::Kind::Head, 1, 0}}}};
  program.sinkAux = 0;
  auto executor = makeExecutor(kCausal, causalSchedule({64, 64}), program);
  float memory[64] = {}, logits[2] = {};
  CpuForwardArgs args;
  args.q.data = args.k.data = args.v.data = args.o.data = memory;
  EXPECT_EQ(executor->forward(args), "the program has 1 aux tensors, 0 were given");
  args.aux = {{nullptr, {1, 0, 0}, {1, 1, 1}}};
  EXPECT_EQ(executor->forward(args), "aux tensor 'sink' is null");
  args.aux = {{logits, {1, 0, 0}, {0, 1, 1}}};
  EXPECT_EQ(executor->forward(args), "axis 0 of aux tensor 'sink' is empty");
  args.aux = {{logits, {1, 0, 0}, {2, 1, 1}}};
  args.heads = args.kvHeads = 3;
  EXPECT_EQ(executor->forward(args), "aux tensor 'sink' holds 2 sink logits for 3 heads");
}

} // namespace
} // namespace maskloom
