#include "maskloom/dsl/Print.h"

#include <fmt/format.h>

namespace maskloom {

namespace {

// Binding strength, loosest first; the parser's levels.
enum Level { LevelOr = 1, LevelAnd, LevelCompare, LevelSum, LevelProduct, LevelUnary, LevelPrimary };

Level levelOf(const ExprNode &node) {
  switch (node.op) {
  case Op::Or: return LevelOr;
  case Op::And: return LevelAnd;
  case Op::Eq:
  case Op::Ne:
  case Op::Lt:
  case Op::Le:
  case Op::Gt:
  case Op::Ge: return LevelCompare;
  case Op::Add:
  case Op::Sub: return LevelSum;
  case Op::Mul:
  case Op::FloorDiv:
  case Op::Mod:
  case Op::Div: return LevelProduct;
  case Op::Neg:
  case Op::Not: return LevelUnary;
  case Op::IntConst: return node.intValue < 0 ? LevelUnary : LevelPrimary;
  case Op::FloatConst: return node.floatValue < 0 ? LevelUnary : LevelPrimary;
  default: return LevelPrimary;
  }
}

void print(const Expr &expr, int least, std::string &out);

void printCall(const char *name, const ExprNode &node, char open, char close, std::string &out) {
  out += name;
  out += open;
  for (size_t i = 0; i < node.operands.size(); ++i) {
    if (i) out += ", ";
    print(node.operands[i], LevelOr, out);
  }
  out += close;
}

void print(const Expr &expr, int least, std::string &out) {
  const ExprNode &node = *expr;
  Level level = levelOf(node);
  bool parentheses = level < least;
  if (parentheses) out += '(';
  switch (node.op) {
  case Op::IntConst: out += fmt::format("{}", node.intValue); break;
  case Op::FloatConst: out += floatText(node.floatValue); break;
  case Op::BoolConst: out += node.intValue ? "all" : "none"; break;
  case Op::Index: out += spelling(node.index); break;
  case Op::Param: out += node.param->name; break;
  case Op::Score: out += "s"; break;
  case Op::AuxLoad: printCall(node.aux ? node.aux->name.c_str() : "?", node, '[', ']', out); break;
  case Op::Neg:
  case Op::Not:
    out += spelling(node.op);
    // "-5" is a number and "- -x" needs the space: parentheses keep both apart.
    print(node.operands[0], LevelPrimary, out);
    break;
  default:
    if (level == LevelPrimary) {
      printCall(spelling(node.op), node, '(', ')', out);
    } else {
      // Left-associative: an equal level on the right needs parentheses; comparisons do not chain at all.
      print(node.operands[0], level == LevelCompare ? level + 1 : level, out);
      out += fmt::format(" {} ", spelling(node.op));
      print(node.operands[1], level + 1, out);
    }
  }
  if (parentheses) out += ')';
}

} // namespace

std::string floatText(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

std::string toText(const Expr &expr) {
  std::string out;
  if (expr) print(expr, LevelOr, out);
  return out;
}

std::string toText(const AuxAxis &axis) {
  switch (axis.kind) {
  case AuxAxis::Kind::Batch: return "b";
  case AuxAxis::Kind::Head: return "h";
  case AuxAxis::Kind::KvHead: return "kvh";
  case AuxAxis::Kind::Query: return axis.block == 1 ? "q" : fmt::format("q/{}", axis.block);
  case AuxAxis::Kind::Key: return axis.block == 1 ? "k" : fmt::format("k/{}", axis.block);
  case AuxAxis::Kind::Fixed: return fmt::format("{}", axis.extent);
  }
  return "?";
}

std::string toText(const Pattern &pattern) {
  std::string out = fmt::format("pattern {} {{\n", pattern.name);
  for (const auto &param : pattern.params)
    out += fmt::format("  param {} in {}..{} = {};\n", param->name, param->low, param->high,
                       param->defaultValue);
  for (const auto &aux : pattern.auxes) {
    std::string axes;
    for (const AuxAxis &axis : aux->axes) axes += (axes.empty() ? "" : ", ") + toText(axis);
    if (aux == pattern.blocks)
      out += fmt::format("  blocks {}[{}];\n", aux->name, axes);
    else
      out += fmt::format("  aux {}[{}]: {};\n", aux->name, axes, aux->type == AuxType::I32 ? "i32" : "f32");
  }
  if (pattern.mask) out += fmt::format("  mask {};\n", toText(pattern.mask));
  for (const HeadGroup &group : pattern.layout.groups)
    out += fmt::format("  {} {}..{}: {};\n", pattern.layout.byKvHead ? "kv_heads" : "heads", group.first,
                       group.last, toText(group.mask));
  for (const Expr &score : pattern.scores) out += fmt::format("  score {};\n", toText(score));
  if (pattern.sink) out += fmt::format("  sink {};\n", pattern.sink->name);
  return out + "}\n";
}

} // namespace maskloom
