#include "maskloom/codegen/emit/KeyIntervals.h"

#include <cstddef>

namespace maskloom::emit {

CppExpr firstPosition() { return {"kFirstPosition", Precedence::Primary, false, {INT32_MIN, INT32_MIN}}; }
CppExpr lastPosition() { return {"kLastPosition", Precedence::Primary, false, {INT32_MAX, INT32_MAX}}; }

namespace {

bool same(const std::optional<CppExpr> &a, const std::optional<CppExpr> &b) {
  return a.has_value() == b.has_value() && (!a || a->text == b->text);
}

CppExpr both(const CppExpr &a, const CppExpr &b) {
  return a.text == b.text ? a : binary(a, "&", b, Precedence::BitAnd);
}
CppExpr either(const CppExpr &a, const CppExpr &b) {
  return a.text == b.text ? a : binary(a, "|", b, Precedence::BitOr);
}

std::optional<CppExpr> extreme(const char *function, const std::optional<CppExpr> &a,
                               const std::optional<CppExpr> &b) {
  if (!a || !b) return a ? a : b;
  return a->text == b->text ? *a : minMaxText(function, *a, *b);
}

/// One interval for two, where that is as good.
std::optional<KeyInterval> merged(const KeyInterval &a, const KeyInterval &b) {
  if (same(a.gate, b.gate)) {
    if (same(a.first, b.first))
      return KeyInterval{a.first, a.last && b.last ? extreme("max", a.last, b.last) : std::nullopt, a.gate};
    if (same(a.last, b.last))
      return KeyInterval{a.first && b.first ? extreme("min", a.first, b.first) : std::nullopt, a.last,
                         a.gate};
  }
  // A condition on q alone shows every key.
  const KeyInterval &open = a.bounded() ? b : a, &other = a.bounded() ? a : b;
  if (open.bounded()) return std::nullopt;
  const CppExpr &gate = *open.gate;
  KeyInterval result;
  if (other.first) result.first = conditional(gate, firstPosition(), *other.first);
  if (other.last) result.last = conditional(gate, lastPosition(), *other.last);
  if (other.gate) result.gate = either(gate, *other.gate);
  return result;
}

} // namespace

MaybeKeyIntervals unionOf(const MaybeKeyIntervals &a, const MaybeKeyIntervals &b) {
  constexpr size_t kMostIntervals = 2;
  if (!a || !b) return std::nullopt;
  KeyIntervals all = *a;
  all.insert(all.end(), b->begin(), b->end());
  for (const KeyInterval &interval : all)
    if (!interval.bounded() && !interval.gate) return KeyIntervals{KeyInterval{}};
  for (size_t i = 0; i < all.size(); i++)
    for (size_t j = i + 1; j < all.size(); j++)
      if (std::optional<KeyInterval> one = merged(all[i], all[j])) {
        all[i] = *one;
        all.erase(all.begin() + static_cast<std::ptrdiff_t>(j));
        j = i;
      }
  if (all.size() > kMostIntervals) return std::nullopt;
  return all;
}

MaybeKeyIntervals intersectionOf(const MaybeKeyIntervals &a, const MaybeKeyIntervals &b) {
  if (!a || !b) return std::nullopt;
  MaybeKeyIntervals result = KeyIntervals{};
  for (const KeyInterval &x : *a)
    for (const KeyInterval &y : *b) {
      KeyInterval interval = {extreme("max", x.first, y.first), extreme("min", x.last, y.last),
                              x.gate ? x.gate : y.gate};
      if (x.gate && y.gate) interval.gate = both(*x.gate, *y.gate);
      bool empty = interval.first && interval.last && interval.first->range.low > interval.last->range.high;
      if (!empty) result = unionOf(result, KeyIntervals{interval});
    }
  return result;
}

} // namespace maskloom::emit
