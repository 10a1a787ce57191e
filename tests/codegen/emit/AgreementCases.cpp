#include "AgreementCases.h"

#include "IntervalPattern.h"
#include "ScorePattern.h"

#include "maskloom/dsl/Parser.h"
#include "maskloom/dsl/Patterns.h"
#include "maskloom/dsl/Print.h"
#include "tests/support/RandomPattern.h"
#include "tests/support/Seed.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

namespace maskloom::testing {

namespace {

constexpr uint64_t kSeed = 7;

/// Contents for every aux tensor of a pattern: floats in [-1, 1], document numbers that grow along token
/// axes, and zeros and ones for tensors of rank 3.
void fillAux(const Pattern &pattern, Problem &problem, uint64_t seed) {
  std::mt19937_64 random(seed);
  for (const auto &aux : pattern.auxes) {
    AuxValue value;
    int64_t size = 1;
    int64_t tokens = std::max(problem.queries, problem.keys);
    for (const AuxAxis &axis : aux->axes) {
      using Kind = AuxAxis::Kind;
      int64_t extent = axis.kind == Kind::Batch    ? problem.batch
                       : axis.kind == Kind::Head   ? problem.heads
                       : axis.kind == Kind::KvHead ? problem.kvHeads
                       : axis.kind == Kind::Fixed  ? axis.extent
                                                   : ceilDiv(tokens, axis.block);
      value.extents.push_back(extent);
      size *= extent;
    }
    int32_t document = 0;
    for (int64_t i = 0; i < size; i++) {
      if (aux->type == AuxType::F32) {
        value.floats.push_back(static_cast<float>(random() % 2001) / 1000.0f - 1.0f);
      } else if (value.extents.size() == 3) {
        value.ints.push_back(random() % 3 == 0);
      } else {
        document = i % value.extents.back() == 0 ? 0 : document + (random() % 30 == 0);
        value.ints.push_back(document);
      }
    }
    problem.aux[aux->name] = value;
  }
}

} // namespace

std::vector<Case> libraryCases() {
  using namespace patterns;
  LocalStride grouped;
  grouped.block = 16;
  grouped.local = 2;
  grouped.stride = 3;
  grouped.heads = 4;
  grouped.denseHeads = 1;
  LocalStride symmetric;
  symmetric.block = 16;
  symmetric.local = 2;
  symmetric.stride = 4;
  symmetric.causal = false;
  symmetric.perKvHead = true;
  TwoRange twoRangeOptions;
  twoRangeOptions.block = 8;
  twoRangeOptions.local = 2;
  twoRangeOptions.middle = 6;
  std::vector<Case> cases;
  uint64_t seed = kSeed;
  for (const Pattern &pattern :
       {causal(),
        slidingWindow(40),
        sinkWindow(5, 33),
        prefix(50),
        localStride(grouped),
        localStride(symmetric),
        twoRange(twoRangeOptions),
        documents(true),
        documents(false),
        blockTable(32, 16, false),
        blockTable(32, 16, true),
        alibi(),
        softCap(30.0),
        globalWindow(9, 23),
        sharedQuestion(),
        qkSparse(),
        columnRanges(),
        blockDiffusion(60, 8),
        flamingo(16),
        treeAncestors(24),
        sliceTable(3),
        patterns::neighborhood({.window = {17}, .stride = {3}, .dilation = {2}}),
        patterns::neighborhood(Space({11, 16}),
                               {.window = {5, 4}, .dilation = {1, 3}, .causal = {true, false}}),
        patterns::slidingTile(Space({12, 16}), {.window = {3, 1}, .tile = {3, 4}, .text = true}),
        relativeBias2d(11, 16),
        graphBias(9)}) {
    Problem problem;
    problem.batch = 2;
    problem.heads = 4;
    problem.kvHeads = 2;
    problem.queries = 150;
    problem.keys = 171;
    problem.queryLengths = {150, 61};
    problem.keyLengths = {171, 64};
    fillAux(pattern, problem, seed++);
    cases.push_back({pattern, problem, {32, 16}, pattern.name});
  }
  return cases;
}

std::vector<Case> randomCases(int first, int count) {
  std::vector<Case> cases;
  RandomOptions options;
  options.maxTokens = 130;
  options.maxHeads = 4;
  for (int i = first; i < first + count; i++) {
    RandomCase random = randomCase(seedOfThisRun(), static_cast<uint64_t>(i), options);
    cases.push_back(
        {random.pattern, random.problem, {random.tileQueries, random.tileKeys}, random.describe()});
  }
  return cases;
}

std::vector<Case> intervalCases(int first, int count) {
  std::vector<Case> cases;
  for (int i = first; i < first + count; i++) {
    IntervalCase random = intervalCase(seedOfThisRun(), static_cast<uint64_t>(i));
    cases.push_back(
        {random.pattern,
         random.problem,
         {32, 16},
         fmt::format("seed {}, interval pattern {}:\n{}", seedOfThisRun(), i, toText(random.pattern))});
  }
  return cases;
}

std::vector<Case> scoreCases(int first, int count) {
  std::vector<Case> cases;
  for (int i = first; i < first + count; i++) {
    const std::string text = scorePattern(kSeed, static_cast<uint64_t>(i));
    ParseResult parsed = parsePatterns(text, "score.mask");
    EXPECT_TRUE(parsed.ok()) << text << render(parsed.diagnostics);
    if (!parsed.ok()) continue;
    Problem problem;
    problem.heads = 4;
    problem.kvHeads = 2;
    problem.queries = 45;
    problem.keys = 75;
    problem.keyOffset = i % 3 == 0 ? 100000 : 0;
    problem.params["cap"] = 20;
    problem.params["near"] = 30;
    const Pattern pattern = parsed.patterns.at(0);
    fillAux(pattern, problem, static_cast<uint64_t>(i));
    cases.push_back({pattern, problem, {32, 16}, text, 10});
  }
  return cases;
}

} // namespace maskloom::testing
