// The forms of scores: which fold into the softmax, what rows and heads keep, how it reads.
#include "EmittedPattern.h"

#include "maskloom/codegen/Compile.h"
#include "maskloom/dsl/Parser.h"

#include <gtest/gtest.h>

#include <string>

namespace maskloom {
namespace {

/// What is emitted for a causal pattern with these items.
std::string emitted(const std::string &items) {
  ParseResult parsed = parsePatterns("pattern p { causal; " + items + "}", "p.mask");
  if (!parsed.ok()) return render(parsed.diagnostics);
  CodegenResult result = generate(parsed.patterns.at(0), {});
  return result.program ? emittedPattern(result.program->kernel.source, "p") : result.internalError;
}

std::string form(const std::string &items) {
  const std::string text = emitted(items), start = "kScoreForm = ScoreForm::";
  const size_t at = text.find(start);
  if (at == std::string::npos) return text;
  return text.substr(at + start.size(), text.find(';', at) - at - start.size());
}

/// A member: from its declaration on to the end of its body, the (void) line left out.
std::string member(const std::string &text, const std::string &declaration) {
  size_t from = text.find(declaration);
  if (from == std::string::npos) return text;
  std::string result = text.substr(from, text.find("  }\n", from) + 4 - from);
  size_t unused = result.find("    (void)");
  return unused == std::string::npos ? result : result.erase(unused, result.find('\n', unused) + 1 - unused);
}

TEST(EmitScore, Affine) {
  EXPECT_EQ(form(""), "kPlain");
  EXPECT_EQ(form("score s + 0.5 * (k - q);"), "kAffine");
  EXPECT_EQ(form("aux slope[h]: f32; score s + slope[h] * (k - q);"), "kAffine");
  EXPECT_EQ(form("aux slope[h]: f32; score 2.0 * s; score (s - slope[h] * (q - k)) / 3.0;"), "kAffine");
  EXPECT_EQ(form("aux w[b, q]: f32; score s + w[b, q] * k;"), "kAffine");
  EXPECT_EQ(form("aux slope[h]: f32; score select(h < 8, s, s + slope[h] * (k - q));"), "kAffine");
  EXPECT_EQ(form("param n = 5; score s / n;"), "kAffine");
}

TEST(EmitScore, Capped) {
  EXPECT_EQ(form("score 50.0 * tanh(s / 50.0);"), "kCapped");
  EXPECT_EQ(form("param cap = 30; score cap * tanh(s / cap);"), "kCapped");
  EXPECT_EQ(form("score 0.5 * s; score 20.0 * tanh(s / 20.0); score -s;"), "kCapped");
}

TEST(EmitScore, General) {
  EXPECT_EQ(form("score s - 0.5 * abs(q - k);"), "kGeneral");
  EXPECT_EQ(form("aux bias[b, k]: f32; score s + bias[b, k];"), "kGeneral");
  EXPECT_EQ(form("aux w[b, q]: f32; score s * w[b, q];"), "kGeneral");
  EXPECT_EQ(form("score 50.0 * tanh(s / 50.0) + 0.5 * (k - q);"), "kGeneral");
  EXPECT_EQ(form("score 50.0 * tanh((s + 0.5 * (k - q)) / 50.0);"), "kGeneral");
  EXPECT_EQ(form("score s * s;"), "kGeneral");
  EXPECT_EQ(form("score 0.5 * (k - q);"), "kGeneral");
}

TEST(EmitScore, AlibiReads) {
  const std::string text = emitted("aux slope[h]: f32; score s + slope[h] * (k - q);");
  EXPECT_EQ(member(text, "  struct ScoreScalars"),
            "  struct ScoreScalars {\n"
            "    float slope;\n"
            "  };\n"
            "  static MASKLOOM_DEVICE ScoreScalars score_scalars(const Context &c) {\n"
            "    ScoreScalars kept;\n"
            "    kept.slope = aux_load_f32(c, 0, c.head);\n"
            "    return kept;\n"
            "  }\n");
  EXPECT_EQ(member(text, "  static MASKLOOM_DEVICE float score_factor"),
            "  static MASKLOOM_DEVICE float score_factor(const Context &c, const ScoreScalars &scalars) {\n"
            "    return 1.0f;\n"
            "  }\n");
  EXPECT_EQ(member(text, "  static MASKLOOM_DEVICE ScoreBias score_bias"),
            "  static MASKLOOM_DEVICE ScoreBias score_bias(const Context &c, const ScoreScalars &scalars, "
            "int q, int "
            "k) {\n"
            "    return {(float)(k - q) * scalars.slope, scalars.slope};\n"
            "  }\n");
}

TEST(EmitScore, SoftCapReads) {
  const std::string text = emitted("param cap in 1..100 = 30; score cap * tanh(s / cap);");
  EXPECT_EQ(member(text, "  static MASKLOOM_DEVICE SoftCap soft_cap"),
            "  static MASKLOOM_DEVICE SoftCap soft_cap(const Context &c, const ScoreScalars &scalars) {\n"
            "    const int cap = (int)c.args->params[0];\n"
            "    return {(float)cap, scalars.inverse};\n"
            "  }\n");
}

TEST(EmitScore, RowsKeepPositionsAsFloats) {
  const std::string text = emitted("aux slope[h]: f32; aux w[b, q]: f32; "
                                   "score (s - slope[h] * abs(q - k)) / w[b, q];");
  EXPECT_EQ(member(text, "  struct ScoreRow"),
            "  struct ScoreRow {\n"
            "    float distance;\n"
            "    float inverse;\n"
            "  };\n"
            "  static MASKLOOM_DEVICE ScoreRow score_row(const Context &c, const ScoreScalars &scalars, int "
            "q, int k) {\n"
            "    ScoreRow kept;\n"
            "    kept.distance = (float)(q - k);\n"
            "    kept.inverse = 1.0f / aux_load_f32(c, 1, c.batch, nearest(c, 1, 1, q));\n"
            "    return kept;\n"
            "  }\n");
  EXPECT_EQ(
      member(text, "  static MASKLOOM_DEVICE float score(float s, const Context &c, const ScoreScalars"),
      "  static MASKLOOM_DEVICE float score(float s, const Context &c, const ScoreScalars &scalars, const "
      "ScoreRow "
      "&row, int q, int k, float x) {\n"
      "    const float distance = row.distance - x;\n"
      "    return (s - scalars.slope * fabsf(distance)) * row.inverse;\n"
      "  }\n");
}

} // namespace
} // namespace maskloom
