#include "maskloom/codegen/emit/EmitScalars.h"

#include <fmt/format.h>

#include <algorithm>

namespace maskloom::emit {

// Rows, columns and heads are ints everywhere in the kernels, so that tiles, lengths and heads are bounded
// too; offsets are 64-bit arguments whose sum with a row or column is an int.
static constexpr int64_t kMaxPosition = INT32_MAX;
static constexpr Range kOffsets = {-(int64_t{1} << 32), int64_t{1} << 32};

Scalars::Scalars(const Program &program, const Schedule &schedule) : program_(program), schedule_(schedule) {
  bool forward = schedule.orientation == Orientation::Forward;
  int64_t rows = forward ? schedule.tile.queries : schedule.tile.keys;
  int64_t columns = forward ? schedule.tile.keys : schedule.tile.queries;
  CppExpr outer = {outerName(schedule.orientation)};
  outer.range = {0, kMaxPosition / rows};
  names_.reserve(outer.text);
  values_[{Symbol::OuterTile, 0}] = outer;
  CppExpr inner = {"x"};
  inner.range = {0, kMaxPosition / columns};
  values_[{Symbol::InnerTile, 0}] = inner;
}

CppExpr Scalars::local(std::string_view name, const CppExpr &value) {
  CppExpr result = value;
  result.wide = value.wide && !value.range.fitsInt();
  std::string text = value.wide && !result.wide ? unary("(int)", value).text : value.text;
  result.text = declare(result.wide ? "long long" : "int", name, text);
  result.precedence = Precedence::Primary;
  return result;
}

std::string Scalars::declare(std::string_view type, std::string_view name, std::string_view text) {
  std::string unique = names_.fresh(name);
  declarations_.push_back(fmt::format("const {} {} = {};", type, unique, text));
  return unique;
}

Scalars::Source Scalars::source(Symbol symbol, int32_t index) const {
  auto plain = [](std::string text, std::string name, Range range, bool wide = false) {
    Source result = {{std::move(text)}, std::move(name)};
    result.expr.range = range;
    result.expr.wide = wide;
    return result;
  };
  constexpr Range heads = {0, 1 << 20}, lengths = {0, kMaxPosition};
  switch (symbol) {
  case Symbol::Head: return plain("c.head", "head", heads);
  case Symbol::KvHead: return plain("c.kv_head", "kv_head", heads);
  case Symbol::Heads: return plain("c.args->heads", "heads", heads);
  case Symbol::KvHeads: return plain("c.args->kv_heads", "kv_heads", heads);
  case Symbol::Batch: return plain("c.batch", "batch", lengths);
  case Symbol::QueryLength: return plain("c.query_length", "query_length", lengths);
  case Symbol::KeyLength: return plain("c.key_length", "key_length", lengths);
  case Symbol::QueryOffset: return plain("c.query_offset", "query_offset", kOffsets, true);
  case Symbol::KeyOffset: return plain("c.key_offset", "key_offset", kOffsets, true);
  case Symbol::Param: {
    const ProgramParam &param = program_.params[index];
    return plain(fmt::format("c.args->params[{}]", index), param.name, {param.low, param.high}, true);
  }
  case Symbol::AuxScalar:
    return plain("", program_.auxes[program_.auxScalars[index].aux].name, Range::anyInt());
  case Symbol::Floor: {
    const FloorScalar &floor = schedule_.floors[index];
    return plain("", fmt::format("floor_div_{}", floor.denominator),
                 floorDiv(range(floor.numerator), floor.denominator));
  }
  case Symbol::QueryPosition: // predicates only
  case Symbol::KeyPosition:
  case Symbol::OuterTile: // stand in values_ from the start
  case Symbol::InnerTile: break;
  }
  return plain("undefined_symbol", "undefined_symbol", Range::anyLong(), true);
}

Range Scalars::range(const Affine &form) const {
  Range total = {form.constant, form.constant};
  for (const Term &term : form.terms) {
    auto found = values_.find({term.symbol, term.index});
    Range range = found != values_.end() ? found->second.range : source(term.symbol, term.index).expr.range;
    total = total + range * term.coefficient;
  }
  return total;
}

CppExpr Scalars::value(Symbol symbol, int32_t index) {
  auto found = values_.find({symbol, index});
  if (found != values_.end()) return found->second;
  auto [expr, name] = source(symbol, index);
  if (symbol == Symbol::Floor) {
    const FloorScalar &floor = schedule_.floors[index];
    CppExpr numerator = affine(floor.numerator);
    const auto &terms = floor.numerator.terms;
    bool floors = floor.numerator.constant == 0, ceils = floor.numerator.constant == floor.denominator - 1;
    if (terms.size() == 1 && std::abs(terms[0].coefficient) == 1 && (floors || ceils))
      name =
          fmt::format("{}{}_{}div_{}", terms[0].coefficient < 0 ? "minus_" : "",
                      value(terms[0].symbol, terms[0].index).text, floors ? "" : "ceil_", floor.denominator);
    expr = floorDivText(numerator, floor.denominator);
  } else if (symbol == Symbol::AuxScalar) {
    const AuxScalar &scalar = program_.auxScalars[index];
    std::vector<AuxIndex> indices;
    for (const Predicate &at : scalar.indices) {
      bool plainSymbol = at.nodes.size() == 1 && at.nodes[0].op == PredicateNode::Op::Symbol;
      indices.push_back({scalarExpression(at).text, plainSymbol});
    }
    expr.text = auxLoad(scalar.aux, false, indices);
  }
  CppExpr result = local(name, expr);
  values_[{symbol, index}] = result;
  return result;
}

std::string auxLoad(int64_t aux, bool isFloat, const std::vector<AuxIndex> &indices) {
  std::string text = fmt::format("{}(c, {}", isFloat ? "aux_load_f32" : "aux_load", aux);
  for (size_t axis = 0; axis < indices.size(); axis++)
    text += indices[axis].inside ? fmt::format(", {}", indices[axis].text)
                                 : fmt::format(", nearest(c, {}, {}, {})", aux, axis, indices[axis].text);
  return text + ")";
}

CppExpr Scalars::affine(const Affine &form) {
  std::vector<Multiple> terms;
  for (const Term &term : form.terms) terms.push_back({value(term.symbol, term.index), term.coefficient});
  return sumText(std::move(terms), form.constant);
}

std::string Scalars::declarations(std::string_view indent) const {
  std::string result;
  for (const std::string &line : declarations_) result += fmt::format("{}{}\n", indent, line);
  return result;
}

CppExpr Scalars::scalarExpression(const Predicate &predicate) {
  std::vector<CppExpr> values;
  for (const PredicateNode &node : predicate.nodes) {
    std::vector<CppExpr> operands;
    for (int32_t operand : node.operands) operands.push_back(operand >= 0 ? values[operand] : CppExpr{});
    int64_t divisor = node.operands[1] >= 0 ? predicate.nodes[node.operands[1]].value : 0;
    values.push_back(
        scalarOperation(node, operands, divisor, [this](Symbol s, int32_t i) { return value(s, i); }));
  }
  return values.back();
}

CppExpr scalarOperation(const PredicateNode &node, const std::vector<CppExpr> &operands, int64_t divisor,
                        const std::function<CppExpr(Symbol, int32_t)> &symbol) {
  using Op = PredicateNode::Op;
  const CppExpr &a = operands[0], &b = operands[1];
  auto arithmetic = [&](const char *op, Precedence precedence) {
    CppExpr result = binary(widened(a), op, b, precedence);
    result.range = Range::anyLong();
    return result;
  };
  auto negated = [&] {
    CppExpr result = unary("-", widened(a));
    result.range = Range::anyLong();
    return result;
  };
  auto compare = [&](const char *op, Precedence precedence) { return binary(a, op, b, precedence); };
  switch (node.op) {
  case Op::Const: return literal(node.value);
  case Op::Bool: return {node.value ? "true" : "false"};
  case Op::Symbol: return symbol(node.symbol, static_cast<int32_t>(node.value));
  case Op::Add: return arithmetic("+", Precedence::Additive);
  case Op::Sub: return arithmetic("-", Precedence::Additive);
  case Op::Mul: return arithmetic("*", Precedence::Multiplicative);
  case Op::Min: return minMaxText("min", a, b);
  case Op::Max: return minMaxText("max", a, b);
  case Op::Abs: return minMaxText("max", a, negated());
  case Op::Neg: return negated();
  case Op::FloorDiv: return floorDivText(a, divisor);
  case Op::Mod: return floorModText(a, divisor);
  case Op::Eq: return compare("==", Precedence::Equality);
  case Op::Ne: return compare("!=", Precedence::Equality);
  case Op::Lt: return compare("<", Precedence::Relational);
  case Op::Le: return compare("<=", Precedence::Relational);
  case Op::Gt: return compare(">", Precedence::Relational);
  case Op::Ge: return compare(">=", Precedence::Relational);
  case Op::And: return compare("&&", Precedence::LogicalAnd);
  case Op::Or: return compare("||", Precedence::LogicalOr);
  case Op::Not: return unary("!", a);
  case Op::Select: {
    bool wide = b.wide || operands[2].wide;
    return {fmt::format("{} ? {} : {}", a.at(Precedence::LogicalOr), b.at(Precedence::LogicalOr),
                        operands[2].at(Precedence::LogicalOr)),
            Precedence::Conditional, wide, join(b.range, operands[2].range)};
  }
  case Op::AuxLoad: break; // not an operation on scalars
  }
  return {"undefined_node"};
}

} // namespace maskloom::emit
