#include "maskloom/analysis/Elimination.h"

#include "maskloom/program/Arithmetic.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

namespace maskloom::analysis {

/// Proofs about dark shadows are tried for so many variables, in contexts of so many constraints.
constexpr size_t kMaxShadowCandidates = 4;
constexpr size_t kMaxShadowContext = 48;

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
    // Locals may have been replaced by others (substituteEquality): their declared ranges do not count.
    if (width.add(lower.form, 1) && width.add(upper.form, 1) && !table_.hasLocal(width))
      if (std::optional<int64_t> least = table_.lowest(width); least && *least >= a - 1) return Pair::Always;
  }
  if (a == 1 || b == 1) return Pair::Linear;
  Form low = lower.form, high = upper.form;
  low[variable] = high[variable] = 0;
  return table_.hasLocal(low) || table_.hasLocal(high) ? Pair::Inexact : Pair::Quasi;
}

System Eliminator::shadowContext(int variable, const Bounds &bounds) const {
  System context = bounds.rest;
  if (bounds.lower.size() * bounds.upper.size() + context.size() > kMaxShadowContext) return context;
  for (const Constraint &lower : bounds.lower)
    for (const Constraint &upper : bounds.upper)
      if (std::optional<Form> real = shadow(variable, lower, upper)) context.push_back({*real});
  return context;
}

bool Eliminator::darkShadowImplied(int variable, const System &context, const Constraint &lower,
                                   const Constraint &upper) const {
  std::optional<Form> real = shadow(variable, lower, upper); // divided by g
  Constraint violation;
  if (!real || !violation.form.add(*real, -1)) return false;
  int64_t a = lower.form[variable], b = -upper.form[variable];
  violation.form.constant += integer::ceilDiv((a - 1) * (b - 1), std::gcd(a, b)) - 1;
  System violated = context;
  violated.push_back({*real});
  violated.push_back(violation);
  return prover_.integerEmpty(std::move(violated));
}

bool Eliminator::substituteEquality(const std::vector<int> &locals, System &system, TileSet &result) {
  // Equalities with a unit coefficient first: they need no condition and grow nothing.
  int row = -1, variable = -1;
  for (size_t i = 0; i < system.size() && variable < 0; ++i) {
    if (!system[i].equality) continue;
    for (int v : locals) {
      if (system[i].form[v] == 0) continue;
      if (row < 0) row = static_cast<int>(i);
      if (std::abs(system[i].form[v]) == 1) {
        row = static_cast<int>(i), variable = v;
        break;
      }
    }
  }
  if (row < 0) return false;
  if (variable < 0) {
    // Euclid's algorithm on the coefficients a_i of the locals: with a_p the smallest, v_p := v_p + sum of
    // (a_i / a_p) * v_i is unimodular and leaves the remainders; repeated until one local is left.
    const auto smallest = [&] {
      int best = -1;
      for (int v : locals)
        if (int64_t c = std::abs(system[row].form[v]);
            c != 0 && (best < 0 || c < std::abs(system[row].form[best])))
          best = v;
      return best;
    };
    variable = smallest();
    System transformed = system;
    while (true) {
      int64_t pivot = transformed[row].form[variable];
      bool alone = true;
      for (int v : locals) {
        int64_t factor = v == variable ? 0 : integer::floorDiv(transformed[row].form[v], pivot);
        if (v != variable && transformed[row].form[v] != 0) alone = false;
        if (factor == 0) continue;
        for (Constraint &c : transformed)
          if (!integer::addProduct(c.form[v], c.form[variable], -factor) ||
              std::abs(c.form[v]) > kMaxCoefficient)
            return false;
      }
      if (alone) break;
      system = transformed;
      variable = smallest();
    }
    system = std::move(transformed);
  }
  // a*v = -R: exact in all other constraints after scaling by |a|, plus the condition that a divides R.
  Constraint equality = system[row];
  int64_t a = equality.form[variable], scale = std::abs(a);
  System substituted;
  for (size_t i = 0; i < system.size(); ++i) {
    if (static_cast<int>(i) == row) continue;
    Constraint c = system[i];
    if (int64_t factor = c.form[variable]; factor != 0) {
      Constraint scaled;
      scaled.equality = c.equality;
      if (!scaled.form.add(c.form, scale) || !scaled.form.add(equality.form, a > 0 ? -factor : factor)) {
        result.exact = false;
        continue;
      }
      c = std::move(scaled);
    }
    substituted.push_back(std::move(c));
  }
  if (scale > 1) {
    Constraint lower{equality.form}, upper;
    if (!upper.form.add(equality.form, -1)) return false;
    if (a < 0) std::swap(lower, upper);
    if (!addQuotientCondition(variable, lower, upper, substituted, result)) result.exact = false;
  }
  system = std::move(substituted);
  return true;
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
  System context = tryDarkShadow ? shadowContext(variable, bounds) : System();
  system = bounds.rest;
  for (const Constraint &lower : bounds.lower)
    for (const Constraint &upper : bounds.upper) {
      Pair kind = classify(variable, lower, upper);
      if (kind == Pair::Always) continue;
      if (tryDarkShadow && (kind == Pair::Quasi || kind == Pair::Inexact) &&
          darkShadowImplied(variable, context, lower, upper))
        kind = Pair::Linear;
      if (kind == Pair::Quasi && addQuotientCondition(variable, lower, upper, system, result)) continue;
      std::optional<Form> combined = shadow(variable, lower, upper);
      if (kind != Pair::Linear || !combined) result.exact = false;
      if (!combined) continue; // a missing constraint only enlarges the set
      if (limits_.defect == PlantedDefect::TightenBound) combined->constant -= 1;
      system.push_back({*combined});
    }
}

bool Eliminator::roundOuterPart(System &system) {
  bool changed = false;
  for (Constraint &c : system) {
    if (c.equality) continue;
    int64_t g = 0;
    bool local = false;
    for (int i = 0; i < table_.size(); ++i) {
      if (c.form[i] == 0 || !(table_[i].local || i == table_.innerTile())) continue;
      g = std::gcd(g, c.form[i]);
      local |= table_[i].local;
    }
    if (!local || g <= 1) continue;
    // g*e + R >= 0 with R free of locals and x: e + floor(R / g) >= 0.
    Form unknown, outer = c.form;
    for (int i = 0; i < table_.size(); ++i)
      if (table_[i].local || i == table_.innerTile()) {
        unknown[i] = c.form[i] / g;
        outer[i] = 0;
      }
    std::optional<Form> quotient = table_.floorOf(outer, g);
    if (!quotient || !unknown.add(*quotient, 1)) continue;
    c.form = unknown;
    changed = true;
  }
  return changed;
}

Eliminator::Choice Eliminator::choose(const std::vector<int> &locals, const System &system) {
  struct Candidate {
    int variable;
    long cost;
    bool quasi; ///< every pair is exact by rules (a), (b) or (d)
  };
  std::vector<Candidate> candidates;
  std::optional<Candidate> linear;
  for (int v : locals) {
    Bounds bounds = boundsOn(v, system);
    bool allLinear = true, allQuasi = true;
    for (const Constraint &lower : bounds.lower)
      for (const Constraint &upper : bounds.upper) {
        Pair kind = classify(v, lower, upper);
        allLinear &= kind == Pair::Linear || kind == Pair::Always;
        allQuasi &= kind != Pair::Inexact;
      }
    long lowers = static_cast<long>(bounds.lower.size()), uppers = static_cast<long>(bounds.upper.size());
    Candidate candidate{v, lowers * uppers - lowers - uppers, allQuasi};
    if (allLinear && (!linear || candidate.cost < linear->cost)) linear = candidate;
    candidates.push_back(candidate);
  }
  if (linear) return {linear->variable, linear->cost, false, true};
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate &x, const Candidate &y) { return x.cost < y.cost; });
  // The dark shadow keeps constraints linear, so it is preferred to quotients.
  for (size_t i = 0; i < candidates.size() && i < kMaxShadowCandidates; ++i) {
    const Candidate &candidate = candidates[i];
    Bounds bounds = boundsOn(candidate.variable, system);
    System context = shadowContext(candidate.variable, bounds);
    bool exact = true;
    for (const Constraint &lower : bounds.lower)
      for (const Constraint &upper : bounds.upper) {
        if (!exact) break;
        Pair kind = classify(candidate.variable, lower, upper);
        exact = kind == Pair::Linear || kind == Pair::Always ||
                darkShadowImplied(candidate.variable, context, lower, upper);
      }
    if (exact) return {candidate.variable, candidate.cost, true, true};
  }
  for (const Candidate &candidate : candidates)
    if (candidate.quasi) return {candidate.variable, candidate.cost, true, true};
  return {candidates.front().variable, candidates.front().cost, true, false};
}

std::optional<TileSet> Eliminator::project(System system) {
  TileSet result;
  while (true) {
    if (!normalise(system)) return std::nullopt;
    std::vector<int> locals = localsOf(table_, system);
    if (locals.empty()) break;
    if (substituteEquality(locals, system, result)) continue;

    const auto [best, cost, proveDark, exact] = choose(locals, system);
    if (!exact && roundOuterPart(system)) continue;
    if (static_cast<long>(system.size()) + cost > limits_.maxConstraints) {
      // Too many combinations: forget what is known of the variable.
      std::erase_if(system, [&](const Constraint &c) { return c.form[best] != 0; });
      result.exact = false;
      continue;
    }
    eliminate(best, proveDark, system, result);
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
