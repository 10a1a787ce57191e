// Compiled by CTest, once for each CASE without and once with its MISTAKE.
#include "maskloom/dsl/Pattern.h"

using namespace maskloom;

inline Pattern example() {
  Index q = query(), k = key();
  AuxInt doc("doc", {axis::batch(), axis::query()});
  Pattern pattern("p", q >= k);
#if CASE == 1
#ifdef MISTAKE
  pattern.modifyScore(q >= k);
#else
  pattern.modifyScore(score() * 2);
#endif
#elif CASE == 2
#ifdef MISTAKE
  pattern = Pattern("p", score());
#else
  pattern = Pattern("p", all());
#endif
#elif CASE == 3
#ifdef MISTAKE
  pattern = Pattern("p", q - k);
#else
  pattern = Pattern("p", q - k > 0);
#endif
#elif CASE == 4
#ifdef MISTAKE
  pattern = Pattern("p", q + (q < k) > 0);
#else
  pattern = Pattern("p", q + select(q < k, 1, 0) > 0);
#endif
#elif CASE == 5
#ifdef MISTAKE
  pattern = Pattern("p", q && k > 0);
#else
  pattern = Pattern("p", q != 0 && k > 0);
#endif
#elif CASE == 6
#ifdef MISTAKE
  if (q >= k) pattern = Pattern("p", all());
#else
  if (q.expr()) pattern = Pattern("p", all());
#endif
#elif CASE == 7
#ifdef MISTAKE
  pattern = Pattern("p", 0 < k < q);
#else
  pattern = Pattern("p", 0 < k && k < q);
#endif
#elif CASE == 8
#ifdef MISTAKE
  pattern = Pattern("p", 0.5 * q > k);
#else
  pattern = Pattern("p", floordiv(q, 2) > k);
#endif
#elif CASE == 9
#ifdef MISTAKE
  pattern = Pattern("p", (q < k) == (k < 3));
#else
  pattern = Pattern("p", (q < k) && (k < 3));
#endif
#elif CASE == 10
#ifdef MISTAKE
  pattern = Pattern("p", doc(batch(), 0.5) == 1);
#else
  pattern = Pattern("p", doc(batch(), q) == 1);
#endif
#else
#error "no such case"
#endif
  return pattern;
}
