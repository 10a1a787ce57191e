// Visiting every distinct node of an expression once, parents before children. Expressions share subtrees, so
// a plain recursion could take exponential time.
#pragma once

#include "maskloom/dsl/Expr.h"

#include <unordered_set>

namespace maskloom {

/// Calls `visit(const ExprNode &)` for each distinct node, in the order of first occurrence from the left.
template <typename Visitor>
void forEachNode(const Expr &root, Visitor &&visit) {
  std::unordered_set<const ExprNode *> seen;
  std::vector<const ExprNode *> pending;
  if (root) pending.push_back(root.get());
  while (!pending.empty()) {
    const ExprNode *node = pending.back();
    pending.pop_back();
    if (!seen.insert(node).second) continue;
    visit(*node);
    for (size_t i = node->operands.size(); i-- > 0;)
      if (node->operands[i]) pending.push_back(node->operands[i].get());
  }
}

/// True if some node satisfies the predicate.
template <typename Predicate>
bool anyNode(const Expr &root, Predicate &&predicate) {
  bool found = false;
  forEachNode(root, [&](const ExprNode &node) { found = found || predicate(node); });
  return found;
}

/// True if the expression names no index, length or tensor: only constants and parameters.
inline bool isIndexFree(const Expr &expr) {
  return !anyNode(
      expr, [](const ExprNode &n) { return n.op == Op::Index || n.op == Op::AuxLoad || n.op == Op::Score; });
}

} // namespace maskloom
