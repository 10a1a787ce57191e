// Lesson 8: patterns as files.
//
// A pattern file says the same as the C++ of the lessons before, without a compiler: for the command line,
// for configurations, for people who do not write C++. It is parsed into the very same Pattern. Mistakes are
// reported all at once, each with its place.
#include "lesson.h"

#include <string>

using namespace maskloom;

int main() try {
  lesson::Checks checks;

  // 1. The same pattern, both ways. In a file `/` and `%` round towards minus infinity, as floordiv() and %
  // do in C++.
  ParseResult parsed = parsePatterns(R"(
    pattern near_and_far {               # 4 query heads
      param local in 1..64 = 3;
      causal;
      let distance = q/8 - k/8;
      mask distance < local || (k/8 + h) % 4 == 0;
    }
  )",
                                     "lesson.mask");
  if (!parsed.ok()) return std::printf("%s", render(parsed.diagnostics).c_str()), 1;
  const Pattern &pattern = parsed.patterns.front();
  Index q = query(), k = key();
  Param local("local", 3, 1, 64);
  Pattern inCpp("near_and_far",
                q >= k && (floordiv(q, 8) - floordiv(k, 8) < local || (floordiv(k, 8) + head()) % 4 == 0));
  checks.expect(compare(pattern, inCpp, 4, 4).masks.status == ProofStatus::Proved,
                "the file and the C++ are equal");

  // 2. Back to text: what it parses to is the same pattern again.
  std::string text = toText(inCpp);
  std::printf("%s", text.c_str());
  ParseResult again = parsePatterns(text, "printed.mask");
  checks.expect(again.ok() && toText(again.patterns.front()) == text, "printed and parsed again");

  // 3. It runs like any other.
  Attention attention =
      compile(pattern, {.heads = 4, .head_dim = 16, .dtype = DType::f32, .device = Device::Cpu});
  lesson::Values Q = lesson::random(1, 4, 120, 16, 1), K = lesson::random(1, 4, 120, 16, 2),
                 V = lesson::random(1, 4, 120, 16, 3), O{1, 4, 120, 16};
  attention.forward(Q.tensor(), K.tensor(), V.tensor(), O.tensor(), {.params = {{"local", 2}}});
  auto visible = [](auto, int64_t h, int64_t row, int64_t column) {
    return row >= column && (row / 8 - column / 8 < 2 || (column / 8 + h) % 4 == 0);
  };
  checks.near(lesson::difference(Q, K, V, O, visible), "a pattern file on the CPU");

  // 4. Three mistakes, three messages, each with its place, a caret and what to do.
  ParseResult wrong = parsePatterns("pattern p {\n"
                                    "  param window = 8;\n"
                                    "  mask q - k < widnow;\n"
                                    "  mask q * k > 0;\n"
                                    "  mask k % 0 == 1;\n"
                                    "}\n",
                                    "wrong.mask");
  std::string report = render(wrong.diagnostics);
  std::printf("%s\n", report.c_str());
  checks.expect(!wrong.ok() && wrong.patterns.empty() && wrong.diagnostics.size() == 3, "three errors");
  checks.expect(wrong.diagnostics[0].loc.line == 3 && wrong.diagnostics[0].loc.column == 16,
                "the place of the first");
  checks.expect(wrong.diagnostics[0].hint == "did you mean 'window'?", "and what to do");
  return checks.result();
} catch (const Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
