// Each library mask against its published definition, written as plain loops over positions.
#include "maskloom/dsl/Masks.h"
#include "maskloom/dsl/Patterns.h"
#include "tests/support/ExpectMask.h"

#include <cmath>
#include <set>

using namespace maskloom;
using namespace maskloom::testing;

namespace {

int64_t flooredDiv(int64_t a, int64_t b) { return int64_t(std::floor(double(a) / double(b))); }
int64_t flooredMod(int64_t a, int64_t b) { return a - b * flooredDiv(a, b); }
int64_t kvHeadOf(const Problem &p, int64_t h) { return h / (p.heads / p.kvHeads); }

// Over every corner problem, with what `prepare` adds to it; some point of some problem is visible, some is
// hidden.
void expectEverywhere(const Pattern &pattern, const MaskOracle &oracle,
                      const std::function<void(Problem &)> &prepare = nullptr, int64_t heads = 1,
                      int64_t kvHeads = 1) {
  int64_t visible = 0, all = 0;
  for (Problem problem : cornerProblems(heads, kvHeads)) {
    if (prepare) prepare(problem);
    visible += expectMask(pattern, problem, oracle);
    for (int64_t b = 0; b < problem.batch; ++b) all += heads * problem.queryLength(b) * problem.keyLength(b);
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(visible, 0) << pattern.name;
  EXPECT_LT(visible, all) << pattern.name;
}

} // namespace

TEST(Masks, DilatedWindow) {
  for (auto [window, dilation] : {std::pair<int64_t, int64_t>{4, 3}, {1, 7}, {9, 1}, {200, 2}})
    expectEverywhere(patterns::dilatedWindow(window, dilation),
                     [=](const Problem &, int64_t, int64_t, int64_t q, int64_t k) {
                       for (int64_t i = 0; i < window; ++i)
                         if (k == q - i * dilation) return true;
                       return false;
                     });
}

TEST(Masks, GlobalWindow) {
  expectEverywhere(patterns::globalWindow(3, 6), [](const Problem &, int64_t, int64_t, int64_t q, int64_t k) {
    return q < 3 || k < 3 || (k > q - 6 && k < q + 6);
  });
  expectEverywhere(Pattern("p", masks::globalWindow(3, 6, true)),
                   [](const Problem &, int64_t, int64_t, int64_t q, int64_t k) {
                     return k <= q && (q < 3 || k < 3 || k > q - 6);
                   });
}

TEST(Masks, Windows) {
  for (int64_t window : {0, 1, 3, 20})
    for (int64_t sink : {0, 2, 30}) {
      auto near = [=](int64_t q, int64_t k) { return k <= q && k > q - window; };
      if (window > 0)
        expectEverywhere(patterns::slidingWindow(window),
                         [=](const Problem &, int64_t, int64_t, int64_t q, int64_t k) { return near(q, k); });
      if (window + sink > 0)
        expectEverywhere(patterns::sinkWindow(sink, window),
                         [=](const Problem &, int64_t, int64_t, int64_t q, int64_t k) {
                           return near(q, k) || (k <= q && k < sink);
                         });
    }
}

TEST(Masks, Prefix) {
  for (int64_t prefix : {0, 7, 25})
    expectEverywhere(patterns::prefix(prefix), [=](const Problem &, int64_t, int64_t, int64_t q, int64_t k) {
      return k <= q || k < prefix;
    });
}

TEST(Masks, TwoRange) {
  expectEverywhere(
      patterns::twoRange({.block = 3, .local = 2, .middle = 7, .middleStride = 2, .farStride = 4}),
      [](const Problem &, int64_t, int64_t h, int64_t q, int64_t k) {
        if (k > q) return false;
        const int64_t distance = flooredDiv(q, 3) - flooredDiv(k, 3);
        return distance < 2 || flooredMod(flooredDiv(k, 3) + h, distance < 7 ? 2 : 4) == 0;
      },
      nullptr, 4, 2);
}

TEST(Masks, BlockTable) {
  auto table = [](Problem &p) {
    const int64_t end = positionsOf(p);
    p.aux["table"] = randomInts({p.heads, end / 5 + 1, end / 7 + 1}, 0, 2, 4);
  };
  expectEverywhere(
      patterns::blockTable(5, 7),
      [](const Problem &p, int64_t, int64_t h, int64_t q, int64_t k) {
        // A position before the first token reads the nearest entry.
        return intAt(p.aux.at("table"), {h, std::max<int64_t>(flooredDiv(q, 5), 0), flooredDiv(k, 7)}) != 0;
      },
      table, 3, 3);
}

TEST(Masks, Duo) {
  auto dense = [](Problem &p) { p.aux["dense"] = {{3}, {0, 1, 0}, {}}; };
  expectEverywhere(
      patterns::duo(4, 7),
      [](const Problem &p, int64_t, int64_t h, int64_t q, int64_t k) {
        return k <= q && (kvHeadOf(p, h) == 1 || k < 4 || k > q - 7);
      },
      dense, 6, 3);
}

TEST(Masks, AttentionSinkIsAWindowWithALogit) {
  Problem problem = problemOf(9, 9, 2, 2);
  problem.aux["logits"] = {{2}, {}, {0.5f, -3.0f}};
  Pattern pattern = patterns::attentionSink(4);
  expectMask(pattern, problem,
             [](const Problem &, int64_t, int64_t, int64_t q, int64_t k) { return k <= q && k > q - 4; });
  EXPECT_EQ(Interpreter(pattern, problem).sink(1), -3.0);
}

TEST(Masks, LocalStrideInAllItsVariants) {
  for (int64_t offset : {0, 1})
    for (int64_t step : {1, 3})
      for (bool perKvHead : {false, true})
        for (bool causal : {true, false}) {
          patterns::LocalStride options{.block = 5,
                                        .local = 2,
                                        .stride = 4,
                                        .headStep = step,
                                        .offset = offset,
                                        .perKvHead = perKvHead,
                                        .causal = causal};
          expectEverywhere(
              patterns::localStride(options),
              [=](const Problem &p, int64_t, int64_t h, int64_t q, int64_t k) {
                int64_t qBlock = flooredDiv(q, 5), kBlock = flooredDiv(k, 5);
                int64_t shard = (perKvHead ? kvHeadOf(p, h) : h) * step + offset;
                if (causal && k > q) return false;
                if (causal) return qBlock - kBlock < 2 || flooredMod(kBlock + shard, 4) == 0;
                return std::abs(qBlock - kBlock) < 2 || flooredMod(kBlock - qBlock + shard, 4) == 0;
              },
              nullptr, 4, 2);
        }
}

// step = max(1, stride / heads) where nothing else is said.
TEST(Masks, LocalStrideStepOfThePaper) {
  auto step = [](const patterns::LocalStride &options) {
    return patterns::localStride(options).findParam("step")->defaultValue;
  };
  EXPECT_EQ(step({.stride = 16}), 1) << "the number of heads is not known";
  EXPECT_EQ(step({.stride = 16, .heads = 4}), 4);
  EXPECT_EQ(step({.stride = 16, .heads = 32}), 1);
  EXPECT_EQ(step({.stride = 16, .perKvHead = true, .heads = 32, .kvHeads = 8}), 2);
  EXPECT_EQ(step({.stride = 16, .headStep = 3, .heads = 4}), 3);
}

TEST(Masks, LocalStrideDenseHeadsAndSameForAll) {
  patterns::LocalStride options{.block = 4,
                                .local = 1,
                                .stride = 8,
                                .headStep = 2,
                                .offset = 1,
                                .sameForAll = true,
                                .heads = 6,
                                .denseHeads = 2};
  expectEverywhere(
      patterns::localStride(options),
      [](const Problem &, int64_t, int64_t h, int64_t q, int64_t k) {
        return k <= q &&
               (h >= 4 || flooredDiv(q, 4) == flooredDiv(k, 4) || flooredMod(flooredDiv(k, 4) + 1, 8) == 0);
      },
      nullptr, 6, 3);
}

TEST(Masks, ContextRanges) {
  patterns::ContextRanges options{
      .block = 3, .ranges = {{1, 2}, {2, 5}, {5, 12}}, .headStep = 2, .offset = 1};
  expectEverywhere(
      patterns::contextRanges(options),
      [](const Problem &, int64_t, int64_t h, int64_t q, int64_t k) {
        if (k > q) return false;
        int64_t distance = flooredDiv(q, 3) - flooredDiv(k, 3);
        int64_t stride = distance < 2 ? 1 : distance < 5 ? 2 : distance < 12 ? 5 : 0;
        return stride != 0 && flooredMod(flooredDiv(k, 3) + h * 2 + 1, stride) == 0;
      },
      nullptr, 4, 2);
}

TEST(Masks, HybridLayers) {
  Pattern sparse = patterns::slidingWindow(3);
  EXPECT_EQ(patterns::hybridLayer(sparse, 0).name, "sliding_window");
  EXPECT_EQ(patterns::hybridLayer(sparse, 1).name, "causal");
  EXPECT_EQ(patterns::hybridLayer(sparse, 4, 3).name, "sliding_window");
  EXPECT_EQ(patterns::hybridLayer(sparse, 5, 3).name, "causal");
}

// What makes a pattern cheap to serve: a key that a head once drops never comes back, so its KV entry can be
// freed.
TEST(Masks, CausalShardsAreKvCacheEfficient) {
  Problem problem = problemOf(160, 160, 4, 2);
  problem.aux["dense"] = {{2}, {0, 1}, {}};
  for (const Pattern &pattern :
       {patterns::localStride({.block = 4, .local = 3, .stride = 4}),
        patterns::localStride(
            {.block = 8, .local = 2, .stride = 6, .headStep = 2, .offset = 1, .perKvHead = true}),
        patterns::contextRanges({.block = 4, .ranges = {{1, 3}, {2, 8}, {4, 30}}}), patterns::duo(4, 16)}) {
    Interpreter interpreter(pattern, problem);
    for (int64_t h = 0; h < problem.heads; ++h)
      for (int64_t k = 0; k < problem.keys; ++k) {
        bool dropped = false;
        for (int64_t q = k; q < problem.queries; ++q) {
          bool seen = interpreter.visible(0, h, q, k);
          ASSERT_FALSE(dropped && seen) << pattern.name << " h=" << h << " q=" << q << " k=" << k;
          dropped |= !seen;
        }
      }
  }
}

TEST(Masks, Documents) {
  auto tensors = [](Problem &p) {
    int64_t end = positionsOf(p);
    p.aux["doc"] = randomInts({p.batch, end}, 0, 3, 7);
    p.aux["sequence"] = p.aux["doc"];
    p.aux["answer"] = randomInts({p.batch, end}, 0, 2, 8);
    p.aux["prefix_end"] = randomInts({p.batch, end}, 0, 40, 9);
    p.aux["block"] = randomInts({p.batch, end}, 0, 4, 10);
    p.aux["final_begin"] = randomInts({p.batch}, 5, 40, 11);
  };
  auto value = [](const Problem &p, const char *name, int64_t b, int64_t i) {
    return intAt(p.aux.at(name), {b, i});
  };
  for (bool causal : {true, false})
    expectEverywhere(
        patterns::documents(causal),
        [=](const Problem &p, int64_t b, int64_t, int64_t q, int64_t k) {
          return value(p, "doc", b, q) == value(p, "doc", b, k) && (!causal || k <= q);
        },
        tensors);
  expectEverywhere(
      patterns::sharedPrefix(6),
      [=](const Problem &p, int64_t b, int64_t, int64_t q, int64_t k) {
        if (k > q) return false;
        return k < 6 || value(p, "sequence", b, q) == value(p, "sequence", b, k);
      },
      tensors);
  expectEverywhere(
      patterns::sharedQuestion(),
      [=](const Problem &p, int64_t b, int64_t, int64_t q, int64_t k) {
        if (k > q || value(p, "doc", b, q) != value(p, "doc", b, k)) return false;
        int64_t answer = value(p, "answer", b, k);
        return answer == 0 || answer == value(p, "answer", b, q);
      },
      tensors);
  expectEverywhere(
      patterns::prefixDocuments(),
      [=](const Problem &p, int64_t b, int64_t, int64_t q, int64_t k) {
        if (value(p, "doc", b, q) != value(p, "doc", b, k)) return false;
        return k <= q || k < value(p, "prefix_end", b, k);
      },
      tensors);
  expectEverywhere(
      patterns::causalBlockwise(),
      [=](const Problem &p, int64_t b, int64_t, int64_t q, int64_t k) {
        if (k > q) return false;
        return q >= p.aux.at("final_begin").ints[size_t(b)] ||
               value(p, "block", b, q) == value(p, "block", b, k);
      },
      tensors);
}

TEST(Masks, DroppedQueriesAndKeys) {
  auto tensors = [](Problem &p) {
    int64_t end = positionsOf(p);
    p.aux["keep_query"] = randomInts({p.batch, p.heads, end}, 0, 1, 1);
    p.aux["keep_key"] = randomInts({p.batch, p.heads, end}, 0, 1, 2);
    p.aux["bucket_of_query"] = randomInts({p.batch, p.heads, end}, 0, 3, 3);
    p.aux["bucket_of_key"] = randomInts({p.batch, p.heads, end}, 0, 3, 4);
    p.aux["evicted_at"] = randomInts({p.batch, p.kvHeads, end}, 0, 60, 5);
    for (const char *name : {"lower_begin", "lower_end", "upper_begin", "upper_end"})
      p.aux[name] = randomInts({p.batch, end}, -5, 50, uint64_t(name[0] + name[6]));
  };
  auto of = [](const Problem &p, const char *name, int64_t b, int64_t h, int64_t i) {
    return intAt(p.aux.at(name), {b, h, i});
  };
  auto everywhere = [&](const Pattern &pattern, const MaskOracle &oracle) {
    expectEverywhere(pattern, oracle, tensors, 4, 2);
  };
  everywhere(patterns::qkSparse(), [=](const Problem &p, int64_t b, int64_t h, int64_t q, int64_t k) {
    return k <= q && of(p, "keep_query", b, h, q) == 1 && of(p, "keep_key", b, h, k) == 1;
  });
  everywhere(patterns::hashSparse(), [=](const Problem &p, int64_t b, int64_t h, int64_t q, int64_t k) {
    return k <= q && of(p, "bucket_of_query", b, h, q) == of(p, "bucket_of_key", b, h, k);
  });
  everywhere(patterns::randomEviction(), [=](const Problem &p, int64_t b, int64_t h, int64_t q, int64_t k) {
    if (q >= of(p, "evicted_at", b, kvHeadOf(p, h), k)) return false;
    return k <= q;
  });
  everywhere(patterns::columnRanges(), [](const Problem &p, int64_t b, int64_t, int64_t q, int64_t k) {
    auto bound = [&](const char *name) { return intAt(p.aux.at(name), {b, k}); };
    for (int64_t hidden = bound("lower_begin"); hidden < bound("lower_end"); ++hidden)
      if (hidden == q) return false;
    for (int64_t hidden = bound("upper_begin"); hidden < bound("upper_end"); ++hidden)
      if (hidden == q) return false;
    return true;
  });
}

// The three parts of the published mask: block diagonal, offset block causal, block causal.
TEST(Masks, BlockDiffusion) {
  for (auto [tokens, block] : {std::pair<int64_t, int64_t>{24, 4}, {23, 5}, {26, 1}, {20, 64}})
    expectMask(patterns::blockDiffusion(tokens, block), problemOf(2 * tokens, 2 * tokens),
               [=](const Problem &, int64_t, int64_t, int64_t q, int64_t k) {
                 bool noisedQuery = q < tokens, noisedKey = k < tokens;
                 int64_t x = (q % tokens) / block, y = (k % tokens) / block;
                 bool diagonal = x == y && noisedQuery && noisedKey;
                 bool offsetCausal = x > y && noisedQuery && !noisedKey;
                 bool causal = x >= y && !noisedQuery && !noisedKey;
                 return diagonal || offsetCausal || causal;
               });
}

TEST(Masks, Flamingo) {
  Problem problem = problemOf(20, 4 * 6);
  problem.queryOffset = 0;
  std::vector<int32_t> image = {0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4};
  problem.aux["image"] = {{1, 20}, image, {}};
  int64_t visible = expectMask(patterns::flamingo(6), problem,
                               [&](const Problem &, int64_t, int64_t, int64_t q, int64_t k) {
                                 int64_t last = image[size_t(q)]; // counted from 1
                                 return last > 0 && k >= (last - 1) * 6 && k < last * 6;
                               });
  EXPECT_EQ(visible, 18 * 6) << "the first two tokens see nothing";
}

// A tree of drafts given by the parents of its nodes.
TEST(Masks, TreeAncestors) {
  const std::vector<int> parent = {-1, 0, 0, 1, 1, 2, 4};
  const int64_t nodes = int64_t(parent.size());
  std::vector<std::set<int64_t>> path(parent.size());
  for (size_t i = 0; i < parent.size(); ++i)
    for (int at = int(i); at >= 0; at = parent[size_t(at)]) path[i].insert(at);
  for (int64_t context : {0, 1, 30}) {
    Problem problem = problemOf(nodes, context + nodes);
    AuxValue table{{1, 9, 9}, std::vector<int32_t>(81, 0), {}}; // larger than the tree
    for (int64_t i = 0; i < nodes; ++i)
      for (int64_t j : path[size_t(i)]) table.ints[size_t(i * 9 + j)] = 1;
    problem.aux["ancestor"] = table;
    expectMask(patterns::treeAncestors(9), problem,
               [&](const Problem &, int64_t, int64_t, int64_t q, int64_t k) {
                 return k < context || path[size_t(q - context)].count(k - context) == 1;
               });
  }
}

TEST(Masks, MagiAttentionSlices) {
  using masks::SliceType;
  const std::vector<patterns::Slice> slices = {{0, 10, 0, 15, SliceType::Causal},
                                               {10, 30, 5, 20, SliceType::InverseCausal},
                                               {30, 41, 22, 40, SliceType::BiCausal},
                                               {41, 53, 0, 9, SliceType::Full},
                                               {7, 7, 0, 50, SliceType::Full}};
  // Causal: counted from the ends, inverse: from the beginnings.
  MaskOracle oracle = [&](const Problem &, int64_t, int64_t, int64_t q, int64_t k) {
    for (const patterns::Slice &s : slices) {
      if (q < s.queryBegin || q >= s.queryEnd || k < s.keyBegin || k >= s.keyEnd) continue;
      bool causal = k - (s.keyEnd - 1) <= q - (s.queryEnd - 1), inverse = k - s.keyBegin >= q - s.queryBegin;
      bool wantsCausal = s.type == SliceType::Causal || s.type == SliceType::BiCausal;
      bool wantsInverse = s.type == SliceType::InverseCausal || s.type == SliceType::BiCausal;
      if ((causal || !wantsCausal) && (inverse || !wantsInverse)) return true;
    }
    return false;
  };
  expectEverywhere(patterns::slices(slices), oracle);
  expectEverywhere(patterns::sliceTable(6), oracle, [&](Problem &p) {
    AuxValue table{{6, 5}, std::vector<int32_t>(30, 0), {}}; // one slice is empty
    for (size_t i = 0; i < slices.size(); ++i) {
      const patterns::Slice &s = slices[i];
      int64_t row[] = {s.queryBegin, s.queryEnd, s.keyBegin, s.keyEnd, int64_t(s.type)};
      for (size_t j = 0; j < 5; ++j) table.ints[i * 5 + j] = int32_t(row[j]);
    }
    p.aux["slice"] = table;
  });
  Problem problem = problemOf(5, 5);
  EXPECT_EQ(expectMask(patterns::slices({}), problem, [](auto &&...) { return false; }), 0);
}

TEST(Masks, TensorsOfOtherShapes) {
  // The same mask with an entry a head, and with one entry for two tokens.
  AuxInt perHead("doc", {axis::batch(), axis::head(), axis::query()});
  expectEverywhere(
      Pattern("p", masks::documents(perHead)),
      [](const Problem &p, int64_t b, int64_t h, int64_t q, int64_t k) {
        return k <= q && intAt(p.aux.at("doc"), {b, h, q}) == intAt(p.aux.at("doc"), {b, h, k});
      },
      [](Problem &p) { p.aux["doc"] = randomInts({p.batch, p.heads, positionsOf(p)}, 0, 2, 1); }, 2, 2);
  AuxInt perPair("doc", {axis::query(2)});
  expectEverywhere(
      Pattern("p", masks::documents(perPair)),
      [](const Problem &p, int64_t, int64_t, int64_t q, int64_t k) {
        return k <= q &&
               intAt(p.aux.at("doc"), {flooredDiv(q, 2)}) == intAt(p.aux.at("doc"), {flooredDiv(k, 2)});
      },
      [](Problem &p) { p.aux["doc"] = randomInts({positionsOf(p) / 2 + 1}, 0, 2, 1); });
}

TEST(Masks, TensorsThatDoNotFitAreErrors) {
  auto errors = [](const Mask &mask) {
    std::string text;
    for (const Diagnostic &d : checkPattern(Pattern("p", mask))) text += d.message + " | " + d.hint + "\n";
    return text;
  };
  AuxInt perBatch("x", {axis::batch()}), fixed("x", {axis::fixed(4)}), token("x", {axis::query()});
  EXPECT_EQ(
      errors(masks::sharedPrefix(3, perBatch)),
      "the tensor 'x' must have one entry a token | give it an axis q or k, besides b, h or kvh: 'aux x[b, "
      "q]: i32;'\n"
      "the tensor 'x' must have one entry a token | give it an axis q or k, besides b, h or kvh: 'aux x[b, "
      "q]: i32;'\n");
  EXPECT_EQ(
      errors(masks::randomEviction(fixed)),
      "the tensor 'x' must have one entry a token | give it an axis q or k, besides b, h or kvh: 'aux x[b, "
      "q]: i32;'\n");
  EXPECT_EQ(errors(masks::duo(token, 3, 4)),
            "the tensor 'x' must have one entry a head or batch entry | its axes may be b, h and kvh\n");
  EXPECT_EQ(
      errors(masks::treeAncestors(token)),
      "the tensor 'x' must hold one entry for two nodes | give it two axes of fixed extent, besides b, h or "
      "kvh: 'aux x[b, 64, 64]: i32;'\n");
}
