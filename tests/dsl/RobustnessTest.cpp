// Damaged pattern files give diagnostics, never a crash: bytes changed, removed, repeated and swapped, at
// random but reproducibly.
#include "maskloom/dsl/Parser.h"
#include "tests/support/FrontProperties.h"
#include "tests/support/ReadFile.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>

using namespace maskloom;
using maskloom::testing::brokenProperty;

namespace {

std::vector<std::string> examples() {
  std::vector<std::string> texts;
  std::vector<std::filesystem::path> paths;
  for (const auto &entry : std::filesystem::directory_iterator(MASKLOOM_EXAMPLE_PATTERNS))
    if (entry.path().extension() == ".mask") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  for (const auto &path : paths) texts.push_back(readFile(path));
  texts.push_back(
      "pattern all { param a in -3..9 = 1; aux t[b, q/16, 7]: i32; aux f[h]: f32; space (3, 4);\n"
      "let near = abs(q.0 - k.0) <= a; mask near && bands q - k { 3: all; rest: t[b, q/16, 2] != 0 };\n"
      "heads 0..3: !near; heads 4: none; score s * 2.5e-1 + select(q < k, f[h], -s); sink f; }\n");
  texts.push_back(
      "pattern calls { space (8, 12); aux doc[b, q]: i32; param w in 1..9 = 3;\n"
      "mask neighborhood(window = (3, 5), stride = 2, dilation = (1, 2), causal = (true, false));\n"
      "mask documents(doc = doc) || slice(queries = (0, w), keys = (3, 9), causal = true);\n"
      "score soft_cap(cap = 30.0); score s + relative_bias_2d(bias = x); }\n");
  return texts;
}

void digest(const std::string &text) { ASSERT_EQ(brokenProperty(text), "") << text; }

} // namespace

TEST(Robustness, DamagedFiles) {
  std::vector<std::string> texts = examples();
  ASSERT_GE(texts.size(), 14u);
  std::mt19937_64 random(20);
  auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  static const std::string kTokens[] = {"(",
                                        ")",
                                        "{",
                                        "}",
                                        ";",
                                        "/",
                                        "%",
                                        "q",
                                        "k",
                                        "0",
                                        "-",
                                        "!",
                                        "..",
                                        ":",
                                        "[",
                                        "\"",
                                        ",",
                                        "&&",
                                        "==",
                                        "mask",
                                        "pattern",
                                        "bands",
                                        "heads",
                                        "s",
                                        "#",
                                        "\n",
                                        "window = ",
                                        "neighborhood(",
                                        "true",
                                        "q.0",
                                        "space (3, 4);",
                                        "9223372036854775808"};
  for (int i = 0; i < 4000; ++i) {
    std::string text = texts[below(texts.size())];
    for (size_t edits = 1 + below(4); edits > 0 && !text.empty(); --edits) {
      size_t at = below(text.size());
      switch (below(6)) {
      case 0: text[at] = static_cast<char>(below(256)); break;
      case 1: text.erase(at, 1 + below(8)); break;
      case 2: text.insert(at, text.substr(below(text.size()), below(40))); break;
      case 3: text.insert(at, kTokens[below(std::size(kTokens))]); break;
      case 4: text.resize(at); break;
      default: std::swap(text[at], text[below(text.size())]); break;
      }
    }
    digest(text);
    if (HasFatalFailure()) return;
  }
}

TEST(Robustness, Noise) {
  std::mt19937_64 random(21);
  for (int i = 0; i < 300; ++i) {
    std::string text(random() % 300, '\0');
    for (char &c : text) c = static_cast<char>(random());
    digest(text);
    digest("pattern p { mask " + text + "; }");
    if (HasFatalFailure()) return;
  }
}

TEST(Robustness, Truncated) {
  for (const std::string &text : examples())
    for (size_t end = 0; end < text.size(); end += 7) {
      digest(text.substr(0, end));
      if (HasFatalFailure()) return;
    }
}

// The largest files there may be, of the shapes that cost most. Each takes a fraction of a second.
TEST(Robustness, LargeFiles) {
  auto repeated = [](const std::string &prefix, const std::string &piece, const std::string &suffix) {
    std::string text = prefix;
    while (text.size() + piece.size() + suffix.size() < (size_t{1} << 20)) text += piece;
    return text + suffix;
  };
  for (const std::string &text :
       {repeated("pattern p { mask all", " && q > 3", "; }"),
        repeated("pattern p { causal; ", "let a = 1; ", "}"), repeated("", "pattern p { causal; }\n", ""),
        repeated("", "pattern { ", ""), repeated("", "((((", ""),
        repeated("pattern p { mask q", "*2", " < 3; }"), repeated("", "# comment\n", ""),
        repeated("pattern p { ", "mask prefix(prefix = 3); ", "}"),
        repeated("pattern p { mask ", "\"", "; }"),
        repeated("pattern p { ", "mask q*2*2*2*2*2*2*2*2*2*2*2*2*2*2*2*2*2*2*2*2*2*2 < 3; ", "}"),
        repeated("pattern p { mask q < ", "a", "; }"), repeated("", "include \"nothing\"; ", ""),
        repeated("pattern p { space (", "2, ", "2); causal; }"), repeated("", "\xff\xfe", ""),
        repeated("pattern p { heads 0: all; ", "heads 1..2: q < k; ", "}"), repeated("", "}", "")}) {
    digest(text);
    if (HasFatalFailure()) return;
  }
}

/// What the fuzzer found hard: files on which it once ran into its limits.
TEST(Robustness, KeptFiles) {
  size_t files = 0;
  for (const auto &entry : std::filesystem::directory_iterator(MASKLOOM_KEPT_FILES)) {
    SCOPED_TRACE(entry.path());
    digest(readFile(entry.path()));
    ++files;
  }
  EXPECT_GE(files, 6u);
}
