#include "maskloom/program/PredicateEvaluation.h"

namespace maskloom {

int64_t loadAux(const AuxView &view, const int64_t (&indices)[3]) {
  int64_t offset = 0;
  for (int axis = 0; axis < 3; ++axis) {
    int64_t index = std::clamp<int64_t>(indices[axis], 0, view.extents[axis] - 1);
    offset += index * view.strides[axis];
  }
  return static_cast<const int32_t *>(view.data)[offset];
}

int64_t valueOf(const Program &program, const Predicate &predicate, const ScheduleContext &context, int64_t q,
                int64_t k) {
  using Op = PredicateNode::Op;
  constexpr size_t kInline = 128;
  int64_t inlineValues[kInline];
  std::vector<int64_t> heapValues;
  int64_t *values = inlineValues;
  if (predicate.nodes.size() > kInline) {
    heapValues.resize(predicate.nodes.size());
    values = heapValues.data();
  }
  int64_t result = 0;
  for (size_t i = 0; i < predicate.nodes.size(); ++i) {
    const PredicateNode &node = predicate.nodes[i];
    auto operand = [&](int n) { return values[node.operands[n]]; };
    int64_t &out = values[i];
    switch (node.op) {
    case Op::Const:
    case Op::Bool: out = node.value; break;
    case Op::Symbol:
      out = node.symbol == Symbol::QueryPosition ? q
            : node.symbol == Symbol::KeyPosition ? k
                                                 : symbolValue(program, context, node.symbol, node.value);
      break;
    case Op::AuxLoad: {
      int64_t indices[3] = {0, 0, 0};
      for (int axis = 0; axis < 3; ++axis)
        if (node.operands[axis] >= 0) indices[axis] = operand(axis);
      out = loadAux(context.aux[node.value], indices);
      break;
    }
    default: {
      auto value = [&](int n) { return node.operands[n] < 0 ? 0 : operand(n); };
      out = apply(node.op, value(0), value(1), value(2));
    }
    }
    result = out;
  }
  return result;
}

bool evaluate(const Program &program, const Predicate &predicate, const ScheduleContext &context, int64_t q,
              int64_t k) {
  return valueOf(program, predicate, context, q, k) != 0;
}

int64_t symbolValue(const Program &program, const ScheduleContext &context, Symbol symbol, int64_t index) {
  switch (symbol) {
  case Symbol::Head: return context.head;
  case Symbol::KvHead: return context.kvHead;
  case Symbol::Batch: return context.batch;
  case Symbol::QueryLength: return context.queryLength;
  case Symbol::KeyLength: return context.keyLength;
  case Symbol::Heads: return context.heads;
  case Symbol::KvHeads: return context.kvHeads;
  case Symbol::QueryOffset: return context.queryOffset;
  case Symbol::KeyOffset: return context.keyOffset;
  case Symbol::Param: return context.params[index];
  case Symbol::AuxScalar: {
    const AuxScalar &scalar = program.auxScalars[index];
    int64_t indices[3] = {0, 0, 0};
    for (size_t axis = 0; axis < scalar.indices.size(); ++axis)
      indices[axis] = valueOf(program, scalar.indices[axis], context, 0, 0);
    return loadAux(context.aux[scalar.aux], indices);
  }
  case Symbol::QueryPosition:
  case Symbol::KeyPosition:
  case Symbol::OuterTile:
  case Symbol::InnerTile:
  case Symbol::Floor: break;
  }
  return 0;
}

} // namespace maskloom
