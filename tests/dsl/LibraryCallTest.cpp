// Library functions called from pattern files: each is the mask or score of C++, and every way to call one
// wrongly.
#include "maskloom/dsl/Library.h"
#include "maskloom/dsl/Parser.h"
#include "maskloom/dsl/Patterns.h"
#include "tests/support/SamePattern.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

using namespace maskloom;
using maskloom::testing::sameTree;

namespace {

std::set<std::string> &called() {
  static std::set<std::string> names;
  return names;
}

void note(const std::string &items) {
  for (const LibraryFunction &function : libraryFunctions())
    if (items.find(std::string(" ") + function.name + "(") != std::string::npos)
      called().insert(function.name);
}

Pattern parseOne(const std::string &items) {
  note(items);
  ParseResult result = parsePatterns("pattern p {\n" + items + "\n}", "t.mask");
  EXPECT_EQ(render(result.diagnostics), "");
  return result.patterns.empty() ? Pattern("failed", none()) : result.patterns[0];
}

void expectMask(const std::string &items, const Mask &mask) {
  Pattern parsed = parseOne(items);
  EXPECT_TRUE(sameTree(parsed.mask, mask.expr())) << items << "\n"
                                                  << toText(parsed.mask) << "\n"
                                                  << toText(mask.expr());
}

void expectScore(const std::string &items, const Score &score) {
  Pattern parsed = parseOne(items);
  ASSERT_EQ(parsed.scores.size(), 1u);
  EXPECT_TRUE(sameTree(parsed.scores[0], score.expr())) << items << "\n"
                                                        << toText(parsed.scores[0]) << "\n"
                                                        << toText(score.expr());
}

std::string messages(const std::string &items) {
  ParseResult result = parsePatterns("pattern p {\n" + items + "\n}\n", "t.mask");
  EXPECT_TRUE(result.patterns.empty());
  return render(result.diagnostics);
}

// "column: message | hint" of each.
std::string brief(const std::string &items) {
  std::string out;
  for (const Diagnostic &d : parsePatterns("pattern p {\n" + items + "\n}\n", "t.mask").diagnostics)
    out += std::to_string(d.loc.column) + ": " + d.message + (d.hint.empty() ? "" : " | " + d.hint) + "\n";
  return out;
}

AuxInt token(const char *name) { return {name, {axis::batch(), axis::query()}}; }

} // namespace

TEST(LibraryCall, EveryFunctionIsTheOneOfCpp) {
  Param w("w", 8, 1, 64);
  expectMask("param w in 1..64 = 8; mask sliding_window(window = w + 1);", masks::slidingWindow(w + 1));
  expectMask("param w in 1..64 = 8; mask dilated_window(dilation = w, window = 3);",
             masks::dilatedWindow(3, w));
  expectMask("mask sink_window(sink = 4, window = 2*h + 1);", masks::sinkWindow(4, 2 * head() + 1));
  expectMask("mask global_window(global = 4, window = 9, causal = true);", masks::globalWindow(4, 9, true));
  expectMask("mask global_window(global = 4, window = 9);", masks::globalWindow(4, 9, false));
  expectMask("param prefix = 9; mask prefix(prefix = prefix);", masks::prefix(Param("prefix", 9)));
  AuxInt dense("dense", {axis::kvHead()});
  expectMask("aux dense[kvh]: i32; mask duo(dense = dense, sink = 4, window = 8);", masks::duo(dense, 4, 8));
  expectMask("mask local_stride(block = 64, local = 16, stride = 8);", masks::localStride(64, 16, 8, head()));
  expectMask("mask local_stride(block = 64, local = 16, stride = 8, shard = kvh + 1, causal = false);",
             masks::localStride(64, 16, 8, kvHead() + 1, false));
  expectMask("aux doc[b, q]: i32; mask documents(doc = doc);", masks::documents(token("doc")));
  expectMask("aux d[b, q]: i32; mask documents(doc = d, causal = false);",
             masks::documents(token("d"), false));
  expectMask("aux g[b, q]: i32; mask shared_prefix(prefix = 7, sequence = g);",
             masks::sharedPrefix(7, token("g")));
  const std::string two = "aux a[b, q]: i32; aux c[b, q]: i32; ";
  AuxInt a = token("a"), c = token("c");
  expectMask(two + "mask shared_question(doc = a, answer = c);", masks::sharedQuestion(a, c));
  expectMask(two + "mask prefix_documents(doc = a, prefix_end = c);", masks::prefixDocuments(a, c));
  AuxInt perBatch("f", {axis::batch()});
  expectMask(two + "aux f[b]: i32; mask causal_blockwise(block = a, final_begin = f);",
             masks::causalBlockwise(a, perBatch));
  expectMask(two + "mask qk_sparse(keep_query = a, keep_key = c);", masks::qkSparse(a, c));
  expectMask(two + "mask hash_sparse(bucket_of_query = a, bucket_of_key = c);", masks::hashSparse(a, c));
  expectMask(two + "mask random_eviction(evicted_at = a);", masks::randomEviction(a));
  expectMask(two + "mask column_ranges(lower_begin = a, lower_end = c, upper_begin = c, upper_end = a);",
             masks::columnRanges(a, c, c, a));
  expectMask("mask block_diffusion(tokens = 1024, block = 16);", masks::blockDiffusion(1024, 16));
  expectMask("aux i[b, q]: i32; mask flamingo(image = i, tokens = 64);", masks::flamingo(token("i"), 64));
  AuxInt ancestor("t", {axis::fixed(8), axis::fixed(8)});
  expectMask("aux t[8, 8]: i32; mask tree(ancestor = t);", masks::treeAncestors(ancestor));
  using masks::SliceType;
  expectMask("mask slice(queries = (0, 9), keys = (3, 2*8));",
             masks::slice(0, 9, 3, Index(makeInt(2)) * 8, SliceType::Full));
  expectMask("mask slice(queries = (0, 9), keys = (3, 8), causal = true);",
             masks::slice(0, 9, 3, 8, SliceType::Causal));
  expectMask("mask slice(queries = (0, 9), keys = (3, 8), inverse = true);",
             masks::slice(0, 9, 3, 8, SliceType::InverseCausal));
  expectMask("mask slice(queries = (0, 9), keys = (3, 8), causal = true, inverse = true);",
             masks::slice(0, 9, 3, 8, SliceType::BiCausal));
  AuxInt slices("s", {axis::fixed(3), axis::fixed(5)});
  expectMask("aux slices[3, 5]: i32; mask slice_table(slices = slices);",
             masks::sliceTable(AuxInt("slices", {axis::fixed(3), axis::fixed(5)}), 3));
  Space space({48, 80});
  expectMask("space (48, 80); mask neighborhood(window = (7, 9), stride = 2, dilation = (1, 4), causal = "
             "(true, false));",
             masks::neighborhood(
                 space, {.window = {7, 9}, .stride = {2}, .dilation = {1, 4}, .causal = {true, false}}));
  expectMask("mask neighborhood(window = 2*4, causal = true);",
             masks::neighborhood({.window = {8}, .causal = {true}}));
  expectMask(
      "space (48, 80); mask sliding_tile(window = (3, 5), tile = 8, tile_ordered = true, text = true);",
      masks::slidingTile(space, {.window = {3, 5}, .tile = {8}, .tileOrdered = true, .text = true}));

  AuxFloat perHead("x", {axis::head()}), table("y", {axis::head(), axis::fixed(9)}),
      flat("z", {axis::fixed(9)});
  expectScore("aux x[h]: f32; mask all; score alibi(slope = x);", scores::alibi(perHead));
  expectScore("mask all; score soft_cap(cap = 30);", scores::softCap(30));
  expectScore("aux y[h, 9]: f32; mask all; score relative_bias(bias = y);", scores::relativeBias(table));
  AuxFloat rows("r", {axis::head(), axis::fixed(5), axis::fixed(7)});
  expectScore("space (3, 4); aux r[h, 5, 7]: f32; mask all; score relative_bias_2d(bias = r);",
              scores::relativeBias2d(rows, Space({3, 4})));
  expectScore("aux x[h]: f32; aux z[9]: f32; mask all; score sandwich(cosines = z, ratio = x);",
              scores::sandwich(flat, perHead));
  AuxInt distance("d", {axis::query(), axis::key()});
  expectScore("aux d[q, k]: i32; aux z[9]: f32; mask all; score graph_bias(distance = d, bias = z);",
              scores::graphBias(distance, flat));

  for (const LibraryFunction &function : libraryFunctions())
    EXPECT_TRUE(called().count(function.name)) << function.name << " is not tested";
}

// docs/language.md has a row for every function, which names all its arguments and a file that exists.
TEST(LibraryCall, EveryFunctionIsDocumented) {
  const std::filesystem::path patterns = MASKLOOM_EXAMPLE_PATTERNS;
  std::ifstream reference(patterns.parent_path().parent_path() / "docs" / "language.md");
  std::map<std::string, std::string> rows; // by what the first cell names
  for (std::string line; std::getline(reference, line);)
    if (line.rfind("| `", 0) == 0) rows[line.substr(3, line.find('`', 3) - 3)] = line;
  for (const LibraryFunction &function : libraryFunctions()) {
    ASSERT_TRUE(rows.count(function.name)) << function.name;
    const std::string &row = rows[function.name];
    for (const LibraryArgument &argument : function.arguments)
      EXPECT_NE(row.find(fmt::format("`{}`", argument.name)), std::string::npos)
          << function.name << " " << argument.name;
    size_t end = row.rfind(" |"), begin = row.rfind("| ", end - 1) + 2;
    std::istringstream files(row.substr(begin, end - begin));
    for (std::string file; std::getline(files >> std::ws, file, ',');)
      EXPECT_TRUE(std::filesystem::exists(patterns / (file + ".mask"))) << function.name << ": " << file;
  }
}

TEST(LibraryCall, StandsWhereAnExpressionStands) {
  expectMask("let near = sliding_window(window = 9); mask near && !prefix(prefix = 3) || q == 0;",
             (masks::slidingWindow(9) && !masks::prefix(3)) || query() == 0);
  EXPECT_EQ(parseOne("causal; heads 0..3: sliding_window(window = 9); heads 4: all;").layout.groups.size(),
            2u);
  Pattern groups = parseOne("mask bands q - k { 16: all; rest: prefix(prefix = 7) };");
  EXPECT_EQ(groups.mask->op, Op::Select);
  // The names of functions are free for everything else.
  EXPECT_EQ(parseOne("param tree = 3, window = 4; let slice = tree + 1; mask sliding_window(window = slice);")
                .params.size(),
            2u);
}

TEST(LibraryCall, PlacesAreTheCallers) {
  Pattern parsed = parseOne("mask sink_window(sink = 4,\n  window = h);");
  std::set<std::string> files;
  std::set<unsigned> lines;
  std::vector<Expr> pending = {parsed.mask};
  while (!pending.empty()) {
    Expr e = pending.back();
    pending.pop_back();
    files.insert(e->loc.file);
    lines.insert(e->loc.line);
    pending.insert(pending.end(), e->operands.begin(), e->operands.end());
  }
  EXPECT_EQ(files, std::set<std::string>{"t.mask"});
  EXPECT_EQ(lines, (std::set<unsigned>{2, 3})) << "the call and its argument";
}

TEST(LibraryCall, ErrorsPointAtTheArgument) {
  EXPECT_EQ(messages("space (8, 48);\nmask neighborhood(window = (7, 49));"),
            "t.mask:3:32: error: axis 1: a window of 49 with dilation 1 does not fit in 48 positions\n"
            "  mask neighborhood(window = (7, 49));\n"
            "                                 ^\n"
            "  hint: window * dilation must be at most the extent of the axis\n");
  EXPECT_EQ(messages("space (8, 48); mask neighborhood(window = (7, 1), stride = (9, 1));"),
            "t.mask:2:47: error: axis 1: the window is 1, must be at least 2\n"
            "  space (8, 48); mask neighborhood(window = (7, 1), stride = (9, 1));\n"
            "                                                ^\n"
            "  hint: a window counts the query's own position too\n"
            "t.mask:2:61: error: axis 0: the stride is 9, must be in 1..7, the window\n"
            "  space (8, 48); mask neighborhood(window = (7, 1), stride = (9, 1));\n"
            "                                                              ^\n"
            "  hint: with a larger stride some queries would not see themselves\n");
  EXPECT_EQ(
      brief("space (8, 48); mask neighborhood(window = 7, dilation = (1, 8));"),
      "43: axis 1: a window of 7 with dilation 8 does not fit in 48 positions | window * dilation must be at "
      "most the extent of the axis\n");
  EXPECT_EQ(
      brief("mask neighborhood(window = (7, 7));"),
      "6: a window over 2 axes needs a token space | declare it before: 'space (48, 80);'; without one a "
      "neighbourhood has one axis, the sequence\n");
  EXPECT_EQ(
      brief("space (4, 4); mask neighborhood(window = (2, 2, 2));"),
      "43: 'window' has 3 entries, the token space has 2 axes | give one entry for each axis, or one for "
      "all\n");
  EXPECT_EQ(brief("space (12, 15); mask sliding_tile(window = 3, tile = (2, 4));"),
            "58: axis 1: 15 positions cannot be cut into tiles of 4 | the tile must divide the extent of the "
            "axis\n");
  EXPECT_EQ(brief("mask sliding_tile(window = 3, tile = 4);"),
            "6: 'sliding_tile' needs a token space | declare it before: 'space (30, 48, 80);'\n");
  EXPECT_EQ(brief("aux d[b]: i32; mask documents(doc = d);"),
            "37: the tensor 'd' must have one entry a token | give it an axis q or k, besides b, h or kvh: "
            "'aux d[b, "
            "q]: i32;'\n");
  EXPECT_EQ(brief("aux d[8, 4]: i32; mask slice_table(slices = d);"),
            "45: the tensor 'd' must hold five numbers for each of at most 256 slices | declare it as 'aux "
            "d[8, 5]: "
            "i32;'\n");
  EXPECT_EQ(
      brief("param w = 3; mask dilated_window(window = 4, dilation = w);"),
      "57: the divisor 'w' can be 0: its range is 0..2147483647 | declare it as 'param w in 1..2147483647 = "
      "3;'\n");
}

TEST(LibraryCall, WrongCalls) {
  EXPECT_EQ(messages("mask sliding_windwo(window = 3);"),
            "t.mask:2:6: error: unknown function 'sliding_windwo'\n"
            "  mask sliding_windwo(window = 3);\n"
            "       ^\n"
            "  hint: did you mean 'sliding_window'?\n");
  EXPECT_EQ(brief("mask completely_new(x = 3);"),
            "6: unknown function 'completely_new' | docs/language.md lists the functions of the library\n");
  EXPECT_EQ(brief("mask sliding_window;"),
            "6: 'sliding_window' is a function of the library | call it: 'sliding_window(window = ...)'\n");
  EXPECT_EQ(brief("mask sliding_window(3);"),
            "21: expected an argument of 'sliding_window' by name, found '3' | write "
            "'sliding_window(window = ...)'\n");
  EXPECT_EQ(brief("mask sliding_window();"),
            "6: 'sliding_window' needs the argument 'window' | write 'sliding_window(window = ...)'\n");
  EXPECT_EQ(brief("mask global_window(window = 3);"),
            "6: 'global_window' needs the argument 'global' | write 'global_window(global = ..., window = "
            "..., causal "
            "= false)'\n");
  EXPECT_EQ(brief("mask sliding_window(windwo = 3);"),
            "21: 'sliding_window' has no argument 'windwo' | did you mean 'window'?\n");
  EXPECT_EQ(brief("mask sliding_window(x = 3);"),
            "21: 'sliding_window' has no argument 'x' | its arguments are 'sliding_window(window = ...)'\n");
  EXPECT_EQ(brief("mask sliding_window(window = 3, window = 4);"),
            "33: the argument 'window' is given twice\n30: the first one is here\n");
  EXPECT_EQ(brief("mask sliding_window(window = q < 3);"),
            "30: the argument 'window' must be an integer, found a mask\n");
  EXPECT_EQ(brief("mask global_window(global = 1, window = 2, causal = 1);"),
            "53: expected 'true' or 'false' for 'causal', found '1'\n");
  EXPECT_EQ(
      brief("param w = 3; mask neighborhood(window = w);"),
      "41: the argument 'window' must be made of integer constants | it decides whether the mask is legal, "
      "which is checked before any run\n");
  EXPECT_EQ(brief("mask neighborhood(window = (3, 3;"),
            "33: expected ')' after the entries of 'window', found ';'\n");
  EXPECT_EQ(brief("mask neighborhood(window = 3 dilation = 2);"),
            "30: expected ')' after the arguments of 'neighborhood', found 'dilation'\n");
  EXPECT_EQ(
      brief("mask slice(queries = 3, keys = (1, 2));"),
      "22: expected '(' before the range 'queries', found '3' | ranges are half-open: '(begin, end)'\n");
  EXPECT_EQ(brief("mask slice(queries = (3), keys = (1, 2));"),
            "24: expected ',' between the begin and the end of the range, found ')' | ranges are half-open: "
            "'(begin, "
            "end)'\n");
  EXPECT_EQ(brief("mask documents(doc = doc);"),
            "22: unknown tensor 'doc' | declare it first: 'aux doc[b, q]: i32;'\n");
  EXPECT_EQ(brief("aux docs[b, q]: i32; mask documents(doc = dosc);"),
            "43: unknown tensor 'dosc' | did you mean 'docs'?\n");
  EXPECT_EQ(brief("mask documents(doc = 3);"),
            "22: expected the name of an i32 tensor for 'doc', found '3'\n");
  EXPECT_EQ(brief("aux d[b, q]: f32; mask documents(doc = d);"),
            "40: the argument 'doc' must be an i32 tensor, 'd' is f32\n");
  EXPECT_EQ(brief("mask all; score soft_cap(cap = h);"), "32: the argument 'cap' must be a number\n");
  EXPECT_EQ(
      brief("mask soft_cap(cap = 3);"),
      "6: a mask must be true or false, found a float | compare it with something, for example '... >= 0'\n"
      "6: a mask cannot use a floating-point number | masks are over integers; scores may use floats\n");
}

TEST(LibraryCall, HasLimits) {
  std::string many;
  for (int i = 0; i < 1001; ++i) many += "let e" + std::to_string(i) + " = prefix(prefix = 3); ";
  EXPECT_EQ(brief(many + "mask all;").substr(7),
            "a file may call library functions 1000 times | split it into several files\n");
  // A call is measured with all that it is called with.
  std::string doubling = "let a0 = q;";
  for (int i = 0; i < 14; ++i)
    doubling +=
        " let a" + std::to_string(i + 1) + " = a" + std::to_string(i) + " + a" + std::to_string(i) + ";";
  EXPECT_EQ(brief(doubling + "\nmask sliding_window(window = a14) ;"), "");
  EXPECT_EQ(brief(doubling + "\nmask slice(queries = (a14, a14), keys = (a14, a14), causal = true);"),
            "6: the expression has more than 100000 operations | each use of a 'let' counts in full\n");
}
