// The tokens of a pattern file.
#pragma once

#include "maskloom/dsl/Diagnostic.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace maskloom {

struct Token {
  enum class Kind : uint8_t { Name, Integer, Float, String, Symbol, End, Comment } kind = Kind::End;
  std::string_view text; ///< as written; of a string without its quotes, of a comment without trailing blanks
  int64_t integer = 0;
  double real = 0;
  unsigned line = 1, column = 1;
  bool firstOnLine = false;
  bool isReported = false; ///< of a number: it does not fit, which was said
  bool isLowest = false;   ///< of an Integer: 2^63, which is one only behind a '-'; `integer` is -2^63

  bool is(std::string_view symbolOrName) const {
    return (kind == Kind::Symbol || kind == Kind::Name) && text == symbolOrName;
  }
  /// "'causal'", "the end of the file".
  std::string describe() const;
};

/// What is said of a number beyond 64 bits.
constexpr const char *kTooLarge = "this integer does not fit in 64 bits";

enum class Comments : uint8_t { Drop, Keep };

/// Splits a file into tokens; the last one is End. What cannot be a token (stray bytes, numbers beyond 64
/// bits, open strings) is reported and left out. `text` must outlive the tokens.
std::vector<Token> tokenize(std::string_view text, const std::string &file,
                            std::vector<Diagnostic> &diagnostics, Comments comments = Comments::Drop);

} // namespace maskloom
