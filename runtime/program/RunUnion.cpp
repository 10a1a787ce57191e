#include "maskloom/program/RunUnion.h"

#include "maskloom/program/Arithmetic.h"

#include <algorithm>
#include <numeric>

namespace maskloom {

using integer::floorDiv;
using integer::floorMod;

/// Common periods beyond this are not worth building: the segment is walked.
constexpr int64_t kMaxCommonPeriod = 1 << 16;
/// How far a gap between members is followed.
constexpr int64_t kMembershipHorizon = 1 << 16;
/// Of outer tiles. Three periods are summed stretch by stretch.
constexpr int64_t kMaxOuterPeriod = 1 << 24;

RunUnion::RunUnion(const std::vector<OuterFloor> &floors, std::vector<const OuterRun *> runs,
                   int64_t innerTiles)
    : floors_(floors), runs_(std::move(runs)), innerTiles_(innerTiles), floorRays_(floors.size()) {}

RunUnion::Ray RunUnion::ray(const OuterForm &form, int64_t x) const {
  Ray sum{form.constant + form.outer * x, form.outer};
  for (auto [floor, coefficient] : form.floors) {
    sum.at += coefficient * floorRays_[floor].at;
    sum.slope += coefficient * floorRays_[floor].slope;
  }
  return sum;
}

RunUnion::Ray RunUnion::ray(const OuterFloor &floor, int64_t x) {
  Ray numerator = ray(floor.numerator, x);
  int64_t d = floor.denominator, quotient = floorDiv(numerator.at, d);
  if (numerator.slope % d == 0) return {quotient, numerator.slope / d};
  if (numerator.slope > 0)
    limit((d * (quotient + 1) - 1 - numerator.at) / numerator.slope);
  else
    limit((numerator.at - d * quotient) / -numerator.slope);
  return {quotient, 0};
}

/// Ends the stretch before `ray >= 0` (or `ray == 0`) changes its truth.
void RunUnion::keepSign(Ray ray, bool equality) {
  auto [at, slope] = ray;
  if (slope == 0) return;
  if (at == 0)
    limit(equality || slope < 0 ? 0 : kNoTile);
  else if (at > 0 && slope < 0)
    limit(equality ? (at - 1) / -slope : at / -slope);
  else if (at < 0 && slope > 0)
    limit((-at - 1) / slope);
}

bool RunUnion::instantiate(const OuterRun &run, int64_t x, Active &out) {
  for (const auto &[form, equality] : run.guards) {
    Ray guard = ray(form, x);
    keepSign(guard, equality);
    if (equality ? guard.at != 0 : guard.at < 0) return false;
  }
  // The largest (smallest) bound here must stay it until the stretch ends.
  auto best = [&](Ray start, const std::vector<OuterFloor> &bounds, int sign) {
    Ray chosen = start;
    bounds_.assign(1, start);
    for (const OuterFloor &bound : bounds) {
      Ray other = ray(bound, x);
      bounds_.push_back(other);
      if (std::pair(sign * other.at, sign * other.slope) > std::pair(sign * chosen.at, sign * chosen.slope))
        chosen = other;
    }
    for (const Ray &other : bounds_)
      if (int64_t gain = sign * (other.slope - chosen.slope); gain > 0)
        limit(sign * (chosen.at - other.at) / gain);
    return chosen;
  };
  out.low = best({0, 0}, run.low, 1);
  out.end = best({innerTiles_, 0}, run.end, -1);
  Ray length{out.end.at - out.low.at, out.end.slope - out.low.slope};
  if (length.at <= 0) {
    keepSign({length.at - 1, length.slope}, false);
    return false;
  }
  if (length.slope < 0) limit(length.at / -length.slope);
  out.steps.clear();
  for (const OuterCongruence &congruence : run.congruences) {
    Progression step = congruence.step;
    Ray phase = ray(congruence.phase, x), width = ray(congruence.width, x);
    if (phase.slope % step.period != 0 || width.slope != 0) limit(0);
    if (width.at < 0) return false;
    if (width.at >= step.period - 1) continue;
    step.phase = floorMod(phase.at, step.period);
    step.width = width.at;
    out.steps.push_back(step);
  }
  return true;
}

bool RunUnion::Active::contains(int64_t x) const {
  return std::all_of(steps.begin(), steps.end(), [&](const Progression &step) { return step.contains(x); });
}

int64_t RunUnion::Active::lastOfStretch(int64_t x) const {
  int64_t last = kNoTile;
  for (const Progression &step : steps) last = std::min(last, step.lastOfStretch(x));
  return last;
}

int64_t RunUnion::Active::next(int64_t x, int64_t last) const {
  while (x <= last) {
    int64_t furthest = x;
    for (const Progression &step : steps) furthest = std::max(furthest, step.next(x));
    if (furthest == x) return x;
    x = furthest;
  }
  return kNoTile;
}

/// Inner tiles of the open runs' union in [first, end).
int64_t RunUnion::count(int64_t first, int64_t end) {
  if (open_.empty() || first >= end) return 0;
  int64_t last = end - 1;
  if (open_.size() == 1 && open_[0]->steps.size() == 1) return open_[0]->steps[0].count(first, last);
  int64_t period = 1, length = end - first;
  for (const Active *run : open_)
    for (const Progression &step : run->steps)
      if (period <= kMaxCommonPeriod) period = std::lcm(period, step.period);
  if (period > kMaxCommonPeriod || length < 2 * period) return walk(first, last);
  int64_t whole = length / period;
  return whole * walk(first, first + period - 1) + walk(first + whole * period, last);
}

int64_t RunUnion::walk(int64_t first, int64_t last) {
  int64_t total = 0;
  for (int64_t x = first; x <= last && --steps_ >= 0;) {
    int64_t from = kNoTile, to = 0;
    for (const Active *run : open_) from = std::min(from, run->next(x, last));
    if (from > last) break;
    for (const Active *run : open_)
      if (run->contains(from)) to = std::max(to, run->lastOfStretch(from));
    to = std::min(to, last);
    total += to - from + 1;
    x = to + 1;
  }
  return total;
}

/// A moving end of a segment with congruences only: the tiles that it passes must all be in, or all out.
void RunUnion::keepMembership(const Cut &cut) {
  int64_t x = cut.ray.at;
  if (open_.empty() || cut.ray.slope == 0) return;
  if (cut.ray.slope < 0) return limit(0);
  int64_t inside = 0, outside = x + kMembershipHorizon;
  for (const Active *run : open_)
    if (run->contains(x))
      inside = std::max(inside, run->lastOfStretch(x) + 1);
    else
      outside = std::min(outside, run->next(x, outside));
  limit(((inside > 0 ? inside : outside) - x) / cut.ray.slope);
}

void RunUnion::evaluate(int64_t x) {
  limit_ = kNoTile;
  for (size_t i = 0; i < floors_.size(); ++i) floorRays_[i] = ray(floors_[i], x);
  active_.resize(runs_.size());
  cuts_.clear();
  for (size_t i = 0; i < runs_.size(); ++i) {
    if (!instantiate(*runs_[i], x, active_[i])) continue;
    cuts_.push_back({active_[i].low, static_cast<int>(i), true});
    cuts_.push_back({active_[i].end, static_cast<int>(i), false});
  }
  here_ = next_ = 0;
  std::sort(cuts_.begin(), cuts_.end(), [](const Cut &a, const Cut &b) {
    return std::pair(a.ray.at, a.ray.slope) < std::pair(b.ray.at, b.ray.slope);
  });
  int unbroken = 0;
  open_.clear();
  for (size_t i = 0; i + 1 < cuts_.size(); ++i) {
    const Cut &cut = cuts_[i], &following = cuts_[i + 1];
    const Active &run = active_[cut.run];
    if (run.steps.empty())
      unbroken += cut.opens ? 1 : -1;
    else if (cut.opens)
      open_.push_back(&run);
    else
      open_.erase(std::find(open_.begin(), open_.end(), &run));
    if (int64_t closing = cut.ray.slope - following.ray.slope; closing > 0)
      limit((following.ray.at - cut.ray.at) / closing);
    int64_t from = cut.ray.at, to = following.ray.at;
    int64_t nextFrom = from + cut.ray.slope, nextTo = to + following.ray.slope;
    if (unbroken) {
      here_ += to - from;
      next_ += nextTo - nextFrom;
      continue;
    }
    if (open_.empty()) continue;
    keepMembership(cut);
    keepMembership(following);
    here_ += count(from, to);
    if (limit_ > 0) next_ += count(nextFrom, nextTo);
  }
}

std::optional<int64_t> RunUnion::sumStretches(int64_t first, int64_t last) {
  int64_t total = 0;
  for (int64_t x = first; x <= last;) {
    --steps_;
    evaluate(x);
    if (steps_ < 0) return std::nullopt;
    int64_t tiles = limit_ >= last - x ? last - x + 1 : limit_ + 1;
    total += tiles * here_;
    if (tiles > 1) total += tiles * (tiles - 1) / 2 * (next_ - here_);
    x += tiles;
  }
  return total;
}

RunUnion::Shape RunUnion::shapeOf(int64_t first, int64_t last) const {
  Shape shape;
  std::optional<std::vector<Envelope>> floors = envelopesOf(floors_);
  if (!floors) return shape;
  std::vector<Envelope> ends(2), periodic; // ends of runs, and everything that repeats
  ends[1].low = ends[1].high = innerTiles_;
  // Keeps what lies around a change of sign: g <= 0 (strictly: g < 0) on one side of it, g >= 0 (g > 0) on
  // the other.
  auto signChange = [&](const Envelope &g, bool strict) {
    if (g.slope == 0) return;
    bool falls = g.slope < 0;
    __int128 slope = falls ? -g.slope : g.slope, low = falls ? -g.high : g.low,
             high = falls ? -g.low : g.high;
    auto quotient = [](__int128 a, __int128 b) { return a / b - ((a % b != 0) && (a < 0)); };
    __int128 from = quotient(-high, slope) + 1, to = -quotient(low, slope) - 1;
    if (strict) --from, ++to;
    to = std::max(from, to); // a change between two tiles still ends a regular interval
    if (to < first || from > last) return;
    shape.irregular.emplace_back(static_cast<int64_t>(std::max<__int128>(from, first)),
                                 static_cast<int64_t>(std::min<__int128>(to, last)));
  };
  std::vector<std::pair<Envelope, int64_t>> phases; // with what they count modulo
  int64_t common = 1;
  for (const OuterRun *run : runs_) {
    for (const std::vector<OuterFloor> *bounds : {&run->low, &run->end})
      for (const OuterFloor &bound : *bounds) {
        std::optional<Envelope> end = envelopeOf(bound, *floors);
        if (!end) return shape;
        ends.push_back(*end);
      }
    for (const auto &condition : run->guards) {
      std::optional<Envelope> guard = envelopeOf(condition.first, *floors);
      if (!guard) return shape;
      signChange(*guard, true);
      periodic.push_back(*guard);
    }
    for (const OuterCongruence &congruence : run->congruences) {
      int64_t modulus = congruence.step.period;
      common = std::lcm(common, modulus);
      std::optional<Envelope> width = envelopeOf(congruence.width, *floors),
                              phase = envelopeOf(congruence.phase, *floors);
      if (!width || !phase || common > kMaxOuterPeriod) return shape;
      periodic.push_back(*width);
      phases.emplace_back(*phase, modulus);
      // A width that grows: from where it may be 0 until it surely is a whole period, nothing repeats.
      Envelope growing = *width;
      growing.low -= (modulus - 1) * width->scale;
      signChange(growing, true);
    }
  }
  for (size_t i = 0; i < ends.size(); ++i)
    for (size_t j = i + 1; j < ends.size(); ++j) {
      const Envelope &a = ends[i], &b = ends[j];
      signChange({a.slope * b.scale - b.slope * a.scale, a.low * b.scale - b.high * a.scale,
                  a.high * b.scale - b.low * a.scale, a.scale * b.scale, 1, 0},
                 false);
    }
  std::sort(shape.irregular.begin(), shape.irregular.end());

  int64_t period = 1;
  auto extend = [&](const Envelope &g, int64_t modulus) { // until g moves by multiples of the modulus
    if (period > kMaxOuterPeriod) return;
    period = std::lcm(period, g.period);
    int64_t shift = floorMod(floorMod(g.shift, modulus) * (period / g.period), modulus);
    period *= modulus / std::gcd(modulus, shift);
  };
  for (const Envelope &g : periodic) extend(g, 1);
  for (const Envelope &end : ends) extend(end, common);
  for (const auto &[phase, modulus] : phases) extend(phase, modulus);
  if (period <= kMaxOuterPeriod) shape.period = period;
  return shape;
}

std::optional<int64_t> RunUnion::sum(int64_t first, int64_t last, int64_t &steps) {
  steps_ = steps;
  std::optional<int64_t> total = sumPeriods(first, last);
  steps = steps_;
  return total;
}

std::optional<int64_t> RunUnion::sumPeriods(int64_t first, int64_t last) {
  if (first > last || runs_.empty()) return 0;
  Shape shape = shapeOf(first, last);
  int64_t period = shape.period;
  if (period == 0) return sumStretches(first, last);
  std::optional<int64_t> total = 0;
  auto add = [&](std::optional<int64_t> part, int64_t times = 1) {
    total = total && part ? std::optional(*total + times * *part) : std::nullopt;
  };
  auto regular = [&](int64_t from, int64_t to) {
    int64_t periods = (to - from + 1) / period;
    if (periods <= 3) return add(sumStretches(from, to));
    std::optional<int64_t> one = sumStretches(from, from + period - 1);
    std::optional<int64_t> two = sumStretches(from + period, from + 2 * period - 1);
    if (!one || !two) return add(std::nullopt);
    add(one, periods);
    add(*two - *one, periods * (periods - 1) / 2);
    add(sumStretches(from + periods * period, to));
  };
  int64_t x = first;
  for (auto [from, to] : shape.irregular) {
    if (to < x) continue;
    from = std::max(from, x);
    if (x < from) regular(x, from - 1);
    add(sumStretches(from, to));
    x = to + 1;
  }
  if (x <= last) regular(x, last);
  return total;
}

} // namespace maskloom
