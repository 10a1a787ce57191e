#include "tests/analysis/ProofSubject.h"

#include <ctime>

namespace maskloom::testing {

Subject subjectOf(const Pattern &pattern, int64_t heads, int64_t kvHeads) {
  Problem problem;
  problem.heads = heads;
  problem.kvHeads = kvHeads ? kvHeads : heads;
  return {pattern, problem};
}

Problem problemAt(const Subject &subject, const Counterexample &point) {
  Problem problem;
  problem.batch = point.batch + 1;
  problem.heads = subject.scope.heads, problem.kvHeads = subject.scope.kvHeads;
  problem.queries = point.queryLength, problem.keys = point.keyLength;
  for (size_t i = 0; i < point.params.size(); ++i)
    problem.params[subject.program.params[i].name] = point.params[i];
  for (size_t i = 0; i < point.aux.size(); ++i)
    problem.aux[subject.program.auxes[i].name] = {point.aux[i].extents, point.aux[i].values, {}};
  return problem;
}

void checkCounterexamples(const Subject &subject, const Answers &answers) {
  for (const Proof *proof : answers.all()) {
    if (proof->status != ProofStatus::Refuted) continue;
    ASSERT_TRUE(proof->counterexample);
    const Counterexample &c = *proof->counterexample;
    for (int64_t q : c.queries) EXPECT_TRUE(q >= c.keyLength - c.queryLength && q < c.keyLength);
    if (c.key) {
      EXPECT_TRUE(*c.key >= 0 && *c.key < c.keyLength);
    }
    for (size_t i = 0; i < c.params.size(); ++i) {
      const ProgramParam &param = subject.program.params[i];
      EXPECT_TRUE(c.params[i] >= param.low && c.params[i] <= param.high);
    }
    Oracle visible(subject, c);
    int64_t q = c.queries[0];
    if (proof == &answers.causal) {
      EXPECT_TRUE(*c.key > q && visible(*c.head, q, *c.key));
    } else if (proof == &answers.rows) {
      for (int64_t k = 0; k < c.keyLength; ++k) ASSERT_FALSE(visible(*c.head, q, k));
    } else if (proof == &answers.cover) {
      EXPECT_TRUE(answers.context == ProofContext::All || *c.key <= q);
      for (int64_t h = 0; h < subject.scope.heads; ++h) ASSERT_FALSE(visible(h, q, *c.key));
    } else {
      ASSERT_EQ(c.queries.size(), 3u);
      EXPECT_TRUE(c.queries[0] < c.queries[1] && c.queries[1] < c.queries[2]);
      EXPECT_TRUE(visible(*c.head, c.queries[0], *c.key));
      EXPECT_FALSE(visible(*c.head, c.queries[1], *c.key));
      EXPECT_TRUE(visible(*c.head, c.queries[2], *c.key));
    }
  }
}

void checkProved(const Subject &subject, const Answers &answers, int64_t keys, int64_t queries,
                 std::vector<int64_t> params, std::vector<AuxContents> aux) {
  Counterexample problem;
  problem.keyLength = keys, problem.queryLength = queries;
  problem.params = std::move(params);
  problem.aux = std::move(aux);
  Oracle visible(subject, problem);
  auto proved = [](const Proof &proof) { return proof.status == ProofStatus::Proved; };
  std::vector<bool> covered(keys * keys, false);
  for (int64_t head = 0; head < subject.scope.heads; ++head) {
    std::vector<int> state(keys, 0); // not seen yet, seen, dropped
    for (int64_t q = keys - queries; q < keys; ++q) {
      bool any = false;
      for (int64_t k = 0; k < keys; ++k) {
        bool seen = visible(head, q, k);
        any |= seen;
        if (seen) covered[q * keys + k] = true;
        if (proved(answers.causal)) {
          ASSERT_FALSE(seen && k > q) << "causal: h " << head << " q " << q << " k " << k;
        }
        if (proved(answers.kv)) {
          ASSERT_FALSE(seen && state[k] == 2) << "KV: h " << head << " q " << q << " k " << k;
        }
        if (seen)
          state[k] = 1;
        else if (state[k] == 1)
          state[k] = 2;
      }
      if (proved(answers.rows)) {
        ASSERT_TRUE(any) << "empty row: h " << head << " q " << q << " of " << keys;
      }
    }
  }
  if (!proved(answers.cover)) return;
  for (int64_t q = keys - queries; q < keys; ++q)
    for (int64_t k = 0; k < (answers.context == ProofContext::Causal ? q + 1 : keys); ++k)
      ASSERT_TRUE(covered[q * keys + k]) << "not covered: q " << q << " k " << k;
}

double processorMs() { return 1e3 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

} // namespace maskloom::testing
