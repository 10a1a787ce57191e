// The parts of masks: which are intervals, what a row and a column keep, how it reads.
#include "EmittedPattern.h"

#include "maskloom/codegen/Compile.h"
#include "maskloom/dsl/Parser.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <regex>
#include <string>

namespace maskloom {
namespace {

/// The group that is emitted for a pattern with these items.
std::string group(const std::string &items) {
  ParseResult parsed = parsePatterns("pattern p {" + items + "}", "p.mask");
  if (!parsed.ok()) return render(parsed.diagnostics);
  CodegenResult result = generate(parsed.patterns.at(0), {});
  return result.program ? emittedPattern(result.program->kernel.source, "p") : result.internalError;
}

/// "intervals + flags", with " + pairs" where there are any.
std::string form(const std::string &items) {
  const std::string text = group(items);
  static const std::regex counts("int kIntervals = (\\d+), kFlags = (\\d+), kPairs = (\\d+);");
  std::smatch found;
  if (!std::regex_search(text, found, counts)) return text;
  return found.str(1) + " + " + found.str(2) + (found.str(3) == "0" ? "" : " + " + found.str(3));
}

/// The body of a member function, its (void) line left out.
std::string body(const std::string &text, const std::string &declaration) {
  size_t from = text.find(declaration);
  if (from == std::string::npos) return text;
  from = text.find(";\n", text.find("(void)", from)) + 2;
  return text.substr(from, text.find("  }\n", from) - from);
}

TEST(EmitMask, Intervals) {
  EXPECT_EQ(form("mask all;"), "1 + 0");
  EXPECT_EQ(form("mask none;"), "1 + 0");
  EXPECT_EQ(form("causal;"), "1 + 0");
  EXPECT_EQ(form("param w = 100; causal; mask q - k < w;"), "1 + 0");
  EXPECT_EQ(form("param w = 100; mask abs(q - k) <= w;"), "1 + 0");
  EXPECT_EQ(form("param w = 100; mask abs(q - k) > w;"), "2 + 0");
  EXPECT_EQ(form("param p = 100; mask k < p || q >= k;"), "1 + 0"); // both begin at the first key
  EXPECT_EQ(form("param w = 100, sinks = 4; causal; mask q - k < w || k < sinks;"), "2 + 0");
  EXPECT_EQ(form("causal; mask q/64 - k/64 < 16;"), "1 + 0");
  EXPECT_EQ(form("mask q/100 == k/100;"), "1 + 0");
  EXPECT_EQ(form("mask q/100 != k/100;"), "2 + 0");
  EXPECT_EQ(form("mask k == q || k == 2*q;"), "2 + 0");
  EXPECT_EQ(form("aux n[b]: i32; mask k < n[b];"), "1 + 0");
  EXPECT_EQ(form("aux first[b, q]: i32; causal; mask k >= first[b, q];"), "1 + 0");
  EXPECT_EQ(form("param dense = 0; causal; mask dense == 1 || q - k < 64;"), "1 + 0"); // a gate merges
  EXPECT_EQ(form("mask min(k, q + 8) < max(q, 100);"), "1 + 0");
  EXPECT_EQ(form("mask max(k, q - 8) < min(q, 100);"), "1 + 0");
  EXPECT_EQ(form("mask select(q % 2 == 0, k <= q, q - k < 9);"), "1 + 0");
}

TEST(EmitMask, ConditionsOnKeysAlone) {
  EXPECT_EQ(form("causal; mask q/64 - k/64 < 16 || (k/64 + h) % 16 == 0;"), "2 + 1");
  EXPECT_EQ(form("aux keep[b, k]: i32; causal; mask keep[b, k] != 0;"), "1 + 1");
  EXPECT_EQ(form("mask k % 3 != 0 && k % 5 != 0;"), "0 + 1"); // one condition
  EXPECT_EQ(form("causal; mask bands q - k { 64: all; 512: k % 2 == 0; rest: k % 8 == 0; };"), "3 + 2");
}

TEST(EmitMask, ConditionsOnPairs) {
  EXPECT_EQ(form("aux doc[b, q]: i32; causal; mask doc[b, q] == doc[b, k];"), "1 + 0 + 1");
  EXPECT_EQ(form("aux doc[b, q]: i32; aux keep[k]: i32; mask doc[b, q] == doc[b, k] || keep[k] > 0;"),
            "0 + 1 + 1");
  EXPECT_EQ(form("blocks table[h, q/64, k/64]; causal;"), "1 + 0 + 1");
  EXPECT_EQ(form("aux doc[q]: i32; mask !(doc[q] < doc[k] || q < k);"), "1 + 0 + 1");
  // What it sees of q differs from row to row.
  EXPECT_EQ(form("aux doc[q]: i32; mask doc[q] + q < doc[k];"), "0 + 0");
  EXPECT_EQ(form("aux bias[q, k]: i32; mask bias[q, k] > 0;"), "0 + 0");
}

TEST(EmitMask, PairsOfValuesUsedAgainAndAgain) {
  std::string items = "aux doc[q]: i32; let a0 = doc[q] / 1000;";
  for (int i = 1; i <= 10; i++)
    items += fmt::format("let a{0} = max(a{1} % {2}, a{1} % {3} - 1);", i, i - 1, 1000 - i, 900 - i);
  EXPECT_EQ(form(items + "mask a10 == doc[k];"), "0 + 0 + 1");
}

TEST(EmitMask, PairsLoadOnce) {
  const std::string text = group("aux doc[b, q]: i32; causal; mask doc[b, q] == doc[b, k];");
  EXPECT_EQ(body(text, "PairRow pair_row("), "    PairRow row;\n"
                                             "    row.doc_q = aux_load(c, 0, c.batch, nearest(c, 0, 1, q));\n"
                                             "    return row;\n");
  EXPECT_EQ(body(text, "bool same("), "    return a.doc_q == b.doc_q;\n");
  EXPECT_EQ(body(text, "unsigned pairs("), "    return unsigned(row.doc_q == column.doc_k);\n");
}

TEST(EmitMask, NoFormula) {
  EXPECT_EQ(form("mask (q - k) % 16 == 0;"), "0 + 0");
  EXPECT_EQ(form("mask k % 2 == q % 2;"), "0 + 0");
}

TEST(EmitMask, EndsRoundExactly) {
  const std::string chunks = body(group("mask q/100 == k/100;"), "void intervals(");
  EXPECT_EQ(chunks, "    const int q_block = floor_div(q, 100);\n"
                    "    first[0] = 100 * q_block;\n"
                    "    last[0] = 100 * q_block + 99;\n");
  EXPECT_EQ(body(group("mask 3*k + 1 >= q;"), "void intervals("),
            "    first[0] = floor_div(q + 1, 3);\n    last[0] = kLastPosition;\n");
}

TEST(EmitMask, RowsAndColumnsLoadOnce) {
  const std::string text = group("aux doc[b, q]: i32; causal; mask doc[b, q] == doc[b, k];");
  EXPECT_EQ(body(text, "Row row("), "    Row row;\n"
                                    "    row.doc_q = aux_load(c, 0, c.batch, nearest(c, 0, 1, q));\n"
                                    "    return row;\n");
  EXPECT_EQ(body(text, "bool visible(const Context &c, const Row &row"),
            "    return (q >= k) & (row.doc_q == column.doc_k);\n");
}

TEST(EmitMask, ConditionsOnOnePositionAreOneField) {
  const std::string text =
      group("aux keep[b, q]: i32; causal; mask (q - k) % 3 == 0 && keep[b, q] != 0 && q < 1000 "
            "&& keep[b, k] != 0 && k % 7 > 2;");
  EXPECT_NE(text.find("  struct Row {\n    bool holds;\n  };\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  struct Column {\n    bool holds;\n  };\n"), std::string::npos) << text;
  EXPECT_NE(text.find("row.holds & "), std::string::npos) << text;
}

} // namespace
} // namespace maskloom
