// Tokens, recovery and the items of a pattern.
#include "maskloom/dsl/PatternParser.h"

#include "maskloom/dsl/Check.h"
#include "maskloom/dsl/CheckExpr.h"
#include "maskloom/dsl/Limits.h"
#include "maskloom/dsl/Names.h"

#include <fmt/format.h>

#include <algorithm>

namespace maskloom {

namespace {
bool isItem(const Token &token) { return token.kind == Token::Kind::Name && isItemKeyword(token.text); }
std::string didYouMean(std::string_view name, const std::vector<std::string> &candidates) {
  std::string nearest = nearestName(name, candidates);
  return nearest.empty() ? "" : fmt::format("did you mean '{}'?", nearest);
}
} // namespace

PatternParser::PatternParser(ParseSession &session, std::string_view text, const std::string &file)
    : session_(session), file_(file), tokens_(tokenize(text, file, session.diagnostics)) {}

// ---- tokens ----

Token PatternParser::take() {
  Token taken = tokens_[next_];
  if (taken.kind != Token::Kind::End) ++next_;
  if (taken.is("{")) ++braces_;
  if (taken.is("}")) --braces_;
  return taken;
}

bool PatternParser::accept(std::string_view text) {
  if (!token().is(text)) return false;
  take();
  return true;
}

Location PatternParser::locationOf(const Token &token) const { return {file_, token.line, token.column}; }

void PatternParser::error(const Location &loc, std::string message, std::string hint) {
  session_.diagnostics.push_back(makeError(loc, std::move(message), std::move(hint)));
}

void PatternParser::note(const Location &loc, std::string message) {
  session_.diagnostics.push_back(makeNote(loc, std::move(message)));
}

void PatternParser::fail(const Location &loc, std::string message, std::string hint) {
  error(loc, std::move(message), std::move(hint));
  throw Recover{};
}

void PatternParser::failExpected(std::string_view what, std::string hint) {
  fail(locationOf(token()), fmt::format("expected {}, found {}", what, token().describe()), std::move(hint));
}

Token PatternParser::expect(std::string_view text, std::string_view where, std::string hint) {
  if (token().is(text)) return take();
  if (hint.empty() && token().is("=")) hint = "equality is written '=='";
  if (hint.empty() && token().is("&")) hint = "'and' is written '&&'";
  if (hint.empty() && token().is("|")) hint = "'or' is written '||'";
  failExpected(fmt::format("'{}' {}", text, where), std::move(hint));
}

Token PatternParser::expectName(std::string_view what) {
  if (token().kind != Token::Kind::Name) failExpected(what);
  return take();
}

int64_t PatternParser::expectInteger(std::string_view what) {
  bool negative = token().is("-") && tokens_[next_ + 1].kind == Token::Kind::Integer;
  if (negative) take();
  if (token().kind != Token::Kind::Integer) failExpected(what);
  return integerOf(take(), negative);
}

// The value of an integer token, negated where a '-' stands before it.
int64_t PatternParser::integerOf(const Token &token, bool negative) {
  if (token.isReported) throw Recover{};
  if (token.isLowest && !negative) fail(locationOf(token), kTooLarge);
  return negative && !token.isLowest ? -token.integer : token.integer;
}

double PatternParser::realOf(const Token &token) {
  if (token.isReported) throw Recover{};
  return token.real;
}

// To behind the next ';' of the item, or to what must be the next item: a keyword that begins a line, or the
// end of the pattern.
void PatternParser::skipToNextItem() {
  while (token().kind != Token::Kind::End) {
    bool startsItem = token().firstOnLine && isItem(token()) && !tokens_[next_ + 1].is("=");
    if (startsItem || (token().firstOnLine && token().is("pattern"))) {
      braces_ = 1;
      return;
    }
    if (token().is("}") && braces_ <= 1) return;
    bool end = token().is(";") && braces_ <= 1;
    take();
    if (end) return;
  }
}

void PatternParser::skipToNextPattern() {
  while (token().kind != Token::Kind::End && !token().is("pattern") && !token().is("include")) take();
  braces_ = 0;
}

size_t PatternParser::errorCount() {
  for (; session_.counted < session_.diagnostics.size(); ++session_.counted)
    session_.errors += session_.diagnostics[session_.counted].severity == Severity::Error;
  return session_.errors;
}

// ---- files ----

void PatternParser::parseFile() {
  while (token().kind != Token::Kind::End && errorCount() <= kMostErrors) {
    try {
      if (accept("include"))
        parseInclude();
      else if (token().is("pattern"))
        parsePattern();
      else
        failExpected("'pattern' or 'include'", isItem(token())
                                                   ? "items stand inside 'pattern NAME { ... }'"
                                                   : didYouMean(token().text, {"pattern", "include"}));
    } catch (const Recover &) {
      skipToNextPattern();
    }
  }
}

void PatternParser::parsePattern() {
  size_t errorsBefore = errorCount();
  pattern_ = Pattern();
  names_.clear();
  failedNames_.clear();
  spaceFailed_ = itemFailed_ = false;
  extents_.clear();
  braces_ = 0;
  pattern_.loc = locationOf(take());
  Token name = expectName("the name of the pattern");
  pattern_.name = std::string(name.text);
  pattern_.loc = locationOf(name);
  expect("{", "after the name of the pattern");
  while (!token().is("}")) {
    if (token().kind == Token::Kind::End || token().is("pattern"))
      fail(locationOf(token()), fmt::format("expected '}}' at the end of pattern '{}', found {}",
                                            pattern_.name, token().describe()));
    if (errorCount() > kMostErrors) return;
    try {
      parseItem();
    } catch (const Recover &) {
      itemFailed_ = true;
      skipToNextItem();
    }
  }
  take();
  finishPattern(errorsBefore);
}

void PatternParser::finishPattern(size_t errorsBefore) {
  auto [earlier, fresh] = session_.patternNames.emplace(pattern_.name, pattern_.loc);
  if (!fresh) {
    error(pattern_.loc, fmt::format("the pattern '{}' is declared twice", pattern_.name));
    note(earlier->second, "the first one is here");
  }
  bool masked = pattern_.mask || !pattern_.layout.empty() || pattern_.blocks;
  if (!pattern_.mask && masked) pattern_.mask = makeBool(true, pattern_.loc);
  if (errorCount() == errorsBefore && !itemFailed_) {
    std::vector<Diagnostic> found = checkPattern(pattern_);
    session_.diagnostics.insert(session_.diagnostics.end(), found.begin(), found.end());
  }
  if (errorCount() == errorsBefore && !itemFailed_) session_.patterns.push_back(std::move(pattern_));
}

// ---- items ----

void PatternParser::parseItem() {
  if (!isItem(token()))
    failExpected("an item (param, aux, blocks, space, let, causal, mask, heads, kv_heads, score, sink)",
                 didYouMean(token().text, itemKeywords()));
  Token keyword = take();
  if (keyword.is("param")) return parseParams();
  if (keyword.is("aux")) return parseAux(false);
  if (keyword.is("blocks")) return parseAux(true);
  if (keyword.is("space")) return parseSpace();
  if (keyword.is("let")) return parseLet();
  if (keyword.is("mask")) return parseMask();
  if (keyword.is("heads")) return parseGroup(false);
  if (keyword.is("kv_heads")) return parseGroup(true);
  if (keyword.is("score")) return parseScore();
  if (keyword.is("sink")) return parseSink();
  Location loc = locationOf(keyword); // causal
  endItem("'causal'");
  addMask(
      makeExpr(Op::Ge, Type::Bool, {makeIndex(IndexVar::Query, loc), makeIndex(IndexVar::Key, loc)}, loc));
}

void PatternParser::endItem(std::string_view after) { expect(";", fmt::format("after {}", after)); }

// The name of a new parameter, tensor or let. Until its item is complete it counts as failed.
std::string PatternParser::declareName(const Token &name, std::string_view what) {
  std::string text(name.text);
  if (isReserved(text))
    fail(locationOf(name), fmt::format("'{}' is a word of the language and cannot name {}", text, what),
         fmt::format("choose another name, for example '{}_'", text));
  auto earlier = names_.find(text);
  if (earlier != names_.end()) {
    error(locationOf(name), fmt::format("the name '{}' is declared twice", text));
    note(earlier->second.second, fmt::format("the first '{}' is declared here", text));
    throw Recover{};
  }
  failedNames_.insert(text);
  return text;
}

void PatternParser::parseParams() {
  do {
    Token name = expectName("the name of a parameter");
    auto param = std::make_shared<ParamDecl>();
    param->name = declareName(name, "a parameter");
    param->loc = locationOf(name);
    if (accept("in")) {
      param->low = expectInteger("the lowest value, an integer");
      expect("..", "between the lowest and the highest value");
      param->high = expectInteger("the highest value, an integer");
    }
    expect("=", "before the default of the parameter", "parameters need a default: 'param window = 1024;'");
    param->defaultValue = expectInteger("the default of the parameter, an integer");
    failedNames_.erase(param->name);
    names_[param->name] = {Meaning(std::shared_ptr<const ParamDecl>(param)), param->loc};
    pattern_.params.push_back(param);
  } while (accept(","));
  endItem("the parameters");
}

void PatternParser::parseAux(bool isBlockTable) {
  Token name = expectName("the name of the tensor");
  auto aux = std::make_shared<AuxDecl>();
  aux->name = declareName(name, "a tensor");
  aux->loc = locationOf(name);
  expect("[", "after the name of the tensor", "tensors are declared with their axes: 'aux doc[b, q]: i32;'");
  do aux->axes.push_back(parseAxis());
  while (accept(","));
  expect("]", "after the axes");
  if (!isBlockTable || token().is(":")) {
    expect(":", "and the type after the axes", "write ': i32' or ': f32'");
    if (accept("f32"))
      aux->type = AuxType::F32;
    else
      expect("i32", "or 'f32'");
  }
  endItem("the tensor");
  failedNames_.erase(aux->name);
  names_[aux->name] = {Meaning(std::shared_ptr<const AuxDecl>(aux)), aux->loc};
  pattern_.auxes.push_back(aux);
  if (!isBlockTable) return;
  if (pattern_.blocks) fail(aux->loc, "a pattern can have one block table");
  pattern_.blocks = aux;
}

AuxAxis PatternParser::parseAxis() {
  AuxAxis axis;
  if (token().kind == Token::Kind::Integer) {
    axis.extent = integerOf(take(), false);
    return axis;
  }
  bool position = token().is("q") || token().is("k");
  if (accept("b"))
    axis.kind = AuxAxis::Kind::Batch;
  else if (accept("h"))
    axis.kind = AuxAxis::Kind::Head;
  else if (accept("kvh"))
    axis.kind = AuxAxis::Kind::KvHead;
  else if (accept("q"))
    axis.kind = AuxAxis::Kind::Query;
  else if (accept("k"))
    axis.kind = AuxAxis::Kind::Key;
  else
    failExpected("an axis (b, h, kvh, q, k, q/128, k/128 or an integer)");
  if (position && accept("/")) axis.block = expectInteger("the number of tokens of a block");
  return axis;
}

void PatternParser::parseSpace() {
  Location loc = locationOf(tokens_[next_ - 1]);
  expect("(", "after 'space'", "token spaces are declared with their extents: 'space (30, 48, 80);'");
  spaceFailed_ = pattern_.space.empty();
  std::vector<int64_t> extents;
  int64_t tokens = 1;
  do {
    Location at = locationOf(token());
    extents.push_back(expectInteger("the extent of an axis, an integer"));
    if (extents.back() < 1)
      fail(at, fmt::format("the token space has an axis of extent {}, must be at least 1", extents.back()));
    if (__builtin_mul_overflow(tokens, extents.back(), &tokens))
      fail(at, "the token space holds more than 2^63 tokens");
    if (extents.size() > kMostSpaceAxes)
      fail(at, fmt::format("a token space may have at most {} axes", kMostSpaceAxes));
  } while (accept(","));
  expect(")", "after the extents");
  endItem("the token space");
  if (!pattern_.space.empty()) fail(loc, "a pattern can have one token space");
  pattern_.space = std::move(extents);
  spaceFailed_ = false;
}

void PatternParser::parseLet() {
  Token name = expectName("a name after 'let'");
  std::string text = declareName(name, "an expression");
  expect("=", "after the name");
  Expr value = parseExpr();
  endItem("the expression");
  failedNames_.erase(text);
  names_[text] = {Meaning(value), locationOf(name)};
}

void PatternParser::addMask(const Expr &mask) {
  pattern_.mask = pattern_.mask ? makeExpr(Op::And, Type::Bool, {pattern_.mask, mask}, mask->loc) : mask;
}

void PatternParser::parseMask() {
  Expr mask = parseExpr();
  endItem("the mask");
  checkMaskExpr(mask, session_.diagnostics);
  addMask(mask);
}

void PatternParser::parseGroup(bool byKvHead) {
  HeadGroup group;
  group.loc = locationOf(tokens_[next_ - 1]);
  group.first = group.last = expectInteger("the first head of the group");
  if (accept("..")) group.last = expectInteger("the last head of the group");
  expect(":", "after the heads of the group", "groups are written 'heads 0..7: mask;'");
  group.mask = parseExpr();
  endItem("the group's mask");
  checkMaskExpr(group.mask, session_.diagnostics);
  Layout &layout = pattern_.layout;
  layout.mixesKinds |= !layout.groups.empty() && layout.byKvHead != byKvHead;
  layout.byKvHead = byKvHead;
  layout.groups.push_back(group);
}

void PatternParser::parseScore() {
  Expr score = parseExpr();
  endItem("the score");
  checkScoreExpr(score, session_.diagnostics);
  pattern_.scores.push_back(promoted(score));
}

void PatternParser::parseSink() {
  Token name = expectName("the name of an f32 tensor over h");
  endItem("the sink");
  pattern_.sink = findTensor(name, fmt::format("aux {}[h]: f32;", name.text));
}

// The tensor that a token names; `declaration` is the hint when there is none.
std::shared_ptr<const AuxDecl> PatternParser::findTensor(const Token &name, const std::string &declaration) {
  if (failedNames_.count(std::string(name.text))) throw Recover{};
  std::vector<std::string> tensors;
  for (const auto &aux : pattern_.auxes) {
    if (aux->name == name.text) return aux;
    tensors.push_back(aux->name);
  }
  std::string hint = didYouMean(name.text, tensors);
  fail(locationOf(name), fmt::format("unknown tensor '{}'", name.text),
       hint.empty() ? fmt::format("declare it first: '{}'", declaration) : hint);
}

} // namespace maskloom
