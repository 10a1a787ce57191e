#include "maskloom/analysis/LoadNaming.h"

#include <algorithm>

namespace maskloom::analysis {

using Op = PredicateNode::Op;

/// What depends on local variables has more than one value at a point.
constexpr int kVaries = -2;

static bool isLoad(const PredicateNode &node) {
  return node.op == Op::AuxLoad || (node.op == Op::Symbol && node.symbol == Symbol::AuxScalar);
}

int LoadNaming::numberOf(const Form &form) {
  if (table_.hasLocal(form)) return kVaries;
  auto place = std::find(forms_.begin(), forms_.end(), form) - forms_.begin();
  if (place == static_cast<std::ptrdiff_t>(forms_.size())) forms_.push_back(form);
  Key key{Op::Const, {}, place, -1, -1, -1};
  return known_.try_emplace(key, static_cast<int>(known_.size())).first->second;
}

int LoadNaming::numberOf(const PredicateNode &node, const std::vector<int> &numbers, const Place &place) {
  Key key{node.op, node.symbol, node.value, -1, -1, -1};
  auto &[op, symbol, value, a, b, c] = key;
  int *const operands[3] = {&a, &b, &c};
  if (node.op == Op::Const) {
    Form constant;
    constant.constant = node.value;
    return numberOf(constant);
  }
  if (node.op == Op::Symbol) {
    switch (node.symbol) {
    case Symbol::QueryPosition: return numberOf(place.query);
    case Symbol::KeyPosition: return numberOf(place.key);
    case Symbol::Head: return numberOf(place.head);
    case Symbol::KvHead: return numberOf(place.kvHead);
    case Symbol::AuxScalar: {
      const AuxScalar &scalar = program_.auxScalars[node.value];
      key = {Op::AuxLoad, {}, scalar.aux, -1, -1, -1};
      for (size_t axis = 0; axis < scalar.indices.size(); ++axis) {
        std::vector<int> index;
        for (const PredicateNode &inner : scalar.indices[axis].nodes)
          index.push_back(numberOf(inner, index, place));
        *operands[axis] = index.back();
      }
      break;
    }
    default: break;
    }
  }
  for (int n = 0; n < 3; ++n)
    if (node.operands[n] >= 0) *operands[n] = numbers[node.operands[n]];
  if (a == kVaries || b == kVaries || c == kVaries) return kVaries;
  return known_.try_emplace(key, static_cast<int>(known_.size())).first->second;
}

AuxScalar LoadNaming::scalarOf(const Predicate &mask, const PredicateNode &load) const {
  if (load.op == Op::Symbol) return program_.auxScalars[load.value];
  AuxScalar scalar;
  scalar.aux = static_cast<int32_t>(load.value);
  for (int32_t operand : load.operands)
    if (operand >= 0) scalar.indices.push_back({{mask.nodes.begin(), mask.nodes.begin() + operand + 1}});
  return scalar;
}

Predicate LoadNaming::name(const Predicate &mask, const Place &place) {
  Predicate result = mask;
  std::vector<int> numbers;
  for (PredicateNode &node : result.nodes) {
    const int number = numberOf(node, numbers, place);
    numbers.push_back(number);
    if (!isLoad(node)) continue;
    PredicateNode symbol;
    if (number == kVaries) {
      symbol.op = Op::AuxLoad; // of whatever: nothing is known of a load
    } else {
      auto [known, added] = named_.try_emplace(number, static_cast<int>(loads_.size()));
      if (added) loads_.push_back({scalarOf(mask, node), place});
      symbol.op = Op::Symbol;
      symbol.symbol = Symbol::AuxScalar;
      symbol.value = known->second;
    }
    node = symbol;
  }
  return result;
}

} // namespace maskloom::analysis
