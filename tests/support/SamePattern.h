// Are two patterns the same declaration? Names, order and every node count, places do not.
#pragma once

#include "maskloom/dsl/Pattern.h"
#include "maskloom/dsl/Print.h"

#include <cmath>
#include <map>
#include <string>

namespace maskloom::testing {

namespace detail {

using Compared = std::map<std::pair<const ExprNode *, const ExprNode *>, bool>;

inline bool sameNode(const ExprNode &a, const ExprNode &b) {
  if (a.op != b.op || a.type != b.type || a.operands.size() != b.operands.size()) return false;
  if (a.op == Op::Index && a.index != b.index) return false;
  if (a.intValue != b.intValue || a.floatValue != b.floatValue) return false;
  if (std::signbit(a.floatValue) != std::signbit(b.floatValue)) return false;
  if (a.op == Op::Param && a.param->name != b.param->name) return false;
  return a.op != Op::AuxLoad || a.aux->name == b.aux->name;
}

inline bool sameTree(const Expr &a, const Expr &b, Compared &compared) {
  auto [known, fresh] = compared.emplace(std::pair(a.get(), b.get()), true);
  if (!fresh) return known->second;
  bool same = sameNode(*a, *b);
  for (size_t i = 0; same && i < a->operands.size(); ++i)
    same = sameTree(a->operands[i], b->operands[i], compared);
  return compared[{a.get(), b.get()}] = same;
}

} // namespace detail

inline bool sameTree(const Expr &a, const Expr &b) {
  detail::Compared compared;
  return a && b ? detail::sameTree(a, b, compared) : a == b;
}

/// What differs, for a message; empty when nothing does.
inline std::string difference(const Pattern &a, const Pattern &b) {
  if (a.name != b.name) return "the name";
  if (a.space != b.space) return "the token space";
  if (a.params.size() != b.params.size()) return "the number of parameters";
  for (size_t i = 0; i < a.params.size(); ++i) {
    const ParamDecl &x = *a.params[i], &y = *b.params[i];
    if (x.name != y.name || x.low != y.low || x.high != y.high || x.defaultValue != y.defaultValue)
      return "parameter " + y.name;
  }
  if (a.auxes.size() != b.auxes.size()) return "the number of tensors";
  for (size_t i = 0; i < a.auxes.size(); ++i) {
    const AuxDecl &x = *a.auxes[i], &y = *b.auxes[i];
    if (x.name != y.name || x.type != y.type || x.axes.size() != y.axes.size()) return "tensor " + y.name;
    for (size_t j = 0; j < x.axes.size(); ++j)
      if (toText(x.axes[j]) != toText(y.axes[j])) return "an axis of " + y.name;
  }
  if (!sameTree(a.mask, b.mask)) return "the mask";
  if (a.layout.byKvHead != b.layout.byKvHead || a.layout.groups.size() != b.layout.groups.size())
    return "the number of groups";
  for (size_t i = 0; i < a.layout.groups.size(); ++i) {
    const HeadGroup &x = a.layout.groups[i], &y = b.layout.groups[i];
    if (x.first != y.first || x.last != y.last || !sameTree(x.mask, y.mask))
      return "group " + std::to_string(i);
  }
  if (a.scores.size() != b.scores.size()) return "the number of scores";
  for (size_t i = 0; i < a.scores.size(); ++i)
    if (!sameTree(a.scores[i], b.scores[i])) return "score " + std::to_string(i);
  auto nameOf = [](const std::shared_ptr<const AuxDecl> &aux) { return aux ? aux->name : ""; };
  if (nameOf(a.sink) != nameOf(b.sink)) return "the sink";
  if (nameOf(a.blocks) != nameOf(b.blocks)) return "the block table";
  return "";
}

} // namespace maskloom::testing
