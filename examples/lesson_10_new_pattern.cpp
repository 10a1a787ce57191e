// Lesson 10: a pattern of one's own, from the idea to the kernel.
//
// The idea: long documents have headings. Every query sees the tokens close to it and all headings before it;
// a heading token sees further back. Blocks of 32 are shifted by the head, so that borders of blocks fall
// elsewhere in each head. What follows is the order in which a new pattern is best made: write it as a
// function, check it against a loop over points, ask what it costs, prove what it must hold, then run it.
#include "lesson.h"

using namespace maskloom;

namespace {

/// Causal. A query sees its own block of 32 (counted from 8 * h tokens earlier in head h) and the block
/// before; all heading tokens; and, if it is a heading itself, the last `reach` tokens. aux heading[b, q]: 1
/// for heading tokens, else 0.
Pattern headings(int64_t reach = 128) {
  Index q = query(), k = key(), b = batch();
  Param far("reach", reach, 1, 1 << 20);
  AuxInt heading("heading", {axis::batch(), axis::query()});
  Index shift = 8 * head();
  Mask near = floordiv(q + shift, 32) - floordiv(k + shift, 32) < 2;
  return Pattern("headings", q >= k && (near || heading(b, k) == 1 || (heading(b, q) == 1 && q - k < far)));
}

constexpr int64_t kHeads = 4, kTokens = 300, kDim = 16;

/// The idea once more, in plain words.
template <typename IsHeading>
bool visible(int64_t h, int64_t q, int64_t k, int64_t reach, IsHeading isHeading) {
  if (k > q) return false;
  bool near = (q + 8 * h) / 32 - (k + 8 * h) / 32 < 2;
  return near || isHeading(k) || (isHeading(q) && q - k < reach);
}

// The document of this lesson.
bool isHeading(int64_t token) { return token % 70 == 9 || token % 70 == 10; }
bool visibleHere(int64_t, int64_t h, int64_t q, int64_t k) { return visible(h, q, k, 100, isHeading); }

} // namespace

int main() try {
  lesson::Checks checks;
  Pattern pattern = headings();

  // 1. The meaning: the interpreter evaluates the pattern as it is written, point by point.
  Problem problem;
  problem.heads = problem.kvHeads = kHeads;
  problem.queries = problem.keys = kTokens;
  problem.params["reach"] = 100;
  AuxValue &heading = problem.aux["heading"];
  heading.extents = {1, kTokens};
  for (int64_t token = 0; token < kTokens; ++token) heading.ints.push_back(isHeading(token));
  Interpreter oracle(pattern, problem);
  int64_t wrong = 0, pairs = 0;
  for (int64_t h = 0; h < kHeads; ++h)
    for (int64_t row = 0; row < kTokens; ++row)
      for (int64_t column = 0; column < kTokens; ++column) {
        wrong += oracle.visible(0, h, row, column) != visibleHere(0, h, row, column);
        pairs += visibleHere(0, h, row, column);
      }
  checks.expect(wrong == 0, "the interpreter agrees with the loop at every point");

  // 2. The cost, for these contents.
  Explanation cost = explain(pattern, problem);
  std::printf("  density %.1f %%, at most %.2fx faster than dense causal attention\n", 100 * cost.density,
              cost.speedupCeiling);
  checks.expect(cost.visiblePairs == pairs, "visible pairs, by counting");

  // 3. What must hold, for every length, every reach and any headings.
  PatternProofs proofs = prove(pattern, problem);
  checks.expect(proofs.causal.proof.status == ProofStatus::Proved, "causal");
  checks.expect(proofs.rowsNonempty.proof.status == ProofStatus::Proved, "no query without a key");
  // But a heading sees keys again that queries before it had dropped: a cache must not evict them. The
  // counterexample has three queries, of which the first and the last see the key; and contents of the
  // tensor.
  checks.expect(proofs.kvEfficient.proof.status == ProofStatus::Refuted, "a dropped key returns");
  const Counterexample &where = *proofs.kvEfficient.proof.counterexample;
  const AuxContents &there = where.aux[0];
  auto seen = [&](int64_t q) {
    auto isHeading = [&](int64_t token) { return there.values[where.batch * there.extents[1] + token] == 1; };
    return visible(*where.head, q, *where.key, where.params[0], isHeading);
  };
  std::printf("  head %lld: key %lld and the queries %lld, %lld, %lld\n", static_cast<long long>(*where.head),
              static_cast<long long>(*where.key), static_cast<long long>(where.queries[0]),
              static_cast<long long>(where.queries[1]), static_cast<long long>(where.queries[2]));
  checks.expect(seen(where.queries[0]) && !seen(where.queries[1]) && seen(where.queries[2]),
                "and does so there, by hand");

  // 4. The kernel.
  Attention attention =
      compile(pattern, {.heads = kHeads, .head_dim = kDim, .dtype = DType::f32, .device = Device::Cpu});
  lesson::Values Q = lesson::random(1, kHeads, kTokens, kDim, 1),
                 K = lesson::random(1, kHeads, kTokens, kDim, 2),
                 V = lesson::random(1, kHeads, kTokens, kDim, 3), O{1, kHeads, kTokens, kDim};
  std::vector<float> lse(kHeads * kTokens);
  attention.forward(Q.tensor(), K.tensor(), V.tensor(), O.tensor(),
                    {.lse = lse.data(),
                     .params = {{"reach", 100}},
                     .aux = {{"heading", {heading.ints.data(), {1, kTokens}}}}});
  checks.near(lesson::difference(Q, K, V, O, visibleHere, lse.data()), "headings on the CPU");

  // 5. As a file, for the command line and for others.
  std::printf("%s", toText(pattern).c_str());
  ParseResult parsed = parsePatterns(toText(pattern), "headings.mask");
  checks.expect(parsed.ok() && compare(parsed.patterns.front(), pattern, kHeads, kHeads).masks.status ==
                                   ProofStatus::Proved,
                "the file is equal");
  return checks.result();
} catch (const Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
