#include "maskloom/codegen/emit/EmitClassify.h"

#include "maskloom/codegen/emit/EmitScalars.h"

#include <fmt/format.h>

namespace maskloom::emit {
namespace {

using Op = PredicateNode::Op;

bool isBool(const Predicate &predicate, int32_t index) {
  const PredicateNode &node = predicate.nodes[index];
  switch (node.op) {
  case Op::Bool:
  case Op::Eq:
  case Op::Ne:
  case Op::Lt:
  case Op::Le:
  case Op::Gt:
  case Op::Ge:
  case Op::And:
  case Op::Or:
  case Op::Not: return true;
  case Op::Select: return isBool(predicate, node.operands[1]);
  default: return false;
  }
}

class ClassifyPrinter {
public:
  ClassifyPrinter(const Program &program, const Predicate &predicate)
      : predicate_(predicate), scalars_(program, kNoSchedule) {}

  std::string print() {
    const auto &nodes = predicate_.nodes;
    std::vector<int> uses(nodes.size(), 0);
    for (const PredicateNode &node : nodes)
      for (int32_t operand : node.operands)
        if (operand >= 0) uses[operand]++;
    for (int32_t i = 0; i < static_cast<int32_t>(nodes.size()); i++) {
      Value value = evaluate(nodes[i]);
      constexpr size_t kLongestExpression = 90;
      bool last = i + 1 == static_cast<int32_t>(nodes.size());
      bool leaf = nodes[i].operands[0] < 0;
      if (!leaf && !last && (uses[i] > 1 || value.expr.text.size() > kLongestExpression))
        value = named(i, value);
      values_.push_back(value);
    }
    return fmt::format("  static MASKLOOM_DEVICE TileClass classify(const Context &c, const Box &box) {{\n"
                       "    (void)c, (void)box;\n{}    return {};\n  }}\n",
                       scalars_.declarations("    "), inBox(nodes.size() - 1));
  }

private:
  /// A node's C++ expression: a scalar (int, long long, bool) when the node is the same at every point of the
  /// box, else an Interval or a TileClass.
  struct Value {
    CppExpr expr;
    bool scalar = false;
  };

  Value named(int32_t index, const Value &value) {
    if (value.scalar && !isBool(predicate_, index)) return {scalars_.local("scalar", value.expr), true};
    const char *type = value.scalar ? "bool" : isBool(predicate_, index) ? "TileClass" : "Interval";
    const char *name = value.scalar ? "holds" : isBool(predicate_, index) ? "part" : "range";
    return {{scalars_.declare(type, name, value.expr.text)}, value.scalar};
  }

  /// The node as an Interval or TileClass.
  std::string inBox(int32_t index) {
    const Value &value = values_[index];
    if (!value.scalar) return value.expr.text;
    return fmt::format("{}({})", isBool(predicate_, index) ? "constant" : "interval", value.expr.text);
  }

  Value evaluate(const PredicateNode &node) {
    bool scalar =
        node.op != Op::Symbol || (node.symbol != Symbol::QueryPosition && node.symbol != Symbol::KeyPosition);
    for (int32_t operand : node.operands) scalar &= operand < 0 || values_[operand].scalar;
    if (scalar) return {node.op == Op::AuxLoad ? pointLoad(node) : scalarNode(node), true};
    return {overBox(node), false};
  }

  CppExpr scalarNode(const PredicateNode &node) {
    std::vector<CppExpr> operands;
    std::vector<int64_t> constants;
    for (int32_t operand : node.operands) {
      operands.push_back(operand >= 0 ? values_[operand].expr : CppExpr{});
      constants.push_back(operand >= 0 ? predicate_.nodes[operand].value : 0);
    }
    return scalarOperation(node, operands, constants[1],
                           [this](Symbol s, int32_t i) { return scalars_.value(s, i); });
  }

  CppExpr pointLoad(const PredicateNode &node) {
    std::vector<AuxIndex> indices;
    for (int32_t operand : node.operands)
      if (operand >= 0) {
        const PredicateNode &index = predicate_.nodes[operand];
        bool inside =
            index.op == Op::Symbol &&
            (index.symbol == Symbol::Batch || index.symbol == Symbol::Head || index.symbol == Symbol::KvHead);
        indices.push_back({values_[operand].expr.text, inside});
      }
    return {auxLoad(node.value, false, indices)};
  }

  CppExpr overBox(const PredicateNode &node) {
    auto box = [&](int i) { return inBox(node.operands[i]); };
    auto call = [&](const char *function) {
      return CppExpr{fmt::format("{}({}, {})", function, box(0), box(1))};
    };
    auto flipped = [&](const char *function) {
      return CppExpr{fmt::format("{}({}, {})", function, box(1), box(0))};
    };
    auto infix = [&](const char *sign) {
      // A scalar on the right needs no interval of its own.
      auto side = [&](int i) {
        const Value &value = values_[node.operands[i]];
        CppExpr expr = value.expr;
        if (value.scalar && i == 0) expr = {inBox(node.operands[i])};
        return expr;
      };
      return binary(side(0), sign, side(1), Precedence::Additive);
    };
    auto divisor = [&] { return predicate_.nodes[node.operands[1]].value; };
    switch (node.op) {
    case Op::Symbol: return {node.symbol == Symbol::QueryPosition ? "box.q" : "box.k"};
    case Op::AuxLoad: {
      std::string text = fmt::format("aux_range(c, {}", node.value);
      for (int i = 0; i < 3 && node.operands[i] >= 0; i++) text += ", " + box(i);
      return {text + ")"};
    }
    case Op::Add: return infix("+");
    case Op::Sub: return infix("-");
    case Op::Mul: {
      const Value &a = values_[node.operands[0]], &b = values_[node.operands[1]];
      if (!a.scalar &&
          !b.scalar) // the checks of patterns allow one index factor only; nothing known is sound
        return {"Interval{-(1LL << 60), 1LL << 60}"};
      const Value &range = a.scalar ? b : a, &factor = a.scalar ? a : b;
      return binary(range.expr, "*", widened(factor.expr), Precedence::Multiplicative);
    }
    case Op::Min: return call("min");
    case Op::Max: return call("max");
    case Op::Abs: return {fmt::format("abs({})", box(0))};
    case Op::Neg: return unary("-", values_[node.operands[0]].expr);
    case Op::FloorDiv: return {fmt::format("floor_div({}, {}LL)", box(0), divisor())};
    case Op::Mod: return {fmt::format("floor_mod({}, {}LL)", box(0), divisor())};
    case Op::Eq: return call("equal");
    case Op::Ne: return call("not_equal");
    case Op::Lt: return call("less");
    case Op::Le: return call("less_equal");
    case Op::Gt: return flipped("less");
    case Op::Ge: return flipped("less_equal");
    case Op::And: return call("all_of");
    case Op::Or: return call("any_of");
    case Op::Not: return {fmt::format("negate({})", box(0))};
    case Op::Select: return select(node);
    case Op::Const:
    case Op::Bool: break; // always scalars
    }
    return {"undefined_node"};
  }

  CppExpr select(const PredicateNode &node) {
    const Value &condition = values_[node.operands[0]];
    std::string yes = inBox(node.operands[1]), no = inBox(node.operands[2]);
    if (condition.scalar)
      return {fmt::format("{} ? {} : {}", condition.expr.at(Precedence::LogicalOr), yes, no),
              Precedence::Conditional};
    std::string decided = scalars_.declare("TileClass", "chosen", condition.expr.text);
    if (isBool(predicate_, node.operands[1]))
      return {fmt::format("any_of(all_of({0}, {1}), all_of(negate({0}), {2}))", decided, yes, no)};
    return {fmt::format("{0} == kFull ? {1} : {0} == kEmpty ? {2} : hull({1}, {2})", decided, yes, no),
            Precedence::Conditional};
  }

  static const Schedule kNoSchedule;
  const Predicate &predicate_;
  Scalars scalars_;
  std::vector<Value> values_;
};

const Schedule ClassifyPrinter::kNoSchedule = {};

} // namespace

std::string emitClassify(const Program &program, const Predicate &predicate) {
  return ClassifyPrinter(program, predicate).print();
}

} // namespace maskloom::emit
