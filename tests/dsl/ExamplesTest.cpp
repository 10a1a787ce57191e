// The pattern files under examples/ are the library's patterns: by hash and at every point.
#include "maskloom/dsl/Canonical.h"
#include "maskloom/dsl/Interpreter.h"
#include "maskloom/dsl/Parser.h"
#include "maskloom/dsl/Patterns.h"
#include "tests/support/ExpectMask.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

using namespace maskloom;
using maskloom::testing::squareProblem;

namespace {

const std::string kFolder = MASKLOOM_EXAMPLE_PATTERNS;

Pattern patternOf(const std::string &file, const std::string &name) {
  ParseResult result = parsePatternFile(kFolder + "/" + file);
  EXPECT_EQ(render(result.diagnostics), "");
  for (const Pattern &pattern : result.patterns)
    if (pattern.name == name) return pattern;
  ADD_FAILURE() << "no pattern '" << name << "' in " << file;
  return Pattern("missing", none());
}

// Heads and lengths that reach every range of the published block sizes would be too many points: rows and
// columns are sampled with steps that are prime to the blocks.
void expectEqual(const Pattern &file, const Pattern &library, Problem problem) {
  EXPECT_EQ(canonicalText(canonicalize(file)), canonicalText(canonicalize(library)));
  EXPECT_EQ(patternHash(canonicalize(file)), patternHash(canonicalize(library)));
  ASSERT_EQ(checkProblem(file, problem), std::vector<std::string>{});
  ASSERT_EQ(checkProblem(library, problem), std::vector<std::string>{});
  Interpreter a(file, problem), b(library, problem);
  int64_t visible = 0, hidden = 0;
  for (int64_t h = 0; h < problem.heads; ++h)
    for (int64_t row = 0; row < problem.queries; row += problem.queries > 500 ? 37 : 1)
      for (int64_t column = 0; column < problem.keys; column += problem.keys > 500 ? 11 : 1) {
        bool seen = a.visible(0, h, row, column);
        (seen ? visible : hidden) += 1;
        ASSERT_EQ(seen, b.visible(0, h, row, column)) << h << " " << row << " " << column;
        ASSERT_EQ(a.score(1.5, 0, h, row, column), b.score(1.5, 0, h, row, column));
      }
  EXPECT_GT(visible, 0);
  EXPECT_GT(hidden, 0);
}

} // namespace

TEST(Examples, AreTheLibrary) {
  expectEqual(patternOf("causal.mask", "causal"), patterns::causal(), squareProblem(40));
  expectEqual(patternOf("sliding_window.mask", "sliding_window"), patterns::slidingWindow(),
              squareProblem(3000));
  expectEqual(patternOf("sink_window.mask", "sink_window"), patterns::sinkWindow(), squareProblem(6000));
  expectEqual(patternOf("prefix.mask", "prefix"), patterns::prefix(), squareProblem(6000));
  expectEqual(patternOf("two_range.mask", "two_range"), patterns::twoRange(), squareProblem(12000, 3));
  expectEqual(patternOf("soft_cap.mask", "soft_cap"), patterns::softCap(), squareProblem(30));
}

TEST(Examples, LocalStrideWithItsOptions) {
  Pattern file = patternOf("s2_local_stride.mask", "s2_local_stride");
  expectEqual(file, patterns::localStride(), squareProblem(5000, 3));
  patterns::LocalStride options{.block = 16, .local = 3, .stride = 8, .headStep = 2, .offset = 1};
  Pattern library = patterns::localStride(options);
  Problem problem = squareProblem(400, 4, 2);
  problem.params = {{"block", 16}, {"local", 3}, {"stride", 8}, {"step", 2}, {"offset", 1}};
  Problem defaults = squareProblem(400, 4, 2);
  Interpreter a(file, problem), b(library, defaults);
  EXPECT_EQ(patternHash(canonicalize(file, problem.params)), patternHash(canonicalize(library)));
  for (int64_t h = 0; h < 4; ++h)
    for (int64_t row = 0; row < 400; row += 3)
      for (int64_t column = 0; column < 400; column += 5)
        ASSERT_EQ(a.visible(0, h, row, column), b.visible(0, h, row, column));
}

TEST(Examples, VariantsOfLocalStride) {
  Index q = query(), k = key(), h = head();
  Index qBlock = floordiv(q, 64), kBlock = floordiv(k, 64);
  Mask near = qBlock - kBlock < 16;
  auto file = [](const std::string &name) { return patternOf("s2_variants.mask", name); };
  expectEqual(file("s2_per_kv_head"), Pattern("p", q >= k && (near || (kBlock + kvHead()) % 16 == 0)),
              squareProblem(4000, 4, 2));
  expectEqual(file("s2_same_for_all"), Pattern("p", q >= k && (near || kBlock % 16 == 0)),
              squareProblem(4000));
  Layout dense;
  dense.heads(0, 11, near || (kBlock + h) % 16 == 0).heads(12, 15, all());
  expectEqual(file("s2_dense_heads"), Pattern("p", q >= k, dense), squareProblem(3000, 16, 4));
  expectEqual(file("s2_two_sided"),
              Pattern("p", abs(qBlock - kBlock) < 16 || (kBlock - qBlock + h) % 16 == 0),
              squareProblem(4000, 2));
}

TEST(Examples, Phi3Small) {
  Index q = query(), k = key();
  Param local("local", 16, 1, 4096);
  Pattern written("phi3", q >= k && (floordiv(q, 64) - floordiv(k, 64) < local ||
                                     (floordiv(k, 64) + kvHead() + 1) % 8 == 0));
  Pattern file = patternOf("phi3_small.mask", "phi3_small");
  Problem problem = squareProblem(3000, 8, 2);
  expectEqual(file, written, problem);
  // The library's general form has parameters of its own; it sees the same keys.
  Pattern library =
      patterns::localStride({.block = 64, .local = 16, .stride = 8, .offset = 1, .perKvHead = true});
  Interpreter a(file, problem), b(library, problem);
  for (int64_t row = 0; row < 3000; row += 37)
    for (int64_t column = 0; column <= row; column += 11)
      ASSERT_EQ(a.visible(0, 5, row, column), b.visible(0, 5, row, column));
}

TEST(Examples, Tensors) {
  Problem documents = squareProblem(50);
  documents.aux["doc"].extents = {1, 50};
  for (int32_t i = 0; i < 50; ++i) documents.aux["doc"].ints.push_back(i / 17);
  expectEqual(patternOf("documents.mask", "documents"), patterns::documents(), documents);

  Problem table = squareProblem(600, 2);
  table.aux["table"].extents = {2, 5, 5};
  for (int32_t i = 0; i < 50; ++i) table.aux["table"].ints.push_back(i * 7 % 3);
  expectEqual(patternOf("block_table.mask", "block_table"), patterns::blockTable(), table);

  Problem alibi = squareProblem(30, 2);
  alibi.aux["slope"] = {{2}, {}, {0.5f, 0.25f}};
  expectEqual(patternOf("alibi.mask", "alibi"), patterns::alibi(), alibi);
}

namespace {

// Every tensor of the pattern, large enough for the problem and filled with small numbers.
void fillTensors(const Pattern &pattern, Problem &problem) {
  uint64_t seed = 1;
  for (const auto &aux : pattern.auxes) {
    std::vector<int64_t> extents;
    for (const AuxAxis &axis : aux->axes) {
      using Kind = AuxAxis::Kind;
      int64_t tokens = ceilDiv(maskloom::testing::positionsOf(problem), axis.block);
      extents.push_back(axis.kind == Kind::Batch    ? problem.batch
                        : axis.kind == Kind::Head   ? problem.heads
                        : axis.kind == Kind::KvHead ? problem.kvHeads
                        : axis.kind == Kind::Fixed  ? axis.extent
                                                    : tokens);
    }
    problem.aux[aux->name] = aux->type == AuxType::I32 ? maskloom::testing::randomInts(extents, 0, 3, seed++)
                                                       : maskloom::testing::randomFloats(extents, seed++);
  }
}

struct Published {
  const char *file;
  const char *name;
  Pattern library;
  int64_t tokens;
};

std::vector<Published> published() {
  using namespace maskloom::patterns;
  using masks::SliceType;
  Space image({48, 80}), video({30, 48, 80});
  return {
      {"flashmask", "two_sided_documents", documents(false), 300},
      {"dilated_window", "dilated_window", dilatedWindow(), 2000},
      {"global_window", "global_window", globalWindow(), 900},
      {"duo", "duo", duo(), 700},
      {"attention_sink", "attention_sink", attentionSink(), 300},
      {"context_ranges", "context_ranges", contextRanges(), 9000},
      {"flashmask", "shared_question", sharedQuestion(), 50},
      {"flashmask", "prefix_documents", prefixDocuments(), 50},
      {"flashmask", "causal_blockwise", causalBlockwise(), 50},
      {"flashmask", "qk_sparse", qkSparse(), 50},
      {"flashmask", "hash_sparse", hashSparse(), 50},
      {"flashmask", "random_eviction", randomEviction(), 50},
      {"flashmask", "column_ranges", columnRanges(), 50},
      {"shared_prefix", "shared_prefix", sharedPrefix(), 3000},
      {"block_diffusion", "block_diffusion", blockDiffusion(), 2048},
      {"flamingo", "flamingo", flamingo(), 200},
      {"tree", "tree", treeAncestors(), 70},
      {"slices", "slices",
       slices({{0, 1024, 0, 1024, SliceType::Causal},
               {1024, 4096, 1024, 1280},
               {1024, 4096, 1024, 4096, SliceType::Causal}}),
       4096},
      {"slices", "slice_table", sliceTable(), 60},
      {"neighborhood", "neighborhood_1d",
       patterns::neighborhood({.window = {128}, .dilation = {4}, .causal = {true}}), 1500},
      {"neighborhood", "neighborhood_2d", patterns::neighborhood(image, {.window = {13}, .stride = {4}}),
       3840},
      {"neighborhood", "neighborhood_3d",
       patterns::neighborhood(video, {.window = {9, 12, 20},
                                      .stride = {1, 4, 4},
                                      .dilation = {1, 2, 2},
                                      .causal = {true, false, false}}),
       9000},
      {"sliding_tile", "sliding_tile_2d", patterns::slidingTile(image, {.window = {3, 5}, .tile = {8}}),
       3840},
      {"sliding_tile", "sliding_tile_3d",
       patterns::slidingTile(video,
                             {.window = {3, 3, 5}, .tile = {6, 8, 8}, .tileOrdered = true, .text = true}),
       9000},
      {"relative_bias", "relative_bias", relativeBias(), 300},
      {"sandwich", "sandwich", sandwich(), 100},
  };
}

} // namespace

TEST(Examples, PublishedPatternsAreTheLibrary) {
  for (const Published &example : published()) {
    SCOPED_TRACE(example.name);
    Pattern file = patternOf(std::string(example.file) + ".mask", example.name);
    EXPECT_EQ(file.space, example.library.space);
    Problem problem = squareProblem(example.tokens, 2, 1);
    if (example.tokens > 8000) problem.queries = 4000; // the far ranges
    fillTensors(file, problem);
    expectEqual(file, example.library, problem);
    if (HasFatalFailure()) return;
  }
}

TEST(Examples, ScoresThatHideNothing) {
  for (auto [file, name, library] :
       {std::tuple("relative_bias", "relative_bias_2d", patterns::relativeBias2d()),
        std::tuple("graph_bias", "graph_bias", patterns::graphBias())}) {
    Pattern pattern = patternOf(std::string(file) + ".mask", name);
    EXPECT_EQ(canonicalText(canonicalize(pattern)), canonicalText(canonicalize(library)));
    EXPECT_EQ(pattern.space, library.space);
  }
}

TEST(Examples, AHybridStackIncludesItsLayers) {
  Pattern sparse = patternOf("s2_hybrid.mask", "phi3_small"), dense = patternOf("s2_hybrid.mask", "causal");
  for (int64_t layer : {0, 1, 2, 3}) {
    Pattern expected = layer % 2 == 0 ? patternOf("phi3_small.mask", "phi3_small") : patterns::causal();
    EXPECT_EQ(patternHash(canonicalize(patterns::hybridLayer(sparse, layer))),
              patternHash(canonicalize(expected)));
  }
  EXPECT_EQ(patternHash(canonicalize(dense)), patternHash(canonicalize(patterns::causal())));
}

TEST(Examples, LengthsOfABatchAreNotPartOfThePattern) {
  Pattern file = patternOf("batch_lengths.mask", "batch_lengths");
  EXPECT_EQ(patternHash(canonicalize(file)), patternHash(canonicalize(patterns::causal())));
  Problem problem = squareProblem(10);
  problem.batch = 2;
  problem.queryLengths = {10, 2};
  problem.keyLengths = {10, 5};
  Interpreter interpreter(file, problem);
  EXPECT_TRUE(interpreter.visible(1, 0, 1, 4)) << "the last query of the second entry sees its last key";
  EXPECT_FALSE(interpreter.visible(1, 0, 0, 4));
  EXPECT_FALSE(interpreter.visible(1, 0, 1, 5));
}

TEST(Examples, EveryFileParses) {
  std::set<std::string> names;
  for (const auto &entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() != ".mask") continue;
    ParseResult result = parsePatternFile(entry.path().string());
    EXPECT_EQ(render(result.diagnostics), "");
    for (const Pattern &pattern : result.patterns)
      if (pattern.loc.file == entry.path().string()) { // not included
        EXPECT_TRUE(names.insert(pattern.name).second) << pattern.name << " in " << entry.path();
      }
  }
  EXPECT_GE(names.size(), 40u);
}

/// A year, 1900 to 2099, in a line.
static bool hasYear(const std::string &line) {
  const auto isDigit = [&](size_t i) { return i < line.size() && line[i] >= '0' && line[i] <= '9'; };
  for (size_t i = 0; i + 4 <= line.size(); ++i) {
    const std::string century = line.substr(i, 2);
    if ((century == "19" || century == "20") && isDigit(i + 2) && isDigit(i + 3) && !isDigit(i + 4))
      return true;
  }
  return false;
}

/// A comment says where a file's patterns come from: a name and a year.
TEST(Examples, NameTheirSources) {
  for (const auto &file : std::filesystem::directory_iterator(kFolder)) {
    if (file.path().extension() != ".mask") continue;
    std::ifstream in(file.path());
    bool named = false;
    for (std::string line; std::getline(in, line);) named |= line.starts_with('#') && hasYear(line);
    EXPECT_TRUE(named) << file.path();
  }
}
