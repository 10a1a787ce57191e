#include "maskloom/analysis/Elimination.h"

#include "maskloom/program/Arithmetic.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

namespace maskloom::analysis {

System TileSet::asSystem() const {
  System result = constraints;
  int variable = kMaxVariables;
  for (const GapForm &gap : gaps) {
    if (--variable < kMaxVariables - kGapColumns) break; // leaving one out weakens the system: sound
    Constraint low, high{gap.upper};
    high.form[variable] = -gap.modulus;
    low.form[variable] = gap.modulus;
    if (!low.form.add(gap.lower, -1)) continue;
    result.push_back(low);
    result.push_back(high);
  }
  return result;
}

static std::vector<int> localsOf(const VariableTable &table, const System &system) {
  std::vector<int> result;
  for (int i = 0; i < table.size(); ++i)
    if (table[i].local &&
        std::any_of(system.begin(), system.end(), [&](const Constraint &c) { return c.form[i] != 0; }))
      result.push_back(i);
  return result;
}

Eliminator::Bounds Eliminator::boundsOn(int variable, const System &system) const {
  Bounds bounds;
  for (const Constraint &c : system) {
    int64_t coefficient = c.form[variable];
    if (coefficient == 0) {
      bounds.rest.push_back(c);
      continue;
    }
    Constraint same{c.form};
    (coefficient > 0 ? bounds.lower : bounds.upper).push_back(same);
    if (c.equality) {
      Constraint opposite;
      if (opposite.form.add(c.form, -1)) (coefficient > 0 ? bounds.upper : bounds.lower).push_back(opposite);
    }
  }
  return bounds;
}

std::optional<Form> Eliminator::shadow(int variable, const Constraint &lower, const Constraint &upper) const {
  int64_t a = lower.form[variable], b = -upper.form[variable], g = std::gcd(a, b);
  Form result;
  if (!result.add(lower.form, b / g) || !result.add(upper.form, a / g)) return std::nullopt;
  return result;
}

Eliminator::Pair Eliminator::classify(int variable, const Constraint &lower, const Constraint &upper) const {
  int64_t a = lower.form[variable], b = -upper.form[variable];
  if (a == b) {
    Form width;
    if (width.add(lower.form, 1) && width.add(upper.form, 1))
      if (std::optional<int64_t> least = table_.lowest(width); least && *least >= a - 1) return Pair::Always;
  }
  if (a == 1 || b == 1) return Pair::Linear;
  Form low = lower.form, high = upper.form;
  low[variable] = high[variable] = 0;
  return table_.hasLocal(low) || table_.hasLocal(high) ? Pair::Inexact : Pair::Quasi;
}

bool Eliminator::darkShadowImplied(int variable, const Bounds &bounds, const Constraint &lower,
                                   const Constraint &upper) {
  int64_t a = lower.form[variable], b = -upper.form[variable], g = std::gcd(a, b);
  System context = bounds.rest;
  for (const Constraint &l : bounds.lower)
    for (const Constraint &u : bounds.upper)
      if (std::optional<Form> real = shadow(variable, l, u)) context.push_back({*real});
  std::optional<Form> real = shadow(variable, lower, upper);
  if (!real) return false;
  // The shadow was divided by g.
  Constraint violation;
  if (!violation.form.add(*real, -1)) return false;
  violation.form.constant += integer::ceilDiv((a - 1) * (b - 1), g) - 1;
  context.push_back(violation);
  return prover_.integerEmpty(std::move(context));
}

bool Eliminator::substituteUnit(const std::vector<int> &locals, System &system, TileSet &result) {
  for (size_t row = 0; row < system.size(); ++row) {
    if (!system[row].equality) continue;
    for (int v : locals) {
      int64_t coefficient = system[row].form[v];
      if (std::abs(coefficient) != 1) continue;
      Constraint equality = system[row];
      System substituted;
      for (size_t i = 0; i < system.size(); ++i) {
        if (i == row) continue;
        Constraint c = system[i];
        if (int64_t factor = c.form[v]; factor != 0 && !c.form.add(equality.form, -factor * coefficient)) {
          result.exact = false;
          continue;
        }
        substituted.push_back(std::move(c));
      }
      system = std::move(substituted);
      return true;
    }
  }
  return false;
}

bool Eliminator::addQuotientCondition(int variable, const Constraint &lower, const Constraint &upper,
                                      System &system, TileSet &result) {
  int64_t a = lower.form[variable], b = -upper.form[variable];
  Form low, high = upper.form;
  if (!low.add(lower.form, -1)) return false;
  low[variable] = high[variable] = 0;
  // An integer v with low <= a*v and b*v <= high. Scaling by m/a and m/b makes the moduli equal; then
  // multiples of m move from both sides into v.
  int64_t m = a / std::gcd(a, b) * b;
  if (m > kMaxCoefficient) return false;
  Form scaledLow, scaledHigh;
  if (!scaledLow.add(low, m / a) || !scaledHigh.add(high, m / b)) return false;
  for (int i = 0; i < table_.size(); ++i) {
    int64_t residue = integer::floorMod(scaledHigh[i], m);
    if (residue > m / 2) residue -= m;
    scaledLow[i] -= scaledHigh[i] - residue;
    scaledHigh[i] = residue;
  }
  int64_t shift = scaledHigh.constant - integer::floorMod(scaledHigh.constant, m);
  scaledHigh.constant -= shift;
  scaledLow.constant -= shift;
  Constraint condition;
  int inner = table_.innerTile();
  if (scaledHigh[inner] == 0) {
    std::optional<Form> quotient = table_.floorOf(scaledHigh, m);
    if (!quotient || !condition.form.add(*quotient, m) || !condition.form.add(scaledLow, -1)) return false;
  } else if (scaledLow[inner] == 0) {
    Form negated;
    if (!negated.add(scaledLow, -1)) return false;
    std::optional<Form> quotient = table_.floorOf(negated, m); // -ceil(low / m)
    condition.form = scaledHigh;
    if (!quotient || !condition.form.add(*quotient, m)) return false;
  } else {
    GapForm gap{scaledLow, scaledHigh, m};
    if (std::find(result.gaps.begin(), result.gaps.end(), gap) == result.gaps.end())
      result.gaps.push_back(std::move(gap));
    return true;
  }
  system.push_back(std::move(condition));
  return true;
}

void Eliminator::eliminate(int variable, bool tryDarkShadow, System &system, TileSet &result) {
  Bounds bounds = boundsOn(variable, system);
  system = bounds.rest;
  for (const Constraint &lower : bounds.lower)
    for (const Constraint &upper : bounds.upper) {
      Pair kind = classify(variable, lower, upper);
      if (kind == Pair::Always) continue;
      if (tryDarkShadow && (kind == Pair::Quasi || kind == Pair::Inexact) &&
          darkShadowImplied(variable, bounds, lower, upper))
        kind = Pair::Linear;
      if (kind == Pair::Quasi && addQuotientCondition(variable, lower, upper, system, result)) continue;
      std::optional<Form> combined = shadow(variable, lower, upper);
      if (kind != Pair::Linear || !combined) result.exact = false;
      if (!combined) continue; // a missing constraint only enlarges the set
      if (limits_.defect == PlantedDefect::TightenBound) combined->constant -= 1;
      system.push_back({*combined});
    }
}

std::optional<TileSet> Eliminator::project(System system) {
  TileSet result;
  while (true) {
    if (!normalise(system)) return std::nullopt;
    std::vector<int> locals = localsOf(table_, system);
    if (locals.empty()) break;
    if (substituteUnit(locals, system, result)) continue;

    // The variable that is cheapest to eliminate in the best class that any variable offers.
    int best = -1, bestRank = 4;
    long bestCost = 0;
    for (int v : locals) {
      Bounds bounds = boundsOn(v, system);
      int rank = 0;
      for (const Constraint &lower : bounds.lower)
        for (const Constraint &upper : bounds.upper) {
          Pair kind = classify(v, lower, upper);
          if (kind == Pair::Linear || kind == Pair::Always || rank == 3) continue;
          if (rank == 0) rank = 1;
          if (darkShadowImplied(v, bounds, lower, upper)) continue;
          rank = kind == Pair::Quasi ? 2 : 3;
        }
      long lowers = static_cast<long>(bounds.lower.size()), uppers = static_cast<long>(bounds.upper.size());
      long cost = lowers * uppers - lowers - uppers;
      if (rank < bestRank || (rank == bestRank && cost < bestCost))
        best = v, bestRank = rank, bestCost = cost;
    }
    if (static_cast<long>(system.size()) + bestCost > limits_.maxConstraints) {
      // Too many combinations: forget what is known of the variable.
      std::erase_if(system, [&](const Constraint &c) { return c.form[best] != 0; });
      result.exact = false;
      continue;
    }
    eliminate(best, bestRank >= 1, system, result);
  }
  result.constraints = std::move(system);
  if (prover_.integerEmpty(result.asSystem())) return std::nullopt;
  dropRedundant(result);
  return result;
}

void Eliminator::dropRedundant(TileSet &set) const {
  // A gap whose width always spans a period says nothing.
  std::erase_if(set.gaps, [&](const GapForm &gap) {
    Form slack = gap.upper;
    if (!slack.add(gap.lower, -1)) return false;
    slack.constant -= gap.modulus - 1;
    return prover_.implies(set.constraints, slack);
  });
  // The most complicated ones first, so that of two ways to say the same the simple one stays.
  auto complexity = [](const Constraint &c) {
    int64_t sum = 0;
    for (int64_t coefficient : c.form.coefficients)
      if (coefficient) sum += 1000 + std::abs(coefficient);
    return sum;
  };
  std::stable_sort(set.constraints.begin(), set.constraints.end(),
                   [&](const Constraint &x, const Constraint &y) { return complexity(x) > complexity(y); });
  for (size_t i = 0; i < set.constraints.size();) {
    if (set.constraints[i].equality) {
      ++i;
      continue;
    }
    TileSet others = set;
    others.constraints.erase(others.constraints.begin() + i);
    if (prover_.implies(others.asSystem(), set.constraints[i].form))
      set.constraints.erase(set.constraints.begin() + i);
    else
      ++i;
  }
}

} // namespace maskloom::analysis
