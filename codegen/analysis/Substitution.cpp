#include "maskloom/analysis/Substitution.h"

#include <map>
#include <tuple>

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

} // namespace maskloom::analysis
