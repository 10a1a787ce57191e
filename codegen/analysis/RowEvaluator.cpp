#include "maskloom/analysis/RowEvaluator.h"

#include "maskloom/program/PredicateEvaluation.h"

#include <numeric>
#include <utility>

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
  }
}

/// The same value as another node: of this row, as the other.
static void takeFrom(const auto &other, auto &out) {
  out.array = other.array;
  out.scalar = other.scalar;
}

const RowEvaluator::NodeValue &RowEvaluator::at(int32_t node, int64_t q) {
  NodeValue &value = nodes_[node];
  if (!value.known || (value.usesQuery && value.query != q)) {
    value.array = nullptr;
    compute(node, q);
    value.known = true;
    value.query = q;
  }
  return value;
}

void RowEvaluator::compute(int32_t index, int64_t q) {
  const PredicateNode &node = predicate_.nodes[index];
  NodeValue &out = nodes_[index];
  switch (node.op) {
  case Op::Const:
  case Op::Bool: out.scalar = node.value; return;
  case Op::Symbol:
    if (out.usesKey) {
      out.values.resize(keys_);
      std::iota(out.values.begin(), out.values.end(), first_);
      out.array = out.values.data();
    } else {
      out.scalar = out.usesQuery ? q : symbolValue(program_, context_, node.symbol, node.value);
    }
    return;
  case Op::AuxLoad: return load(node, q, out);
  case Op::And:
  case Op::Or: return connective(node, q, out);
  case Op::Select:
    if (const NodeValue &condition = at(node.operands[0], q); !condition.array)
      return takeFrom(at(node.operands[condition.scalar ? 1 : 2], q), out);
    break;
  default: break;
  }
  static const NodeValue zero;
  const NodeValue *operands[3] = {&zero, &zero, &zero};
  for (int n = 0; n < 3; ++n)
    if (node.operands[n] >= 0) operands[n] = &at(node.operands[n], q);
  applyToAll(node.op, operands, out);
}

void RowEvaluator::load(const PredicateNode &node, int64_t q, NodeValue &out) {
  const NodeValue *operands[3] = {};
  for (int axis = 0; axis < 3; ++axis)
    if (node.operands[axis] >= 0) operands[axis] = &at(node.operands[axis], q);
  const auto element = [&](int64_t k) {
    int64_t indices[3] = {0, 0, 0};
    for (int axis = 0; axis < 3; ++axis)
      if (operands[axis])
        indices[axis] = operands[axis]->array ? operands[axis]->array[k] : operands[axis]->scalar;
    return loadAux(context_.aux[node.value], indices);
  };
  if (!out.usesKey) {
    out.scalar = element(0);
    return;
  }
  out.values.resize(keys_);
  for (int64_t k = 0; k < keys_; ++k) out.values[k] = element(k);
  out.array = out.values.data();
}

/// What is the same for all keys is looked at first: often it decides, or the other operand does.
void RowEvaluator::connective(const PredicateNode &node, int64_t q, NodeValue &out) {
  int32_t first = node.operands[0], second = node.operands[1];
  if (nodes_[first].usesKey && !nodes_[second].usesKey) std::swap(first, second);
  const NodeValue &a = at(first, q);
  const bool decides = node.op == Op::Or; // a value of the first operand that does
  if (!a.array && (a.scalar != 0) == decides) {
    out.scalar = decides;
    return;
  }
  const NodeValue &b = at(second, q);
  if (!a.array) return takeFrom(b, out);
  if (!b.array && (b.scalar != 0) == decides)
    out.scalar = decides;
  else if (!b.array)
    takeFrom(a, out);
  else
    applyToAll(node.op, {&a, &b, &a}, out);
}

void RowEvaluator::applyToAll(Op op, const NodeValue *const (&operands)[3], NodeValue &out) {
  // A scalar operand is an array with step 0.
  const int64_t *data[3];
  int64_t step[3];
  for (int n = 0; n < 3; ++n) {
    data[n] = operands[n]->array ? operands[n]->array : &operands[n]->scalar;
    step[n] = operands[n]->array != nullptr;
  }
  if (!step[0] && !step[1] && !step[2]) {
    out.scalar = apply(op, *data[0], *data[1], *data[2]);
    return;
  }
  out.values.resize(keys_);
  out.array = out.values.data();
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
  switch (op) {
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

void RowEvaluator::moveTo(int64_t first) {
  if (first == first_) return;
  first_ = first;
  for (NodeValue &node : nodes_) node.known = false;
}

std::span<const int64_t> RowEvaluator::row(int64_t q) {
  const NodeValue &root = at(static_cast<int32_t>(nodes_.size()) - 1, q);
  if (root.array) return {root.array, static_cast<size_t>(keys_)};
  result_.assign(keys_, root.scalar);
  return result_;
}

} // namespace maskloom::analysis
