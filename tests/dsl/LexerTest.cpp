#include "maskloom/dsl/Lexer.h"

#include <gtest/gtest.h>

using namespace maskloom;

namespace {

std::string tokens(std::string_view text) {
  std::vector<Diagnostic> diagnostics;
  std::string out;
  for (const Token &token : tokenize(text, "t", diagnostics)) {
    static const char *kinds[] = {"name", "int", "float", "string", "symbol", "end"};
    out += std::string(kinds[static_cast<int>(token.kind)]) + ":" + std::string(token.text) + " ";
  }
  for (const Diagnostic &d : diagnostics) out += "| " + d.message + " ";
  return out;
}

} // namespace

TEST(Lexer, RangesCoordinatesAndFloatsAreToldApart) {
  EXPECT_EQ(tokens("0..7"), "int:0 symbol:.. int:7 end: ");
  EXPECT_EQ(tokens("q.0"), "name:q symbol:. int:0 end: ");
  EXPECT_EQ(tokens("0.5 1e3 2.5e-1 7e"), "float:0.5 float:1e3 float:2.5e-1 int:7 name:e end: ");
}

TEST(Lexer, LongestSymbolsFirst) {
  EXPECT_EQ(tokens("a<=b<c==d&&!e||f"),
            "name:a symbol:<= name:b symbol:< name:c symbol:== name:d symbol:&& symbol:! "
            "name:e symbol:|| name:f end: ");
}

TEST(Lexer, CommentsAndPlaces) {
  std::vector<Diagnostic> diagnostics;
  auto list = tokenize("# one\n  q # two\n\tk r", "t", diagnostics);
  ASSERT_EQ(list.size(), 4u);
  EXPECT_EQ(list[0].line, 2u);
  EXPECT_EQ(list[0].column, 3u);
  EXPECT_TRUE(list[0].firstOnLine);
  EXPECT_EQ(list[1].line, 3u);
  EXPECT_EQ(list[1].column, 2u);
  EXPECT_FALSE(list[2].firstOnLine);
}

TEST(Lexer, StrayBytesAreReportedOnceForARun) {
  EXPECT_EQ(tokens("q @~ k"), "name:q name:k end: | unexpected character '@' ");
  EXPECT_EQ(tokens(std::string_view("q\0\1k", 4)), "name:q name:k end: | unexpected byte 0x00 ");
  EXPECT_EQ(tokens("\xEF\xBB\xBFq"), "name:q end: ") << "a byte order mark";
  EXPECT_EQ(tokens("\"a.mask\" \"open"), "string:a.mask string:open end: | this string has no end ");
}

TEST(Lexer, CommentsAreTokensOnRequest) {
  std::vector<Diagnostic> diagnostics;
  std::string out;
  for (const Token &token : tokenize("# one \t\r\nq # two\n#", "t", diagnostics, Comments::Keep))
    if (token.kind == Token::Kind::Comment) {
      out +=
          std::to_string(token.line) + ":" + std::to_string(token.column) + (token.firstOnLine ? " " : "+");
      out += std::string(token.text) + "|";
    }
  EXPECT_EQ(out, "1:1 # one|2:3+# two|3:1 #|");
}

TEST(Lexer, NumbersBeyondTheirTypes) {
  EXPECT_EQ(tokens("-9223372036854775808"), "symbol:- int:9223372036854775808 end: ");
  EXPECT_EQ(tokens("9223372036854775807"), "int:9223372036854775807 end: ");
  EXPECT_EQ(tokens("9223372036854775808"),
            "int:9223372036854775808 end: | this integer does not fit in 64 bits ");
  EXPECT_EQ(tokens("1e400"), "float:1e400 end: | this number does not fit in a double ");
}
