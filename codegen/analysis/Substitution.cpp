#include "maskloom/analysis/Substitution.h"

namespace maskloom::analysis {

Predicate withKeyAtQuery(const Predicate &mask) {
  using Key = std::tuple<PredicateNode::Op, Symbol, int64_t, int32_t, int32_t, int32_t>;
  Predicate result;
  std::map<Key, int32_t> known;
  std::vector<int32_t> renamed;
  for (PredicateNode node : mask.nodes) {
    if (node.op == PredicateNode::Op::Symbol && node.symbol == Symbol::KeyPosition)
      node.symbol = Symbol::QueryPosition;
    for (int32_t &operand : node.operands)
      if (operand >= 0) operand = renamed[operand];
    Key key{node.op, node.symbol, node.value, node.operands[0], node.operands[1], node.operands[2]};
    auto [place, added] = known.try_emplace(key, static_cast<int32_t>(result.nodes.size()));
    if (added) result.nodes.push_back(node);
    renamed.push_back(place->second);
  }
  // The last node is the result.
  if (renamed.back() + 1 != static_cast<int32_t>(result.nodes.size()))
    result.nodes.push_back(result.nodes[renamed.back()]);
  return result;
}

Predicate LoadNaming::name(const Predicate &mask, int query) {
  Predicate result = mask;
  std::vector<int> numbers;
  for (PredicateNode &node : result.nodes) {
    bool isQuery = node.op == PredicateNode::Op::Symbol && node.symbol == Symbol::QueryPosition;
    auto operand = [&](int n) { return node.operands[n] < 0 ? -1 : numbers[node.operands[n]]; };
    Key key{node.op, node.symbol, node.value, operand(0), operand(1), operand(2), isQuery ? query : -1};
    numbers.push_back(known_.try_emplace(key, static_cast<int>(known_.size())).first->second);
    if (node.op != PredicateNode::Op::AuxLoad) continue;
    node = {};
    node.op = PredicateNode::Op::Symbol;
    node.symbol = Symbol::AuxScalar;
    node.value = static_cast<int64_t>(first_) + numbers.back();
  }
  return result;
}

} // namespace maskloom::analysis
