#include "maskloom/program/ScheduleInstance.h"

#include "maskloom/program/Arithmetic.h"
#include "maskloom/program/PredicateEvaluation.h"

#include <algorithm>
#include <numeric>

namespace maskloom {

using integer::ceilDiv;
using integer::floorDiv;
using integer::floorMod;

static int64_t modularInverse(int64_t a, int64_t modulus) {
  int64_t r0 = modulus, r1 = a, t0 = 0, t1 = 1;
  while (r1 != 0) {
    int64_t quotient = r0 / r1;
    r0 -= quotient * r1, std::swap(r0, r1);
    t0 -= quotient * t1, std::swap(t0, t1);
  }
  return floorMod(t0, modulus);
}

Progression Progression::normalised(int64_t a, int64_t phase, int64_t period, int64_t width, bool &empty) {
  empty = width < 0;
  Progression result;
  if (empty || width >= period - 1) return result;
  int64_t g = std::gcd(a, period);
  int64_t normalWidth = floorDiv(width - floorMod(phase, g), g);
  empty = normalWidth < 0;
  if (empty || normalWidth >= period / g - 1) return result;
  result.period = period / g;
  result.a = floorMod(a / g, result.period);
  result.inverse = modularInverse(result.a, result.period);
  result.phase = floorMod(floorDiv(phase, g), result.period);
  result.width = normalWidth;
  return result;
}

bool Progression::contains(int64_t x) const {
  return period == 1 || (a * floorMod(x, period) + phase) % period <= width;
}

int64_t Progression::next(int64_t x) const {
  if (period == 1) return x;
  int64_t residue = (a * floorMod(x, period) + phase) % period;
  if (residue <= width) return x;
  if (a == 1) return x + period - residue;
  if (a == period - 1) return x + residue - width;
  // The distance to residue y is inverse * (y - residue) mod period; the nearest of the width + 1 targets. A
  // member turns up among consecutive x after period / (width + 1) steps on average: take the shorter search.
  if (width <= period / (width + 1)) {
    int64_t best = period;
    for (int64_t y = 0; y <= width; ++y)
      best = std::min(best, floorMod(y - residue, period) * inverse % period);
    return x + best;
  }
  do {
    ++x;
    residue += a;
    if (residue >= period) residue -= period;
  } while (residue > width);
  return x;
}

int64_t Progression::lastOfStretch(int64_t x) const {
  if (period == 1) return kNoTile;
  int64_t residue = (a * floorMod(x, period) + phase) % period;
  if (a == 1) return x + width - residue;
  if (a == period - 1) return x + residue;
  while (true) {
    residue += a;
    if (residue >= period) residue -= period;
    if (residue > width) return x;
    ++x;
  }
}

/// Sum over 0 <= i < n of floor((a*i + b) / m), a, b >= 0: the Euclidean algorithm on lattice points under a
/// line.
static int64_t floorSum(int64_t n, int64_t m, int64_t a, int64_t b) {
  int64_t sum = 0;
  while (true) {
    sum += (n - 1) * n / 2 * (a / m) + n * (b / m);
    a %= m, b %= m;
    int64_t top = a * n + b;
    if (top < m) return sum;
    n = top / m;
    b = top % m;
    std::swap(m, a);
  }
}

int64_t Progression::count(int64_t first, int64_t last) const {
  if (first > last) return 0;
  int64_t n = last - first + 1;
  if (period == 1) return n;
  // Whole periods hold width + 1 members each; in the rest, residue <= width iff
  // floor((r + period) / period) - floor((r + period - width - 1) / period) = 1.
  int64_t rest = n % period;
  int64_t start = floorMod(a * floorMod(first, period) + phase, period);
  int64_t members = n / period * (width + 1);
  if (rest)
    members +=
        floorSum(rest, period, a, start + period) - floorSum(rest, period, a, start + period - width - 1);
  return members;
}

ScheduleInstance::ScheduleInstance(const Program &program, const Schedule &schedule,
                                   const ScheduleContext &context)
    : program_(program), context_(context) {
  floorValues_.resize(schedule.floors.size());
  for (const FloorScalar &floor : schedule.floors) {
    FoldedFloor folded{fold(floor.numerator), floor.denominator, floor.dependsOnInner};
    bool constant = !folded.dependsOnInner && folded.numerator.outer == 0 && folded.numerator.floors.empty();
    size_t index = floors_.size();
    if (constant) floorValues_[index] = floorDiv(folded.numerator.constant, folded.denominator);
    constantFloor_.push_back(constant);
    floors_.push_back(std::move(folded));
  }
  for (const Run &run : schedule.touched) touched_.push_back(fold(run));
  for (const Run &run : schedule.notFull) notFull_.push_back(fold(run));
  touchedRuns_.resize(touched_.size());
  notFullRuns_.resize(notFull_.size());
}

ScheduleInstance::Folded ScheduleInstance::fold(const Affine &affine) const {
  Folded result;
  result.constant = affine.constant;
  for (const Term &term : affine.terms) {
    if (term.symbol == Symbol::OuterTile) {
      result.outer += term.coefficient;
    } else if (term.symbol == Symbol::InnerTile) {
      result.inner += term.coefficient;
    } else if (term.symbol == Symbol::Floor) {
      if (constantFloor_[term.index])
        result.constant += term.coefficient * floorValues_[term.index];
      else
        result.floors.emplace_back(term.index, term.coefficient);
    } else {
      result.constant += term.coefficient * symbolValue(program_, context_, term.symbol, term.index);
    }
  }
  return result;
}

ScheduleInstance::FoldedRun ScheduleInstance::fold(const Run &run) const {
  FoldedRun result;
  for (const Bound &bound : run.lower) result.lower.push_back({fold(bound.numerator), bound.denominator});
  for (const Bound &bound : run.upper) result.upper.push_back({fold(bound.numerator), bound.denominator});
  for (const Condition &guard : run.guards) result.guards.emplace_back(fold(guard.affine), guard.equality);
  for (const Condition &filter : run.filters)
    result.filters.emplace_back(fold(filter.affine), filter.equality);
  for (const Congruence &c : run.congruences)
    result.congruences.push_back({c.a, c.period, fold(c.phase), fold(c.width)});
  for (const Gap &gap : run.gaps) result.gaps.push_back({fold(gap.upper), fold(gap.lower), gap.b, gap.a});
  return result;
}

int64_t ScheduleInstance::value(const Folded &affine, int64_t inner) const {
  int64_t sum = affine.constant + affine.outer * outer_ + affine.inner * inner;
  for (auto [floor, coefficient] : affine.floors) sum += coefficient * floorValues_[floor];
  return sum;
}

void ScheduleInstance::setOuter(int64_t outer, int64_t innerTiles) {
  outer_ = outer;
  for (size_t i = 0; i < floors_.size(); ++i)
    if (!constantFloor_[i] && !floors_[i].dependsOnInner)
      floorValues_[i] = floorDiv(value(floors_[i].numerator), floors_[i].denominator);
  for (size_t i = 0; i < touched_.size(); ++i) instantiate(touched_[i], touchedRuns_[i], innerTiles);
  for (size_t i = 0; i < notFull_.size(); ++i) instantiate(notFull_[i], notFullRuns_[i], innerTiles);
}

void ScheduleInstance::instantiate(const FoldedRun &run, RunInstance &out, int64_t innerTiles) {
  out.low = 0;
  out.high = innerTiles - 1;
  out.step = Progression();
  out.plain = run.gaps.empty() && run.filters.empty() && run.congruences.size() <= 1;
  for (const FoldedBound &bound : run.lower)
    out.low = std::max(out.low, bound.denominator == 1 ? value(bound.numerator)
                                                       : ceilDiv(value(bound.numerator), bound.denominator));
  for (const FoldedBound &bound : run.upper)
    out.high =
        std::min(out.high, bound.denominator == 1 ? value(bound.numerator)
                                                  : floorDiv(value(bound.numerator), bound.denominator));
  bool empty = out.low > out.high;
  for (const auto &[affine, equality] : run.guards) {
    if (empty) break;
    int64_t guard = value(affine);
    empty = equality ? guard != 0 : guard < 0;
  }
  if (!empty && !run.congruences.empty()) {
    const FoldedCongruence &c = run.congruences.front();
    out.step = Progression::normalised(c.a, value(c.phase), c.period, value(c.width), empty);
  }
  if (empty) out.low = 0, out.high = -1;
}

bool ScheduleInstance::member(const FoldedRun &run, int64_t x) const {
  for (size_t i = 1; i < run.congruences.size(); ++i) {
    const FoldedCongruence &c = run.congruences[i];
    if (floorMod(c.a * x + value(c.phase), c.period) > value(c.width)) return false;
  }
  for (const FoldedGap &gap : run.gaps)
    if (floorDiv(value(gap.upper, x), gap.b) < ceilDiv(value(gap.lower, x), gap.a)) return false;
  if (run.filters.empty()) return true;
  for (size_t i = 0; i < floors_.size(); ++i)
    if (floors_[i].dependsOnInner)
      floorValues_[i] = floorDiv(value(floors_[i].numerator, x), floors_[i].denominator);
  for (const auto &[affine, equality] : run.filters) {
    int64_t filter = value(affine, x);
    if (equality ? filter != 0 : filter < 0) return false;
  }
  return true;
}

int64_t ScheduleInstance::nextInRun(Set set, size_t index, int64_t x) const {
  const RunInstance &run = instances(set)[index];
  x = std::max(x, run.low);
  while (x <= run.high) {
    x = run.step.next(x);
    if (x > run.high) break;
    if (run.plain || member(folded(set)[index], x)) return x;
    ++x;
  }
  return kNoTile;
}

bool ScheduleInstance::containsInRun(Set set, size_t index, int64_t x) const {
  const RunInstance &run = instances(set)[index];
  return run.low <= x && x <= run.high && run.step.contains(x) &&
         (run.plain || member(folded(set)[index], x));
}

int64_t ScheduleInstance::next(Set set, int64_t x) const {
  int64_t best = kNoTile;
  for (size_t i = 0; i < instances(set).size() && best != x; ++i) best = std::min(best, nextInRun(set, i, x));
  return best;
}

bool ScheduleInstance::contains(Set set, int64_t x) const {
  for (size_t i = 0; i < instances(set).size(); ++i)
    if (containsInRun(set, i, x)) return true;
  return false;
}

int64_t ScheduleInstance::lastOfStretch(Set set, int64_t x) const {
  const std::vector<RunInstance> &runs = instances(set);
  // Each pass extends the stretch by a run that holds its end + 1; stops when none does.
  int64_t last = x - 1;
  for (bool grown = true; grown;) {
    grown = false;
    for (size_t i = 0; i < runs.size(); ++i) {
      if (!containsInRun(set, i, last + 1)) continue;
      last = runs[i].plain ? std::min(runs[i].high, runs[i].step.lastOfStretch(last + 1)) : last + 1;
      grown = true;
    }
  }
  return last;
}

} // namespace maskloom
