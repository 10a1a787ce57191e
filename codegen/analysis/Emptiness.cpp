// The only file that includes MLIR.
#include "maskloom/analysis/Emptiness.h"

#include "mlir/Analysis/Presburger/IntegerRelation.h"
#include "mlir/Analysis/Presburger/Simplex.h"

namespace maskloom::analysis {

namespace presburger = mlir::presburger;

/// MLIR's integer sampling cannot be cancelled: it is only asked about systems up to this size.
constexpr unsigned kMaxSampledVariables = 14;
constexpr unsigned kMaxSampledConstraints = 40;
constexpr int64_t kMaxSampledCoefficient = 1 << 12;
/// Points that branch and bound looks at: enough for all but one system in thirty.
constexpr int kMaxBranchedNodes = 24;

/// Solutions are asked for at the end of a search, once everything else has failed to decide.
constexpr unsigned kMaxSolvedVariables = 12;
constexpr int64_t kMaxSolvedCoefficient = 1 << 16;
/// Larger numbers are of no use to anybody.
constexpr int64_t kMaxSolution = int64_t(1) << 31;

/// `column`: of each variable, -1 where the system does not mention it.
static presburger::IntegerPolyhedron toPolyhedron(const System &system,
                                                  std::array<int, kMaxVariables> &column) {
  column.fill(-1);
  unsigned columns = 0;
  for (const Constraint &c : system)
    for (int i = 0; i < kMaxVariables; ++i)
      if (c.form[i] != 0 && column[i] < 0) column[i] = columns++;
  presburger::IntegerPolyhedron result(presburger::PresburgerSpace::getSetSpace(columns));
  llvm::SmallVector<int64_t, 32> row;
  for (const Constraint &c : system) {
    row.assign(columns + 1, 0);
    for (int i = 0; i < kMaxVariables; ++i)
      if (c.form[i] != 0) row[column[i]] = c.form[i];
    row[columns] = c.form.constant;
    if (c.equality)
      result.addEquality(row);
    else
      result.addInequality(row);
  }
  return result;
}

static presburger::IntegerPolyhedron toPolyhedron(const System &system) {
  std::array<int, kMaxVariables> column;
  return toPolyhedron(system, column);
}

static bool coefficientsWithin(int64_t most, const System &system) {
  for (const Constraint &c : system)
    for (int64_t coefficient : c.form.coefficients)
      if (std::abs(coefficient) > most) return false;
  return true;
}

bool Prover::spend(const System &system) const {
  if (budget_.work <= 0) return false;
  int columns = 0;
  for (int i = 0; i < kMaxVariables; ++i)
    for (const Constraint &c : system)
      if (c.form[i] != 0) {
        ++columns;
        break;
      }
  budget_.work -= 1 + columns * static_cast<int>(system.size()) / 64;
  return true;
}

/// Branch and bound for an integer point, depth first and nearest side first. It finds the point that most
/// systems have in a tenth of the time that sampling takes, and knows when to stop.
class Branching {
public:
  enum class Outcome : uint8_t { Empty, Found, Unknown };

  Branching(presburger::Simplex &simplex, unsigned columns) : simplex_(simplex), columns_(columns) {}

  Outcome search() {
    std::optional<llvm::SmallVector<presburger::Fraction, 8>> point = simplex_.getRationalSample();
    if (!point || nodes_-- == 0) return Outcome::Unknown;
    auto fractional = llvm::find_if(*point, [](const presburger::Fraction &x) { return x.num % x.den != 0; });
    if (fractional == point->end()) return Outcome::Found;
    const llvm::DynamicAPInt below = presburger::floor(*fractional);
    const bool nearBelow = 2 * (fractional->num - below * fractional->den) < fractional->den;
    bool unknown = false;
    for (bool under : {nearBelow, !nearBelow}) { // x <= below, x >= below + 1
      llvm::SmallVector<llvm::DynamicAPInt, 32> row(columns_ + 1);
      row[fractional - point->begin()] = under ? -1 : 1;
      row[columns_] = under ? below : -below - 1;
      const unsigned snapshot = simplex_.getSnapshot();
      simplex_.addInequality(row);
      const Outcome outcome = simplex_.isEmpty() ? Outcome::Empty : search();
      if (outcome == Outcome::Found) return outcome;
      simplex_.rollback(snapshot);
      unknown |= outcome == Outcome::Unknown;
      if (nodes_ <= 0) return Outcome::Unknown;
    }
    return unknown ? Outcome::Unknown : Outcome::Empty;
  }

private:
  presburger::Simplex &simplex_;
  const unsigned columns_;
  int nodes_ = kMaxBranchedNodes;
};

bool Prover::rationallyEmpty(System system) const {
  System facts = table_.facts(system);
  system.insert(system.end(), facts.begin(), facts.end());
  if (!normalise(system)) return true;
  if (system.size() < 2 || !spend(system)) return false;
  return presburger::Simplex(toPolyhedron(system)).isEmpty();
}

bool Prover::integerEmpty(System system) const {
  System facts = table_.facts(system);
  system.insert(system.end(), facts.begin(), facts.end());
  if (!normalise(system)) return true;
  if (system.size() < 2 || !spend(system)) return false;
  presburger::IntegerPolyhedron polyhedron = toPolyhedron(system);
  presburger::Simplex simplex(polyhedron);
  if (simplex.isEmpty()) return true;
  bool small = polyhedron.getNumVars() <= kMaxSampledVariables && system.size() <= kMaxSampledConstraints;
  if (!small) return false;
  const Branching::Outcome outcome = Branching(simplex, polyhedron.getNumVars()).search();
  if (outcome != Branching::Outcome::Unknown) return outcome == Branching::Outcome::Empty;
  if (!coefficientsWithin(kMaxSampledCoefficient, system)) return false;
  const auto [known, isNew] = sampled_.try_emplace(std::move(system), false);
  if (isNew) known->second = polyhedron.isIntegerEmpty();
  return known->second;
}

/// v = `value`, from an equality in which v had coefficient 1 or -1.
struct Substituted {
  int variable;
  Form value;
};

/// Solves equalities for variables with unit coefficients; false when a number gets too large.
static bool substituteUnits(System &system, std::vector<Substituted> &done) {
  while (true) {
    int row = -1, variable = -1;
    for (size_t i = 0; i < system.size() && variable < 0; ++i)
      for (int v = 0; system[i].equality && v < kMaxVariables; ++v)
        if (std::abs(system[i].form[v]) == 1) {
          row = static_cast<int>(i), variable = v;
          break;
        }
    if (row < 0) return true;
    Form value;
    if (!value.add(system[row].form, -system[row].form[variable])) return false;
    value[variable] = 0;
    system.erase(system.begin() + row);
    for (Constraint &c : system) {
      int64_t factor = c.form[variable];
      c.form[variable] = 0;
      if (factor != 0 && !c.form.add(value, factor)) return false;
    }
    done.push_back({variable, value});
    if (!normalise(system)) { // 0 >= 1: what is left says that there is no solution
      system.assign(1, {});
      system.front().form.constant = -1;
      return true;
    }
  }
}

Solution Prover::solve(System system) const {
  Solution result;
  System facts = table_.facts(system);
  system.insert(system.end(), facts.begin(), facts.end());
  if (!normalise(system)) {
    result.kind = Solution::Kind::Empty;
    return result;
  }
  if (!spend(system)) return result;
  std::vector<Substituted> substituted;
  if (!substituteUnits(system, substituted)) return result;
  std::array<int, kMaxVariables> column;
  presburger::IntegerPolyhedron polyhedron = toPolyhedron(system, column);
  if (presburger::Simplex(polyhedron).isEmpty()) {
    result.kind = Solution::Kind::Empty;
    return result;
  }
  if (polyhedron.getNumVars() > kMaxSolvedVariables || system.size() > kMaxSampledConstraints ||
      !coefficientsWithin(kMaxSolvedCoefficient, system))
    return result;
  std::optional<llvm::SmallVector<llvm::DynamicAPInt, 8>> sample = polyhedron.findIntegerSample();
  if (!sample) {
    result.kind = Solution::Kind::Empty;
    return result;
  }
  result.determined.assign(kMaxVariables, false);
  for (int i = 0; i < kMaxVariables; ++i) {
    if (column[i] < 0) continue;
    const llvm::DynamicAPInt &value = (*sample)[column[i]];
    if (llvm::abs(value) > llvm::DynamicAPInt(kMaxSolution)) return result; // exists, but is hard to evaluate
    result.values[i] = int64_t(value);
    result.determined[i] = true;
  }
  result.kind = Solution::Kind::Found;
  // Last substituted, first known.
  for (auto s = substituted.rbegin(); s != substituted.rend(); ++s) {
    int64_t value = s->value.constant;
    for (int i = 0; i < kMaxVariables; ++i) {
      result.determined[i] = result.determined[i] || s->value[i] != 0;
      value += s->value[i] * result.values[i]; // at most 2^6 * 2^26 * 2^31
    }
    if (std::abs(value) > kMaxSolution) result.kind = Solution::Kind::Unknown;
    if (result.kind == Solution::Kind::Unknown) break;
    result.values[s->variable] = value;
    result.determined[s->variable] = true;
  }
  return result;
}

bool Prover::implies(const System &system, const Form &form, bool integer) const {
  System negated = system;
  Constraint violation;
  if (!violation.form.add(form, -1)) return false;
  violation.form.constant -= 1;
  negated.push_back(violation);
  return integer ? integerEmpty(std::move(negated)) : rationallyEmpty(std::move(negated));
}

} // namespace maskloom::analysis
