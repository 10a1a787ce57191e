// Calls: the functions of expressions, and those of the library with their keyword arguments.
#include "maskloom/dsl/PatternParser.h"

#include "maskloom/dsl/CheckExpr.h"
#include "maskloom/dsl/Limits.h"
#include "maskloom/dsl/Names.h"
#include "maskloom/dsl/Walk.h"

#include <fmt/format.h>

#include <algorithm>

namespace maskloom {

namespace {

using Kind = LibraryArgument::Kind;

std::vector<std::string> argumentNames(const LibraryFunction &function) {
  std::vector<std::string> names;
  for (const LibraryArgument &argument : function.arguments) names.push_back(argument.name);
  return names;
}

} // namespace

Expr PatternParser::parseLibraryCall(const Token &name, const LibraryFunction &function) {
  Location loc = locationOf(name);
  if (++session_.libraryCalls > kMostLibraryCalls)
    fail(loc, fmt::format("a file may call library functions {} times", kMostLibraryCalls),
         "split it into several files");
  LibraryCall call;
  call.space = pattern_.space;
  expect("(", fmt::format("after '{}'", function.name));
  if (!token().is(")")) {
    do parseArgument(function, call);
    while (accept(","));
  }
  expect(")", fmt::format("after the arguments of '{}'", function.name));
  for (const LibraryArgument &argument : function.arguments)
    if (!argument.absent && !call.has(argument.name))
      fail(loc, fmt::format("'{}' needs the argument '{}'", function.name, argument.name),
           fmt::format("write '{}'", function.signature()));
  Expr result = expandCall(function, call, loc);
  reportFaults(result, call);
  return measured(result, loc);
}

void PatternParser::parseArgument(const LibraryFunction &function, LibraryCall &call) {
  if (token().kind != Token::Kind::Name || !tokens_[next_ + 1].is("="))
    failExpected(fmt::format("an argument of '{}' by name", function.name),
                 fmt::format("write '{}'", function.signature()));
  Token name = take();
  const LibraryArgument *argument = function.find(name.text);
  if (!argument) {
    std::string nearest = nearestName(name.text, argumentNames(function));
    fail(locationOf(name), fmt::format("'{}' has no argument '{}'", function.name, name.text),
         nearest.empty() ? fmt::format("its arguments are '{}'", function.signature())
                         : fmt::format("did you mean '{}'?", nearest));
  }
  if (call.has(name.text)) {
    error(locationOf(name), fmt::format("the argument '{}' is given twice", name.text));
    note(call.arguments.find(name.text)->second.loc, "the first one is here");
    throw Recover{};
  }
  take(); // '='
  ArgumentValue value;
  value.loc = locationOf(token());
  switch (argument->kind) {
  case Kind::Integer: value.first = parseIntegerArgument(name); break;
  case Kind::Range:
    expect("(", fmt::format("before the range '{}'", name.text), "ranges are half-open: '(begin, end)'");
    value.first = parseIntegerArgument(name);
    expect(",", "between the begin and the end of the range", "ranges are half-open: '(begin, end)'");
    value.second = parseIntegerArgument(name);
    expect(")", "after the end of the range");
    break;
  case Kind::Number: value.number = parseNumberArgument(name); break;
  case Kind::Flag: value.flags.push_back(parseFlag(name)); break;
  case Kind::Axes:
  case Kind::AxisFlags: {
    bool tuple = accept("(");
    do {
      value.entryLocs.push_back(locationOf(token()));
      if (argument->kind == Kind::Axes)
        value.integers.push_back(parseConstant(name));
      else
        value.flags.push_back(parseFlag(name));
    } while (tuple && accept(","));
    if (tuple) expect(")", fmt::format("after the entries of '{}'", name.text));
    break;
  }
  case Kind::IntTensor: value.tensor = parseTensorArgument(name, AuxType::I32); break;
  case Kind::FloatTensor: value.tensor = parseTensorArgument(name, AuxType::F32); break;
  }
  call.arguments.emplace(std::string(name.text), std::move(value));
}

Expr PatternParser::parseIntegerArgument(const Token &name) {
  Location loc = locationOf(token());
  Expr value = parseExpr();
  if (value->type != Type::Int)
    fail(loc,
         fmt::format("the argument '{}' must be an integer, found a {}", name.text, spelling(value->type)));
  return value;
}

int64_t PatternParser::parseConstant(const Token &name) {
  Location loc = locationOf(token());
  Expr value = parseExpr();
  bool constant =
      value->type == Type::Int && !anyNode(value, [](const ExprNode &n) { return n.op == Op::Param; });
  auto range = constant ? rangeOfIndexFree(value) : std::nullopt;
  if (!range || range->low != range->high)
    fail(loc, fmt::format("the argument '{}' must be made of integer constants", name.text),
         "it decides whether the mask is legal, which is checked before any run");
  return range->low;
}

double PatternParser::parseNumberArgument(const Token &name) {
  Location loc = locationOf(token());
  Expr value = parseExpr();
  if (value->op == Op::FloatConst) return value->floatValue;
  if (value->op == Op::IntConst) return static_cast<double>(value->intValue);
  fail(loc, fmt::format("the argument '{}' must be a number", name.text));
}

bool PatternParser::parseFlag(const Token &name) {
  if (!token().is("true") && !token().is("false"))
    failExpected(fmt::format("'true' or 'false' for '{}'", name.text));
  return take().is("true");
}

std::shared_ptr<const AuxDecl> PatternParser::parseTensorArgument(const Token &name, AuxType type) {
  const char *spelled = type == AuxType::I32 ? "i32" : "f32";
  if (token().kind != Token::Kind::Name)
    failExpected(fmt::format("the name of an {} tensor for '{}'", spelled, name.text));
  Token tensor = take();
  std::shared_ptr<const AuxDecl> aux =
      findTensor(tensor, fmt::format("aux {}[b, q]: {};", tensor.text, spelled));
  if (aux->type != type)
    fail(locationOf(tensor), fmt::format("the argument '{}' must be an {} tensor, '{}' is {}", name.text,
                                         spelled, tensor.text, aux->type == AuxType::I32 ? "i32" : "f32"));
  return aux;
}

// A fault names the argument that is to blame: the caret goes there. One place is reported once for one
// reason.
void PatternParser::reportFaults(const Expr &result, const LibraryCall &call) {
  std::set<std::string> reported;
  forEachNode(result, [&](const ExprNode &node) {
    if (!node.fault) return;
    if (spaceFailed_) throw Recover{};
    Location loc = node.loc;
    if (auto blamed = call.arguments.find(node.fault->argument); blamed != call.arguments.end()) {
      const ArgumentValue &value = blamed->second;
      loc = node.fault->entry < value.entryLocs.size() ? value.entryLocs[node.fault->entry] : value.loc;
    }
    if (reported.insert(fmt::format("{}:{} {}", loc.line, loc.column, node.fault->message)).second)
      error(loc, node.fault->message, node.fault->hint);
  });
  if (!reported.empty()) throw Recover{};
}

// Limits depth and written-out size of an expression that did not come from the parser.
Expr PatternParser::measured(const Expr &expr, const Location &loc) {
  ExprExtent extent = extentOf(expr);
  limitExtent({extent.depth, extent.size}, loc);
  extents_[expr.get()] = {extent.depth, extent.size};
  return expr;
}

} // namespace maskloom
