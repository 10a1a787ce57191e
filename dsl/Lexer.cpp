#include "maskloom/dsl/Lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace maskloom {

namespace {

bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool isSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

constexpr std::string_view kPairs[] = {"==", "!=", "<=", ">=", "&&", "||", ".."};
constexpr std::string_view kSingles = "+-*/%<>!=()[]{},;:.&|";

class Lexer {
public:
  Lexer(std::string_view text, const std::string &file, std::vector<Diagnostic> &diagnostics,
        Comments comments)
      : text_(text), file_(file), diagnostics_(diagnostics), comments_(comments) {
    if (text_.substr(0, 3) == "\xEF\xBB\xBF") at_ = lineStart_ = 3; // a byte order mark
  }

  std::vector<Token> run() {
    while (skipBlanks()) next();
    begin();
    push(Token::Kind::End, at_);
    return std::move(tokens_);
  }

private:
  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  bool skipBlanks() {
    while (at_ < text_.size()) {
      char c = text_[at_];
      if (c == '#') {
        comment();
      } else if (c == '\n') {
        ++line_;
        lineStart_ = ++at_;
        fresh_ = true;
      } else if (isSpace(c)) {
        ++at_;
      } else {
        return true;
      }
    }
    return false;
  }

  void comment() {
    size_t end = std::min(text_.find('\n', at_), text_.size());
    if (comments_ == Comments::Keep) {
      begin();
      size_t last = end;
      while (isSpace(text_[last - 1])) --last;
      push(Token::Kind::Comment, last);
    }
    at_ = end;
  }

  void begin() {
    start_ = at_;
    token_ = Token();
    token_.line = line_;
    token_.column = static_cast<unsigned>(at_ - lineStart_ + 1);
    token_.firstOnLine = fresh_;
    fresh_ = false;
  }

  void push(Token::Kind kind, size_t end) {
    token_.kind = kind;
    token_.text = text_.substr(start_, end - start_);
    at_ = end;
    tokens_.push_back(token_);
  }

  void error(std::string message, std::string hint = {}) {
    diagnostics_.push_back(
        makeError({file_, token_.line, token_.column}, std::move(message), std::move(hint)));
  }

  void next() {
    begin();
    char c = peek();
    if (isLetter(c)) {
      size_t end = at_;
      while (end < text_.size() && (isLetter(text_[end]) || isDigit(text_[end]))) ++end;
      return push(Token::Kind::Name, end);
    }
    if (isDigit(c)) return number();
    if (c == '"') return string();
    for (std::string_view pair : kPairs)
      if (text_.substr(at_, 2) == pair) return push(Token::Kind::Symbol, at_ + 2);
    if (kSingles.find(c) != std::string_view::npos) return push(Token::Kind::Symbol, at_ + 1);
    stray();
  }

  // Digits, and for a float a point with digits after it ("0..7" is a range) or an exponent.
  void number() {
    size_t end = at_;
    auto digits = [&] {
      while (end < text_.size() && isDigit(text_[end])) ++end;
    };
    auto digitAt = [&](size_t i) { return i < text_.size() && isDigit(text_[i]); };
    digits();
    bool real = false;
    if (end < text_.size() && text_[end] == '.' && digitAt(end + 1)) {
      real = true;
      ++end;
      digits();
    }
    if (end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
      size_t sign = end + 1 < text_.size() && (text_[end + 1] == '+' || text_[end + 1] == '-') ? 1 : 0;
      if (digitAt(end + 1 + sign)) {
        real = true;
        end += 1 + sign;
        digits();
      }
    }
    const char *first = text_.data() + at_, *last = text_.data() + end;
    if (real) {
      auto [stop, code] = std::from_chars(first, last, token_.real);
      token_.isReported = code != std::errc() || !std::isfinite(token_.real);
      if (token_.isReported) error("this number does not fit in a double");
      return push(Token::Kind::Float, end);
    }
    auto [stop, code] = std::from_chars(first, last, token_.integer);
    bool negative = !tokens_.empty() && tokens_.back().is("-");
    if (code != std::errc() && negative && text_.substr(at_, end - at_) == "9223372036854775808") {
      token_.isLowest = true;
      token_.integer = INT64_MIN;
    } else if (code != std::errc()) {
      error(kTooLarge);
      token_.isReported = true;
      token_.integer = 1;
    }
    push(Token::Kind::Integer, end);
  }

  void string() {
    size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != '"' && text_[end] != '\n') ++end;
    bool closed = end < text_.size() && text_[end] == '"';
    if (!closed) error("this string has no end", "close it with '\"' on the same line");
    ++start_;
    push(Token::Kind::String, end);
    if (closed) ++at_;
  }

  // A run of bytes that begin no token, reported once.
  void stray() {
    auto known = [&](char c) {
      return isLetter(c) || isDigit(c) || isSpace(c) || c == '"' || c == '#' ||
             kSingles.find(c) != std::string_view::npos;
    };
    size_t end = at_;
    while (end < text_.size() && !known(text_[end])) ++end;
    unsigned char first = static_cast<unsigned char>(text_[at_]);
    if (first > 0x20 && first < 0x7f)
      error(fmt::format("unexpected character '{}'", text_[at_]));
    else
      error(fmt::format("unexpected byte 0x{:02x}", first), "pattern files are plain ASCII text");
    at_ = end;
  }

  std::string_view text_;
  const std::string &file_;
  std::vector<Diagnostic> &diagnostics_;
  Comments comments_;
  std::vector<Token> tokens_;
  Token token_;
  size_t at_ = 0, start_ = 0, lineStart_ = 0;
  unsigned line_ = 1;
  bool fresh_ = true;
};

} // namespace

std::string Token::describe() const {
  if (kind == Kind::End) return "the end of the file";
  std::string shown(text.substr(0, 40));
  return kind == Kind::String ? fmt::format("\"{}\"", shown) : fmt::format("'{}'", shown);
}

std::vector<Token> tokenize(std::string_view text, const std::string &file,
                            std::vector<Diagnostic> &diagnostics, Comments comments) {
  return Lexer(text, file, diagnostics, comments).run();
}

} // namespace maskloom
