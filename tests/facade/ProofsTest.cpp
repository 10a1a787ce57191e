// Proofs and counts through the public API.
#include "maskloom/dsl/Patterns.h"
#include "maskloom/facade/Error.h"
#include "maskloom/facade/Explain.h"
#include "tests/support/ProblemOf.h"

#include <gtest/gtest.h>

namespace maskloom {
namespace {

using enum ProofStatus;
using testing::squareProblem;

TEST(Proofs, OverParametersAndAtTheGivenOnes) {
  PatternProofs proofs = prove(patterns::slidingWindow(100), squareProblem(1, 2));
  EXPECT_EQ(proofs.causal.proof.status, Proved);
  EXPECT_FALSE(proofs.causal.given); // holds for all of them
  ASSERT_EQ(proofs.rowsNonempty.proof.status, Refuted);
  EXPECT_EQ(proofs.rowsNonempty.proof.counterexample->params, std::vector<int64_t>{0});
  ASSERT_TRUE(proofs.rowsNonempty.given);
  EXPECT_EQ(proofs.rowsNonempty.given->status, Proved);
  EXPECT_EQ(proofs.context, ProofContext::Causal);
  ASSERT_TRUE(proofs.headsCoverContext.given);
  ASSERT_EQ(proofs.headsCoverContext.given->status, Refuted);
  const Counterexample &hidden = *proofs.headsCoverContext.given->counterexample;
  EXPECT_EQ(hidden.params, std::vector<int64_t>{100});
  EXPECT_GE(hidden.queries[0] - *hidden.key, 100);
  EXPECT_FALSE(hidden.head);

  Problem wide = squareProblem(1, 2);
  wide.params["window"] = 0;
  EXPECT_EQ(prove(patterns::slidingWindow(100), wide).rowsNonempty.given->status, Refuted);
}

TEST(Proofs, HeadsAndKvHeads) {
  Pattern pattern = patterns::localStride({.stride = 8, .perKvHead = true});
  Problem problem = squareProblem(1, 32, 8);
  EXPECT_EQ(prove(pattern, problem).headsCoverContext.proof.status, Proved);
  problem = squareProblem(1, 32, 4); // four shards of eight
  PatternProofs fewer = prove(pattern, problem);
  ASSERT_TRUE(fewer.headsCoverContext.given);
  EXPECT_EQ(fewer.headsCoverContext.given->status, Refuted);
  EXPECT_THROW(prove(pattern, squareProblem(1, 32, 5)), Error);
  // Context: all keys, once a query sees a later one.
  EXPECT_EQ(prove(patterns::prefix(5), squareProblem(1)).context, ProofContext::All);
}

TEST(Compare, MatchesByName) {
  const Index q = query(), k = key(), h = head(), b = batch();
  Param near("near", 4, 1, 100), far("far", 50, 10, 1000);
  AuxInt doc("doc", {axis::batch(), axis::query()}), first("first", {axis::head()}),
      last("last", {axis::head()});
  // Parameters and tensors come in another order.
  Pattern a("a", q >= k && (q - k < near || (q - k < far && k % 4 == 0)));
  Pattern c("c", q >= k && ((k % 4 == 0 && k > q - far) || k > q - near));
  EXPECT_EQ(compare(a, c, 2, 2).masks.status, Proved);
  Pattern wrong("wrong", q >= k && (q - k < far || (q - k < near && k % 4 == 0)));
  Equality different = compare(a, wrong, 2, 2);
  ASSERT_EQ(different.masks.status, Refuted);
  EXPECT_EQ(different.masks.counterexample->params.size(), different.params.size());

  Pattern scalars("scalars", q >= k && k >= first(h) && k < last(h));
  Pattern swapped("swapped", !(k >= last(h)) && q >= k && first(h) <= k);
  EXPECT_EQ(compare(scalars, swapped, 4, 4).masks.status, Proved);
  Pattern loads("loads", q >= k && doc(b, q) == doc(b, k) && k >= first(h));
  Pattern loaded("loaded", k >= first(h) && !(doc(b, k) < doc(b, q)) && q >= k && doc(b, k) <= doc(b, q));
  EXPECT_EQ(compare(loads, loaded, 4, 4).masks.status, Proved);
  Equality documents = compare(loads, Pattern("p", q >= k && k >= first(h)), 4, 4);
  ASSERT_EQ(documents.masks.status, Refuted);
  EXPECT_EQ(documents.masks.counterexample->aux.size(), documents.auxes.size());
}

TEST(Compare, ParametersAndScores) {
  const Index q = query(), k = key();
  Param window("window", 8, 1, 100), block("block", 16, 1, 64);
  Pattern windowed("windowed", q >= k && q - k < window), eight("eight", q >= k && q - k < 8);
  EXPECT_EQ(compare(windowed, eight, 1, 1).masks.status, Refuted);
  EXPECT_EQ(compare(windowed, eight, 1, 1, {{"window", 8}}).masks.status, Proved);
  EXPECT_EQ(compare(windowed, eight, 1, 1, {{"window", 9}}).masks.status, Refuted);
  // A constant parameter in one, a run-time one in the other.
  Pattern blocks("blocks", floordiv(q, block) == floordiv(k, block));
  Pattern sixteens("sixteens", floordiv(q, 16) == floordiv(k, 16) && block >= 1);
  EXPECT_EQ(compare(blocks, sixteens, 1, 1).masks.status, Proved);
  EXPECT_EQ(compare(blocks, sixteens, 1, 1, {{"block", 8}}).masks.status, Refuted);

  EXPECT_FALSE(compare(patterns::causal(), patterns::alibi(), 2, 2).sameScores);
  EXPECT_TRUE(compare(patterns::alibi(), patterns::alibi(), 2, 2).sameScores);
  AuxInt oneAxis("t", {axis::head()}), twoAxes("t", {axis::head(), axis::query()});
  EXPECT_THROW(compare(Pattern("p", k < oneAxis(head())), Pattern("p", k < twoAxes(head(), q)), 2, 2), Error);
  Param narrow("window", 200, 150, 300);
  EXPECT_THROW(compare(windowed, Pattern("p", q - k < narrow), 1, 1), Error);
}

TEST(Explain, BalanceAndCost) {
  const Index q = query(), k = key();
  Pattern pattern("p", q >= k, Layout().heads(0, 2, q - k < 100).heads(3, 3, all()));
  Explanation e =
      explain(pattern, squareProblem(1000, 4, 2), {.tile = {100, 100}, .headDim = 64, .valueDim = 32});
  int64_t dense = 1000 * 1001 / 2, windowed = 100 * 101 / 2 + 900 * 100;
  EXPECT_EQ(e.visiblePairs, dense + 3 * windowed);
  EXPECT_EQ(e.balance.heaviest, 3);
  EXPECT_EQ(e.balance.lightest, 0);
  EXPECT_EQ(e.balance.most, dense);
  EXPECT_EQ(e.balance.fewest, windowed);
  EXPECT_DOUBLE_EQ(e.balance.imbalance,
                   4.0 * static_cast<double>(dense) / static_cast<double>(e.visiblePairs));
  EXPECT_EQ(e.tiles.partial + e.tiles.full, 55 + 3 * (10 + 9));
  EXPECT_DOUBLE_EQ(e.tileSpeedupCeiling, 4 * 55.0 / (55 + 3 * 19));
  EXPECT_DOUBLE_EQ(e.cost.flops, 2 * 96.0 * static_cast<double>(e.visiblePairs));
  EXPECT_DOUBLE_EQ(e.cost.tileFlops, 2 * 96.0 * 112 * 100 * 100);
  EXPECT_DOUBLE_EQ(e.cost.bytesTensors, 4 * 1000 * (96 * 2 + 4) + 2 * 1000 * 96 * 2);
  EXPECT_DOUBLE_EQ(e.cost.bytesLoaded, 4 * 1000 * (96 * 2 + 4) + 112 * 100 * 96 * 2);
  EXPECT_EQ(e.cost.bytesPlan, 0);
  EXPECT_TRUE(e.pairsCounted && e.tilesCounted && e.causal);
}

TEST(Explain, WalksHaveABudget) {
  Pattern pattern = patterns::documents();
  Problem problem = squareProblem(2000, 3);
  AuxValue &doc = problem.aux["doc"];
  doc.extents = {1, 2000};
  for (int32_t i = 0; i < 2000; ++i) doc.ints.push_back(i * 7919 % 13);
  Explanation counted = explain(pattern, problem);
  EXPECT_TRUE(counted.pairsCounted && counted.tilesCounted);
  EXPECT_GT(counted.cost.bytesPlan, 0);
  int64_t pairs = 0;
  for (int q = 0; q < 2000; ++q)
    for (int k = 0; k <= q; ++k) pairs += doc.ints[q] == doc.ints[k];
  EXPECT_EQ(counted.visiblePairs, 3 * pairs);
  Explanation stopped = explain(pattern, problem, {.maxSteps = 100});
  EXPECT_FALSE(stopped.pairsCounted || stopped.tilesCounted);
  EXPECT_EQ(stopped.visiblePairs, 0);
  EXPECT_EQ(stopped.tiles.partial + stopped.tiles.full, 0);
  EXPECT_EQ(stopped.proofs->rowsNonempty.proof.status, Proved);
}

/// Contents of aux tensors are needed to count, and not to prove.
TEST(Explain, WithoutContents) {
  const Index q = query(), k = key(), b = batch(), h = head();
  AuxInt doc("doc", {axis::batch(), axis::query()}), window("window", {axis::head()});
  Pattern pattern("p", q >= k && doc(b, q) == doc(b, k) && q - k < window(h));
  Problem problem = squareProblem(1000, 2);
  problem.aux["window"] = {{2}, {100, 200}, {}};
  Explanation e = explain(pattern, problem);
  EXPECT_EQ(e.missingAux, std::vector<std::string>{"doc"});
  EXPECT_FALSE(e.pairsCounted || e.tilesCounted);
  EXPECT_EQ(e.visiblePairs, 0);
  EXPECT_TRUE(e.causal);
  EXPECT_EQ(e.proofs->rowsNonempty.proof.status, Refuted); // a window of 0
  EXPECT_EQ(e.proofs->causal.proof.status, Proved);
  problem.aux.clear();
  EXPECT_EQ(explain(pattern, problem).missingAux, (std::vector<std::string>{"doc", "window"}));
  problem.aux["doc"] = {{1}, {0}, {}};
  EXPECT_THROW(explain(pattern, problem), Error); // what is given must fit

  // Scores do not decide what is visible.
  Explanation biased = explain(patterns::alibi(), squareProblem(1000, 4));
  EXPECT_TRUE(biased.missingAux.empty() && biased.pairsCounted);
  EXPECT_EQ(biased.visiblePairs, 4 * 1000 * 1001 / 2);
}

/// The proof of causality is about the usual alignment.
TEST(Explain, CausalAtOtherOffsets) {
  Pattern pattern("p", query() - key() < 100 && key() < 1000);
  Problem problem = squareProblem(200);
  EXPECT_FALSE(explain(pattern, problem).causal);
  problem.queryOffset = 5000; // every key is before every query, and too far from most
  EXPECT_TRUE(explain(pattern, problem).causal);
  Pattern shifted("p", query() >= 2 * key() - 100);
  problem.queryOffset = {};
  problem.keyOffset = 300;
  EXPECT_TRUE(explain(shifted, problem).causal);
  problem.keyOffset = 0;
  EXPECT_FALSE(explain(shifted, problem).causal);
}

} // namespace
} // namespace maskloom
