// Whole patterns: declaration, pipeline, object, executor, against the dense reference.
#include "maskloom/codegen/Compile.h"
#include "maskloom/cpu/Executor.h"
#include "maskloom/dsl/Patterns.h"
#include "tests/cpu/CheckForward.h"
#include "tests/support/RandomPattern.h"
#include "tests/support/Seed.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <limits>

namespace maskloom {
namespace {

using testing::checkForward;
using testing::CheckOptions;

std::unique_ptr<CpuExecutor> compileForCpu(const Pattern &pattern, TileShape tile,
                                           const std::map<std::string, int64_t> &values = {}) {
  CodegenOptions options;
  options.config.tileQueries = static_cast<int32_t>(tile.queries);
  options.config.tileKeys = static_cast<int32_t>(tile.keys);
  options.cuda = false;
  options.cpu = true;
  for (const auto &param : constantParams(pattern))
    if (auto value = values.find(param->name); value != values.end()) options.constants.insert(*value);
  CodegenResult result = generate(pattern, options);
  EXPECT_EQ(result.internalError, "");
  EXPECT_TRUE(result.program) << render(result.diagnostics);
  if (!result.program) return nullptr;
  std::string error;
  auto executor = CpuExecutor::create(*result.program, error);
  EXPECT_EQ(error, "");
  return executor;
}

/// The shapes every pattern must get right.
std::vector<Problem> problems() {
  std::vector<Problem> all;
  auto add = [&](int64_t heads, int64_t kvHeads, int64_t queries, int64_t keys) -> Problem & {
    Problem problem;
    problem.heads = heads;
    problem.kvHeads = kvHeads;
    problem.queries = queries;
    problem.keys = keys;
    return all.emplace_back(problem);
  };
  add(2, 2, 200, 200);
  add(4, 2, 133, 133);
  add(4, 1, 1, 150);  // decode
  add(2, 1, 40, 170); // chunked prefill
  add(2, 2, 90, 50);  // empty rows under causal
  add(2, 2, 100, 130).keyOffset = 64;
  add(2, 2, 64, 128).queryOffset = 300;
  Problem &ragged = add(4, 2, 120, 160);
  ragged.batch = 3;
  ragged.queryLengths = {120, 33, 1};
  ragged.keyLengths = {160, 97, 0};
  return all;
}

/// Fills every aux tensor of the pattern: documents of 37 tokens, block tables with a third of the blocks,
/// slopes and logits per head.
void fillAux(const Pattern &pattern, Problem &problem) {
  int64_t firstKey = problem.keyOffset, end = 1;
  for (int64_t b = 0; b < problem.batch; ++b)
    end = std::max({end, problem.queryLength(b) + problem.queryOffsetOf(b), problem.keyLength(b) + firstKey});
  for (const auto &decl : pattern.auxes) {
    AuxValue value;
    int64_t size = 1;
    for (const AuxAxis &axis : decl->axes) {
      int64_t extent = axis.extent;
      switch (axis.kind) {
      case AuxAxis::Kind::Batch: extent = problem.batch; break;
      case AuxAxis::Kind::Head: extent = problem.heads; break;
      case AuxAxis::Kind::KvHead: extent = problem.kvHeads; break;
      case AuxAxis::Kind::Query:
      case AuxAxis::Kind::Key: extent = ceilDiv(end, axis.block); break;
      case AuxAxis::Kind::Fixed: break;
      }
      value.extents.push_back(extent);
      size *= extent;
    }
    for (int64_t i = 0; i < size; ++i) {
      if (decl->type == AuxType::F32)
        value.floats.push_back(0.5f / static_cast<float>(1 + i));
      else if (decl->axes.size() == 3)
        value.ints.push_back((i * 2654435761u >> 7) % 3 == 0 ? 1 : 0);
      else
        value.ints.push_back(static_cast<int32_t>(i / 37));
    }
    problem.aux[decl->name] = std::move(value);
  }
}

void checkPatternEverywhere(const Pattern &pattern, const std::map<std::string, int64_t> &params = {},
                            int64_t heads = 0) {
  for (TileShape tile : {TileShape{64, 64}, {32, 48}, {128, 16}}) {
    auto executor = compileForCpu(pattern, tile, params);
    ASSERT_TRUE(executor) << pattern.name;
    CheckOptions options;
    for (Problem &problem : problems()) {
      if (heads) problem.heads = heads, problem.kvHeads = heads / 2;
      // A load by position must stay inside its tensor: no position before the first.
      if (!pattern.auxes.empty() && (problem.queries > problem.keys)) problem.queryOffset = 0;
      fillAux(pattern, problem);
      problem.params = params;
      options.dtype = static_cast<DType>((static_cast<int>(options.dtype) + 1) % 3);
      options.headDim = options.headDim == 16 ? 24 : 16;
      options.seed++;
      EXPECT_EQ(checkForward(*executor, pattern, problem, options), "")
          << pattern.name << " " << tile.queries << "x" << tile.keys << ": " << problem.batch << " x "
          << problem.heads << " x " << problem.queries << " x " << problem.keys;
    }
  }
}

TEST(Pipeline, Causal) { checkPatternEverywhere(patterns::causal()); }
TEST(Pipeline, Everything) { checkPatternEverywhere(Pattern("all", all())); }
TEST(Pipeline, Nothing) { checkPatternEverywhere(Pattern("none", none())); }
TEST(Pipeline, SlidingWindow) {
  for (int64_t window : {0, 1, 50, 1000})
    checkPatternEverywhere(patterns::slidingWindow(17), {{"window", window}});
}
TEST(Pipeline, SinkWindow) { checkPatternEverywhere(patterns::sinkWindow(5, 40)); }
TEST(Pipeline, Prefix) { checkPatternEverywhere(patterns::prefix(70)); }
TEST(Pipeline, LocalStride) {
  patterns::LocalStride options;
  options.block = 16;
  options.local = 2;
  options.stride = 3;
  checkPatternEverywhere(patterns::localStride(options));
  checkPatternEverywhere(patterns::localStride(options), {{"block", 24}, {"stride", 5}, {"local", 1}});
  options.perKvHead = true;
  options.offset = 1;
  checkPatternEverywhere(patterns::localStride(options));
  options.causal = false;
  checkPatternEverywhere(patterns::localStride(options));
  options.causal = true;
  options.sameForAll = true;
  checkPatternEverywhere(patterns::localStride(options));
}
TEST(Pipeline, LocalStrideWithDenseHeads) {
  patterns::LocalStride options;
  options.block = 16;
  options.local = 1;
  options.stride = 4;
  options.heads = 6;
  options.denseHeads = 2;
  checkPatternEverywhere(patterns::localStride(options), {}, 6);
}
TEST(Pipeline, TwoRange) {
  patterns::TwoRange options;
  options.block = 8;
  options.local = 2;
  options.middle = 8;
  options.middleStride = 3;
  options.farStride = 5;
  checkPatternEverywhere(patterns::twoRange(options));
}
TEST(Pipeline, Documents) {
  checkPatternEverywhere(patterns::documents());
  checkPatternEverywhere(patterns::documents(false));
}
TEST(Pipeline, BlockTable) {
  checkPatternEverywhere(patterns::blockTable(32, 16));
  checkPatternEverywhere(patterns::blockTable(16, 48, true));
}
TEST(Pipeline, WindowsOfTheLibrary) {
  checkPatternEverywhere(patterns::dilatedWindow(9, 3));
  checkPatternEverywhere(patterns::globalWindow(9, 23));
  checkPatternEverywhere(patterns::duo(5, 20));
  checkPatternEverywhere(patterns::attentionSink(33));
  checkPatternEverywhere(patterns::contextRanges({.block = 8, .ranges = {{1, 2}, {3, 9}, {5, 40}}}));
}
TEST(Pipeline, DocumentsAndTablesOfTheLibrary) {
  using namespace patterns;
  for (const Pattern &pattern :
       {sharedPrefix(20), sharedQuestion(), prefixDocuments(), causalBlockwise(), qkSparse(), hashSparse(),
        randomEviction(), columnRanges(), blockDiffusion(60, 8), flamingo(16), treeAncestors(24)})
    checkPatternEverywhere(pattern);
}
TEST(Pipeline, Slices) {
  using masks::SliceType;
  checkPatternEverywhere(patterns::slices({{0, 30, 0, 60, SliceType::Causal},
                                           {20, 90, 10, 100, SliceType::InverseCausal},
                                           {90, 130, 0, 200, SliceType::BiCausal}}));
  checkPatternEverywhere(patterns::sliceTable(6));
}
TEST(Pipeline, Neighborhood) {
  auto over = [](std::vector<int64_t> extents, const masks::Neighborhood &options) {
    checkPatternEverywhere(patterns::neighborhood(Space(std::move(extents)), options));
  };
  checkPatternEverywhere(patterns::neighborhood({.window = {17}, .stride = {3}, .dilation = {2}}));
  checkPatternEverywhere(patterns::neighborhood({.window = {17}, .stride = {4}, .causal = {true}}));
  over({14, 15}, {.window = {5, 4}, .stride = {2, 1}, .dilation = {1, 3}, .causal = {true, false}});
  over({5, 6, 7}, {.window = {2, 3, 4}, .stride = {1, 2, 3}});
}
TEST(Pipeline, SlidingTile) {
  checkPatternEverywhere(patterns::slidingTile(Space({12, 16}), {.window = {3, 1}, .tile = {3, 4}}));
  checkPatternEverywhere(patterns::slidingTile(
      Space({4, 6, 8}), {.window = {1, 3, 3}, .tile = {2, 2, 2}, .tileOrdered = true, .text = true}));
}
TEST(Pipeline, BiasTables) {
  checkPatternEverywhere(patterns::relativeBias(20));
  checkPatternEverywhere(patterns::relativeBias2d(12, 16));
  checkPatternEverywhere(patterns::sandwich(200));
  checkPatternEverywhere(patterns::graphBias(9));
}
TEST(Pipeline, Alibi) { checkPatternEverywhere(patterns::alibi()); }
TEST(Pipeline, SoftCap) { checkPatternEverywhere(patterns::softCap(1.5)); }
TEST(Pipeline, Sink) {
  AuxFloat logits("logits", {axis::head()});
  Index q = query(), k = key();
  Pattern pattern("sink", q >= k && q - k < 20);
  checkPatternEverywhere(pattern.withSink(logits));
}

TEST(Pipeline, InvisibleKeysNeverMatter) {
  patterns::LocalStride options;
  options.block = 8;
  options.local = 1;
  options.stride = 4;
  const Pattern pattern = patterns::localStride(options);
  auto executor = compileForCpu(pattern, {32, 32});
  ASSERT_TRUE(executor);
  Problem problem;
  problem.heads = 4;
  problem.queries = problem.keys = 170;
  problem.kvHeads = 4;
  for (float poison : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    CheckOptions check;
    check.poisoned = {3, 64, 100};
    check.poison = poison;
    EXPECT_EQ(checkForward(*executor, pattern, problem, check), "");
  }
}

TEST(Pipeline, NewLengthsAndParametersNeedNoNewProgram) {
  const Pattern pattern = patterns::slidingWindow(64);
  auto executor = compileForCpu(pattern, {64, 32});
  ASSERT_TRUE(executor);
  for (int64_t tokens : {1, 31, 64, 100, 259})
    for (int64_t window : {1, 2, 33, 64, 500}) {
      Problem problem;
      problem.queries = problem.keys = tokens;
      problem.params["window"] = window;
      EXPECT_EQ(checkForward(*executor, pattern, problem, {}), "") << tokens << " " << window;
    }
}

class RandomPipeline : public ::testing::TestWithParam<int> {};

TEST_P(RandomPipeline, AgreesWithTheReference) {
  const uint64_t seed = testing::seedOfThisRun();
  const int cases = testing::casesOfThisRun(2000) / 4;
  testing::RandomOptions options;
  options.maxTokens = 150;
  options.maxHeads = 4;
  for (int i = 0; i < cases; ++i) {
    testing::RandomCase c = testing::randomCase(seed, static_cast<uint64_t>(GetParam() * cases + i), options);
    auto executor = compileForCpu(c.pattern, {c.tileQueries, c.tileKeys}, c.problem.params);
    ASSERT_TRUE(executor) << c.describe();
    CheckOptions check;
    check.headDim = check.valueDim = 8;
    EXPECT_EQ(checkForward(*executor, c.pattern, c.problem, check), "") << c.describe();
  }
}

INSTANTIATE_TEST_SUITE_P(Quarters, RandomPipeline, ::testing::Range(0, 4));

TEST(Pipeline, CompileTime) {
  const Pattern pattern = patterns::localStride();
  compileForCpu(pattern, {128, 64});
  CodegenOptions options;
  options.cuda = false;
  options.cpu = true;
  auto start = std::chrono::steady_clock::now();
  CodegenResult result = generate(pattern, options);
  double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  ASSERT_TRUE(result.program);
  std::printf("%s: %.1f ms from the pattern to the object of %zu bytes\n", pattern.name.c_str(), ms,
              result.program->cpuObject.size());
  EXPECT_LT(ms, 1000); // many times the usual, for a busy machine
}

} // namespace
} // namespace maskloom
