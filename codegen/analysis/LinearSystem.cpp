#include "maskloom/analysis/LinearSystem.h"

#include "maskloom/program/Arithmetic.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

namespace maskloom::analysis {

using integer::floorDiv;
using integer::floorMod;

bool Form::add(const Form &other, int64_t factor) {
  bool ok = true;
  for (int i = 0; i < kMaxVariables; ++i) {
    if (other.coefficients[i] == 0) continue;
    ok &= integer::addProduct(coefficients[i], other.coefficients[i], factor) &&
          std::abs(coefficients[i]) <= kMaxCoefficient;
  }
  ok &= integer::addProduct(constant, other.constant, factor) && std::abs(constant) <= kMaxConstant;
  return ok;
}

bool Form::isConstant() const {
  return std::all_of(coefficients.begin(), coefficients.end(), [](int64_t c) { return c == 0; });
}

static bool opposite(const Form &a, const Form &b) {
  for (int i = 0; i < kMaxVariables; ++i)
    if (a.coefficients[i] != -b.coefficients[i]) return false;
  return true;
}

bool normalise(System &system) {
  System result;
  result.reserve(system.size());
  for (Constraint &c : system) {
    int64_t g = 0;
    for (int64_t coefficient : c.form.coefficients)
      if (coefficient) g = std::gcd(g, coefficient);
    if (g == 0) {
      if (c.equality ? c.form.constant != 0 : c.form.constant < 0) return false;
      continue;
    }
    if (g > 1) {
      if (c.equality && c.form.constant % g != 0) return false;
      for (int64_t &coefficient : c.form.coefficients) coefficient /= g;
      c.form.constant = floorDiv(c.form.constant, g);
    }
    bool absorbed = false;
    for (Constraint &other : result) {
      bool same = other.form.sameCoefficients(c.form);
      if (!same && !opposite(other.form, c.form)) continue;
      // `other` is e + a (>= or ==) 0; `c` is e + b, or -e + b.
      int64_t a = other.form.constant, b = c.form.constant;
      if (c.equality && other.equality) {
        if (same ? a != b : a != -b) return false;
        absorbed = true;
      } else if (other.equality) {
        if (same ? b < a : a + b < 0) return false; // e = -a, so e + b = b - a, and -e + b = a + b
        absorbed = true;
      } else if (c.equality) {
        if (same ? a < b : a + b < 0) return false;
        other = c;
        absorbed = true;
      } else if (same) {
        other.form.constant = std::min(a, b);
        absorbed = true;
      } else {
        if (a + b < 0) return false;
        if (a + b == 0) {
          other.equality = true;
          absorbed = true;
        }
      }
      if (absorbed) break;
    }
    if (!absorbed) result.push_back(c);
  }
  // An inequality that became an equality may now make others parallel to it redundant.
  system = std::move(result);
  return true;
}

VariableTable::VariableTable(const Program &program, TileShape tile, Orientation orientation,
                             int maxVariables)
    : program_(program), tile_(tile),
      maxVariables_(std::clamp(maxVariables, 8, kMaxVariables - kGapColumns)) {
  bool forward = orientation == Orientation::Forward;
  variables_.push_back({.symbol = Symbol::OuterTile, .numerator = {}, .low = 0, .high = {}});
  variables_.push_back({.symbol = Symbol::InnerTile, .numerator = {}, .low = 0, .high = {}});
  queryTile_ = forward ? 0 : 1;
  keyTile_ = 1 - queryTile_;
  if (tile.queries > 1) row_ = *add({.local = true, .numerator = {}, .low = 0, .high = tile.queries - 1});
  if (tile.keys > 1) column_ = *add({.local = true, .numerator = {}, .low = 0, .high = tile.keys - 1});
}

VariableTable::VariableTable(const Program &program, int maxVariables)
    : VariableTable(program, {1, 1}, Orientation::Forward, maxVariables) {}

std::optional<Form> VariableTable::addVariable(bool local, std::optional<int64_t> low,
                                               std::optional<int64_t> high) {
  std::optional<int> variable = add({.local = local, .numerator = {}, .low = low, .high = high});
  if (!variable) return std::nullopt;
  Form form;
  form[*variable] = 1;
  return form;
}

void VariableTable::bind(Symbol symbol, int32_t index, const Form &form) {
  for (Binding &binding : bindings_)
    if (binding.symbol == symbol && binding.index == index) {
      binding.form = form;
      return;
    }
  bindings_.push_back({symbol, index, form});
}

std::optional<int> VariableTable::add(Variable variable) {
  if (size() >= maxVariables_) return std::nullopt;
  variables_.push_back(std::move(variable));
  return size() - 1;
}

std::optional<int> VariableTable::symbol(Symbol symbol, int32_t index) {
  for (int i = 0; i < size(); ++i)
    if (!variables_[i].local && !variables_[i].quotient && variables_[i].symbol == symbol &&
        variables_[i].index == index)
      return i;
  Variable variable{.symbol = symbol, .index = index, .numerator = {}, .low = {}, .high = {}};
  switch (symbol) {
  case Symbol::Head:
  case Symbol::KvHead:
  case Symbol::Batch: variable.low = 0; break;
  case Symbol::QueryLength:
  case Symbol::KeyLength:
  case Symbol::Heads:
  case Symbol::KvHeads: variable.low = 1; break;
  case Symbol::Param:
    variable.low = program_.params[index].low;
    variable.high = program_.params[index].high;
    break;
  case Symbol::AuxScalar: variable.low = INT32_MIN, variable.high = INT32_MAX; break;
  default: break;
  }
  return add(std::move(variable));
}

std::optional<Form> VariableTable::lower(Symbol symbol, int32_t index) {
  for (const Binding &binding : bindings_)
    if (binding.symbol == symbol && binding.index == index) return binding.form;
  Form form;
  if (symbol == Symbol::QueryPosition || symbol == Symbol::KeyPosition) {
    bool query = symbol == Symbol::QueryPosition;
    form[query ? queryTile_ : keyTile_] = query ? tile_.queries : tile_.keys;
    if (int local = query ? row_ : column_; local >= 0) form[local] = 1;
    std::optional<int> offset = this->symbol(query ? Symbol::QueryOffset : Symbol::KeyOffset, 0);
    if (!offset) return std::nullopt;
    form[*offset] = 1;
    return form;
  }
  std::optional<int> variable = this->symbol(symbol, index);
  if (!variable) return std::nullopt;
  form[*variable] = 1;
  return form;
}

std::optional<Form> VariableTable::floorOf(const Form &form, int64_t divisor) {
  Form whole, rest;
  for (int i = 0; i < kMaxVariables; ++i) {
    int64_t residue = floorMod(form[i], divisor);
    if (residue > divisor / 2) residue -= divisor; // smallest absolute value
    rest[i] = residue;
    whole[i] = (form[i] - residue) / divisor;
  }
  whole.constant = floorDiv(form.constant, divisor);
  rest.constant = form.constant - divisor * whole.constant;
  if (rest.isConstant()) return whole;
  int64_t g = divisor;
  for (int64_t coefficient : rest.coefficients) g = std::gcd(g, coefficient);
  for (int64_t &coefficient : rest.coefficients) coefficient /= g;
  rest.constant = floorDiv(rest.constant, g);
  divisor /= g;
  if (divisor == 1) return whole.add(rest, 1) ? std::optional(whole) : std::nullopt;
  std::optional<int64_t> low = lowest(rest), high = highest(rest);
  if (low) low = floorDiv(*low, divisor);
  if (high) high = floorDiv(*high, divisor);
  if (low && high && *low == *high) {
    whole.constant += *low;
    return whole;
  }
  for (int i = 0; i < size(); ++i)
    if (variables_[i].quotient && variables_[i].denominator == divisor && variables_[i].numerator == rest) {
      whole[i] += 1;
      return whole;
    }
  std::optional<int> quotient = add({.local = hasLocal(rest) || rest[innerTile()] != 0,
                                     .quotient = true,
                                     .numerator = rest,
                                     .denominator = divisor,
                                     .low = low,
                                     .high = high});
  if (!quotient) return std::nullopt;
  whole[*quotient] += 1;
  return whole;
}

std::optional<int64_t> VariableTable::lowest(const Form &form) const {
  int64_t sum = form.constant;
  for (int i = 0; i < size(); ++i) {
    if (form[i] == 0) continue;
    const auto &bound = form[i] > 0 ? variables_[i].low : variables_[i].high;
    if (!bound || !integer::addProduct(sum, form[i], *bound)) return std::nullopt;
  }
  return sum;
}

std::optional<int64_t> VariableTable::highest(const Form &form) const {
  int64_t sum = form.constant;
  for (int i = 0; i < size(); ++i) {
    if (form[i] == 0) continue;
    const auto &bound = form[i] > 0 ? variables_[i].high : variables_[i].low;
    if (!bound || !integer::addProduct(sum, form[i], *bound)) return std::nullopt;
  }
  return sum;
}

bool VariableTable::hasLocal(const Form &form) const {
  for (int i = 0; i < size(); ++i)
    if (form[i] != 0 && variables_[i].local) return true;
  return false;
}

bool VariableTable::defineQuotient(int variable, System &system) const {
  // 0 <= numerator - denominator * quotient <= denominator - 1
  Constraint low{variables_[variable].numerator}, high;
  low.form[variable] -= variables_[variable].denominator;
  if (!high.form.add(low.form, -1)) return false;
  high.form.constant += variables_[variable].denominator - 1;
  system.push_back(low);
  system.push_back(high);
  return true;
}

/// Visits each variable that the system uses, those of numerators included, once.
template <typename Visit>
static void forEachUsed(const System &system, const VariableTable &table, Visit visit) {
  std::array<bool, kMaxVariables> used{};
  std::vector<int> work;
  auto use = [&](const Form &form) {
    for (int i = 0; i < table.size(); ++i)
      if (form[i] != 0 && !used[i]) {
        used[i] = true;
        work.push_back(i);
      }
  };
  for (const Constraint &c : system) use(c.form);
  while (!work.empty()) {
    int variable = work.back();
    work.pop_back();
    if (table[variable].quotient) use(table[variable].numerator);
    visit(variable);
  }
}

static void addRange(int variable, const Variable &v, System &system) {
  if (v.low) {
    Constraint c;
    c.form[variable] = 1;
    c.form.constant = -*v.low;
    system.push_back(c);
  }
  if (v.high) {
    Constraint c;
    c.form[variable] = -1;
    c.form.constant = *v.high;
    system.push_back(c);
  }
}

bool VariableTable::close(System &system) const {
  System definitions;
  bool ok = true;
  forEachUsed(system, *this, [&](int i) {
    if (!variables_[i].local) return;
    if (variables_[i].quotient)
      ok &= defineQuotient(i, definitions);
    else
      addRange(i, variables_[i], definitions);
  });
  system.insert(system.end(), definitions.begin(), definitions.end());
  return ok;
}

System VariableTable::facts(const System &system) const {
  System result = assumptions_;
  int queryLength = -1, keyLength = -1, head = -1, kvHead = -1, heads = -1, kvHeads = -1;
  bool queryTile = false, keyTile = false;
  System asked = assumptions_;
  asked.insert(asked.end(), system.begin(), system.end());
  forEachUsed(asked, *this, [&](int i) {
    const Variable &v = variables_[i];
    if (v.local) return;
    if (v.quotient) {
      defineQuotient(i, result); // omitted when out of range: facts only ever help
      return;
    }
    addRange(i, v, result);
    queryTile |= i == queryTile_;
    keyTile |= i == keyTile_;
    if (v.symbol == Symbol::QueryLength) queryLength = i;
    if (v.symbol == Symbol::KeyLength) keyLength = i;
    if (v.symbol == Symbol::Head) head = i;
    if (v.symbol == Symbol::KvHead) kvHead = i;
    if (v.symbol == Symbol::Heads) heads = i;
    if (v.symbol == Symbol::KvHeads) kvHeads = i;
  });
  auto below = [&](int variable, int64_t factor, int limit) { // factor * variable < limit
    Constraint c;
    c.form[limit] = 1;
    c.form[variable] = -factor;
    c.form.constant = -1;
    result.push_back(c);
  };
  if (queryTile && queryLength >= 0) below(queryTile_, tile_.queries, queryLength);
  if (keyTile && keyLength >= 0) below(keyTile_, tile_.keys, keyLength);
  if (head >= 0 && heads >= 0) below(head, 1, heads);
  if (kvHead >= 0 && kvHeads >= 0) below(kvHead, 1, kvHeads);
  return result;
}

} // namespace maskloom::analysis
