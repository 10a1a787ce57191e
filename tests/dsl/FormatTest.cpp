// The formatter: what it makes of every construct, that nothing is lost, that formatting twice is formatting
// once.
#include "maskloom/dsl/Format.h"
#include "maskloom/dsl/Parser.h"
#include "maskloom/dsl/Print.h"
#include "tests/support/RandomPattern.h"
#include "tests/support/ReadFile.h"
#include "tests/support/SamePattern.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>

using namespace maskloom;

namespace {

std::string formatted(const std::string &text) {
  FormatResult result = formatPatterns(text, "t.mask");
  EXPECT_EQ(render(result.diagnostics), "");
  FormatResult again = formatPatterns(result.text, "t.mask");
  EXPECT_EQ(again.text, result.text) << "formatting twice is formatting once";
  EXPECT_FALSE(again.changed);
  return result.text;
}

std::vector<std::filesystem::path> examples() {
  std::vector<std::filesystem::path> paths;
  for (const auto &entry : std::filesystem::directory_iterator(MASKLOOM_EXAMPLE_PATTERNS))
    if (entry.path().extension() == ".mask") paths.push_back(entry.path());
  return paths;
}

// The text without any white space: what must be the same before and after.
std::string bare(const std::string &text) {
  std::string out;
  for (char c : text)
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') out += c;
  return out;
}

} // namespace

TEST(Format, OneItemALine) {
  EXPECT_EQ(formatted("pattern p{param a=3,b in -2 ..9=-1;causal;mask q-k<a&&!(k>=-b);}"),
            "pattern p {\n"
            "  param a = 3, b in -2..9 = -1;\n"
            "  causal;\n"
            "  mask q - k < a && !(k >= -b);\n"
            "}\n");
  EXPECT_EQ(
      formatted(
          "include   \"a b.mask\" ;include\"c.mask\";\npattern p { mask all ; }  pattern r { mask none; }"),
      "include \"a b.mask\";\n"
      "include \"c.mask\";\n"
      "pattern p {\n"
      "  mask all;\n"
      "}\n"
      "\n"
      "pattern r {\n"
      "  mask none;\n"
      "}\n");
  EXPECT_EQ(formatted(""), "");
  EXPECT_EQ(formatted("\n\n# nothing here  \n\n"), "# nothing here\n");
}

TEST(Format, EveryConstruct) {
  EXPECT_EQ(formatted("pattern p { aux doc [ b ,q/128 , 7 ] : i32 ; blocks t[h,q/64,k/64]:i32;space(4,5) "
                      ";let d=q.0-k . 1;\n"
                      "mask (q -k)<3; heads 0 .. 3 :(d<3) ;kv_heads 4:all; score "
                      "-s*2.0+select(q<k,-1.0e3,doc [b,q,0]) ;sink x;}"),
            "pattern p {\n"
            "  aux doc[b, q/128, 7]: i32;\n"
            "  blocks t[h, q/64, k/64]: i32;\n"
            "  space (4, 5);\n"
            "  let d = q.0 - k.1;\n"
            "  mask (q - k) < 3;\n"
            "  heads 0..3: (d < 3);\n"
            "  kv_heads 4: all;\n"
            "  score -s*2.0 + select(q < k, -1.0e3, doc[b, q, 0]);\n"
            "  sink x;\n"
            "}\n");
  EXPECT_EQ(formatted("pattern p { space (8,8); mask neighborhood( window=(7,7),causal = true ) || "
                      "sink_window(sink=-q,window=3); }"),
            "pattern p {\n"
            "  space (8, 8);\n"
            "  mask neighborhood(window = (7, 7), causal = true) || sink_window(sink = -q, window = 3);\n"
            "}\n");
  EXPECT_EQ(formatted("pattern p { mask bands q/64-k/64{16:all;128:(k/64+h)%4==0;rest:none}; }"),
            "pattern p {\n"
            "  mask bands q/64 - k/64 { 16: all; 128: (k/64 + h) % 4 == 0; rest: none };\n"
            "}\n");
}

TEST(Format, TimesAndDividedByStayTight) {
  EXPECT_EQ(formatted("pattern p { mask q/64 - k / 64 < 2*h + 3 * kvh && q% 4==1 && q /8 == k/ 8; }"),
            "pattern p {\n"
            "  mask q/64 - k / 64 < 2*h + 3 * kvh && q % 4 == 1 && q / 8 == k / 8;\n"
            "}\n");
}

TEST(Format, LineBreaksInsideAnItemAreTheWriters) {
  EXPECT_EQ(
      formatted(
          "pattern p {\nmask q < 3\n|| k < 4\n      || bands q {\n1: all;\n\n 2 : none; rest:\n  all\n};\n}"),
      "pattern p {\n"
      "  mask q < 3\n"
      "    || k < 4\n"
      "    || bands q {\n"
      "    1: all;\n"
      "    2: none; rest:\n"
      "      all\n"
      "  };\n"
      "}\n");
}

TEST(Format, CommentsAndEmptyLinesSurvive) {
  EXPECT_EQ(formatted("# head\n#\tmore\n\n\n\n# of p\npattern p { # behind the brace\n\n  # the mask\n "
                      "causal;# tight\n\n\n"
                      "mask q < 3     # aligned\n   # inside\n || k < 4; # end\n\n  # last\n\n}# closed\n# "
                      "next\npattern r { mask all; }\n#end"),
            "# head\n"
            "#\tmore\n"
            "\n"
            "# of p\n"
            "pattern p { # behind the brace\n"
            "\n"
            "  # the mask\n"
            "  causal; # tight\n"
            "\n"
            "  mask q < 3     # aligned\n"
            "    # inside\n"
            "    || k < 4; # end\n"
            "\n"
            "  # last\n"
            "} # closed\n"
            "\n"
            "# next\n"
            "pattern r {\n"
            "  mask all;\n"
            "}\n"
            "\n"
            "#end\n");
  EXPECT_EQ(formatted("\xEF\xBB\xBFpattern p {\r\n  causal; # dos \r\n}\r\n"),
            "pattern p {\n  causal; # dos\n}\n");
  EXPECT_EQ(formatted("pattern p { mask q/# one\n3 < k; }"),
            "pattern p {\n  mask q / # one\n    3 < k;\n}\n");
  EXPECT_EQ(formatted("pattern p { mask q # one\n - 3 < k; }"),
            "pattern p {\n  mask q # one\n    - 3 < k;\n}\n");
}

TEST(Format, WhatIsNoPatternFileIsLeftAlone) {
  EXPECT_EQ(render(formatPatterns("pattern p { mask q $ 3; }", "t.mask").diagnostics),
            "t.mask:1:20: error: unexpected character '$'\n");
  EXPECT_EQ(render(formatPatterns("pattern p { mask q ! = 3; }", "t.mask").diagnostics),
            "t.mask:1:20: error: '!' cannot stand here\n  hint: correct the file before formatting it\n");
  EXPECT_EQ(render(formatPatterns(std::string(2 << 20, ' '), "t.mask").diagnostics),
            "t.mask: error: a pattern file may have at most 1 MiB\n");
  EXPECT_EQ(render(formatPatternFile("/nothing/here.mask").diagnostics),
            "error: cannot read \"/nothing/here.mask\": No such file or directory\n");
}

// Found by the fuzzer: what stood tight around the end of a line was not tight any more after one pass.
TEST(Format, OncePerFileEvenWhereNothingParses) {
  for (const char *text : {"pattern p { causal;\nq}/128, k/\n128];", "pattern p { mask q*}", "a;*b", "{/2"}) {
    std::string once = formatPatterns(text, "f.mask").text;
    EXPECT_EQ(formatPatterns(once, "f.mask").text, once) << text;
  }
}

TEST(Format, TheExamplesAreFormatted) {
  for (const auto &path : examples()) {
    FormatResult result = formatPatternFile(path.string());
    EXPECT_EQ(render(result.diagnostics), "");
    EXPECT_EQ(result.text, readFile(path)) << "run: maskloom fmt -i " << path;
  }
}

TEST(Format, PrintedPatternsAreFormatted) {
  for (uint64_t i = 0; i < 100; ++i) {
    std::string text = toText(maskloom::testing::randomCase(17, i).pattern);
    EXPECT_EQ(formatted(text), text);
  }
}

// White space is thrown about at random: the same patterns, the same comments, the same layout of what has
// one line.
TEST(Format, NothingIsLost) {
  std::mt19937_64 random(40);
  auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  for (const auto &path : examples()) {
    std::string original = readFile(path);
    for (int round = 0; round < 12; ++round) {
      std::string text;
      bool comment = false;
      for (char c : original) {
        comment = (comment || c == '#') && c != '\n';
        bool punctuation = std::string(",;(){}[]").find(c) != std::string::npos;
        static const char *const kBlanks[] = {"", " ", "   ", "\t", "\n", "\n\n\n", "\r\n", " # noted\n"};
        if (!comment && punctuation) text += kBlanks[below(std::size(kBlanks))];
        text += c;
        if (!comment && punctuation) text += kBlanks[below(std::size(kBlanks))];
      }
      std::string result = formatted(text);
      ASSERT_EQ(bare(result), bare(text)) << path;
      ParseResult before = parsePatterns(original, path.string()),
                  after = parsePatterns(result, path.string());
      ASSERT_EQ(render(after.diagnostics), "") << result;
      ASSERT_EQ(before.patterns.size(), after.patterns.size());
      for (size_t i = 0; i < before.patterns.size(); ++i)
        ASSERT_EQ(maskloom::testing::difference(before.patterns[i], after.patterns[i]), "") << result;
    }
  }
}
