#include "maskloom/dsl/Format.h"

#include "maskloom/dsl/Lexer.h"
#include "maskloom/dsl/Limits.h"
#include "maskloom/dsl/Names.h"
#include "maskloom/dsl/PatternParser.h"

#include <fmt/format.h>

#include <algorithm>

namespace maskloom {

namespace {

using Kind = Token::Kind;

size_t lengthOf(const Token &token) { return token.text.size() + (token.kind == Kind::String ? 2 : 0); }

// Nothing but the place of the tokens may differ.
bool sameTokens(const std::vector<Token> &a, const std::vector<Token> &b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Token &x, const Token &y) { return x.kind == y.kind && x.text == y.text; });
}

class Formatter {
public:
  explicit Formatter(const std::vector<Token> &tokens) : tokens_(tokens) {}

  std::string run() {
    for (at_ = 0; tokens_[at_].kind != Kind::End; ++at_) {
      separate();
      write(token());
      track();
    }
    if (!out_.empty()) out_ += '\n';
    return std::move(out_);
  }

private:
  const Token &token() const { return tokens_[at_]; }
  const Token &before() const { return tokens_[at_ - 1]; }
  bool isComment(const Token &token) const { return token.kind == Kind::Comment; }

  void write(const Token &token) {
    if (token.kind == Kind::String)
      out_ += fmt::format("\"{}\"", token.text);
    else
      out_ += token.text;
  }

  // What stands between the token before and this one: nothing, spaces or a new line.
  void separate() {
    if (at_ == 0) return;
    if (isComment(token()) && !token().firstOnLine) {
      out_.append(adjacentGap(), ' ');
      return;
    }
    bool breaks = itemBegins_ || token().firstOnLine || isComment(before()) || closesPattern();
    if (breaks) return newLine();
    if (wantsSpace()) out_ += ' ';
  }

  bool closesPattern() const { return token().is("}") && depth_ == 1; }

  void newLine() {
    out_ += '\n';
    bool commented = isComment(before()) && before().firstOnLine;
    bool between = itemBegins_ && depth_ == 0 && patternEnded_ && !commented; // two patterns
    bool empty = token().line > before().line + 1 && (itemBegins_ || isComment(token()));
    bool atEdge = before().is("{") || closesPattern();
    if (between || (empty && !atEdge)) out_ += '\n';
    int indent = 2 * depth_;
    if (token().is("}"))
      indent -= 2;
    else if (!itemBegins_ && !entryBegins_)
      indent += 2; // the item goes on
    out_.append(static_cast<size_t>(std::max(indent, 0)), ' ');
  }

  // The space before a comment that stands behind code, as it was written, at least one.
  size_t adjacentGap() const {
    size_t end = before().column + lengthOf(before());
    return before().line == token().line && token().column > end ? token().column - end : 1;
  }

  static bool touch(const Token &a, const Token &b) {
    return a.line == b.line && a.column + lengthOf(a) == b.column;
  }

  // Can an expression end with the token at `i`? Then a '-' or '(' behind it goes on with it.
  bool isOperand(size_t i) const {
    const Token &t = tokens_[i];
    if (t.kind == Kind::Integer || t.kind == Kind::Float) return true;
    if (t.kind == Kind::Name) return i != keyword_ && !t.is("in") && !t.is("bands");
    return t.is(")") || t.is("]") || t.is("}");
  }

  bool isUnary(size_t i) const {
    if (tokens_[i].is("!")) return true;
    size_t last = i; // behind the last token before it
    while (last > 0 && isComment(tokens_[last - 1])) --last;
    return tokens_[i].is("-") && (last == 0 || !isOperand(last - 1));
  }

  // '*' and '/' written without spaces stay so, unless a line ends there.
  bool isTight(size_t i) const {
    if (i == 0 || !(tokens_[i].is("*") || tokens_[i].is("/"))) return false;
    const Token &last = tokens_[i - 1], &next = tokens_[i + 1];
    bool goesOn = next.kind != Kind::End && !isComment(next) && !next.is("}");
    for (const char *end : {"}", "{", ";"}) goesOn &= !last.is(end);
    return goesOn && touch(tokens_[i - 1], tokens_[i]) && touch(tokens_[i], next);
  }

  bool wantsSpace() const {
    const Token &a = before(), &b = token();
    for (const char *symbol : {"(", "[", "..", "."})
      if (a.is(symbol)) return false;
    for (const char *symbol : {")", "]", ",", ";", ":", "..", "."})
      if (b.is(symbol)) return false;
    if (isUnary(at_ - 1) || isTight(at_ - 1) || isTight(at_)) return false;
    if (b.is("(") || b.is("[")) return !(isOperand(at_ - 1) && !a.is("}"));
    return true;
  }

  // Keeps the place in the grammar: which pattern, item or band the next token is in.
  void track() {
    const Token &t = token();
    if (isComment(t)) return; // a comment changes nothing
    bool wasBegin = itemBegins_;
    itemBegins_ = entryBegins_ = false;
    if (wasBegin) {
      keyword_ = isItemKeyword(t.text) || t.is("include") || t.is("pattern") ? at_ : kNone;
      patternEnded_ = false;
    }
    if (t.is("{")) {
      ++depth_;
      (depth_ == 1 ? itemBegins_ : entryBegins_) = true;
    } else if (t.is("}")) {
      depth_ = std::max(depth_ - 1, 0);
      itemBegins_ = patternEnded_ = depth_ == 0;
    } else if (t.is(";")) {
      (depth_ <= 1 ? itemBegins_ : entryBegins_) = true;
    }
  }

  static constexpr size_t kNone = SIZE_MAX;

  const std::vector<Token> &tokens_;
  std::string out_;
  size_t at_ = 0;
  size_t keyword_ = kNone;    ///< the token that began the item, when it is a word of the language
  int depth_ = 0;             ///< open braces
  bool itemBegins_ = true;    ///< the next token begins a pattern, an include or an item
  bool entryBegins_ = false;  ///< the next token begins a band
  bool patternEnded_ = false; ///< the item before was a pattern
};

} // namespace

FormatResult formatPatterns(std::string_view text, const std::string &file) {
  FormatResult result;
  if (text.size() > kLargestFile) {
    result.diagnostics.push_back(makeError({file, 0, 0}, "a pattern file may have at most 1 MiB"));
    return result;
  }
  std::vector<Token> tokens = tokenize(text, file, result.diagnostics, Comments::Keep);
  if (!result.ok()) return result;
  std::string formatted = Formatter(tokens).run();
  std::vector<Diagnostic> problems;
  std::vector<Token> again = tokenize(formatted, file, problems, Comments::Keep);
  if (!sameTokens(tokens, again)) { // "! =" and the like, which no pattern has
    size_t i = 0;
    while (i + 1 < std::min(tokens.size(), again.size()) && tokens[i].text == again[i].text) ++i;
    result.diagnostics.push_back(makeError({file, tokens[i].line, tokens[i].column},
                                           fmt::format("{} cannot stand here", tokens[i].describe()),
                                           "correct the file before formatting it"));
    return result;
  }
  if (formatted.size() > kLargestFile) {
    result.diagnostics.push_back(makeError({file, 0, 0}, "laid out, the file would have more than 1 MiB"));
    return result;
  }
  result.changed = formatted != text;
  result.text = std::move(formatted);
  return result;
}

FormatResult formatPatternFile(const std::string &path) {
  std::string text, reason;
  if (readText(path, text, reason)) return formatPatterns(text, path);
  FormatResult result;
  result.diagnostics.push_back(makeError({}, fmt::format("cannot read \"{}\": {}", path, reason)));
  return result;
}

} // namespace maskloom
