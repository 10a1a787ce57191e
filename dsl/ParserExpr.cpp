// Expressions: precedence climbs from '||' to names and calls.
#include "maskloom/dsl/PatternParser.h"

#include "maskloom/dsl/Limits.h"
#include "maskloom/dsl/Names.h"

#include <fmt/format.h>

#include <algorithm>

namespace maskloom {

namespace {

constexpr int kDeepestNesting = 200; // recursion of the parser itself

struct Function {
  const char *name;
  Op op;
  size_t least, most; // operands
};
constexpr Function kFunctions[] = {{"min", Op::Min, 2, 16},  {"max", Op::Max, 2, 16},
                                   {"abs", Op::Abs, 1, 1},   {"select", Op::Select, 3, 3},
                                   {"exp2", Op::Exp2, 1, 1}, {"exp", Op::Exp, 1, 1},
                                   {"log", Op::Log, 1, 1},   {"tanh", Op::Tanh, 1, 1},
                                   {"sqrt", Op::Sqrt, 1, 1}, {"float", Op::ToFloat, 1, 1}};

struct Variable {
  const char *name;
  IndexVar index;
};
constexpr Variable kVariables[] = {
    {"q", IndexVar::Query},      {"k", IndexVar::Key},   {"h", IndexVar::Head},
    {"kvh", IndexVar::KvHead},   {"b", IndexVar::Batch}, {"Sq", IndexVar::QueryLength},
    {"Sk", IndexVar::KeyLength}, {"H", IndexVar::Heads}, {"Hkv", IndexVar::KvHeads}};

struct Nesting {
  int &depth;
  explicit Nesting(int &depth) : depth(++depth) {}
  ~Nesting() { --depth; }
};

} // namespace

// Keeps count of depth and written-out size, so that nothing later meets an expression it cannot walk.
Expr PatternParser::tracked(Expr expr, const Location &loc) {
  ExprExtent extent;
  for (const Expr &operand : expr->operands) {
    auto known = extents_.find(operand.get());
    ExprExtent below = known == extents_.end() ? ExprExtent{8, 8} : known->second; // expanded coordinates
    extent.depth = std::max(extent.depth, below.depth + 1);
    extent.size = std::min(extent.size + below.size, kLargestExpression + 1);
  }
  limitExtent(extent, loc);
  extents_[expr.get()] = extent;
  return expr;
}

void PatternParser::limitExtent(const ExprExtent &extent, const Location &loc) {
  if (extent.depth > kDeepestExpression)
    fail(loc, fmt::format("the expression is nested more than {} levels deep", kDeepestExpression),
         "split a long chain with parentheses or into several items");
  if (extent.size > kLargestExpression)
    fail(loc, fmt::format("the expression has more than {} operations", kLargestExpression),
         "each use of a 'let' counts in full");
}

Expr PatternParser::promoted(const Expr &expr) {
  if (expr->type != Type::Int) return expr;
  if (expr->op == Op::IntConst)
    return tracked(makeFloat(static_cast<double>(expr->intValue), expr->loc), expr->loc);
  return tracked(makeExpr(Op::ToFloat, Type::Float, {expr}, expr->loc), expr->loc);
}

// Typing is by the operands: one float makes the operation a float one. Masks as operands are left to the
// check.
Expr PatternParser::arithmetic(Op op, Expr a, Expr b, const Location &loc) {
  bool real = op != Op::Mod && (a->type == Type::Float || b->type == Type::Float);
  if (real) {
    a = promoted(a);
    b = promoted(b);
    if (op == Op::FloorDiv) op = Op::Div;
  }
  return tracked(makeExpr(op, real ? Type::Float : Type::Int, {a, b}, loc), loc);
}

Expr PatternParser::comparison(Op op, Expr a, Expr b, const Location &loc) {
  if (a->type == Type::Float || b->type == Type::Float) {
    a = promoted(a);
    b = promoted(b);
  }
  return tracked(makeExpr(op, Type::Bool, {a, b}, loc), loc);
}

Expr PatternParser::parseExpr() {
  Nesting guard(nesting_);
  if (nesting_ > kDeepestNesting)
    fail(locationOf(token()), fmt::format("expressions may be nested {} levels deep", kDeepestNesting));
  return parseOr();
}

Expr PatternParser::parseOr() {
  Expr result = parseAnd();
  while (token().is("||")) {
    Location loc = locationOf(take());
    result = tracked(makeExpr(Op::Or, Type::Bool, {result, parseAnd()}, loc), loc);
  }
  return result;
}

Expr PatternParser::parseAnd() {
  Expr result = parseComparison();
  while (token().is("&&")) {
    Location loc = locationOf(take());
    result = tracked(makeExpr(Op::And, Type::Bool, {result, parseComparison()}, loc), loc);
  }
  return result;
}

Expr PatternParser::parseComparison() {
  auto operation = [&]() -> std::optional<Op> {
    for (Op op : {Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge})
      if (token().is(spelling(op))) return op;
    return std::nullopt;
  };
  Expr result = parseSum();
  if (auto op = operation()) {
    Location loc = locationOf(take());
    result = comparison(*op, result, parseSum(), loc);
    if (operation())
      fail(locationOf(token()),
           fmt::format("comparisons do not chain: found a second one, {}", token().describe()),
           "write 'a < b && b < c'");
  }
  return result;
}

Expr PatternParser::parseSum() {
  Expr result = parseProduct();
  while (token().is("+") || token().is("-")) {
    Token sign = take();
    result = arithmetic(sign.is("+") ? Op::Add : Op::Sub, result, parseProduct(), locationOf(sign));
  }
  return result;
}

Expr PatternParser::parseProduct() {
  Expr result = parseUnary();
  while (token().is("*") || token().is("/") || token().is("%")) {
    Token sign = take();
    Op op = sign.is("*") ? Op::Mul : sign.is("/") ? Op::FloorDiv : Op::Mod;
    result = arithmetic(op, result, parseUnary(), locationOf(sign));
  }
  return result;
}

Expr PatternParser::parseUnary() {
  if (!token().is("!") && !token().is("-")) return parsePrimary();
  Token sign = take();
  Location loc = locationOf(sign);
  Nesting guard(nesting_);
  if (nesting_ > kDeepestNesting)
    fail(loc, fmt::format("expressions may be nested {} levels deep", kDeepestNesting));
  if (sign.is("-") && token().kind == Token::Kind::Integer)
    return tracked(makeInt(integerOf(take(), true), loc), loc);
  if (sign.is("-") && token().kind == Token::Kind::Float)
    return tracked(makeFloat(-realOf(take()), loc), loc);
  Expr value = parseUnary();
  if (sign.is("!")) return tracked(makeExpr(Op::Not, Type::Bool, {value}, loc), loc);
  return tracked(makeExpr(Op::Neg, value->type == Type::Float ? Type::Float : Type::Int, {value}, loc), loc);
}

Expr PatternParser::parsePrimary() {
  Location loc = locationOf(token());
  if (token().kind == Token::Kind::Integer) return tracked(makeInt(integerOf(take(), false), loc), loc);
  if (token().kind == Token::Kind::Float) return tracked(makeFloat(realOf(take()), loc), loc);
  if (accept("(")) {
    Expr inner = parseExpr();
    expect(")", "to close the parenthesis");
    return inner;
  }
  if (token().kind == Token::Kind::Name) return parseName();
  failExpected("an expression");
}

Expr PatternParser::parseName() {
  Token name = take();
  Location loc = locationOf(name);
  if (name.is("all") || name.is("none")) return tracked(makeBool(name.is("all"), loc), loc);
  if (name.is("s")) return tracked(makeScore(loc), loc);
  if (name.is("bands")) return parseBands(name);
  for (const Function &function : kFunctions)
    if (name.is(function.name)) return parseCall(name, function.op, function.least, function.most);
  for (const Variable &variable : kVariables)
    if (name.is(variable.name)) {
      if (token().is(".")) return parseCoordinate(name, variable.index);
      return tracked(makeIndex(variable.index, loc), loc);
    }
  std::string text(name.text);
  if (token().is("("))
    if (const LibraryFunction *function = findLibraryFunction(text)) return parseLibraryCall(name, *function);
  auto meaning = names_.find(text);
  if (meaning == names_.end()) failUnknown(name);
  const Meaning &what = meaning->second.first;
  if (auto *param = std::get_if<std::shared_ptr<const ParamDecl>>(&what))
    return tracked(makeParam(*param, loc), loc);
  if (auto *aux = std::get_if<std::shared_ptr<const AuxDecl>>(&what)) return parseLoad(name, *aux);
  return std::get<Expr>(what);
}

void PatternParser::failUnknown(const Token &name) {
  Location loc = locationOf(name);
  std::string text(name.text);
  bool called = token().is("(");
  if (!called && failedNames_.count(text)) throw Recover{}; // its declaration was reported
  if (isReserved(text) || isItemKeyword(text))
    fail(loc, fmt::format("expected an expression, found '{}'", text), "a ';' may be missing before it");
  if (const LibraryFunction *function = findLibraryFunction(text))
    fail(loc, fmt::format("'{}' is a function of the library", text),
         fmt::format("call it: '{}'", function->signature()));
  std::vector<std::string> candidates;
  for (const Function &function : kFunctions) candidates.push_back(function.name);
  if (called) {
    for (const LibraryFunction &function : libraryFunctions()) candidates.push_back(function.name);
  } else {
    for (const auto &[known, unused] : names_) candidates.push_back(known);
    for (const Variable &variable : kVariables) candidates.push_back(variable.name);
    for (const char *word : {"all", "none", "bands"}) candidates.push_back(word);
  }
  std::string nearest = nearestName(text, candidates);
  if (!nearest.empty())
    fail(loc, fmt::format("unknown {} '{}'", called ? "function" : "name", text),
         fmt::format("did you mean '{}'?", nearest));
  if (called)
    fail(loc, fmt::format("unknown function '{}'", text),
         "docs/language.md lists the functions of the library");
  fail(loc, fmt::format("unknown name '{}'", text), "declare it first, with 'param', 'aux' or 'let'");
}

Expr PatternParser::parseCall(const Token &function, Op op, size_t least, size_t most) {
  Location loc = locationOf(function);
  expect("(", fmt::format("after '{}'", function.text));
  std::vector<Expr> operands;
  do operands.push_back(parseExpr());
  while (accept(","));
  expect(")", fmt::format("after the operands of '{}'", function.text));
  if (operands.size() < least || operands.size() > most) {
    const std::string taken = most > least ? fmt::format("{} to {}", least, most) : std::to_string(least);
    fail(loc, fmt::format("'{}' takes {} operand{}, found {}", function.text, taken, most == 1 ? "" : "s",
                          operands.size()));
  }
  if (op == Op::Min || op == Op::Max) {
    Expr result = operands[0];
    for (size_t i = 1; i < operands.size(); ++i) result = arithmetic(op, result, operands[i], loc);
    return result;
  }
  if (op == Op::Select) {
    Expr &a = operands[1], &b = operands[2];
    if (a->type == Type::Float || b->type == Type::Float) {
      a = promoted(a);
      b = promoted(b);
    }
    Type type = a->type;
    return tracked(makeExpr(op, type, std::move(operands), loc), loc);
  }
  if (op == Op::Abs) {
    Type type = operands[0]->type == Type::Float ? Type::Float : Type::Int;
    return tracked(makeExpr(op, type, std::move(operands), loc), loc);
  }
  if (op == Op::ToFloat && operands[0]->type == Type::Float) return operands[0];
  if (op == Op::ToFloat) return tracked(makeExpr(op, Type::Float, std::move(operands), loc), loc);
  operands[0] = promoted(operands[0]);
  return tracked(makeExpr(op, Type::Float, std::move(operands), loc), loc);
}

Expr PatternParser::parseCoordinate(const Token &name, IndexVar position) {
  Location loc = locationOf(name);
  take(); // '.'
  if (position != IndexVar::Query && position != IndexVar::Key)
    fail(loc, fmt::format("'{}' has no coordinates", name.text), "only q and k have: 'q.0'");
  if (token().kind != Token::Kind::Integer) failExpected("the number of an axis, as in 'q.0'");
  int64_t axis = integerOf(take(), false);
  if (spaceFailed_) throw Recover{};
  if (pattern_.space.empty())
    fail(loc, fmt::format("'{}.{}' needs a token space", name.text, axis),
         "declare it before: 'space (30, 48, 80);'");
  Expr value = axis < 0 ? nullptr : makeCoordinate(position, pattern_.space, static_cast<size_t>(axis), loc);
  if (!value)
    fail(loc, fmt::format("'{}.{}': the token space has {} axes, counted from 0", name.text, axis,
                          pattern_.space.size()));
  return tracked(value, loc);
}

Expr PatternParser::parseLoad(const Token &name, const std::shared_ptr<const AuxDecl> &aux) {
  Location loc = locationOf(name);
  expect("[", fmt::format("after the tensor '{}'", name.text), "tensors are indexed: 'doc[b, q]'");
  std::vector<Expr> indices;
  do indices.push_back(parseExpr());
  while (accept(","));
  expect("]", "after the indices");
  return tracked(makeLoad(aux, std::move(indices), loc), loc);
}

// bands D { n1: e1; n2: e2; rest: e3 } is D < n1 ? e1 : D < n2 ? e2 : e3.
Expr PatternParser::parseBands(const Token &keyword) {
  Location loc = locationOf(keyword);
  Expr distance = parseSum();
  expect("{", "after the distance of the bands", "write 'bands q - k { 16: all; rest: none }'");
  std::vector<std::pair<Expr, Expr>> ranges; // limit, mask
  while (!token().is("rest")) {
    if (token().is("}") || token().kind == Token::Kind::End)
      failExpected("'rest: mask' as the last band", "the bands must say what holds beyond the last limit");
    Expr limit = parseSum();
    expect(":", "after the limit of the band");
    Expr mask = parseExpr();
    expect(";", "after the mask of the band");
    ranges.push_back({limit, mask});
  }
  take();
  expect(":", "after 'rest'");
  Expr result = parseExpr();
  accept(";");
  expect("}", "after the last band");
  for (size_t i = ranges.size(); i-- > 0;) {
    Location at = ranges[i].first->loc;
    Expr below = comparison(Op::Lt, distance, ranges[i].first, at);
    result =
        tracked(makeExpr(Op::Select, ranges[i].second->type, {below, ranges[i].second, result}, loc), loc);
  }
  return result;
}

} // namespace maskloom
