// Proofs about masks that load from aux tensors: `proved` is for all contents, `refuted` by those that the
// counterexample gives.
#include "maskloom/dsl/Print.h"
#include "tests/analysis/ProofSubject.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

namespace maskloom::testing {
namespace {

using enum ProofStatus;

TEST(Proof, AuxTensors) {
  const Index q = query(), k = key(), b = batch(), h = head();
  AuxInt doc("doc", {axis::batch(), axis::query()}), window("window", {axis::head()});
  // Every row holds itself, whatever the contents.
  Subject documents = subjectOf(Pattern("p", q >= k && doc(b, q) == doc(b, k)), 4);
  Answers answers = documents.prove();
  EXPECT_EQ(answers.rows.status, Proved) << answers.rows.reason;
  EXPECT_EQ(answers.kv.status, Refuted);
  checkCounterexamples(documents, answers);
  // A window of a head is one number for all its queries, and another one for other heads.
  Subject windows = subjectOf(Pattern("p", q >= k && (q - k < window(h) || k < 4)), 4);
  answers = windows.prove();
  EXPECT_EQ(answers.kv.status, Proved) << answers.kv.reason;
  EXPECT_EQ(answers.rows.status, Proved) << answers.rows.reason;
  EXPECT_EQ(answers.cover.status, Refuted);
  checkCounterexamples(windows, answers);
  Subject complement = subjectOf(
      Pattern("p", q >= k, Layout().heads(0, 0, q - k < window(h)).heads(1, 1, q - k >= window(h))), 2);
  answers = complement.prove(); // each head has a number of its own: neither need see a key
  EXPECT_EQ(answers.cover.status, Refuted);
  checkCounterexamples(complement, answers);
}

/// Loads are numbers that nothing is known of, but the same load is the same number.
TEST(Proof, AuxTensorsAsNumbers) {
  const Index q = query(), k = key(), b = batch();
  AuxInt kind("kind", {axis::batch(), axis::query()});
  Subject keys = subjectOf(Pattern("p", q >= k && (q - k < 100 || kind(b, k) < 3)), 2);
  Answers answers = keys.prove();
  EXPECT_EQ(answers.causal.status, Proved);
  EXPECT_EQ(answers.kv.status, Proved) << answers.kv.reason;
  Subject queries = subjectOf(Pattern("p", q >= k && (q - k < 5 || kind(b, q) < 3)), 2);
  answers = queries.prove();
  EXPECT_EQ(answers.kv.status, Refuted) << answers.kv.reason;
  checkCounterexamples(queries, answers);

  auto equal = [&](const Mask &one, const Mask &two) {
    Subject a = subjectOf(Pattern("a", one), 2), c = subjectOf(Pattern("b", two), 2);
    Proof proof = proveEqual(a.program, c.program.groups, false, a.scope);
    if (proof.counterexample) {
      const Counterexample &at = *proof.counterexample;
      EXPECT_NE(Oracle(a, at)(*at.head, at.queries[0], *at.key),
                Oracle(c, at)(*at.head, at.queries[0], *at.key));
    }
    return proof.status;
  };
  EXPECT_EQ(equal(q >= k && kind(b, q) == kind(b, k),
                  !(kind(b, q) > kind(b, k) || q < k || kind(b, k) > kind(b, q))),
            Proved);
  EXPECT_EQ(equal(q >= k && kind(b, q) == kind(b, k), q >= k && kind(b, q) >= kind(b, k)), Refuted);
  // Loads that meet read one entry.
  const Mask any = kind(b, q) < 3 || kind(b, q) >= 3;
  EXPECT_EQ(equal(q != k || kind(b, q) == kind(b, k), any), Proved);
  EXPECT_EQ(equal(q - k != 64 || kind(b, q) == kind(b, k + 64), any), Proved);
  EXPECT_EQ(equal(q - k != 64 || kind(b, q) == kind(b, k + 63), any), Refuted);
}

/// Sequences that are too long to be searched: the contents come from the solver.
TEST(Proof, AuxTensorsOfLongSequences) {
  const Index q = query(), k = key(), b = batch(), h = head();
  AuxInt doc("doc", {axis::batch(), axis::query()}), full("full", {axis::kvHead()}),
      part("part", {axis::batch(), axis::head(), axis::query()}),
      bucket("bucket", {axis::batch(), axis::query()});
  auto expect = [&](const Mask &mask, ProofStatus rows, ProofStatus cover, ProofStatus kv) {
    Subject subject = subjectOf(Pattern("p", mask), 8, 4);
    Answers answers = subject.prove();
    EXPECT_EQ(answers.rows.status, rows) << answers.rows.reason;
    EXPECT_EQ(answers.cover.status, cover) << answers.cover.reason;
    EXPECT_EQ(answers.kv.status, kv) << answers.kv.reason;
    checkCounterexamples(subject, answers);
  };
  // The pair that no head sees is of two positions: at k = q both loads read one entry.
  expect(q >= k && (k < 1000 || doc(b, q) == doc(b, k)), Proved, Refuted, Refuted);
  // Heads with an entry each, which must all be such that the pair is not seen.
  expect(q >= k && (q - k < 500 || full(kvHead()) == 3), Proved, Refuted, Proved);
  expect(q >= k && (q - k < 500 || part(b, h, q) == part(b, h, k)), Proved, Refuted, Refuted);
  // All keys of a row.
  expect(q >= k && (q < 1000 || doc(b, q) == bucket(b, k)), Refuted, Refuted, Refuted);
}

/// Of the contents of a counterexample only what matters is not 0.
TEST(Proof, SimpleContents) {
  const Index q = query(), k = key(), b = batch();
  AuxInt doc("doc", {axis::batch(), axis::query()}), end("end", {axis::batch(), axis::key()});
  auto nonzero = [](const Proof &proof, size_t aux) {
    std::vector<int32_t> entries = proof.counterexample.value().aux.at(aux).values;
    std::erase(entries, 0);
    return entries;
  };
  Subject shared = subjectOf(Pattern("p", q >= k && (k < 1000 || doc(b, q) == doc(b, k))), 2);
  Answers answers = shared.prove();
  EXPECT_EQ(nonzero(answers.cover, 0), (std::vector{1}));
  EXPECT_LE(nonzero(answers.kv, 0).size(), 2u);
  checkCounterexamples(shared, answers);
  Subject ends = subjectOf(Pattern("p", q > 700 && k > q && k < end(b, k)), 2);
  Proof causal = proveCausal(ends.program, ends.scope);
  ASSERT_EQ(causal.status, Refuted) << causal.reason;
  EXPECT_EQ(nonzero(causal, 0), (std::vector{static_cast<int32_t>(*causal.counterexample->key) + 1}));
}

/// What no linear constraint says: contents are drawn for each tensor.
TEST(Proof, AuxTensorsThatDiffer) {
  const Index q = query(), k = key(), b = batch();
  AuxInt one("one", {axis::batch(), axis::query()}), two("two", {axis::batch(), axis::key()});
  Subject squares = subjectOf(Pattern("p", q >= k && one(b, q) * one(b, q) <= two(b, k) * two(b, k)), 2);
  Answers answers = squares.prove();
  EXPECT_EQ(answers.rows.status, Refuted) << answers.rows.reason;
  EXPECT_EQ(answers.kv.status, Refuted) << answers.kv.reason;
  checkCounterexamples(squares, answers);
}

/// A load that no head and no key decides is one number, wherever the others are.
TEST(Proof, AuxTensorsCaseByCase) {
  const Index q = query(), k = key(), b = batch();
  AuxInt kind("kind", {axis::batch(), axis::query()});
  Subject keys =
      subjectOf(Pattern("p", q >= k, Layout().heads(0, 0, kind(b, k) < 3).heads(1, 1, kind(b, k) >= 3)), 2);
  Answers answers = keys.prove();
  EXPECT_EQ(answers.cover.status, Proved) << answers.cover.reason;
  EXPECT_EQ(answers.kv.status, Proved) << answers.kv.reason;
  checkCounterexamples(keys, answers);
  Subject rows = subjectOf(Pattern("p", (kind(b, q) < 3 && k == 0) || (kind(b, q) >= 3 && k == q)), 2);
  answers = rows.prove();
  EXPECT_EQ(answers.causal.status, Proved) << answers.causal.reason;
  EXPECT_EQ(answers.rows.status, Proved) << answers.rows.reason;
  checkCounterexamples(rows, answers);
}

/// Masks of loads with a bit of everything.
class RandomLoads {
public:
  explicit RandomLoads(unsigned seed) : engine_(seed) {}

  Mask mask(int depth) {
    if (depth == 0 || draw(6) == 0) return atom();
    Mask left = mask(depth - 1), right = mask(depth - 1);
    switch (draw(5)) {
    case 0:
    case 1: return left && right;
    case 2:
    case 3: return left || right;
    default: return left && !right;
    }
  }
  Pattern pattern() { return Pattern("p", draw(3) ? query() >= key() && mask(2) : mask(3)); }

  std::vector<AuxContents> contents(const Subject &subject, int64_t tokens) {
    std::vector<AuxContents> all;
    for (const ProgramAux &aux : subject.program.auxes) {
      using Kind = ProgramAux::Axis::Kind;
      AuxContents &contents = all.emplace_back();
      int64_t entries = 1;
      for (const ProgramAux::Axis &axis : aux.axes) {
        contents.extents.push_back(axis.kind == Kind::Batch   ? 1
                                   : axis.kind == Kind::Head  ? subject.scope.heads
                                   : axis.kind == Kind::Fixed ? axis.extent
                                                              : tokens);
        entries *= contents.extents.back();
      }
      const int values = 1 + draw(2 * static_cast<int>(tokens));
      for (int64_t i = 0; i < entries; ++i) contents.values.push_back(draw(values) - 1);
    }
    return all;
  }

private:
  int draw(int bound) { return static_cast<int>(engine_() % bound); }

  Mask atom() {
    const Index q = query(), k = key(), b = batch(), h = head();
    const int c = 1 + draw(draw(2) ? 600 : 10);
    switch (draw(16)) {
    case 0: return doc_(b, q) == doc_(b, k);
    case 1: return doc_(b, q) <= doc_(b, k);
    case 2: return doc_(b, q) == end_(b, k);
    case 3: return q < end_(b, k);
    case 4: return k < end_(b, q);
    case 5: return k < end_(b, k) + c;
    case 6: return flag_(h) != 0;
    case 7: return q - k < flag_(h);
    case 8: return part_(b, h, q) == part_(b, h, k);
    case 9: return part_(b, h, k) % 4 < 2;
    case 10: return few_(k % 4) > draw(3);
    case 11: return doc_(b, floordiv(q, 2)) == doc_(b, k);
    case 12: return q - k < c;
    case 13: return k < c;
    case 14: return floordiv(q, c) == floordiv(k, c);
    default: return (floordiv(k, 8) + h) % 3 < 2;
    }
  }

  std::mt19937 engine_;
  AuxInt doc_{"doc", {axis::batch(), axis::query()}}, end_{"end", {axis::batch(), axis::key()}},
      flag_{"flag", {axis::head()}}, part_{"part", {axis::batch(), axis::head(), axis::query()}},
      few_{"few", {axis::fixed(4)}};
};

TEST(Proof, RandomLoadsAgainstEnumeration) {
  constexpr int kCases = 400;
  int decided = 0, counts[4][3] = {};
  double slowest = 0;
  for (int seed = 0; seed < kCases; ++seed) {
    RandomLoads random(seed);
    Subject subject = subjectOf(random.pattern(), 3);
    double start = processorMs();
    Answers answers = subject.prove();
    slowest = std::max(slowest, processorMs() - start);
    bool all = true;
    for (size_t i = 0; i < 4; ++i) {
      ++counts[i][static_cast<int>(answers.all()[i]->status)];
      all &= answers.all()[i]->status != Undecided;
    }
    decided += all;
    checkCounterexamples(subject, answers);
    for (int64_t tokens : {1, 5, 12, 30})
      for (int repeat = 0; repeat < 5; ++repeat)
        checkProved(subject, answers, tokens, tokens, subject.scope.params, random.contents(subject, tokens));
    if (HasFailure()) FAIL() << "seed " << seed << ": " << toText(subject.pattern);
  }
  const char *names[] = {"causal", "rows_nonempty", "heads_cover_context", "kv_efficient"};
  for (int i = 0; i < 4; ++i)
    fmt::print("{:20} proved {:3}, refuted {:3}, undecided {:3}\n", names[i], counts[i][0], counts[i][1],
               counts[i][2]);
  fmt::print("{} of {} patterns decided in everything, slowest {:.0f} ms\n", decided, kCases, slowest);
  EXPECT_GE(decided, kCases * 9 / 10);
}

} // namespace
} // namespace maskloom::testing
