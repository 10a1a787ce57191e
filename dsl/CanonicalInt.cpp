// Integer expressions as sorted linear sums. Whatever would leave 64 bits on the way stays as it was written.
#include "maskloom/dsl/CanonicalExpr.h"

#include <algorithm>
#include <numeric>

namespace maskloom {

Canonicalizer::Linear Canonicalizer::single(const Expr &atom) {
  Linear sum;
  sum.terms.push_back({atom, 1});
  return sum;
}

Canonicalizer::Linear Canonicalizer::linearOf(const Expr &canonical) const {
  if (canonical->op == Op::IntConst) return {{}, canonical->intValue};
  auto sum = linear_.find(canonical.get());
  return sum != linear_.end() ? sum->second : single(canonical);
}

// sum += factor * other; false when a number leaves 64 bits (INT64_MIN counts: it has no negative).
bool Canonicalizer::addScaled(Linear &sum, const Linear &other, int64_t factor, const Canonicalizer &self) {
  auto fits = [](int64_t value) { return value != INT64_MIN; };
  auto multiplyAdd = [&](int64_t base, int64_t value, int64_t *result) {
    int64_t product = 0;
    return !__builtin_mul_overflow(value, factor, &product) && fits(product) &&
           !__builtin_add_overflow(base, product, result) && fits(*result);
  };
  if (!multiplyAdd(sum.constant, other.constant, &sum.constant)) return false;
  for (const Term &term : other.terms) {
    auto place = std::lower_bound(sum.terms.begin(), sum.terms.end(), term,
                                  [&](const Term &a, const Term &b) { return self.before(a.atom, b.atom); });
    if (place == sum.terms.end() || place->atom != term.atom) place = sum.terms.insert(place, {term.atom, 0});
    if (!multiplyAdd(place->coefficient, term.coefficient, &place->coefficient)) return false;
    if (place->coefficient == 0) sum.terms.erase(place);
  }
  return true;
}

Expr Canonicalizer::fromLinear(const Linear &sum, const Location &loc) {
  if (sum.terms.empty()) return intConst(sum.constant, loc);
  auto scaled = [&](const Expr &atom, int64_t factor) {
    return factor == 1 ? atom : make(Op::Mul, Type::Int, {atom, intConst(factor, loc)}, loc);
  };
  // A positive term leads, so that "k - q" needs no negation.
  auto leader =
      std::find_if(sum.terms.begin(), sum.terms.end(), [](const Term &term) { return term.coefficient > 0; });
  if (leader == sum.terms.end()) leader = sum.terms.begin();
  Expr result = leader->coefficient == -1 ? make(Op::Neg, Type::Int, {leader->atom}, loc)
                                          : scaled(leader->atom, leader->coefficient);
  for (auto term = sum.terms.begin(); term != sum.terms.end(); ++term) {
    if (term == leader) continue;
    bool positive = term->coefficient > 0;
    result = make(positive ? Op::Add : Op::Sub, Type::Int,
                  {result, scaled(term->atom, positive ? term->coefficient : -term->coefficient)}, loc);
  }
  if (sum.constant != 0)
    result = make(sum.constant > 0 ? Op::Add : Op::Sub, Type::Int,
                  {result, intConst(sum.constant > 0 ? sum.constant : -sum.constant, loc)}, loc);
  linear_.emplace(result.get(), sum);
  return result;
}

// The operation as it is, over canonical operands: used when its simplification would leave 64 bits.
Expr Canonicalizer::plainInt(const ExprNode &node) {
  Expr result = rebuild(node);
  if (node.op != Op::Mul) return result;
  std::vector<Expr> operands = result->operands;
  sortOperands(operands);
  return make(Op::Mul, Type::Int, std::move(operands), node.loc);
}

Expr Canonicalizer::canonicalInt(const ExprNode &node) {
  auto operand = [&](size_t i) { return canonical(node.operands[i]); };
  switch (node.op) {
  case Op::Param: {
    auto constant = constants_.find(node.param.get());
    return constant == constants_.end() ? intern(node) : intConst(constant->second, node.loc);
  }
  case Op::Add:
  case Op::Sub: {
    Linear sum = linearOf(operand(0));
    if (!addScaled(sum, linearOf(operand(1)), node.op == Op::Add ? 1 : -1, *this)) return plainInt(node);
    return fromLinear(sum, node.loc);
  }
  case Op::Neg: {
    Linear sum;
    if (!addScaled(sum, linearOf(operand(0)), -1, *this)) return plainInt(node);
    return fromLinear(sum, node.loc);
  }
  case Op::Mul: {
    Expr a = operand(0), b = operand(1);
    if (a->op == Op::IntConst) std::swap(a, b);
    Linear product;
    if (b->op != Op::IntConst || b->intValue == INT64_MIN ||
        !addScaled(product, linearOf(a), b->intValue, *this))
      return plainInt(node);
    return fromLinear(product, node.loc);
  }
  case Op::FloorDiv:
  case Op::Mod: {
    Expr divisor = operand(1);
    if (divisor->op != Op::IntConst || divisor->intValue < 1) return plainInt(node);
    Linear dividend = linearOf(operand(0));
    std::optional<Expr> result = node.op == Op::FloorDiv
                                     ? floorDivision(dividend, divisor->intValue, node.loc)
                                     : modulus(dividend, divisor->intValue, node.loc);
    return result ? *result : plainInt(node);
  }
  case Op::Min:
  case Op::Max: return extremum(node);
  case Op::Abs: {
    Linear value = linearOf(operand(0));
    if (value.terms.empty()) {
      if (value.constant == INT64_MIN) return plainInt(node);
      return intConst(value.constant < 0 ? -value.constant : value.constant, node.loc);
    }
    if (value.terms[0].coefficient > 0) return rebuild(node);
    Linear opposite;
    if (!addScaled(opposite, value, -1, *this)) return plainInt(node);
    return make(Op::Abs, Type::Int, {fromLinear(opposite, node.loc)}, node.loc);
  }
  case Op::Select: {
    Expr condition = operand(0);
    if (condition->op == Op::BoolConst) return operand(condition->intValue ? 1 : 2);
    return operand(1) == operand(2) ? operand(1) : rebuild(node);
  }
  default: return rebuild(node); // leaves and aux loads
  }
}

// floor((d*Q + R) / d) = Q + floor(R / d), with R's coefficients smaller than d in magnitude and its constant
// in [0, d); common factors of R and d cancel; floor((floor(x / e) + c) / d) = floor((x + c*e) / (d*e)).
std::optional<Expr> Canonicalizer::floorDivision(const Linear &dividend, int64_t divisor,
                                                 const Location &loc) {
  Linear quotient, rest;
  quotient.constant = floorDiv(dividend.constant, divisor);
  rest.constant = floorMod(dividend.constant, divisor);
  int64_t common = divisor;
  for (const Term &term : dividend.terms) {
    if (term.coefficient / divisor != 0) quotient.terms.push_back({term.atom, term.coefficient / divisor});
    if (term.coefficient % divisor == 0) continue;
    rest.terms.push_back({term.atom, term.coefficient % divisor});
    common = std::gcd(common, term.coefficient % divisor);
  }
  if (rest.terms.empty()) return fromLinear(quotient, loc);
  for (Term &term : rest.terms) term.coefficient /= common;
  rest.constant = floorDiv(rest.constant, common);
  divisor /= common;

  if (rest.terms.size() == 1 && rest.terms[0].coefficient == 1 && rest.terms[0].atom->op == Op::FloorDiv &&
      rest.terms[0].atom->operands[1]->op == Op::IntConst) {
    const ExprNode &inner = *rest.terms[0].atom;
    int64_t innerDivisor = inner.operands[1]->intValue, product = 0, shift = 0;
    Linear shifted = linearOf(inner.operands[0]);
    if (!__builtin_mul_overflow(divisor, innerDivisor, &product) &&
        !__builtin_mul_overflow(rest.constant, innerDivisor, &shift) &&
        addScaled(shifted, {{}, shift}, 1, *this)) {
      auto merged = floorDivision(shifted, product, loc);
      if (!merged || !addScaled(quotient, linearOf(*merged), 1, *this)) return std::nullopt;
      return fromLinear(quotient, loc);
    }
  }
  Expr division = make(Op::FloorDiv, Type::Int, {fromLinear(rest, loc), intConst(divisor, loc)}, loc);
  if (!addScaled(quotient, linearOf(division), 1, *this)) return std::nullopt;
  return fromLinear(quotient, loc);
}

// Coefficients modulo d in (-d/2, d/2], the constant in [0, d); (x mod c*d) inside mod d is x; a common
// factor g of d and all coefficients leaves: (g*x + u) mod (g*d) = g*((x + u/g) mod d) + u mod g.
std::optional<Expr> Canonicalizer::modulus(Linear dividend, int64_t divisor, const Location &loc) {
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < dividend.terms.size() && !changed; ++i) {
      const Term term = dividend.terms[i];
      const ExprNode &atom = *term.atom;
      if (atom.op != Op::Mod || atom.operands[1]->op != Op::IntConst ||
          atom.operands[1]->intValue % divisor != 0)
        continue;
      if (!addScaled(dividend, single(term.atom), -term.coefficient, *this) ||
          !addScaled(dividend, linearOf(atom.operands[0]), term.coefficient, *this))
        return std::nullopt;
      changed = true;
    }
  }
  Linear rest;
  rest.constant = floorMod(dividend.constant, divisor);
  int64_t common = divisor;
  for (const Term &term : dividend.terms) {
    int64_t residue = floorMod(term.coefficient, divisor);
    if (residue > divisor / 2) residue -= divisor;
    if (residue == 0) continue;
    rest.terms.push_back({term.atom, residue});
    common = std::gcd(common, residue);
  }
  if (rest.terms.empty()) return intConst(rest.constant, loc);
  Linear result;
  result.constant = rest.constant % common;
  for (Term &term : rest.terms) term.coefficient /= common;
  rest.constant /= common;
  Expr reduced = make(Op::Mod, Type::Int, {fromLinear(rest, loc), intConst(divisor / common, loc)}, loc);
  if (!addScaled(result, single(reduced), common, *this)) return std::nullopt;
  return fromLinear(result, loc);
}

// Nested min (or max) flattened; of two operands at a constant distance one is dropped; sorted.
Expr Canonicalizer::extremum(const ExprNode &node) {
  std::vector<Expr> pending = {canonical(node.operands[1]), canonical(node.operands[0])}, kept;
  while (!pending.empty()) {
    Expr operand = pending.back();
    pending.pop_back();
    if (operand->op == node.op) {
      pending.insert(pending.end(), operand->operands.rbegin(), operand->operands.rend());
      continue;
    }
    bool dropped = false;
    for (Expr &other : kept) {
      Linear difference = linearOf(operand);
      if (!addScaled(difference, linearOf(other), -1, *this) || !difference.terms.empty()) continue;
      bool smaller = difference.constant < 0;
      if (smaller == (node.op == Op::Min)) other = operand;
      dropped = true;
      break;
    }
    if (!dropped) kept.push_back(operand);
  }
  sortOperands(kept);
  Expr result = kept[0];
  for (size_t i = 1; i < kept.size(); ++i) result = make(node.op, Type::Int, {result, kept[i]}, node.loc);
  return result;
}

} // namespace maskloom
