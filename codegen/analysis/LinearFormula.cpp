#include "maskloom/analysis/LinearFormula.h"

#include <algorithm>

namespace maskloom::analysis {

using Kind = LinearFormula::Kind;

LinearFormula LinearFormula::constant(bool value) {
  LinearFormula result;
  result.kind = value ? Kind::True : Kind::False;
  return result;
}

LinearFormula LinearFormula::of(const Constraint &constraint) {
  LinearFormula result;
  result.kind = Kind::Atom;
  result.atom = constraint;
  return result;
}

static LinearFormula combine(Kind kind, std::vector<LinearFormula> operands) {
  Kind neutral = kind == Kind::And ? Kind::True : Kind::False;
  Kind absorbing = kind == Kind::And ? Kind::False : Kind::True;
  LinearFormula result;
  result.kind = kind;
  for (LinearFormula &operand : operands) {
    if (operand.kind == neutral) continue;
    if (operand.kind == absorbing) return LinearFormula::constant(absorbing == Kind::True);
    if (operand.kind == kind)
      std::move(operand.operands.begin(), operand.operands.end(), std::back_inserter(result.operands));
    else
      result.operands.push_back(std::move(operand));
  }
  if (result.operands.empty()) return LinearFormula::constant(neutral == Kind::True);
  if (result.operands.size() == 1) {
    LinearFormula only = std::move(result.operands.front());
    return only;
  }
  return result;
}

LinearFormula LinearFormula::all(std::vector<LinearFormula> operands) {
  return combine(Kind::And, std::move(operands));
}

LinearFormula LinearFormula::any(std::vector<LinearFormula> operands) {
  return combine(Kind::Or, std::move(operands));
}

LinearFormula negation(const System &conjunction) {
  std::vector<LinearFormula> sides;
  for (const Constraint &c : conjunction) {
    // not (e >= 0) is -e - 1 >= 0; where that leaves the range of coefficients, a superset
    auto below = [&](int64_t sign) {
      Constraint side;
      if (!side.form.add(c.form, sign)) return LinearFormula::constant(true);
      side.form.constant -= 1;
      return LinearFormula::of(side);
    };
    sides.push_back(below(-1));
    if (c.equality) sides.push_back(below(1));
  }
  return LinearFormula::any(std::move(sides));
}

LinearFormula FormulaLowering::lower(const Formula &formula) {
  std::vector<LinearFormula> operands;
  switch (formula.kind) {
  case Formula::Kind::True: return LinearFormula::constant(true);
  case Formula::Kind::False: return LinearFormula::constant(false);
  case Formula::Kind::Atom: {
    std::optional<Form> form = disjunction_.lower(formula.expression);
    if (!form) break;
    System system{{*form, formula.equality}};
    if (!normalise(system)) return LinearFormula::constant(false);
    return system.empty() ? LinearFormula::constant(true) : LinearFormula::of(system.front());
  }
  case Formula::Kind::And:
  case Formula::Kind::Or:
    for (const Formula &operand : formula.operands) operands.push_back(lower(operand));
    return formula.kind == Formula::Kind::And ? LinearFormula::all(std::move(operands))
                                              : LinearFormula::any(std::move(operands));
  case Formula::Kind::Unknown: break;
  }
  approximated_ = true;
  return LinearFormula::constant(true);
}

Formula FormulaLowering::withoutUnknowns(const Formula &formula) {
  Formula result = formula;
  if (formula.kind == Formula::Kind::Unknown ||
      (formula.kind == Formula::Kind::Atom && !disjunction_.lower(formula.expression))) {
    approximated_ = true;
    result = {};
    result.kind = Formula::Kind::False;
  }
  for (Formula &operand : result.operands) operand = withoutUnknowns(operand);
  return result;
}

} // namespace maskloom::analysis
