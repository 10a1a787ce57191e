#include "maskloom/analysis/ExtractRuns.h"

#include "maskloom/program/Arithmetic.h"

#include <algorithm>
#include <numeric>

namespace maskloom::analysis {

using integer::floorMod;

int32_t RunExtractor::floorScalar(int variable) {
  for (auto [known, index] : floors_)
    if (known == variable) return index;
  FloorScalar scalar;
  scalar.numerator = affine(table_[variable].numerator); // adds the floors it uses first
  scalar.denominator = table_[variable].denominator;
  schedule_.floors.push_back(std::move(scalar));
  int32_t index = static_cast<int32_t>(schedule_.floors.size()) - 1;
  floors_.emplace_back(variable, index);
  return index;
}

Affine RunExtractor::affine(const Form &form) {
  Affine result;
  result.constant = form.constant;
  for (int i = 0; i < table_.size(); ++i) {
    if (form[i] == 0) continue;
    const Variable &v = table_[i];
    if (v.quotient)
      result.terms.push_back({Symbol::Floor, floorScalar(i), form[i]});
    else
      result.terms.push_back({v.symbol, v.index, form[i]});
  }
  std::sort(result.terms.begin(), result.terms.end(), [](const Term &a, const Term &b) {
    return std::pair(a.symbol, a.index) < std::pair(b.symbol, b.index);
  });
  return result;
}

std::optional<Run> RunExtractor::extract(const TileSet &set) {
  Run run;
  run.exact = set.exact;
  int inner = table_.innerTile();
  for (const Constraint &c : set.constraints) {
    Form rest = c.form;
    int64_t a = rest[inner];
    rest[inner] = 0;
    if (a == 0) {
      run.guards.push_back({affine(rest), c.equality});
      continue;
    }
    Form negated;
    if (!negated.add(rest, -1)) {
      run.exact = false;
      continue;
    }
    Bound bound{affine(a > 0 ? negated : rest), std::abs(a)};
    if (a > 0 || c.equality) run.lower.push_back(bound);
    if (a < 0 || c.equality) run.upper.push_back(bound);
  }
  for (const GapForm &gap : set.gaps)
    if (!addGap(gap, run)) return std::nullopt;
  return run;
}

bool RunExtractor::addGap(const GapForm &gap, Run &run) {
  int inner = table_.innerTile();
  Form width = gap.upper;
  bool fits = width.add(gap.lower, -1);
  if (fits && width[inner] == 0) {
    Form phase = gap.upper;
    phase[inner] = 0;
    int64_t a = gap.upper[inner], g = std::gcd(a, gap.modulus);
    if (g == 1) return addCongruence(a, phase, gap.modulus, width, run);
    // floor(u / g) and floor((w - u mod g) / g)
    if (std::optional<Form> quotient = table_.floorOf(phase, g)) {
      Form slack = width;
      if (slack.add(phase, -1) && slack.add(*quotient, g))
        if (std::optional<Form> normalWidth = table_.floorOf(slack, g))
          return addCongruence(a / g, *quotient, gap.modulus / g, *normalWidth, run);
    }
  }
  run.gaps.push_back({affine(gap.upper), gap.modulus, affine(gap.lower), gap.modulus});
  return true;
}

bool RunExtractor::addCongruence(int64_t a, Form phase, int64_t period, Form width, Run &run) {
  if (std::optional<int64_t> high = table_.highest(width); high && *high < 0) return false;
  if (std::optional<int64_t> low = table_.lowest(width); low && *low >= period - 1) return true;
  if (period == 1) {
    run.guards.push_back({affine(width), false});
    return true;
  }
  a = floorMod(a, period);
  if (a > period / 2) {
    Form mirrored = width;
    if (mirrored.add(phase, -1)) {
      a = period - a;
      phase = mirrored;
    }
  }
  for (int64_t &coefficient : phase.coefficients) {
    coefficient = floorMod(coefficient, period);
    if (coefficient > period / 2) coefficient -= period;
  }
  phase.constant = floorMod(phase.constant, period);
  if (defect_ == PlantedDefect::ShiftPhase) phase.constant += 1;
  run.congruences.push_back({a, affine(phase), period, affine(width)});
  return true;
}

} // namespace maskloom::analysis
