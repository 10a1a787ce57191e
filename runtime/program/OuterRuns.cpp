#include "maskloom/program/OuterRuns.h"

#include "maskloom/program/Arithmetic.h"
#include "maskloom/program/PredicateEvaluation.h"

#include <numeric>

namespace maskloom {

namespace {

class Folder {
public:
  Folder(const Program &program, const Schedule &schedule, const ScheduleContext &context)
      : program_(program), schedule_(schedule), context_(context) {}

  std::optional<OuterRuns> run() {
    for (const FloorScalar &floor : schedule_.floors) {
      OuterFloor folded;
      if (!floor.dependsOnInner) folded = {fold(floor.numerator), floor.denominator};
      values_.push_back(valueOf(folded));
      // floor((x + c) / d) = floor((x + c mod d) / d) + floor(c / d): equal for equal functions
      int64_t &constant = folded.numerator.constant;
      offsets_.push_back(integer::floorDiv(constant, folded.denominator));
      constant = integer::floorMod(constant, folded.denominator);
      result_.floors.push_back(std::move(folded));
    }
    for (auto [from, to] :
         {std::pair(&schedule_.touched, &result_.touched), std::pair(&schedule_.notFull, &result_.notFull)})
      for (const Run &run : *from) {
        if (!run.gaps.empty() || !run.filters.empty()) return std::nullopt;
        std::optional<OuterRun> folded = fold(run);
        if (!folded) return std::nullopt;
        to->push_back(std::move(*folded));
      }
    return std::move(result_);
  }

private:
  static std::optional<int64_t> valueOf(const OuterFloor &floor) {
    if (floor.numerator.outer != 0 || !floor.numerator.floors.empty()) return std::nullopt;
    return integer::floorDiv(floor.numerator.constant, floor.denominator);
  }

  OuterForm fold(const Affine &affine) const {
    OuterForm form;
    form.constant = affine.constant;
    for (const Term &term : affine.terms) {
      if (term.symbol == Symbol::OuterTile)
        form.outer += term.coefficient;
      else if (term.symbol == Symbol::Floor && !values_[term.index]) {
        form.floors.emplace_back(term.index, term.coefficient);
        form.constant += term.coefficient * offsets_[term.index];
      } else
        form.constant += term.coefficient * (term.symbol == Symbol::Floor
                                                 ? *values_[term.index]
                                                 : symbolValue(program_, context_, term.symbol, term.index));
    }
    return form;
  }

  std::optional<OuterRun> fold(const Run &run) const {
    OuterRun out;
    for (const Bound &bound : run.lower) { // ceil(a / d) = floor((a + d - 1) / d)
      out.low.push_back({fold(bound.numerator), bound.denominator});
      out.low.back().numerator.constant += bound.denominator - 1;
    }
    for (const Bound &bound : run.upper) { // floor(a / d) + 1 = floor((a + d) / d)
      out.end.push_back({fold(bound.numerator), bound.denominator});
      out.end.back().numerator.constant += bound.denominator;
    }
    for (const Condition &guard : run.guards) out.guards.emplace_back(fold(guard.affine), guard.equality);
    for (const Congruence &c : run.congruences) {
      if (std::gcd(c.a, c.period) != 1) return std::nullopt;
      if (c.period == 1) continue;
      bool empty = false;
      OuterCongruence &folded = out.congruences.emplace_back();
      folded.step = Progression::normalised(c.a, 0, c.period, 0, empty);
      folded.phase = fold(c.phase);
      folded.phase.constant = integer::floorMod(folded.phase.constant, c.period); // equal for equal sets
      folded.width = fold(c.width);
    }
    return out;
  }

  const Program &program_;
  const Schedule &schedule_;
  const ScheduleContext &context_;
  std::vector<std::optional<int64_t>> values_; ///< of floors that are numbers
  std::vector<int64_t> offsets_;               ///< what other floors are above those in the result
  OuterRuns result_;
};

/// Of scales and periods: products of two scales with coefficients fit 128 bits.
constexpr int64_t kMaxNumber = int64_t(1) << 26;

} // namespace

std::optional<OuterRuns> foldRuns(const Program &program, const Schedule &schedule,
                                  const ScheduleContext &context) {
  return Folder(program, schedule, context).run();
}

std::optional<Envelope> envelopeOf(const OuterForm &form, const std::vector<Envelope> &floors) {
  Envelope sum;
  for (auto [index, coefficient] : form.floors) {
    sum.scale = std::lcm(static_cast<int64_t>(sum.scale), static_cast<int64_t>(floors[index].scale));
    sum.period = std::lcm(sum.period, floors[index].period);
    if (sum.scale > kMaxNumber || sum.period > kMaxNumber) return std::nullopt;
  }
  sum.slope = form.outer * sum.scale;
  sum.low = sum.high = form.constant * sum.scale;
  sum.shift = form.outer * sum.period;
  for (auto [index, coefficient] : form.floors) {
    const Envelope &floor = floors[index];
    __int128 factor = coefficient * (sum.scale / floor.scale);
    sum.slope += factor * floor.slope;
    sum.low += factor * (factor > 0 ? floor.low : floor.high);
    sum.high += factor * (factor > 0 ? floor.high : floor.low);
    sum.shift += coefficient * floor.shift * (sum.period / floor.period);
  }
  return sum;
}

std::optional<Envelope> envelopeOf(const OuterFloor &floor, const std::vector<Envelope> &floors) {
  std::optional<Envelope> result = envelopeOf(floor.numerator, floors);
  int64_t d = floor.denominator;
  if (!result || d == 1) return result;
  result->low -= (d - 1) * result->scale; // floor(a / d) >= (a - d + 1) / d
  result->scale *= d;
  int64_t periods = d / std::gcd(d, result->shift); // until the numerator has moved by multiples of d
  if (result->scale > kMaxNumber || result->period > kMaxNumber / periods) return std::nullopt;
  result->period *= periods;
  result->shift = result->shift * periods / d;
  return result;
}

std::optional<std::vector<Envelope>> envelopesOf(const std::vector<OuterFloor> &floors) {
  std::vector<Envelope> result;
  for (const OuterFloor &floor : floors) {
    std::optional<Envelope> envelope = envelopeOf(floor, result);
    if (!envelope) return std::nullopt;
    result.push_back(*envelope);
  }
  return result;
}

} // namespace maskloom
