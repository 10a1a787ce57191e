#include "maskloom/dsl/Expr.h"

#include <unordered_map>

namespace maskloom {

Expr makeExpr(Op op, Type type, std::vector<Expr> operands, Location loc) {
  auto node = std::make_shared<ExprNode>();
  node->op = op;
  node->type = type;
  node->operands = std::move(operands);
  node->loc = std::move(loc);
  return node;
}

Expr makeInt(int64_t value, Location loc) {
  auto node = std::make_shared<ExprNode>();
  node->op = Op::IntConst;
  node->type = Type::Int;
  node->intValue = value;
  node->loc = std::move(loc);
  return node;
}

Expr makeFloat(double value, Location loc) {
  auto node = std::make_shared<ExprNode>();
  node->op = Op::FloatConst;
  node->type = Type::Float;
  node->floatValue = value;
  node->loc = std::move(loc);
  return node;
}

Expr makeBool(bool value, Location loc) {
  auto node = std::make_shared<ExprNode>();
  node->op = Op::BoolConst;
  node->type = Type::Bool;
  node->intValue = value;
  node->loc = std::move(loc);
  return node;
}

Expr makeIndex(IndexVar index, Location loc) {
  auto node = std::make_shared<ExprNode>();
  node->op = Op::Index;
  node->type = Type::Int;
  node->index = index;
  node->loc = std::move(loc);
  return node;
}

Expr makeParam(std::shared_ptr<const ParamDecl> param, Location loc) {
  auto node = std::make_shared<ExprNode>();
  node->op = Op::Param;
  node->type = Type::Int;
  node->param = std::move(param);
  node->loc = std::move(loc);
  return node;
}

Expr makeLoad(std::shared_ptr<const AuxDecl> aux, std::vector<Expr> indices, Location loc) {
  auto node = std::make_shared<ExprNode>();
  node->op = Op::AuxLoad;
  node->type = aux && aux->type == AuxType::F32 ? Type::Float : Type::Int;
  node->aux = std::move(aux);
  node->operands = std::move(indices);
  node->loc = std::move(loc);
  return node;
}

Expr makeScore(Location loc) {
  auto node = std::make_shared<ExprNode>();
  node->op = Op::Score;
  node->type = Type::Float;
  node->loc = std::move(loc);
  return node;
}

Expr makeFault(Type type, Fault fault, Location loc) {
  auto node = std::make_shared<ExprNode>();
  node->op = type == Type::Bool ? Op::BoolConst : type == Type::Float ? Op::Score : Op::IntConst;
  node->type = type;
  node->fault = std::make_shared<const Fault>(std::move(fault));
  node->loc = std::move(loc);
  return node;
}

Expr relocated(const Expr &root, const std::string &file, const Location &loc) {
  // Operands first, without recursion: nothing is known about the depth yet. Shared subtrees stay shared.
  std::unordered_map<const ExprNode *, Expr> done;
  std::vector<std::pair<Expr, bool>> pending = {{root, false}};
  while (!pending.empty()) {
    auto [expr, operandsDone] = pending.back();
    pending.pop_back();
    if (done.count(expr.get())) continue;
    if (!operandsDone) {
      pending.push_back({expr, true});
      for (const Expr &operand : expr->operands)
        if (!done.count(operand.get())) pending.push_back({operand, false});
      continue;
    }
    bool changes = expr->loc.file == file;
    for (const Expr &operand : expr->operands) changes |= done[operand.get()] != operand;
    if (!changes) {
      done[expr.get()] = expr;
      continue;
    }
    auto node = std::make_shared<ExprNode>(*expr);
    if (node->loc.file == file) node->loc = loc;
    for (Expr &operand : node->operands) operand = done[operand.get()];
    done[expr.get()] = node;
  }
  return done[root.get()];
}

Expr makeCoordinate(IndexVar position, const std::vector<int64_t> &extents, size_t axis, Location loc) {
  if (axis >= extents.size()) return nullptr;
  int64_t stride = 1;
  for (size_t i = axis + 1; i < extents.size(); ++i)
    if (__builtin_mul_overflow(stride, extents[i], &stride)) return nullptr;
  Expr value = makeIndex(position, loc);
  if (stride != 1) value = makeExpr(Op::FloorDiv, Type::Int, {value, makeInt(stride, loc)}, loc);
  if (axis != 0) value = makeExpr(Op::Mod, Type::Int, {value, makeInt(extents[axis], loc)}, loc);
  return value;
}

const char *spelling(IndexVar index) {
  switch (index) {
  case IndexVar::Query: return "q";
  case IndexVar::Key: return "k";
  case IndexVar::Head: return "h";
  case IndexVar::KvHead: return "kvh";
  case IndexVar::Batch: return "b";
  case IndexVar::QueryLength: return "Sq";
  case IndexVar::KeyLength: return "Sk";
  case IndexVar::Heads: return "H";
  case IndexVar::KvHeads: return "Hkv";
  }
  return "?";
}

const char *spelling(Op op) {
  switch (op) {
  case Op::IntConst: return "integer";
  case Op::FloatConst: return "float";
  case Op::BoolConst: return "all or none";
  case Op::Index: return "index";
  case Op::Param: return "parameter";
  case Op::AuxLoad: return "aux load";
  case Op::Score: return "s";
  case Op::Add: return "+";
  case Op::Sub: return "-";
  case Op::Mul: return "*";
  case Op::Min: return "min";
  case Op::Max: return "max";
  case Op::Abs: return "abs";
  case Op::Neg: return "-";
  case Op::FloorDiv: return "/";
  case Op::Mod: return "%";
  case Op::Eq: return "==";
  case Op::Ne: return "!=";
  case Op::Lt: return "<";
  case Op::Le: return "<=";
  case Op::Gt: return ">";
  case Op::Ge: return ">=";
  case Op::And: return "&&";
  case Op::Or: return "||";
  case Op::Not: return "!";
  case Op::Select: return "select";
  case Op::ToFloat: return "float";
  case Op::Div: return "/";
  case Op::Exp2: return "exp2";
  case Op::Exp: return "exp";
  case Op::Log: return "log";
  case Op::Tanh: return "tanh";
  case Op::Sqrt: return "sqrt";
  }
  return "?";
}

const char *spelling(Type type) {
  switch (type) {
  case Type::Int: return "integer";
  case Type::Bool: return "mask";
  case Type::Float: return "float";
  }
  return "?";
}

} // namespace maskloom
