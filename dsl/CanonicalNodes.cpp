#include "maskloom/dsl/CanonicalNodes.h"

#include "maskloom/dsl/Print.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace maskloom {

namespace {

int order(int64_t a, int64_t b) { return a < b ? -1 : a > b; }

} // namespace

int64_t Sum::content(bool withConstant) const {
  int64_t common = withConstant ? constant : 0; // never INT64_MIN: addScaled keeps it out
  for (const Term &term : terms) common = std::gcd(common, term.coefficient);
  return common;
}

Expr NodeTable::intern(ExprNode node) {
  std::string key = fmt::format("{} {} ", static_cast<int>(node.op), static_cast<int>(node.type));
  switch (node.op) {
  case Op::IntConst:
  case Op::BoolConst: key += fmt::format("{}", node.intValue); break;
  case Op::FloatConst: key += floatText(node.floatValue); break;
  case Op::Index: key += spelling(node.index); break;
  case Op::Param: key += node.param->name; break;
  case Op::AuxLoad: key += node.aux->name; break;
  default: break;
  }
  size_t size = 1;
  for (const Expr &operand : node.operands) {
    const Node &below = interned(*operand);
    key += fmt::format(" {}", below.number);
    size += below.size;
  }
  auto [place, fresh] = known_.try_emplace(std::move(key));
  if (fresh) {
    auto made = std::make_shared<Node>();
    static_cast<ExprNode &>(*made) = std::move(node);
    made->number = known_.size();
    made->size = size;
    place->second = std::move(made);
  }
  return place->second;
}

Expr NodeTable::make(Op op, Type type, std::vector<Expr> operands, const Location &loc) {
  ExprNode node;
  node.op = op;
  node.type = type;
  node.operands = std::move(operands);
  node.loc = loc;
  return intern(std::move(node));
}

Expr NodeTable::balanced(Op op, Type type, std::vector<Expr> operands, const Location &loc) {
  while (operands.size() > 1) {
    std::vector<Expr> next;
    for (size_t i = 0; i + 1 < operands.size(); i += 2)
      next.push_back(make(op, type, {operands[i], operands[i + 1]}, loc));
    if (operands.size() % 2) next.push_back(operands.back());
    operands = std::move(next);
  }
  return operands.at(0);
}

Expr NodeTable::integer(int64_t value, const Location &loc) {
  ExprNode node;
  node.intValue = value;
  node.loc = loc;
  return intern(std::move(node));
}

Expr NodeTable::truth(bool value, const Location &loc) {
  ExprNode node;
  node.op = Op::BoolConst;
  node.type = Type::Bool;
  node.intValue = value;
  node.loc = loc;
  return intern(std::move(node));
}

Expr NodeTable::real(double value, const Location &loc) {
  ExprNode node;
  node.op = Op::FloatConst;
  node.type = Type::Float;
  node.floatValue = value;
  node.loc = loc;
  return intern(std::move(node));
}

int NodeTable::compare(const ExprNode &a, const ExprNode &b) const {
  if (&a == &b) return 0;
  size_t sizeA = interned(a).size, sizeB = interned(b).size;
  if (sizeA != sizeB) return sizeA < sizeB ? -1 : 1;
  if (a.op != b.op) return order(static_cast<int>(a.op), static_cast<int>(b.op));
  if (a.type != b.type) return order(static_cast<int>(a.type), static_cast<int>(b.type));
  switch (a.op) {
  case Op::IntConst:
  case Op::BoolConst: return order(a.intValue, b.intValue);
  case Op::FloatConst: return floatText(a.floatValue).compare(floatText(b.floatValue));
  case Op::Index: return order(static_cast<int>(a.index), static_cast<int>(b.index));
  case Op::Param: return a.param->name.compare(b.param->name);
  case Op::AuxLoad:
    if (int names = a.aux->name.compare(b.aux->name)) return names;
    break;
  default: break;
  }
  if (a.operands.size() != b.operands.size()) return a.operands.size() < b.operands.size() ? -1 : 1;
  for (size_t i = 0; i < a.operands.size(); ++i)
    if (int below = compare(*a.operands[i], *b.operands[i])) return below;
  return 0;
}

Sum NodeTable::sumOf(const Expr &node) const {
  if (node->op == Op::IntConst) return {{}, node->intValue};
  auto known = sums_.find(node.get());
  return known != sums_.end() ? known->second : Sum{{{node, 1}}, 0};
}

bool NodeTable::addScaled(Sum &sum, const Sum &other, int64_t factor) const {
  auto multiplyAdd = [&](int64_t base, int64_t value, int64_t *result) {
    int64_t product = 0;
    return !__builtin_mul_overflow(value, factor, &product) && product != INT64_MIN &&
           !__builtin_add_overflow(base, product, result) && *result != INT64_MIN;
  };
  if (!multiplyAdd(sum.constant, other.constant, &sum.constant)) return false;
  std::vector<Sum::Term> merged;
  merged.reserve(sum.terms.size() + other.terms.size());
  auto mine = sum.terms.begin();
  for (const Sum::Term &term : other.terms) {
    while (mine != sum.terms.end() && before(mine->atom, term.atom)) merged.push_back(*mine++);
    Sum::Term total{term.atom, 0};
    if (mine != sum.terms.end() && mine->atom == term.atom) total = *mine++;
    if (!multiplyAdd(total.coefficient, term.coefficient, &total.coefficient)) return false;
    if (total.coefficient != 0) merged.push_back(total);
  }
  merged.insert(merged.end(), mine, sum.terms.end());
  sum.terms = std::move(merged);
  return true;
}

// Positive terms first, then what is subtracted, both as balanced trees: a long sum makes no deep one.
Expr NodeTable::fromSum(const Sum &sum, const Location &loc) {
  if (sum.terms.empty()) return integer(sum.constant, loc);
  std::vector<Expr> added, subtracted;
  for (const Sum::Term &term : sum.terms) {
    int64_t factor = term.coefficient < 0 ? -term.coefficient : term.coefficient;
    Expr scaled = factor == 1 ? term.atom : make(Op::Mul, Type::Int, {term.atom, integer(factor, loc)}, loc);
    (term.coefficient < 0 ? subtracted : added).push_back(scaled);
  }
  if (sum.constant != 0)
    (sum.constant < 0 ? subtracted : added)
        .push_back(integer(sum.constant < 0 ? -sum.constant : sum.constant, loc));
  auto total = [&](std::vector<Expr> &parts) { return balanced(Op::Add, Type::Int, std::move(parts), loc); };
  Expr result = added.empty()        ? make(Op::Neg, Type::Int, {total(subtracted)}, loc)
                : subtracted.empty() ? total(added)
                                     : make(Op::Sub, Type::Int, {total(added), total(subtracted)}, loc);
  sums_.emplace(result.get(), sum);
  return result;
}

} // namespace maskloom
