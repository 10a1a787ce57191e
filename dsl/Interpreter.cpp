#include "maskloom/dsl/Interpreter.h"

#include "maskloom/dsl/Walk.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace maskloom {

struct Interpreter::Point {
  int64_t batch, head, kvHead, q, k, queryLength, keyLength;
  double score; // the scaled score; 0 in masks
};

namespace {

[[noreturn]] void overflow(const ExprNode &node) {
  throw std::overflow_error(fmt::format("{}:{}:{}: the value of '{}' does not fit in 64 bits", node.loc.file,
                                        node.loc.line, node.loc.column, spelling(node.op)));
}

int64_t evalBinary(const ExprNode &node, int64_t a, int64_t b) {
  int64_t result = 0;
  switch (node.op) {
  case Op::Add:
    if (__builtin_add_overflow(a, b, &result)) overflow(node);
    return result;
  case Op::Sub:
    if (__builtin_sub_overflow(a, b, &result)) overflow(node);
    return result;
  case Op::Mul:
    if (__builtin_mul_overflow(a, b, &result)) overflow(node);
    return result;
  case Op::Min: return std::min(a, b);
  case Op::Max: return std::max(a, b);
  case Op::FloorDiv:
  case Op::Mod:
    if (b <= 0)
      throw std::domain_error(
          fmt::format("{}:{}:{}: division by {}", node.loc.file, node.loc.line, node.loc.column, b));
    return node.op == Op::FloorDiv ? floorDiv(a, b) : floorMod(a, b);
  default: throw std::logic_error(fmt::format("'{}' is not an integer operation", spelling(node.op)));
  }
}

template <typename T>
bool compare(Op op, T a, T b) {
  switch (op) {
  case Op::Eq: return a == b;
  case Op::Ne: return a != b;
  case Op::Lt: return a < b;
  case Op::Le: return a <= b;
  case Op::Gt: return a > b;
  case Op::Ge: return a >= b;
  default: throw std::logic_error(fmt::format("'{}' is not a comparison", spelling(op)));
  }
}

} // namespace

Interpreter::Interpreter(const Pattern &pattern, const Problem &problem)
    : pattern_(pattern), problem_(problem) {
  for (size_t g = 0; g < pattern.groupCount(); ++g) groupMasks_.push_back(pattern.maskOfGroup(g));
  groupOfHead_.assign(static_cast<size_t>(problem.heads), 0);
  int64_t share = std::max<int64_t>(problem.heads / problem.kvHeads, 1);
  for (int64_t h = 0; h < problem.heads; ++h) {
    int64_t x = pattern.layout.byKvHead ? h / share : h;
    for (size_t g = 0; g < pattern.layout.groups.size(); ++g)
      if (pattern.layout.groups[g].first <= x && x <= pattern.layout.groups[g].last)
        groupOfHead_[static_cast<size_t>(h)] = g;
  }
  for (const auto &param : pattern.params) {
    auto given = problem.params.find(param->name);
    params_[param.get()] = given == problem.params.end() ? param->defaultValue : given->second;
  }
  for (const auto &aux : pattern.auxes) {
    auto given = problem.aux.find(aux->name);
    if (given != problem.aux.end()) aux_[aux.get()] = &given->second;
  }
}

bool Interpreter::visible(int64_t b, int64_t h, int64_t row, int64_t column) const {
  if (row < 0 || row >= problem_.queryLength(b) || column < 0 || column >= problem_.keyLength(b))
    return false;
  Point p{b,
          h,
          h / (problem_.heads / problem_.kvHeads),
          row + problem_.queryOffsetOf(b),
          column + problem_.keyOffset,
          problem_.queryLength(b),
          problem_.keyLength(b),
          0};
  return evalBool(groupMasks_[groupOfHead_[static_cast<size_t>(h)]], p);
}

double Interpreter::score(double scaled, int64_t b, int64_t h, int64_t row, int64_t column) const {
  Point p{b,
          h,
          h / (problem_.heads / problem_.kvHeads),
          row + problem_.queryOffsetOf(b),
          column + problem_.keyOffset,
          problem_.queryLength(b),
          problem_.keyLength(b),
          scaled};
  for (const Expr &modification : pattern_.scores) p.score = evalFloat(modification, p);
  return p.score;
}

double Interpreter::sink(int64_t h) const {
  if (!pattern_.sink) return -std::numeric_limits<double>::infinity();
  return aux_.at(pattern_.sink.get())->floats.at(static_cast<size_t>(h));
}

int64_t Interpreter::elementOf(const ExprNode &load, const Point &p) const {
  auto found = aux_.find(load.aux.get());
  if (found == aux_.end()) throw std::invalid_argument("no aux tensor '" + load.aux->name + "' was given");
  const AuxValue &value = *found->second;
  int64_t element = 0;
  for (size_t i = 0; i < load.operands.size(); ++i) {
    int64_t last = value.extents.at(i) - 1;
    element = element * value.extents[i] + std::clamp<int64_t>(evalInt(load.operands[i], p), 0, last);
  }
  return element;
}

int64_t Interpreter::evalInt(const Expr &e, const Point &p) const {
  const ExprNode &node = *e;
  switch (node.op) {
  case Op::IntConst: return node.intValue;
  case Op::Index:
    switch (node.index) {
    case IndexVar::Query: return p.q;
    case IndexVar::Key: return p.k;
    case IndexVar::Head: return p.head;
    case IndexVar::KvHead: return p.kvHead;
    case IndexVar::Batch: return p.batch;
    case IndexVar::QueryLength: return p.queryLength;
    case IndexVar::KeyLength: return p.keyLength;
    case IndexVar::Heads: return problem_.heads;
    case IndexVar::KvHeads: return problem_.kvHeads;
    }
    throw std::logic_error("unknown index variable");
  case Op::Param: return params_.at(node.param.get());
  case Op::AuxLoad: {
    size_t element = static_cast<size_t>(elementOf(node, p));
    return aux_.at(node.aux.get())->ints.at(element);
  }
  case Op::Neg: {
    int64_t result = 0;
    if (__builtin_sub_overflow(int64_t{0}, evalInt(node.operands[0], p), &result)) overflow(node);
    return result;
  }
  case Op::Abs: {
    int64_t value = evalInt(node.operands[0], p), result = value;
    if (value < 0 && __builtin_sub_overflow(int64_t{0}, value, &result)) overflow(node);
    return result;
  }
  case Op::Select: return evalInt(node.operands[evalBool(node.operands[0], p) ? 1 : 2], p);
  default: return evalBinary(node, evalInt(node.operands.at(0), p), evalInt(node.operands.at(1), p));
  }
}

bool Interpreter::evalBool(const Expr &e, const Point &p) const {
  const ExprNode &node = *e;
  switch (node.op) {
  case Op::BoolConst: return node.intValue != 0;
  case Op::And: return evalBool(node.operands[0], p) && evalBool(node.operands[1], p);
  case Op::Or: return evalBool(node.operands[0], p) || evalBool(node.operands[1], p);
  case Op::Not: return !evalBool(node.operands[0], p);
  case Op::Select: return evalBool(node.operands[evalBool(node.operands[0], p) ? 1 : 2], p);
  default:
    if (node.operands.at(0)->type == Type::Float)
      return compare(node.op, evalFloat(node.operands[0], p), evalFloat(node.operands.at(1), p));
    return compare(node.op, evalInt(node.operands[0], p), evalInt(node.operands.at(1), p));
  }
}

double Interpreter::evalFloat(const Expr &e, const Point &p) const {
  const ExprNode &node = *e;
  auto operand = [&](size_t i) { return evalFloat(node.operands.at(i), p); };
  switch (node.op) {
  case Op::FloatConst: return node.floatValue;
  case Op::Score: return p.score;
  case Op::AuxLoad: {
    size_t element = static_cast<size_t>(elementOf(node, p));
    return aux_.at(node.aux.get())->floats.at(element);
  }
  case Op::ToFloat: return static_cast<double>(evalInt(node.operands.at(0), p));
  case Op::Add: return operand(0) + operand(1);
  case Op::Sub: return operand(0) - operand(1);
  case Op::Mul: return operand(0) * operand(1);
  case Op::Div: return operand(0) / operand(1);
  case Op::Min: return std::fmin(operand(0), operand(1));
  case Op::Max: return std::fmax(operand(0), operand(1));
  case Op::Abs: return std::fabs(operand(0));
  case Op::Neg: return -operand(0);
  case Op::Exp2: return std::exp2(operand(0));
  case Op::Exp: return std::exp(operand(0));
  case Op::Log: return std::log(operand(0));
  case Op::Tanh: return std::tanh(operand(0));
  case Op::Sqrt: return std::sqrt(operand(0));
  case Op::Select: return operand(evalBool(node.operands.at(0), p) ? 1 : 2);
  default: throw std::logic_error(fmt::format("'{}' is not a float operation", spelling(node.op)));
  }
}

} // namespace maskloom
