// Proofs: what is known of published patterns, and random patterns against enumeration by the interpreter.
#include "maskloom/dsl/Parser.h"
#include "maskloom/dsl/Patterns.h"
#include "tests/analysis/ProofSubject.h"
#include "tests/support/RandomPattern.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>

namespace maskloom::testing {
namespace {

/// Limits of time are asserted with so much room, so that a slow machine does not fail them.
constexpr double kSlack = 4;

TEST(Proof, LocalStrideCoversItsContext) {
  for (int64_t stride : {8, 16, 64, 128}) {
    Pattern pattern = patterns::localStride({.stride = stride});
    double best = 1e9;
    for (int repeat = 0; repeat < 3; ++repeat) {
      Subject subject = subjectOf(pattern, stride);
      double start = processorMs();
      Proof proof = proveHeadsCoverContext(subject.program, subject.scope, ProofContext::Causal);
      best = std::min(best, processorMs() - start);
      EXPECT_EQ(proof.status, ProofStatus::Proved) << proof.reason;
    }
    fmt::print("{} heads cover their context: {:.2f} ms\n", stride, best);
    EXPECT_LT(best, 5 * kSlack);

    Subject fewer = subjectOf(pattern, stride - 1);
    fewer.scope.anyParams = false; // with a window as long as the sequence a head less is enough
    Answers answers = fewer.prove();
    EXPECT_EQ(answers.cover.status, ProofStatus::Refuted);
    checkCounterexamples(fewer, answers);
  }
}

TEST(Proof, PublishedPatternsAreDecided) {
  using enum ProofStatus;
  struct Known {
    ProofStatus causal, rows, cover, kv;
  };
  // At the given parameters, 16 heads (8 KV heads for phi3_small). Over aux tensors "refuted" means that some
  // contents refute it.
  const std::map<std::string, Known> known{
      {"alibi", {Proved, Proved, Proved, Proved}},
      {"batch_lengths", {Proved, Proved, Proved, Proved}},
      {"block_table", {Refuted, Refuted, Refuted, Refuted}},
      {"causal", {Proved, Proved, Proved, Proved}},
      {"causal_blockwise", {Proved, Proved, Refuted, Refuted}},
      {"column_ranges", {Refuted, Refuted, Refuted, Refuted}},
      {"documents", {Proved, Proved, Refuted, Refuted}},
      {"duo", {Proved, Proved, Refuted, Proved}},
      {"hash_sparse", {Proved, Refuted, Refuted, Refuted}},
      {"phi3_small", {Proved, Proved, Proved, Proved}},
      {"prefix", {Refuted, Proved, Refuted, Proved}},
      {"prefix_documents", {Refuted, Proved, Refuted, Refuted}},
      {"s2_local_stride", {Proved, Proved, Proved, Proved}},
      {"s2_per_kv_head", {Proved, Proved, Proved, Proved}},
      {"s2_same_for_all", {Proved, Proved, Refuted, Proved}},
      {"s2_dense_heads", {Proved, Proved, Proved, Proved}},
      {"s2_two_sided", {Refuted, Proved, Proved, Refuted}},
      {"shared_prefix", {Proved, Proved, Refuted, Refuted}},
      {"sink_window", {Proved, Proved, Refuted, Proved}},
      {"slice_table", {Refuted, Refuted, Refuted, Refuted}},
      {"sliding_window", {Proved, Proved, Refuted, Proved}},
      {"soft_cap", {Proved, Proved, Proved, Proved}},
      {"two_range", {Proved, Proved, Proved, Proved}},
  };
  std::set<std::string> found; // some are in several files
  double slowest = 0;
  std::string slowestName;
  for (const auto &file : std::filesystem::directory_iterator(MASKLOOM_PATTERNS)) {
    ParseResult parsed = parsePatternFile(file.path().string());
    ASSERT_TRUE(parsed.ok()) << file.path();
    for (const Pattern &pattern : parsed.patterns) {
      Subject subject = subjectOf(pattern, 16, pattern.name == "phi3_small" ? 8 : 16);
      for (bool anyParams : {true, false}) {
        subject.scope.anyParams = anyParams;
        double start = processorMs();
        Answers answers = subject.prove();
        if (double ms = processorMs() - start; ms > slowest) slowest = ms, slowestName = pattern.name;
        for (const Proof *proof : answers.all())
          EXPECT_NE(proof->status, Undecided) << pattern.name << ": " << proof->reason;
        checkCounterexamples(subject, answers);
        auto expected = known.find(pattern.name);
        if (anyParams || expected == known.end()) continue;
        found.insert(pattern.name);
        EXPECT_EQ(answers.causal.status, expected->second.causal) << pattern.name;
        EXPECT_EQ(answers.rows.status, expected->second.rows) << pattern.name;
        EXPECT_EQ(answers.cover.status, expected->second.cover) << pattern.name;
        EXPECT_EQ(answers.kv.status, expected->second.kv) << pattern.name;
      }
    }
  }
  EXPECT_EQ(found.size(), known.size());
  fmt::print("slowest published pattern: {}, {:.1f} ms\n", slowestName, slowest);
  EXPECT_LT(slowest, 100 * kSlack);
}

TEST(Proof, ParametersInTheirRanges) {
  Subject subject = subjectOf(patterns::slidingWindow(), 2); // window in 0 .. 2^31 - 1
  Proof any = proveRowsNonempty(subject.program, subject.scope);
  ASSERT_EQ(any.status, ProofStatus::Refuted);
  EXPECT_EQ(any.counterexample->params, std::vector<int64_t>{0});
  subject.scope.anyParams = false;
  EXPECT_EQ(proveRowsNonempty(subject.program, subject.scope).status, ProofStatus::Proved);
}

/// Counterexamples far from the origin come from the solver.
TEST(Proof, DistantCounterexamples) {
  const Index q = query(), k = key();
  Subject subject = subjectOf(
      Pattern("p", q >= k && (q - k < 40000 || floordiv(k, 1000) % 7 != 3) && !(q == 123456 && k > 5)), 1);
  Answers answers = subject.prove();
  ASSERT_EQ(answers.cover.status, ProofStatus::Refuted) << answers.cover.reason;
  ASSERT_EQ(answers.kv.status, ProofStatus::Refuted) << answers.kv.reason;
  EXPECT_EQ(answers.rows.status, ProofStatus::Proved) << answers.rows.reason;
  checkCounterexamples(subject, answers);
}

/// A union of heads that no projection gets at: pairs scattered over long sequences find the hole.
TEST(Proof, ScatteredCounterexamples) {
  const Index q = query(), k = key(), h = head();
  Mask far = (floordiv(q, 64) * 7 + floordiv(k, 64) * 13 + h * 5) % 31 < 3;
  Subject subject = subjectOf(Pattern("p", q >= k && (floordiv(q, 64) - floordiv(k, 64) < 6 || far)), 16);
  Answers answers = subject.prove();
  EXPECT_EQ(answers.cover.status, ProofStatus::Refuted) << answers.cover.reason;
  EXPECT_EQ(answers.rows.status, ProofStatus::Proved) << answers.rows.reason;
  EXPECT_EQ(answers.kv.status, ProofStatus::Refuted) << answers.kv.reason;
  checkCounterexamples(subject, answers);
}

TEST(Proof, RandomPatternsAgainstEnumeration) {
  constexpr int kCases = 500;
  int decided = 0, counts[4][3] = {};
  double slowest = 0;
  for (int index = 0; index < kCases; ++index) {
    RandomCase test = randomCase(33, index);
    Subject subject(test.pattern, test.problem);
    double start = processorMs();
    Answers answers = subject.prove();
    slowest = std::max(slowest, processorMs() - start);
    bool all = true;
    for (size_t i = 0; i < 4; ++i) {
      ProofStatus status = answers.all()[i]->status;
      ++counts[i][static_cast<int>(status)];
      all &= status != ProofStatus::Undecided;
    }
    decided += all;
    checkCounterexamples(subject, answers);
    std::vector<int64_t> low, given = subject.scope.params;
    for (const ProgramParam &param : subject.program.params)
      low.push_back(param.constant ? given[low.size()] : param.low + 1);
    checkProved(subject, answers, 61, 61, given);
    checkProved(subject, answers, 17, 17, low);
    checkProved(subject, answers, 24, 11, given);
    checkProved(subject, answers, 1, 1, given);
    if (HasFailure()) FAIL() << test.describe();
  }
  const char *names[] = {"causal", "rows_nonempty", "heads_cover_context", "kv_efficient"};
  for (int i = 0; i < 4; ++i)
    fmt::print("{:20} proved {:3}, refuted {:3}, undecided {:3}\n", names[i], counts[i][0], counts[i][1],
               counts[i][2]);
  fmt::print("{} of {} patterns decided in everything, slowest {:.0f} ms\n", decided, kCases, slowest);
  EXPECT_GE(decided, kCases * 9 / 10);
}

/// Numbers that no position reaches decide comparisons; where they cannot be worked with, that is the reason.
TEST(Proof, LargeNumbers) {
  using enum ProofStatus;
  const Index q = query(), k = key();
  for (int64_t bound : {int64_t(1) << 30, int64_t(1) << 31, int64_t(1) << 40, int64_t(1) << 60, INT64_MAX})
    for (const Mask &mask : {q < bound, q - k<bound, k> - bound, k != bound, !(q - bound >= 0)}) {
      const Answers answers = subjectOf(Pattern("p", q >= k && mask), 2).prove();
      for (const Proof *proof : answers.all())
        EXPECT_EQ(proof->status, Proved) << bound << ": " << proof->reason;
    }
  for (int64_t bound : {(int64_t(1) << 30) + 5, INT64_MAX}) {
    const Answers answers = subjectOf(Pattern("p", q >= k && q > bound), 1).prove();
    EXPECT_EQ(answers.rows.status, Refuted) << bound;
    EXPECT_EQ(answers.kv.status, Proved) << bound;
  }
  const Subject factor = subjectOf(Pattern("p", q * (int64_t(1) << 27) >= k * ((int64_t(1) << 27) + 1)), 1);
  const Answers answers = factor.prove();
  EXPECT_EQ(answers.kv.status, Undecided);
  EXPECT_EQ(answers.kv.reason, "part of the mask has too large numbers or too many divisions");
  EXPECT_EQ(answers.kv.help, "smaller constants, or fewer different divisors");
}

/// Long rows are looked at in parts, of which the first mostly tells: 0.5 s, and 9 s were they looked at
/// whole.
TEST(Proof, LongDisjunctions) {
  const Index q = query(), k = key();
  Mask mask = none();
  for (int64_t i = 0; i < 400; ++i) mask = mask || (q + (i % 7 + 1) * k) % (i + 3) == i % 3;
  const Subject subject = subjectOf(Pattern("p", q >= k && mask), 1);
  const double start = processorMs();
  EXPECT_NE(proveRowsNonempty(subject.program, subject.scope).status, ProofStatus::Refuted);
  const double ms = processorMs() - start;
  fmt::print("rows of 400 terms: {:.0f} ms\n", ms);
  EXPECT_LT(ms, 3000);
}

/// With next to no steps an answer is a counterexample or `undecided`, and says why.
TEST(Proof, TinyBudgets) {
  int undecided = 0;
  for (int index = 0; index < 100; ++index) {
    RandomCase test = randomCase(34, index);
    Subject subject(test.pattern, test.problem);
    for (ProofLimits limits :
         {ProofLimits{.maxWork = 1, .maxPoints = 100}, ProofLimits{.maxProjectionWork = 1, .maxPoints = 100},
          ProofLimits{.maxDisjuncts = 1, .maxPoints = 100}}) {
      Answers answers = subject.prove(limits);
      checkCounterexamples(subject, answers);
      checkProved(subject, answers, 33, 33, subject.scope.params);
      for (const Proof *proof : answers.all()) {
        if (proof->status != ProofStatus::Undecided) continue;
        ++undecided;
        EXPECT_FALSE(proof->reason.empty());
        EXPECT_FALSE(proof->help.empty());
      }
      if (HasFailure()) FAIL() << test.describe();
    }
  }
  EXPECT_GT(undecided, 20);
}

Proof equality(const Mask &a, const Mask &b, int64_t heads = 4) {
  Problem problem;
  problem.heads = problem.kvHeads = heads;
  Subject one(Pattern("a", a), problem), two(Pattern("b", b), problem);
  EXPECT_EQ(one.program.params.size(), two.program.params.size());
  Proof proof = proveEqual(one.program, two.program.groups, false, one.scope);
  if (proof.status == ProofStatus::Refuted) {
    const Counterexample &c = *proof.counterexample;
    EXPECT_NE(Oracle(one, c)(*c.head, c.queries[0], *c.key), Oracle(two, c)(*c.head, c.queries[0], *c.key));
  }
  return proof;
}

TEST(Proof, Equality) {
  const Index q = query(), k = key(), h = head();
  Param w("w", 8, 1, 1000);
  auto proved = [&](const Mask &a, const Mask &b) {
    Proof proof = equality(a, b);
    EXPECT_EQ(proof.status, ProofStatus::Proved) << proof.reason;
  };
  auto refuted = [&](const Mask &a, const Mask &b) {
    Proof proof = equality(a, b);
    EXPECT_EQ(proof.status, ProofStatus::Refuted) << proof.reason;
  };
  proved(q - k < w && q >= k, !(k > q) && k + w > q);
  proved(floordiv(q, 64) == floordiv(k, 64), abs(q - k) < 64 && floordiv(q, 64) - floordiv(k, 64) == 0);
  proved((floordiv(k, 64) + h) % 4 == 0, floordiv(k + 64 * h, 64) % 4 == 0);
  proved(max(q, k) < 100, q < 100 && k < 100);
  proved((q - k) % 6 == 0, (q - k) % 2 == 0 && (q + 2 * k) % 3 == 0);
  proved(k < keyLength(), all());
  refuted((q - k) % 6 == 0, (q - k) % 2 == 0 && (q + k) % 3 == 0);
  refuted(floordiv(q, 64) - floordiv(k, 64) < 16 && q >= k, q - k < 64 * 16 && q >= k);
  refuted(q >= k, q >= k && !(q == 70000 && k == 7 && h == 2));
  refuted(k < keyLength() - 1000, none());
}

} // namespace
} // namespace maskloom::testing
