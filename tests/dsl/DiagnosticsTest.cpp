// Every error of a pattern file: its text, its place and its hint.
#include "maskloom/dsl/Parser.h"
#include "tests/support/TemporaryDirectory.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

using namespace maskloom;

namespace {

// The diagnostics of a pattern whose items stand on the lines from 2 on.
std::string messages(const std::string &items) {
  ParseResult result = parsePatterns("pattern p {\n" + items + "\n}\n", "t.mask");
  EXPECT_TRUE(result.patterns.empty()) << "a pattern with errors is not returned";
  EXPECT_FALSE(result.ok());
  return render(result.diagnostics);
}

// Only "line:column: message" of each.
std::string brief(const std::string &text) {
  std::string out;
  for (const Diagnostic &d : parsePatterns(text, "t.mask").diagnostics)
    out += std::to_string(d.loc.line) + ":" + std::to_string(d.loc.column) + ": " + d.message + "\n";
  return out;
}

} // namespace

TEST(Diagnostics, SyntaxErrorShowsPlaceLineAndCaret) {
  EXPECT_EQ(messages("  mask (q < k;"),
            "t.mask:2:14: error: expected ')' to close the parenthesis, found ';'\n"
            "    mask (q < k;\n"
            "               ^\n");
  EXPECT_EQ(messages("  mask q - k < 4\n  causal;"),
            "t.mask:3:3: error: expected ';' after the mask, found 'causal'\n"
            "    causal;\n"
            "    ^\n");
}

// Of a line of more than 400 characters the part around the place is shown.
TEST(Diagnostics, LongLinesAreCut) {
  const auto shown = [](const std::string &line, unsigned column) {
    Diagnostic diagnostic = makeError({"", 0, column}, "wrong");
    diagnostic.sourceLine = line;
    return render(diagnostic);
  };
  const auto expected = [](const std::string &text, size_t indent) {
    return "error: wrong\n  " + text + "\n  " + std::string(indent, ' ') + "^\n";
  };
  const std::string a(300, 'a'), b(300, 'b'), sixtyA(60, 'a'), sixtyB(60, 'b');
  EXPECT_EQ(shown(a + b, 301), expected("..." + sixtyA + sixtyB + "...", 63));
  EXPECT_EQ(shown(a + b, 1), expected(sixtyA + "...", 0));
  EXPECT_EQ(shown(a + b, 600), expected("...b" + sixtyB, 63));
  EXPECT_EQ(shown(a + b, 601), expected("..." + sixtyB, 63)) << "behind the last character";
  EXPECT_EQ(shown(a + b, 4000), shown(a + b, 601));
  EXPECT_EQ(shown(a + b, 0), "error: wrong\n  " + sixtyA + "...\n") << "no place, no caret";
  EXPECT_EQ(shown(a + b.substr(200), 400), expected(a + b.substr(200), 399)) << "400 are not too many";

  // Characters of UTF-8 are not cut in two; each is one column of the terminal.
  std::string accents;
  for (int i = 0; i < 300; ++i) accents += "\u00e9";
  const std::string thirty = accents.substr(0, 60);
  EXPECT_EQ(shown(accents, 301), expected("..." + thirty + thirty + "...", 33));
  EXPECT_EQ(shown("x" + accents, 301), expected("..." + thirty + thirty + "...", 33)) << "inside of one";

  const std::string line = "mask k == 0" + [] {
    std::string terms;
    for (int i = 100; i < 150; ++i) terms += " || k == " + std::to_string(i);
    return terms;
  }();
  EXPECT_EQ(messages(line + " || k < nowhere;"),
            "t.mask:2:620: error: unknown name 'nowhere'\n"
            "  ... 145 || k == 146 || k == 147 || k == 148 || k == 149 || k < nowhere;\n"
            "  " +
                std::string(63, ' ') +
                "^\n"
                "  hint: declare it first, with 'param', 'aux' or 'let'\n");
}

TEST(Diagnostics, UnknownName) {
  EXPECT_EQ(messages("param window = 4; mask q - k < widnow;"), "t.mask:2:32: error: unknown name 'widnow'\n"
                                                                "  param window = 4; mask q - k < widnow;\n"
                                                                "                                 ^\n"
                                                                "  hint: did you mean 'window'?\n");
  EXPECT_EQ(messages("mask q < nowhere;"), "t.mask:2:10: error: unknown name 'nowhere'\n"
                                           "  mask q < nowhere;\n"
                                           "           ^\n"
                                           "  hint: declare it first, with 'param', 'aux' or 'let'\n");
  EXPECT_EQ(messages("maks q < k;"),
            "t.mask:2:1: error: expected an item (param, aux, blocks, space, let, causal, mask, heads, "
            "kv_heads, score, sink), found 'maks'\n"
            "  maks q < k;\n"
            "  ^\n"
            "  hint: did you mean 'mask'?\n");
}

TEST(Diagnostics, TypeMismatch) {
  EXPECT_EQ(messages("causal; score q >= k;"), "t.mask:2:17: error: a score must be a number, found a mask\n"
                                               "  causal; score q >= k;\n"
                                               "                  ^\n"
                                               "  hint: use a 'mask' item, or select(mask, s, other)\n");
  EXPECT_EQ(messages("mask q - k;"), "t.mask:2:8: error: a mask must be true or false, found an integer\n"
                                     "  mask q - k;\n"
                                     "         ^\n"
                                     "  hint: compare it with something, for example '... >= 0'\n");
  EXPECT_EQ(messages("mask q + (q < k) > 3;"),
            "t.mask:2:13: error: '+' needs numbers, found a mask\n"
            "  mask q + (q < k) > 3;\n"
            "              ^\n"
            "  hint: a mask is true or false; combine masks with '&&', '||' and '!'\n");
  EXPECT_EQ(messages("mask q && k > 3;"), "t.mask:2:6: error: '&&' needs masks, found an integer\n"
                                          "  mask q && k > 3;\n"
                                          "       ^\n"
                                          "  hint: compare it with something, for example '... != 0'\n");
  EXPECT_EQ(brief("pattern p { mask !q < k; }"), "1:19: '!' needs masks, found an integer\n");
  EXPECT_EQ(messages("mask s > 0.5;"), "t.mask:2:6: error: a mask cannot use the score 's'\n"
                                       "  mask s > 0.5;\n"
                                       "       ^\n"
                                       "  hint: masks are over integers; scores may use floats\n");
  EXPECT_EQ(messages("mask q < k < 3;"),
            "t.mask:2:12: error: comparisons do not chain: found a second one, '<'\n"
            "  mask q < k < 3;\n"
            "             ^\n"
            "  hint: write 'a < b && b < c'\n");
  EXPECT_EQ(brief("pattern p { causal; score s % 2; }"), "1:27: '%' needs integers, found a float\n");
  EXPECT_EQ(brief("pattern p { mask select(q < k, 3, all) > 2; }"),
            "1:18: 'select' chooses between an integer and a mask: both must be of one type\n");
  EXPECT_EQ(brief("pattern p { mask min(q, q, q, q, q, q, q, q, q, q, q, q, q, q, q, q, q) < 3; }"),
            "1:18: 'min' takes 2 to 16 operands, found 17\n");
  EXPECT_EQ(brief("pattern p { mask abs(q, k) < 3 && max(q) < 3; }"),
            "1:18: 'abs' takes 1 operand, found 2\n");
  EXPECT_EQ(brief("pattern p { mask select(q < k, all); }"), "1:18: 'select' takes 3 operands, found 2\n");
}

TEST(Diagnostics, ProductOfTwoIndices) {
  EXPECT_EQ(messages("mask (q + 1) * k > 3;"),
            "t.mask:2:14: error: product of two indices: 'q + 1' and 'k'\n"
            "  mask (q + 1) * k > 3;\n"
            "               ^\n"
            "  hint: one factor must be made of constants and parameters\n");
}

TEST(Diagnostics, Division) {
  EXPECT_EQ(messages("mask q / 0 < 3;"), "t.mask:2:10: error: division by zero\n"
                                         "  mask q / 0 < 3;\n"
                                         "           ^\n");
  EXPECT_EQ(messages("mask q % (h + 1) < 3;"),
            "t.mask:2:13: error: division by a non-constant: 'h + 1'\n"
            "  mask q % (h + 1) < 3;\n"
            "              ^\n"
            "  hint: the divisor of '/' and '%' must be a positive integer or a parameter\n");
  EXPECT_EQ(messages("mask q / -4 < 3;"), "t.mask:2:10: error: division by the negative number -4\n"
                                          "  mask q / -4 < 3;\n"
                                          "           ^\n"
                                          "  hint: divisors must be positive\n");
  EXPECT_EQ(messages("param block = 64; mask q / block < 3;"),
            "t.mask:2:28: error: the divisor 'block' can be 0: its range is 0..2147483647\n"
            "  param block = 64; mask q / block < 3;\n"
            "                             ^\n"
            "  hint: declare it as 'param block in 1..2147483647 = 64;'\n");
}

TEST(Diagnostics, Groups) {
  EXPECT_EQ(messages("heads 0..3: all;\nheads 3..7: all;"),
            "t.mask:3:1: error: the groups 0..3 and 3..7 overlap\n"
            "  heads 3..7: all;\n"
            "  ^\n"
            "  hint: groups must hold every head exactly once\n"
            "t.mask:2:1: note: the other group is declared here\n"
            "  heads 0..3: all;\n"
            "  ^\n");
  EXPECT_EQ(messages("heads 0..3: all;\nheads 6..7: all;"),
            "t.mask:3:1: error: heads 4..5 are in no group\n"
            "  heads 6..7: all;\n"
            "  ^\n"
            "  hint: groups must hold every head exactly once\n");
  EXPECT_EQ(brief("pattern p { kv_heads 1..2: all; }"), "1:13: KV head 0 is in no group\n");
  EXPECT_EQ(brief("pattern p { heads 0..1: all; kv_heads 2..3: all; }"),
            "1:13: 'heads' and 'kv_heads' groups cannot be mixed\n");
  EXPECT_EQ(brief("pattern p { heads 3..1: all; }"), "1:13: 3..1 is no range of heads\n");
  EXPECT_EQ(brief("pattern p { heads 0..1048575: all; }"), "");
  EXPECT_EQ(brief("pattern p { heads 0..9223372036854775807: all; }"),
            "1:13: head 9223372036854775807 is beyond the last one, 1048575\n");
}

TEST(Diagnostics, Tensors) {
  EXPECT_EQ(brief("pattern p { aux doc[b, q]: i32; mask doc[q] == 0; }"),
            "1:38: aux tensor 'doc' has 2 axes, indexed by 1\n");
  EXPECT_EQ(brief("pattern p { aux doc[b, q]: i32; mask doc[q, b] == 0; }"),
            "1:42: axis 0 of 'doc' follows b and cannot be indexed by 'q'\n"
            "1:45: axis 1 of 'doc' follows q and cannot be indexed by 'b'\n");
  EXPECT_EQ(messages("aux t[h, q/128]: i32; mask t[h, q] == 1;"),
            "t.mask:2:33: error: axis 1 of 't' has one entry for 128 tokens, indexed by 'q'\n"
            "  aux t[h, q/128]: i32; mask t[h, q] == 1;\n"
            "                                  ^\n"
            "  hint: index it by 'q/128'\n");
  EXPECT_EQ(brief("pattern p { aux w[h]: f32; mask w[h] > 1; }"), "1:33: a mask cannot use an f32 tensor\n");
  EXPECT_EQ(brief("pattern p { aux w[h, h, h, h]: i32; causal; }"),
            "1:17: aux tensor 'w' has 4 axes, must have 1 to 3\n");
  EXPECT_EQ(brief("pattern p { aux w[x]: i32; causal; }"),
            "1:19: expected an axis (b, h, kvh, q, k, q/128, k/128 or an integer), found 'x'\n");
  EXPECT_EQ(brief("pattern p { aux w[h]: i64; causal; }"), "1:23: expected 'i32' or 'f32', found 'i64'\n");
  EXPECT_EQ(brief("pattern p { aux w[b]: f32; causal; sink w; }"),
            "1:17: the sink 'w' must be an f32 tensor over h\n");
  EXPECT_EQ(brief("pattern p { causal; sink w; }"), "1:26: unknown tensor 'w'\n");
  EXPECT_EQ(brief("pattern p { blocks t[h, q]; }"), "1:20: the block table 't' must be an i32 tensor over "
                                                    "heads, query blocks and key blocks\n");
}

TEST(Diagnostics, NamesAndParameters) {
  EXPECT_EQ(messages("param a = 1;\nlet a = q < k;\nmask a;"),
            "t.mask:3:5: error: the name 'a' is declared twice\n"
            "  let a = q < k;\n"
            "      ^\n"
            "t.mask:2:7: note: the first 'a' is declared here\n"
            "  param a = 1;\n"
            "        ^\n"
            "t.mask:4:6: error: a mask must be true or false, found an "
            "integer\n"
            "  mask a;\n"
            "       ^\n"
            "  hint: compare it with something, for example '... >= 0'\n");
  EXPECT_EQ(brief("pattern p { param k = 4; causal; }"),
            "1:19: 'k' is a word of the language and cannot name a parameter\n");
  EXPECT_EQ(brief("pattern p { param a in 3..1 = 2; causal; }"),
            "1:19: parameter 'a' has the empty range 3..1\n");
  EXPECT_EQ(brief("pattern p { param a in 1..3 = 7; causal; }"),
            "1:19: the default 7 of parameter 'a' is outside its range 1..3\n");
  EXPECT_EQ(
      brief("pattern p { aux t[4]: i32; mask t[h] == 0; }"),
      "1:35: axis 0 of 't' has 4 entries, whatever the number of heads and batch entries, and cannot be "
      "indexed by 'h'\n");
  std::string many = "pattern p {";
  for (int i = 0; i <= 16; ++i) many += " param p" + std::to_string(i) + " = 1;";
  EXPECT_EQ(brief(many + " causal; }"), "1:249: a pattern may have at most 16 parameters, 'p' has 17\n");
  EXPECT_EQ(brief("pattern p { param a; causal; }"),
            "1:20: expected '=' before the default of the parameter, found ';'\n");
  EXPECT_EQ(brief("pattern p { } pattern p { causal; }"), "1:9: the pattern has no mask\n"
                                                          "1:23: the pattern 'p' is declared twice\n"
                                                          "1:9: the first one is here\n");
}

TEST(Diagnostics, Spaces) {
  EXPECT_EQ(messages("mask q.0 == k.0;"), "t.mask:2:6: error: 'q.0' needs a token space\n"
                                          "  mask q.0 == k.0;\n"
                                          "       ^\n"
                                          "  hint: declare it before: 'space (30, 48, 80);'\n");
  EXPECT_EQ(brief("pattern p { space (4, 5); mask q.2 == k.2; }"),
            "1:32: 'q.2': the token space has 2 axes, counted from 0\n");
  EXPECT_EQ(brief("pattern p { space (4, 0); causal; }"),
            "1:23: the token space has an axis of extent 0, must be at least 1\n");
  EXPECT_EQ(messages("space (2, 2); space (3);\ncausal;"),
            "t.mask:2:15: error: a pattern can have one token space\n"
            "  space (2, 2); space (3);\n"
            "                ^\n");
  EXPECT_EQ(brief("pattern p { space (4, 0); mask neighborhood(window = (2, 2)); }"),
            "1:23: the token space has an axis of extent 0, must be at least 1\n")
      << "what needs the space is not reported too";
  EXPECT_EQ(brief("pattern p { space 4; causal; }"), "1:19: expected '(' after 'space', found '4'\n");
  EXPECT_EQ(brief("pattern p { space (1, 1, 1, 1, 1, 1, 1, 1, 7); causal; }"),
            "1:44: a token space may have at most 8 axes\n");
  EXPECT_EQ(brief("pattern p { space (4, x); causal; }"),
            "1:23: expected the extent of an axis, an integer, found 'x'\n");
  EXPECT_EQ(brief("pattern p { mask h.0 == 1; }"), "1:18: 'h' has no coordinates\n");
}

TEST(Diagnostics, SeveralErrorsAreReportedAtOnceInOrder) {
  EXPECT_EQ(brief("pattern p {\n"
                  "  mask q ++ k > 3;\n"
                  "  param = 4;\n"
                  "  mask q * k > $ 2;\n"
                  "  let bad = (q;\n"
                  "  mask bad;\n"
                  "  mask bands q { 3: all }; \n"
                  "  causal\n"
                  "  mask q / 0 == 1;\n"
                  "}\n"
                  "pattern next { mask ; }\n"
                  "mask q < 3;\n"
                  "pattern last { causal; }\n"),
            "2:11: expected an expression, found '+'\n"
            "3:9: expected the name of a parameter, found '='\n"
            "4:10: product of two indices: 'q' and 'k'\n"
            "4:16: unexpected character '$'\n"
            "5:15: expected ')' to close the parenthesis, found ';'\n"
            "7:25: expected ';' after the mask of the band, found '}'\n"
            "9:3: expected ';' after 'causal', found 'mask'\n"
            "9:12: division by zero\n"
            "11:21: expected an expression, found ';'\n"
            "12:1: expected 'pattern' or 'include', found 'mask'\n");
}

TEST(Diagnostics, TheGoodPatternsOfAFileAreReturned) {
  ParseResult result =
      parsePatterns("pattern a { causal; } pattern b { mask q; } pattern c { causal; }", "t.mask");
  ASSERT_EQ(result.patterns.size(), 2u);
  EXPECT_EQ(result.patterns[1].name, "c");
  EXPECT_FALSE(result.ok());
}

TEST(Diagnostics, UnfinishedFiles) {
  EXPECT_EQ(brief("pattern"), "1:8: expected the name of the pattern, found the end of the file\n");
  EXPECT_EQ(brief("pattern p"),
            "1:10: expected '{' after the name of the pattern, found the end of the file\n");
  EXPECT_EQ(brief("pattern p { causal;"),
            "1:20: expected '}' at the end of pattern 'p', found the end of the file\n");
  EXPECT_EQ(brief("pattern p { mask q <"),
            "1:21: expected an expression, found the end of the file\n"
            "1:21: expected '}' at the end of pattern 'p', found the end of the "
            "file\n");
  EXPECT_EQ(brief("include \"x.mask"), "1:9: this string has no end\n"
                                       "1:16: expected ';' after the include, found the end of the file\n");
}

TEST(Diagnostics, TooLargeIsAnErrorNotACrash) {
  std::string deep = "pattern p { mask " + std::string(100000, '(') + "q; }";
  EXPECT_EQ(brief(deep), "1:218: expressions may be nested 200 levels deep\n");
  std::string bangs = "pattern p { mask " + std::string(100000, '!') + "all; }";
  EXPECT_EQ(brief(bangs), "1:217: expressions may be nested 200 levels deep\n");
  std::string chain = "pattern p { mask 0 < q";
  for (int i = 0; i < 50000; ++i) chain += " + 1";
  EXPECT_EQ(brief(chain + "; }"), "1:4020: the expression is nested more than 1000 levels deep\n");
  std::string doubling = "pattern p { let a0 = q;";
  for (int i = 0; i < 60; ++i)
    doubling +=
        " let a" + std::to_string(i + 1) + " = a" + std::to_string(i) + " + a" + std::to_string(i) + ";";
  EXPECT_EQ(brief(doubling + " mask a60 > 0; }"), "1:325: the expression has more than 100000 operations\n");
  EXPECT_EQ(brief("pattern p { mask 9223372036854775808 > q; }"),
            "1:18: this integer does not fit in 64 bits\n");
  EXPECT_EQ(brief("pattern p { causal; score s * 1e999; }"), "1:31: this number does not fit in a double\n");
  EXPECT_EQ(brief("pattern p { space (4611686018427387904, 4, 4); mask q.0 == k.0; }"),
            "1:41: the token space holds more than 2^63 tokens\n");
  EXPECT_EQ(brief(std::string(2 << 20, ' ')), "0:0: a pattern file may have at most 1 MiB\n");
  std::string many;
  for (int i = 0; i < 5000; ++i) many += "pattern { }\n";
  EXPECT_EQ(parsePatterns(many, "t.mask").diagnostics.size(), 101u);
}

TEST(Diagnostics, Constants) {
  EXPECT_EQ(messages("mask q < 9223372036854775807 + 1;"),
            "t.mask:2:30: error: the value of '9223372036854775807 + 1' does not fit in 64 bits\n"
            "  mask q < 9223372036854775807 + 1;\n"
            "                               ^\n");
  EXPECT_EQ(brief("pattern p { mask q < -9223372036854775808 - k; }"), "");
  EXPECT_EQ(brief("pattern p { mask q < -9223372036854775809; }"),
            "1:23: this integer does not fit in 64 bits\n");
  EXPECT_EQ(brief("pattern p { mask q - 9223372036854775808 < 0; }"),
            "1:22: this integer does not fit in 64 bits\n");
  EXPECT_EQ(brief("pattern p { param a in 9223372036854775808..1 = 2; causal; }"),
            "1:24: this integer does not fit in 64 bits\n");
  EXPECT_EQ(brief("pattern p { mask q < abs(-9223372036854775808); }"),
            "1:22: the value of 'abs(-9223372036854775808)' does not fit in 64 bits\n");
  EXPECT_EQ(brief("pattern p { mask q < 4294967296 * 4294967296 && k < -(-9223372036854775808); }"),
            "1:33: the value of '4294967296 * 4294967296' does not fit in 64 bits\n"
            "1:53: the value of '-(-9223372036854775808)' does not fit in 64 bits\n");
  std::string longName(129, 'n');
  EXPECT_EQ(brief("pattern p { param " + longName + " = 1; causal; }"),
            "1:19: the name of a parameter may have at most 128 characters, this one has 129\n");
  EXPECT_EQ(brief("pattern " + longName + " { causal; }"),
            "1:9: the name of a pattern may have at most 128 characters, this one has 129\n");
}

TEST(Diagnostics, Includes) {
  namespace fs = std::filesystem;
  const TemporaryDirectory temporary;
  const fs::path &folder = temporary.path();
  fs::create_directories(folder / "sub");
  auto write = [&](const char *name, const std::string &text) { std::ofstream(folder / name) << text; };
  write("a.mask", "include \"sub/b.mask\";\ninclude \"sub/b.mask\";\npattern a { causal; }\n");
  write("sub/b.mask", "include \"../c.mask\";\npattern b { causal; }\n");
  write("c.mask", "pattern c { mask q; }\n");
  ParseResult result = parsePatternFile((folder / "a.mask").string());
  ASSERT_EQ(result.patterns.size(), 2u) << render(result.diagnostics);
  EXPECT_EQ(result.patterns[0].name, "b") << "an included file comes first, and once";
  ASSERT_EQ(result.diagnostics.size(), 1u);
  EXPECT_EQ(result.diagnostics[0].loc.file, (folder / "c.mask").string());
  EXPECT_EQ(result.diagnostics[0].sourceLine, "pattern c { mask q; }");

  write("c.mask", "include \"a.mask\";\n");
  result = parsePatternFile((folder / "a.mask").string());
  ASSERT_EQ(result.diagnostics.size(), 1u);
  EXPECT_EQ(render(result.diagnostics),
            (folder / "c.mask").string() +
                ":1:9: error: \"a.mask\" includes itself, by way of \"b.mask\", \"c.mask\"\n"
                "  include \"a.mask\";\n"
                "          ^\n"
                "  hint: remove one include of the cycle\n");
  write("c.mask", "pattern c { causal; }\n  include \"c.mask\";\n");
  result = parsePatternFile((folder / "c.mask").string());
  ASSERT_EQ(result.diagnostics.size(), 1u);
  EXPECT_EQ(result.diagnostics[0].message, "\"c.mask\" includes itself");
  // A chain of files may be 64 long.
  for (int i = 0; i < 70; ++i)
    write(fmt::format("n{}.mask", i).c_str(), fmt::format("include \"n{}.mask\";\n", i + 1));
  write("n70.mask", "pattern last { causal; }");
  EXPECT_EQ(parsePatternFile((folder / "n6.mask").string()).patterns.size(), 1u);
  result = parsePatternFile((folder / "n0.mask").string());
  ASSERT_EQ(result.diagnostics.size(), 1u);
  EXPECT_EQ(result.diagnostics[0].message, "files may include each other 64 levels deep");
  EXPECT_EQ(result.diagnostics[0].loc.file, (folder / "n64.mask").string());
  write("d.mask", "include \"nothing.mask\";\npattern d { causal; }");
  result = parsePatternFile((folder / "d.mask").string());
  ASSERT_EQ(result.diagnostics.size(), 1u);
  EXPECT_EQ(result.diagnostics[0].message,
            "cannot read \"" + (folder / "nothing.mask").string() + "\": No such file or directory");
  EXPECT_EQ(render(parsePatternFile((folder / "none.mask").string()).diagnostics),
            "error: cannot read \"" + (folder / "none.mask").string() + "\": No such file or directory\n");
  EXPECT_EQ(parsePatternFile(folder.string()).diagnostics.at(0).message,
            "cannot read \"" + folder.string() + "\": it is a folder");
}

TEST(Diagnostics, CaretsStandBelowTabsAndOtherAlphabets) {
  ParseResult result = parsePatterns("pattern p {\n\tmask q; # \xC3\xA9\n}", "t.mask");
  EXPECT_EQ(render(result.diagnostics[0]),
            "t.mask:2:7: error: a mask must be true or false, found an integer\n"
            "  \tmask q; # \xC3\xA9\n"
            "  \t     ^\n"
            "  hint: compare it with something, for example '... >= 0'\n");
}
