// Lesson 7: what is true of a mask for every length.
//
// A mask over positions is a set of pairs described by integer arithmetic, so questions about it have answers
// for all lengths at once: a proof, or a counterexample. Nothing runs here.
#include "lesson.h"

using namespace maskloom;

namespace {

/// Causal; the last `local` blocks of 16 keys, and every fourth before, shifted by the head.
Pattern strided(const char *name, const Index &local, const Index &shift) {
  Index q = query(), k = key();
  return Pattern(name,
                 q >= k && (floordiv(q, 16) - floordiv(k, 16) < local || (floordiv(k, 16) + shift) % 4 == 0));
}

bool visible(const Counterexample &where, int64_t local, int64_t h) { // the same in plain words
  int64_t q = where.queries[0], k = *where.key;
  return q >= k && (q / 16 - k / 16 < local || (k / 16 + h) % 4 == 0);
}

} // namespace

int main() try {
  lesson::Checks checks;
  Param local("local", 2, 1, 64);
  Pattern pattern = strided("strided", local, head());

  // 1. Four heads with four shifts: together they see every key up to the query, for every length and every
  // `local`.
  Problem four, three;
  four.heads = four.kvHeads = 4;
  three.heads = three.kvHeads = 3;
  PatternProofs all = prove(pattern, four);
  checks.expect(all.causal.proof.status == ProofStatus::Proved, "causal");
  checks.expect(all.rowsNonempty.proof.status == ProofStatus::Proved, "no query without a key");
  checks.expect(all.headsCoverContext.proof.status == ProofStatus::Proved, "four heads cover the context");
  // What a KV cache asks: a head may forget a key that it has dropped. Strided keys stay, others leave the
  // window for good.
  checks.expect(all.kvEfficient.proof.status == ProofStatus::Proved, "a key, once dropped, never returns");

  // 2. Three heads leave a hole. The counterexample is a pair that no head sees.
  PatternProofs some = prove(pattern, three);
  const Proof &coverage = some.headsCoverContext.proof;
  checks.expect(coverage.status == ProofStatus::Refuted && coverage.counterexample, "three heads do not");
  const Counterexample &hole = *coverage.counterexample;
  std::printf("  no head sees k = %lld from q = %lld with local = %lld\n", static_cast<long long>(*hole.key),
              static_cast<long long>(hole.queries[0]), static_cast<long long>(hole.params[0]));
  bool seen = false;
  for (int64_t h = 0; h < 3; ++h) seen |= visible(hole, hole.params[0], h);
  checks.expect(!seen && *hole.key <= hole.queries[0], "the hole is one, by hand");
  checks.expect(visible(hole, hole.params[0], 3), "the fourth head would see it");

  // 3. Two ways to write a mask: equal for every length, or a pair on which they differ.
  Index q = query(), k = key();
  Pattern other("other", !(q < k) && (floordiv(q, 16) < floordiv(k, 16) + local ||
                                      (floordiv(k, 16) - 3 * head()) % 4 == 0));
  checks.expect(compare(pattern, other, 4, 4).masks.status == ProofStatus::Proved,
                "-3 h and h are the same modulo 4");
  Equality shifted = compare(pattern, strided("shifted", local, head() + 1), 4, 4);
  checks.expect(shifted.masks.status == ProofStatus::Refuted, "another shift is another mask");
  const Counterexample &pair = *shifted.masks.counterexample;
  int64_t h = *pair.head;
  checks.expect(visible(pair, pair.params[0], h) != visible(pair, pair.params[0], h + 1),
                "they differ there, by hand");
  return checks.result();
} catch (const Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
