// Compiled by CTest: once without MISTAKE, where all of it must compile, and once for each MISTAKE, which
// must not.
#include "maskloom/dsl/Pattern.h"

using namespace maskloom;

inline Pattern example() {
  Index q = query(), k = key();
  AuxInt doc("doc", {axis::batch(), axis::query()});
  AuxInt table("table", {axis::head(), axis::query(64), axis::key(64)});
  AuxFloat slope("slope", {axis::head()});
  Pattern pattern("p", q >= k);

#if MISTAKE == 1 // MaskAsScore
  pattern.modifyScore(q >= k);
#else
  pattern.modifyScore(score() * 2);
#endif

#if MISTAKE == 2 // ScoreAsMask
  pattern = Pattern("p", score());
#else
  pattern = Pattern("p", all());
#endif

#if MISTAKE == 3 // IntegerAsMask
  pattern = Pattern("p", q - k);
#else
  pattern = Pattern("p", q - k > 0);
#endif

#if MISTAKE == 4 // MaskInArithmetic
  pattern = Pattern("p", q + (q < k) > 0);
#else
  pattern = Pattern("p", q + select(q < k, 1, 0) > 0);
#endif

#if MISTAKE == 5 // IntegerInConjunction
  pattern = Pattern("p", q && k > 0);
#else
  pattern = Pattern("p", q != 0 && k > 0);
#endif

#if MISTAKE == 6 // IntegerNegated
  pattern = Pattern("p", !q);
#else
  pattern = Pattern("p", !(q == 0));
#endif

#if MISTAKE == 7 // MaskAsCondition
  if (q >= k) pattern = Pattern("p", all());
#else
  if (q.expr()) pattern = Pattern("p", all());
#endif

#if MISTAKE == 8 // ChainedComparison
  pattern = Pattern("p", 0 < k < q);
#else
  pattern = Pattern("p", 0 < k && k < q);
#endif

#if MISTAKE == 9 // MasksCompared
  pattern = Pattern("p", (q < k) == (k < 3));
#else
  pattern = Pattern("p", (q < k) && (k < 3));
#endif

#if MISTAKE == 10 // FloatInIndex
  pattern = Pattern("p", 0.5 * q > k);
#else
  pattern = Pattern("p", floordiv(q, 2) > k);
#endif

#if MISTAKE == 11 // SlashBetweenIntegers
  pattern = Pattern("p", q / 64 == k / 64);
#else
  pattern = Pattern("p", floordiv(q, 64) == floordiv(k, 64));
#endif

#if MISTAKE == 12 // FloatDivisor
  pattern = Pattern("p", floordiv(q, 64.0) > 1);
#else
  pattern = Pattern("p", floordiv(q, 64) > 1);
#endif

#if MISTAKE == 13 // TruthAsNumber
  pattern = Pattern("p", q + true > k);
#else
  pattern = Pattern("p", q + 1 > k);
#endif

#if MISTAKE == 14 // ScoreCompared
  pattern = Pattern("p", score() > 0);
#else
  pattern = Pattern("p", q > 0);
#endif

#if MISTAKE == 15 // ScoreInIndex
  pattern = Pattern("p", q + score() > k);
#else
  pattern = Pattern("p", q + 1 > k);
#endif

#if MISTAKE == 16 // ScoreInConjunction
  pattern = Pattern("p", q > k && score());
#else
  pattern = Pattern("p", q > k && all());
#endif

#if MISTAKE == 17 // IntegerAsCondition
  pattern.modifyScore(select(q, score(), score()));
#else
  pattern.modifyScore(select(q > k, score(), -score()));
#endif

#if MISTAKE == 18 // MaskInScore
  pattern.modifyScore(score() + (q > k));
#else
  pattern.modifyScore(score() + select(q > k, 1, 0));
#endif

#if MISTAKE == 19 // MaskAsIndexOfTensor
  pattern = Pattern("p", doc(batch(), q > k) == 1);
#else
  pattern = Pattern("p", doc(batch(), q) == 1);
#endif

#if MISTAKE == 20 // FloatAsIndexOfTensor
  pattern = Pattern("p", doc(batch(), 0.5) == 1);
#else
  pattern = Pattern("p", doc(batch(), k) == 1);
#endif

#if MISTAKE == 21 // ScoreAsIndexOfTensor
  pattern.modifyScore(slope(score()));
#else
  pattern.modifyScore(slope(head()) + score());
#endif

#if MISTAKE == 22 // FloatTensorInMask
  pattern = Pattern("p", slope(head()) > 0);
#else
  pattern = Pattern("p", doc(batch(), q) > 0);
#endif

#if MISTAKE == 23 // IntegerTensorAsSink
  pattern.withSink(doc);
#else
  pattern.withSink(slope);
#endif

#if MISTAKE == 24 // FloatTensorAsBlocks
  pattern.withBlocks(slope);
#else
  pattern.withBlocks(table);
#endif

#if MISTAKE == 25 // IntegerAsMaskOfHeads
  pattern = Pattern("p", all(), Layout().heads(0, 3, q));
#else
  pattern = Pattern("p", all(), Layout().heads(0, 3, q > k));
#endif

#if MISTAKE == 26 // ScoreAsBand
  pattern = Pattern("p", bands(score(), {{8, all()}}, none()));
#else
  pattern = Pattern("p", bands(q - k, {{8, all()}}, none()));
#endif

#if MISTAKE < 0 || MISTAKE > 26
#error "no such case"
#endif
  return pattern;
}
