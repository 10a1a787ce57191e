#include "maskloom/dsl/Print.h"

#include "maskloom/dsl/Walk.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

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
  case Op::FloatConst: return std::signbit(node.floatValue) ? LevelUnary : LevelPrimary;
  default: return LevelPrimary;
  }
}

bool isInfix(const ExprNode &node) { return levelOf(node) < LevelUnary; }

// The loosest binding that operand `i` may have without parentheses.
int leastLevel(const ExprNode &node, size_t i) {
  if (node.op == Op::Neg || node.op == Op::Not) return LevelPrimary;
  if (!isInfix(node)) return LevelOr; // calls and loads
  // Left-associative: an equal level on the right needs parentheses; comparisons do not chain at all.
  Level level = levelOf(node);
  return i == 0 && level != LevelCompare ? level : level + 1;
}

// "-5" is a number: the negation of 5 is written -(5).
bool isNumberNegated(const ExprNode &node, const ExprNode &operand) {
  return node.op == Op::Neg && (operand.op == Op::IntConst || operand.op == Op::FloatConst);
}

/// Nodes that are written as a name: coordinates of the token space, and what was given a name by a 'let'.
using Names = std::unordered_map<const ExprNode *, std::string>;

class Printer {
public:
  explicit Printer(const Names *names = nullptr) : names_(names) {}

  std::string text(const Expr &expr) {
    print(*expr, LevelOr);
    return std::move(out_);
  }

private:
  void print(const ExprNode &node, int least) {
    if (names_)
      if (auto name = names_->find(&node); name != names_->end()) {
        out_ += name->second;
        return;
      }
    bool parentheses = levelOf(node) < least;
    if (parentheses) out_ += '(';
    printBare(node);
    if (parentheses) out_ += ')';
  }

  void printBare(const ExprNode &node) {
    switch (node.op) {
    case Op::IntConst: out_ += fmt::format("{}", node.intValue); return;
    case Op::FloatConst: out_ += floatText(node.floatValue); return;
    case Op::BoolConst: out_ += node.intValue ? "all" : "none"; return;
    case Op::Index: out_ += spelling(node.index); return;
    case Op::Param: out_ += node.param->name; return;
    case Op::Score: out_ += "s"; return;
    case Op::AuxLoad: return printCall(node.aux ? node.aux->name.c_str() : "?", node, '[', ']');
    case Op::Neg:
    case Op::Not: {
      const ExprNode &operand = *node.operands[0];
      out_ += spelling(node.op);
      bool parentheses = isNumberNegated(node, operand);
      if (parentheses) out_ += '(';
      print(operand, parentheses ? LevelOr : LevelPrimary);
      if (parentheses) out_ += ')';
      return;
    }
    default:
      if (!isInfix(node)) return printCall(spelling(node.op), node, '(', ')');
      print(*node.operands[0], leastLevel(node, 0));
      out_ += fmt::format(" {} ", spelling(node.op));
      print(*node.operands[1], leastLevel(node, 1));
    }
  }

  void printCall(const char *name, const ExprNode &node, char open, char close) {
    out_ += name;
    out_ += open;
    for (size_t i = 0; i < node.operands.size(); ++i) {
      if (i) out_ += ", ";
      print(*node.operands[i], LevelOr);
    }
    out_ += close;
  }

  const Names *names_;
  std::string out_;
};

bool sameTree(const Expr &a, const Expr &b) {
  if (a->op != b->op || a->index != b->index || a->intValue != b->intValue) return false;
  if (a->operands.size() != b->operands.size() || a->op == Op::Param || a->op == Op::AuxLoad) return false;
  for (size_t i = 0; i < a->operands.size(); ++i)
    if (!sameTree(a->operands[i], b->operands[i])) return false;
  return true;
}

/// Chooses the names of one pattern's expressions and writes the 'let' items.
class Namer {
public:
  explicit Namer(const Pattern &pattern) : pattern_(pattern) {
    if (pattern.space.size() < 2) return;
    for (IndexVar position : {IndexVar::Query, IndexVar::Key})
      for (size_t axis = 0; axis < pattern.space.size(); ++axis)
        if (Expr tree = makeCoordinate(position, pattern.space, axis); tree && !tree->operands.empty())
          coordinates_.emplace_back(tree, fmt::format("{}.{}", spelling(position), axis));
  }

  /// Counts uses; every expression of the pattern comes through here before any is named.
  void count(const Expr &root) {
    ++uses_[root.get()];
    forEachNode(root, [&](const ExprNode &node) {
      if (counted_.insert(&node).second)
        for (const Expr &operand : node.operands) ++uses_[operand.get()];
    });
  }

  /// Names what is used more than once and is no mere atom, and what is nested too deep for the parser.
  void name(const Expr &root) { visit(root); }

  const Names &names() const { return names_; }
  const std::string &lets() const { return lets_; }

private:
  static constexpr int kDeepest = 100; ///< half of what the parser takes
  static constexpr size_t kSmallest = 8;

  struct Height {
    int nesting = 0; ///< parentheses and calls inside each other
    size_t size = 1; ///< nodes as written
  };

  Height visit(const Expr &expr) {
    if (auto known = heights_.find(expr.get()); known != heights_.end()) return known->second;
    Height height;
    for (const auto &[tree, spelled] : coordinates_)
      if (sameTree(expr, tree)) {
        names_[expr.get()] = spelled;
        return heights_[expr.get()] = height;
      }
    for (size_t i = 0; i < expr->operands.size(); ++i) {
      const ExprNode &operand = *expr->operands[i];
      Height below = visit(expr->operands[i]);
      bool nests = !isInfix(*expr) || levelOf(operand) < leastLevel(*expr, i);
      height.nesting = std::max(height.nesting, below.nesting + (nests ? 1 : 0));
      height.size += below.size;
    }
    bool shared = uses_[expr.get()] > 1 && height.size >= kSmallest;
    if (shared || height.nesting >= kDeepest) {
      std::string text = Printer(&names_).text(expr);
      std::string name = freshName();
      lets_ += fmt::format("  let {} = {};\n", name, text);
      names_[expr.get()] = name;
      height = {};
    }
    return heights_[expr.get()] = height;
  }

  std::string freshName() {
    for (;;) {
      std::string name = fmt::format("e{}", ++lastName_);
      if (!pattern_.findParam(name) && !pattern_.findAux(name)) return name;
    }
  }

  const Pattern &pattern_;
  std::vector<std::pair<Expr, std::string>> coordinates_;
  std::unordered_map<const ExprNode *, int> uses_;
  std::unordered_set<const ExprNode *> counted_;
  std::unordered_map<const ExprNode *, Height> heights_;
  Names names_;
  std::string lets_;
  int lastName_ = 0;
};

} // namespace

std::string floatText(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

std::string toText(const Expr &expr) { return expr ? Printer().text(expr) : ""; }

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
  std::vector<Expr> roots;
  if (pattern.mask) roots.push_back(pattern.mask);
  for (const HeadGroup &group : pattern.layout.groups) roots.push_back(group.mask);
  for (const Expr &score : pattern.scores) roots.push_back(score);
  Namer namer(pattern);
  for (const Expr &root : roots) namer.count(root);
  for (const Expr &root : roots) namer.name(root);
  auto text = [&](const Expr &expr) { return Printer(&namer.names()).text(expr); };

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
  if (!pattern.space.empty()) out += fmt::format("  space ({});\n", fmt::join(pattern.space, ", "));
  out += namer.lets();
  if (pattern.mask) out += fmt::format("  mask {};\n", text(pattern.mask));
  for (const HeadGroup &group : pattern.layout.groups)
    out += fmt::format("  {} {}..{}: {};\n", pattern.layout.byKvHead ? "kv_heads" : "heads", group.first,
                       group.last, text(group.mask));
  for (const Expr &score : pattern.scores) out += fmt::format("  score {};\n", text(score));
  if (pattern.sink) out += fmt::format("  sink {};\n", pattern.sink->name);
  return out + "}\n";
}

} // namespace maskloom
