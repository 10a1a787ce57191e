#include "maskloom/codegen/PredicateOf.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace maskloom {

namespace {

using Op = PredicateNode::Op;

Symbol symbolOf(mask::IndexVariable variable) {
  switch (variable) {
  case mask::IndexVariable::Query: return Symbol::QueryPosition;
  case mask::IndexVariable::Key: return Symbol::KeyPosition;
  case mask::IndexVariable::Head: return Symbol::Head;
  case mask::IndexVariable::KvHead: return Symbol::KvHead;
  case mask::IndexVariable::Batch: return Symbol::Batch;
  case mask::IndexVariable::QueryLength: return Symbol::QueryLength;
  case mask::IndexVariable::KeyLength: return Symbol::KeyLength;
  case mask::IndexVariable::Heads: return Symbol::Heads;
  case mask::IndexVariable::KvHeads: return Symbol::KvHeads;
  }
  return Symbol::Batch;
}

Op opOf(mask::Comparison comparison) {
  switch (comparison) {
  case mask::Comparison::Eq: return Op::Eq;
  case mask::Comparison::Ne: return Op::Ne;
  case mask::Comparison::Lt: return Op::Lt;
  case mask::Comparison::Le: return Op::Le;
  case mask::Comparison::Gt: return Op::Gt;
  case mask::Comparison::Ge: return Op::Ge;
  }
  return Op::Eq;
}

bool sameNode(const PredicateNode &a, const PredicateNode &b) {
  return a.op == b.op && a.symbol == b.symbol && a.value == b.value &&
         std::ranges::equal(a.operands, b.operands);
}

bool samePredicate(const Predicate &a, const Predicate &b) {
  return std::ranges::equal(a.nodes, b.nodes, sameNode);
}

/// Every leaf is a head, the batch entry or a constant.
bool isFreeOfPositions(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto index = dyn_cast<mask::IndexOp>(op)) {
    auto variable = index.getVariable();
    return variable == mask::IndexVariable::Head || variable == mask::IndexVariable::KvHead ||
           variable == mask::IndexVariable::Batch;
  }
  if (isa<mask::ParamOp, mask::AuxLoadOp>(op)) return false;
  return llvm::all_of(op->getOperands(), isFreeOfPositions);
}

/// Writes operations in evaluation order, operands first, each once; the root comes last.
class Flattener {
public:
  explicit Flattener(std::vector<AuxScalar> *auxScalars) : auxScalars_(auxScalars) {}

  int32_t visit(Value value) {
    auto found = indices_.find(value);
    if (found != indices_.end()) return found->second;
    PredicateNode node = nodeOf(value.getDefiningOp());
    predicate_.nodes.push_back(node);
    int32_t index = static_cast<int32_t>(predicate_.nodes.size()) - 1;
    indices_[value] = index;
    return index;
  }

  Predicate take() { return std::move(predicate_); }

private:
  PredicateNode nodeOf(Operation *op) {
    PredicateNode node;
    llvm::TypeSwitch<Operation *>(op)
        .Case([&](mask::ConstOp c) { node.value = c.getValue(); })
        .Case([&](mask::BoolOp b) { node.op = Op::Bool, node.value = b.getValue(); })
        .Case([&](mask::IndexOp i) { node.op = Op::Symbol, node.symbol = symbolOf(i.getVariable()); })
        .Case([&](mask::ParamOp p) {
          node.op = Op::Symbol, node.symbol = Symbol::Param, node.value = p.getIndex();
        })
        .Case([&](mask::AuxLoadOp load) { node = load_(load); })
        .Case([&](mask::FloorDivOp d) { node = division(Op::FloorDiv, d.getValue(), d.getDivisor()); })
        .Case([&](mask::ModOp d) { node = division(Op::Mod, d.getValue(), d.getDivisor()); })
        .Case([&](mask::AddOp) { node = plain(Op::Add, op); })
        .Case([&](mask::SubOp) { node = plain(Op::Sub, op); })
        .Case([&](mask::MulOp) { node = plain(Op::Mul, op); })
        .Case([&](mask::MinOp) { node = plain(Op::Min, op); })
        .Case([&](mask::MaxOp) { node = plain(Op::Max, op); })
        .Case([&](mask::AbsOp) { node = plain(Op::Abs, op); })
        .Case([&](mask::NegOp) { node = plain(Op::Neg, op); })
        .Case([&](mask::CmpOp c) { node = plain(opOf(c.getComparison()), op); })
        .Case([&](mask::AndOp) { node = plain(Op::And, op); })
        .Case([&](mask::OrOp) { node = plain(Op::Or, op); })
        .Case([&](mask::NotOp) { node = plain(Op::Not, op); })
        .Case([&](mask::SelectOp) { node = plain(Op::Select, op); })
        .Default(
            [](Operation *) { llvm_unreachable("the verifier admits only these operations in a mask"); });
    return node;
  }

  PredicateNode plain(Op kind, Operation *op) {
    PredicateNode node;
    node.op = kind;
    for (auto [i, operand] : llvm::enumerate(op->getOperands())) node.operands[i] = visit(operand);
    return node;
  }

  PredicateNode division(Op kind, Value value, int64_t divisor) {
    PredicateNode node;
    node.op = kind;
    node.operands[0] = visit(value);
    PredicateNode constant;
    constant.value = divisor;
    predicate_.nodes.push_back(constant);
    node.operands[1] = static_cast<int32_t>(predicate_.nodes.size()) - 1;
    return node;
  }

  PredicateNode load_(mask::AuxLoadOp load) {
    if (auxScalars_ && llvm::all_of(load.getIndices(), isFreeOfPositions)) {
      PredicateNode node;
      node.op = Op::Symbol;
      node.symbol = Symbol::AuxScalar;
      node.value = auxScalar(load);
      return node;
    }
    PredicateNode node = plain(Op::AuxLoad, load);
    node.value = load.getAux();
    return node;
  }

  int64_t auxScalar(mask::AuxLoadOp load) {
    AuxScalar scalar;
    scalar.aux = static_cast<int32_t>(load.getAux());
    for (Value index : load.getIndices()) {
      Flattener inner(nullptr);
      inner.visit(index);
      scalar.indices.push_back(inner.take());
    }
    for (size_t i = 0; i < auxScalars_->size(); ++i) {
      const AuxScalar &other = (*auxScalars_)[i];
      if (other.aux == scalar.aux && std::ranges::equal(other.indices, scalar.indices, samePredicate))
        return static_cast<int64_t>(i);
    }
    auxScalars_->push_back(std::move(scalar));
    return static_cast<int64_t>(auxScalars_->size()) - 1;
  }

  std::vector<AuxScalar> *auxScalars_;
  Predicate predicate_;
  llvm::DenseMap<Value, int32_t> indices_;
};

} // namespace

Predicate predicateOf(mask::GroupOp group, std::vector<AuxScalar> &auxScalars) {
  Flattener flattener(&auxScalars);
  flattener.visit(cast<mask::YieldOp>(group.getBody().front().back()).getValue());
  return flattener.take();
}

Program programOf(mask::PatternOp pattern) {
  Program program;
  program.name = pattern.getSymName().str();
  program.hash = pattern.getHash().value_or("").str();
  program.groupsByKvHead = pattern.getByKvHead();
  for (auto param : pattern.getParams().getAsRange<mask::ParamAttr>()) {
    ProgramParam &entry = program.params.emplace_back();
    entry.name = param.getName().str();
    entry.low = param.getLow();
    entry.high = param.getHigh();
  }
  for (auto aux : pattern.getAuxes().getAsRange<mask::AuxAttr>()) {
    ProgramAux &entry = program.auxes.emplace_back();
    entry.name = aux.getName().str();
    entry.isFloat = isa<FloatType>(aux.getElementType());
    ArrayRef<int64_t> axes = aux.getAxes();
    for (size_t i = 0; i < axes.size(); i += 3)
      entry.axes.push_back({static_cast<ProgramAux::Axis::Kind>(axes[i]), axes[i + 1], axes[i + 2]});
  }
  for (Operation &op : pattern.getBody().front()) {
    auto group = dyn_cast<mask::GroupOp>(op);
    if (!group) {
      program.hasScore = true;
      continue;
    }
    HeadGroupProgram &entry = program.groups.emplace_back();
    entry.first = group.getFirst();
    entry.last = group.getLast();
    entry.predicate = predicateOf(group, program.auxScalars);
  }
  return program;
}

} // namespace maskloom
