// The only file that includes MLIR.
#include "maskloom/analysis/Emptiness.h"

#include "mlir/Analysis/Presburger/IntegerRelation.h"
#include "mlir/Analysis/Presburger/Simplex.h"

namespace maskloom::analysis {

namespace presburger = mlir::presburger;

/// MLIR's integer sampling cannot be cancelled: it is only asked about systems up to this size.
constexpr unsigned kMaxSampledVariables = 14;
constexpr unsigned kMaxSampledConstraints = 40;
constexpr int64_t kMaxSampledCoefficient = 1 << 16;

static presburger::IntegerPolyhedron toPolyhedron(const System &system) {
  std::array<int, kMaxVariables> column;
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
  if (presburger::Simplex(polyhedron).isEmpty()) return true;
  bool small = polyhedron.getNumVars() <= kMaxSampledVariables && system.size() <= kMaxSampledConstraints;
  for (const Constraint &c : system)
    for (int64_t coefficient : c.form.coefficients) small &= std::abs(coefficient) <= kMaxSampledCoefficient;
  return small && polyhedron.isIntegerEmpty();
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
