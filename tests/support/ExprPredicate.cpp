#include "tests/support/ExprPredicate.h"

#include <stdexcept>

namespace maskloom::testing {

namespace {

class Converter {
public:
  Converter(Program &program, const Pattern &pattern, const std::map<std::string, int64_t> &constants)
      : program_(program), pattern_(pattern), constants_(constants) {}

  Predicate convert(const Expr &expr) {
    predicate_ = {};
    known_.clear();
    visit(expr);
    return std::move(predicate_);
  }

private:
  using Out = PredicateNode::Op;

  static Out operation(Op op) {
    switch (op) {
    case Op::Add: return Out::Add;
    case Op::Sub: return Out::Sub;
    case Op::Mul: return Out::Mul;
    case Op::Min: return Out::Min;
    case Op::Max: return Out::Max;
    case Op::Abs: return Out::Abs;
    case Op::Neg: return Out::Neg;
    case Op::FloorDiv: return Out::FloorDiv;
    case Op::Mod: return Out::Mod;
    case Op::Eq: return Out::Eq;
    case Op::Ne: return Out::Ne;
    case Op::Lt: return Out::Lt;
    case Op::Le: return Out::Le;
    case Op::Gt: return Out::Gt;
    case Op::Ge: return Out::Ge;
    case Op::And: return Out::And;
    case Op::Or: return Out::Or;
    case Op::Not: return Out::Not;
    case Op::Select: return Out::Select;
    default: throw std::invalid_argument("not an operation of a mask");
    }
  }

  static Symbol symbol(IndexVar index) {
    switch (index) {
    case IndexVar::Query: return Symbol::QueryPosition;
    case IndexVar::Key: return Symbol::KeyPosition;
    case IndexVar::Head: return Symbol::Head;
    case IndexVar::KvHead: return Symbol::KvHead;
    case IndexVar::Batch: return Symbol::Batch;
    case IndexVar::QueryLength: return Symbol::QueryLength;
    case IndexVar::KeyLength: return Symbol::KeyLength;
    case IndexVar::Heads: return Symbol::Heads;
    case IndexVar::KvHeads: return Symbol::KvHeads;
    }
    throw std::invalid_argument("unknown index");
  }

  template <typename T>
  static int64_t indexIn(const std::vector<T> &all, const std::string &name) {
    for (size_t i = 0; i < all.size(); ++i)
      if (all[i].name == name) return static_cast<int64_t>(i);
    throw std::invalid_argument("undeclared " + name);
  }

  static bool usesPositions(const Expr &expr) {
    if (expr->op == Op::Index && (expr->index == IndexVar::Query || expr->index == IndexVar::Key))
      return true;
    for (const Expr &operand : expr->operands)
      if (usesPositions(operand)) return true;
    return false;
  }

  int32_t visit(const Expr &expr) {
    if (auto found = known_.find(expr.get()); found != known_.end()) return found->second;
    PredicateNode node;
    switch (expr->op) {
    case Op::IntConst: node.op = Out::Const, node.value = expr->intValue; break;
    case Op::BoolConst: node.op = Out::Bool, node.value = expr->intValue; break;
    case Op::Index: node.op = Out::Symbol, node.symbol = symbol(expr->index); break;
    case Op::Param:
      if (auto constant = constants_.find(expr->param->name); constant != constants_.end()) {
        node.op = Out::Const, node.value = constant->second;
      } else {
        node.op = Out::Symbol, node.symbol = Symbol::Param;
        node.value = indexIn(program_.params, expr->param->name);
      }
      break;
    case Op::AuxLoad: {
      int64_t aux = indexIn(program_.auxes, expr->aux->name);
      if (!usesPositions(expr)) {
        AuxScalar scalar;
        scalar.aux = static_cast<int32_t>(aux);
        for (const Expr &index : expr->operands)
          scalar.indices.push_back(Converter(program_, pattern_, constants_).convert(index));
        program_.auxScalars.push_back(std::move(scalar));
        node.op = Out::Symbol, node.symbol = Symbol::AuxScalar;
        node.value = static_cast<int64_t>(program_.auxScalars.size()) - 1;
      } else {
        node.op = Out::AuxLoad, node.value = aux;
        for (size_t i = 0; i < expr->operands.size(); ++i) node.operands[i] = visit(expr->operands[i]);
      }
      break;
    }
    default:
      node.op = operation(expr->op);
      for (size_t i = 0; i < expr->operands.size(); ++i) node.operands[i] = visit(expr->operands[i]);
    }
    predicate_.nodes.push_back(node);
    return known_[expr.get()] = static_cast<int32_t>(predicate_.nodes.size()) - 1;
  }

  Program &program_;
  const Pattern &pattern_;
  const std::map<std::string, int64_t> &constants_;
  Predicate predicate_;
  std::map<const ExprNode *, int32_t> known_;
};

} // namespace

Program programOf(const Pattern &pattern, const Problem &problem) {
  Program program;
  program.name = pattern.name;
  program.groupsByKvHead = pattern.layout.byKvHead;
  for (const auto &param : pattern.params)
    program.params.push_back({param->name, param->defaultValue, param->low, param->high, false});
  std::map<std::string, int64_t> constants;
  for (const auto &param : constantParams(pattern)) {
    auto given = problem.params.find(param->name);
    constants[param->name] = given == problem.params.end() ? param->defaultValue : given->second;
    for (ProgramParam &p : program.params)
      if (p.name == param->name) p.constant = true;
  }
  for (const auto &aux : pattern.auxes) {
    ProgramAux &out = program.auxes.emplace_back();
    out.name = aux->name;
    out.isFloat = aux->type == AuxType::F32;
    for (const AuxAxis &axis : aux->axes)
      out.axes.push_back({static_cast<ProgramAux::Axis::Kind>(axis.kind), axis.block, axis.extent});
  }
  for (size_t group = 0; group < pattern.groupCount(); ++group) {
    HeadGroupProgram out;
    if (!pattern.layout.groups.empty()) {
      out.first = pattern.layout.groups[group].first;
      out.last = pattern.layout.groups[group].last;
    }
    out.predicate = Converter(program, pattern, constants).convert(pattern.maskOfGroup(group));
    program.groups.push_back(std::move(out));
  }
  return program;
}

} // namespace maskloom::testing
