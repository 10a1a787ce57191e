#include "maskloom/analysis/RowEvaluator.h"

#include "maskloom/program/PredicateEvaluation.h"

namespace maskloom::analysis {

using Op = PredicateNode::Op;

RowEvaluator::RowEvaluator(const Program &program, const Predicate &predicate, const ScheduleContext &context,
                           int64_t keys)
    : program_(program), predicate_(predicate), context_(context), keys_(keys),
      nodes_(predicate.nodes.size()) {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const PredicateNode &node = predicate_.nodes[i];
    if (node.op == Op::Symbol) {
      nodes_[i].usesQuery = node.symbol == Symbol::QueryPosition;
      nodes_[i].usesKey = node.symbol == Symbol::KeyPosition;
    }
    for (int32_t operand : node.operands) {
      if (operand < 0) continue;
      nodes_[i].usesQuery |= nodes_[operand].usesQuery;
      nodes_[i].usesKey |= nodes_[operand].usesKey;
    }
    if (nodes_[i].usesKey) nodes_[i].values.resize(keys);
    if (!nodes_[i].usesQuery) compute(i, 0);
  }
}

int64_t RowEvaluator::load(const PredicateNode &node, int64_t k) const {
  int64_t indices[3] = {0, 0, 0};
  for (int axis = 0; axis < 3; ++axis)
    if (int32_t operand = node.operands[axis]; operand >= 0)
      indices[axis] = nodes_[operand].usesKey ? nodes_[operand].values[k] : nodes_[operand].scalar;
  return loadAux(context_.aux[node.value], indices);
}

void RowEvaluator::compute(size_t index, int64_t q) {
  const PredicateNode &node = predicate_.nodes[index];
  NodeValue &out = nodes_[index];
  if (node.op == Op::Const || node.op == Op::Bool) {
    out.scalar = node.value;
    return;
  }
  if (node.op == Op::Symbol) {
    for (int64_t k = 0; out.usesKey && k < keys_; ++k) out.values[k] = k;
    if (!out.usesKey)
      out.scalar = out.usesQuery ? q : symbolValue(program_, context_, node.symbol, node.value);
    return;
  }
  if (node.op == Op::AuxLoad) {
    if (!out.usesKey) out.scalar = load(node, 0);
    for (int64_t k = 0; out.usesKey && k < keys_; ++k) out.values[k] = load(node, k);
    return;
  }
  // A scalar operand is an array with step 0.
  const int64_t zero = 0, *data[3] = {&zero, &zero, &zero};
  int64_t step[3] = {0, 0, 0};
  for (int n = 0; n < 3; ++n) {
    if (node.operands[n] < 0) continue;
    const NodeValue &operand = nodes_[node.operands[n]];
    data[n] = operand.usesKey ? operand.values.data() : &operand.scalar;
    step[n] = operand.usesKey;
  }
  if (!out.usesKey) {
    out.scalar = apply(node.op, *data[0], *data[1], *data[2]);
    return;
  }
  // One loop for each operation and kind of operands, without a decision inside.
  int64_t *const values = out.values.data();
  const auto loop = [&]<Op operation, bool arrayA, bool arrayB>() {
    const int64_t *a = data[0], *b = data[1], *c = data[2];
    for (int64_t k = 0; k < keys_; ++k)
      values[k] = apply(operation, arrayA ? a[k] : *a, arrayB ? b[k] : *b, c[k * step[2]]);
  };
  const auto each = [&]<Op operation>() {
    if (step[0] && step[1]) return loop.template operator()<operation, true, true>();
    if (step[0]) return loop.template operator()<operation, true, false>();
    if (step[1]) return loop.template operator()<operation, false, true>();
    return loop.template operator()<operation, false, false>();
  };
  switch (node.op) {
  case Op::Add: return each.template operator()<Op::Add>();
  case Op::Sub: return each.template operator()<Op::Sub>();
  case Op::Mul: return each.template operator()<Op::Mul>();
  case Op::Min: return each.template operator()<Op::Min>();
  case Op::Max: return each.template operator()<Op::Max>();
  case Op::Abs: return each.template operator()<Op::Abs>();
  case Op::Neg: return each.template operator()<Op::Neg>();
  case Op::FloorDiv: return each.template operator()<Op::FloorDiv>();
  case Op::Mod: return each.template operator()<Op::Mod>();
  case Op::Eq: return each.template operator()<Op::Eq>();
  case Op::Ne: return each.template operator()<Op::Ne>();
  case Op::Lt: return each.template operator()<Op::Lt>();
  case Op::Le: return each.template operator()<Op::Le>();
  case Op::Gt: return each.template operator()<Op::Gt>();
  case Op::Ge: return each.template operator()<Op::Ge>();
  case Op::And: return each.template operator()<Op::And>();
  case Op::Or: return each.template operator()<Op::Or>();
  case Op::Not: return each.template operator()<Op::Not>();
  case Op::Select: return each.template operator()<Op::Select>();
  case Op::Const:
  case Op::Bool:
  case Op::Symbol:
  case Op::AuxLoad: break; // above
  }
}

const std::vector<int64_t> &RowEvaluator::row(int64_t q) {
  for (size_t i = 0; i < nodes_.size(); ++i)
    if (nodes_[i].usesQuery) compute(i, q);
  const NodeValue &root = nodes_.back();
  if (root.usesKey) return root.values;
  result_.assign(keys_, root.scalar);
  return result_;
}

} // namespace maskloom::analysis
