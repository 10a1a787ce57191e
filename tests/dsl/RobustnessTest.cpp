// Damaged pattern files give diagnostics, never a crash: bytes changed, removed, repeated and swapped, at
// random but reproducibly.
#include "maskloom/dsl/Canonical.h"
#include "maskloom/dsl/Parser.h"
#include "maskloom/dsl/Print.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

using namespace maskloom;

namespace {

std::vector<std::string> examples() {
  std::vector<std::string> texts;
  std::vector<std::filesystem::path> paths;
  for (const auto &entry : std::filesystem::directory_iterator(MASKLOOM_EXAMPLE_PATTERNS))
    if (entry.path().extension() == ".mask") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  for (const auto &path : paths) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    texts.push_back(text.str());
  }
  texts.push_back(
      "pattern all { param a in -3..9 = 1; aux t[b, q/16, 7]: i32; aux f[h]: f32; space (3, 4);\n"
      "let near = abs(q.0 - k.0) <= a; mask near && bands q - k { 3: all; rest: t[b, q/16, 2] != 0 };\n"
      "heads 0..3: !near; heads 4: none; score s * 2.5e-1 + select(q < k, f[h], -s); sink f; }\n");
  return texts;
}

// What must hold for any input: errors have a message, and what parsed without errors can be used.
void digest(const std::string &text) {
  ParseResult result = parsePatterns(text, "damaged.mask");
  for (const Diagnostic &diagnostic : result.diagnostics) ASSERT_FALSE(diagnostic.message.empty());
  (void)render(result.diagnostics);
  for (const Pattern &pattern : result.patterns) {
    Pattern canonical = canonicalize(pattern);
    ASSERT_EQ(patternHash(canonicalize(canonical)), patternHash(canonical)) << toText(pattern);
    ASSERT_TRUE(parsePatterns(toText(pattern), "printed.mask").ok()) << text << "\n---\n" << toText(pattern);
  }
}

} // namespace

TEST(Robustness, DamagedFiles) {
  std::vector<std::string> texts = examples();
  ASSERT_GE(texts.size(), 14u);
  std::mt19937_64 random(20);
  auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  static const std::string kTokens[] = {"(", ")",  "{",  "}",    ";",       "/",     "%",     "q",
                                        "k", "0",  "-",  "!",    "..",      ":",     "[",     "\"",
                                        ",", "&&", "==", "mask", "pattern", "bands", "heads", "s"};
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
