// generate() and analyze() over the pattern library and random patterns: predicates against the interpreter,
// diagnostics with their texts, dumps, time.
#include "maskloom/codegen/Compile.h"
#include "maskloom/dsl/Parser.h"
#include "maskloom/dsl/Patterns.h"
#include "maskloom/program/PredicateEvaluation.h"
#include "maskloom/program/ProgramJson.h"
#include "tests/support/ExprPredicate.h"
#include "tests/support/RandomPattern.h"
#include "tests/support/ReadFile.h"
#include "tests/support/Seed.h"
#include "tests/support/TemporaryDirectory.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <random>
#include <thread>

using namespace maskloom;
using maskloom::testing::ContextOf;

namespace {

std::vector<Pattern> library() {
  patterns::LocalStride grouped;
  grouped.heads = 8;
  grouped.denseHeads = 2;
  return {patterns::causal(),   patterns::slidingWindow(), patterns::sinkWindow(),
          patterns::prefix(),   patterns::localStride(),   patterns::localStride(grouped),
          patterns::twoRange(), patterns::documents(),     patterns::blockTable(64, 64, true),
          patterns::alibi(),    patterns::softCap()};
}

/// A problem of 8 heads on 4, two batch entries, with random small aux contents for every tensor.
Problem problemFor(const Pattern &pattern, uint64_t seed) {
  std::mt19937_64 random(seed);
  Problem problem;
  problem.batch = 2;
  problem.heads = 8;
  problem.kvHeads = 4;
  problem.queries = 700;
  problem.keys = 900;
  problem.queryLengths = {700, 311};
  problem.keyLengths = {900, 512};
  for (const auto &aux : pattern.auxes) {
    AuxValue &value = problem.aux[aux->name];
    int64_t size = 1;
    for (const AuxAxis &axis : aux->axes) {
      int64_t extent = axis.extent;
      if (axis.kind == AuxAxis::Kind::Batch) extent = problem.batch;
      if (axis.kind == AuxAxis::Kind::Head) extent = problem.heads;
      if (axis.kind == AuxAxis::Kind::KvHead) extent = problem.kvHeads;
      if (axis.kind == AuxAxis::Kind::Query || axis.kind == AuxAxis::Kind::Key)
        extent = ceilDiv(900, axis.block);
      value.extents.push_back(extent);
      size *= extent;
    }
    for (int64_t i = 0; i < size; ++i) {
      if (aux->type == AuxType::F32)
        value.floats.push_back(static_cast<float>(random() % 100) / 50.f);
      else
        value.ints.push_back(static_cast<int32_t>(random() % 3));
    }
  }
  return problem;
}

/// Number of points where the program's predicate and the interpreter differ.
int disagreements(const Pattern &pattern, const Program &program, const Problem &problem, int points,
                  uint64_t seed) {
  Interpreter interpreter(pattern, problem);
  std::mt19937_64 random(seed);
  int wrong = 0;
  for (int i = 0; i < points; ++i) {
    auto below = [&](int64_t bound) { return static_cast<int64_t>(random() % static_cast<uint64_t>(bound)); };
    int64_t b = below(problem.batch), h = below(problem.heads);
    if (problem.queryLength(b) == 0 || problem.keyLength(b) == 0) continue;
    int64_t row = below(problem.queryLength(b)), column = below(problem.keyLength(b));
    ContextOf context(program, problem, b, h);
    const HeadGroupProgram &group = program.groups[groupOf(program, h, context->kvHead)];
    bool visible =
        evaluate(program, group.predicate, *context, row + context->queryOffset, column + context->keyOffset);
    wrong += visible != interpreter.visible(b, h, row, column);
  }
  return wrong;
}

Pattern parseOne(const std::string &text) {
  ParseResult parsed = parsePatterns(text, "test.mask");
  EXPECT_TRUE(parsed.ok()) << render(parsed.diagnostics);
  return parsed.patterns.at(0);
}

std::string messages(const CodegenResult &result) {
  std::string text = result.internalError;
  for (const Diagnostic &d : result.diagnostics)
    text += fmt::format("{}:{}: {} | {}\n", d.loc.line, d.loc.column, d.message, d.hint);
  return text;
}

} // namespace

TEST(Compile, LibraryPredicatesAgreeWithTheInterpreter) {
  for (const Pattern &pattern : library()) {
    Problem problem = problemFor(pattern, 7);
    ASSERT_TRUE(checkProblem(pattern, problem).empty())
        << pattern.name << ": " << checkProblem(pattern, problem).front();
    CodegenResult result = analyze(pattern, {128, 64});
    ASSERT_TRUE(result.program) << pattern.name << ": " << messages(result);
    EXPECT_EQ(result.program->groups.size(), pattern.groupCount());
    EXPECT_EQ(disagreements(pattern, *result.program, problem, 4000, 11), 0) << pattern.name;
  }
}

TEST(Compile, RandomPredicatesAgreeWithTheInterpreter) {
  const uint64_t seed = maskloom::testing::seedOfThisRun();
  const auto cases = static_cast<uint64_t>(maskloom::testing::casesOfThisRun(100));
  for (uint64_t i = 0; i < cases; ++i) {
    maskloom::testing::RandomCase c = maskloom::testing::randomCase(seed, i);
    CodegenResult result = analyze(c.pattern, {c.tileQueries, c.tileKeys}, c.problem.params);
    ASSERT_TRUE(result.program) << c.describe() << messages(result);
    EXPECT_EQ(disagreements(c.pattern, *result.program, c.problem, 300, i), 0) << c.describe();
  }
}

TEST(Compile, DeclarationsReachTheProgram) {
  Pattern pattern =
      parseOne("pattern p { param w in 1..4096 = 16; param stride in 1..64 = 8; aux table[h, q, 4]: i32;\n"
               "aux sinks[h]: f32; sink sinks;\n"
               "heads 0..1: q - k < w; heads 2..3: (k + h) % stride == 0 && table[h, q, 2] > 0; }");
  CodegenResult result = analyze(pattern, {64, 64}, {{"stride", 16}});
  ASSERT_TRUE(result.program) << messages(result);
  const Program &program = *result.program;
  EXPECT_EQ(program.name, "p");
  EXPECT_EQ(program.hash.size(), 32u);
  ASSERT_EQ(program.params.size(), 2u);
  EXPECT_EQ(program.params[0], (ProgramParam{"w", 16, 1, 4096, false}));
  EXPECT_EQ(program.params[1], (ProgramParam{"stride", 16, 1, 64, true}));
  ASSERT_EQ(program.auxes.size(), 2u);
  using Kind = ProgramAux::Axis::Kind;
  EXPECT_EQ(program.auxes[0],
            (ProgramAux{"table", false, {{Kind::Head, 1, 0}, {Kind::Query, 1, 0}, {Kind::Fixed, 1, 4}}}));
  EXPECT_EQ(program.sinkAux, 1);
  EXPECT_EQ(program.blocksAux, -1);
  ASSERT_EQ(program.groups.size(), 2u);
  EXPECT_EQ(program.groups[1].first, 2);
  EXPECT_EQ(program.groups[1].last, 3);
  EXPECT_TRUE(program.groups[0].forward.closedForm);
  EXPECT_FALSE(program.groups[1].forward.closedForm);
  EXPECT_FALSE(program.remarks.empty());
  // Another value of a compiled-in parameter is another pattern; another value of a linear one is not.
  EXPECT_NE(analyze(pattern, {64, 64}, {{"stride", 8}}).program->hash, program.hash);
  EXPECT_EQ(analyze(pattern, {64, 64}, {{"stride", 16}, {"w", 99}}).program->hash, program.hash);
}

TEST(Compile, LoadsByHeadAndBatchAloneBecomeScalars) {
  Pattern pattern = parseOne("pattern p { aux length[b]: i32; aux window[h]: i32; causal; \n"
                             "mask k < length[b] && q - k < window[h] && k <= length[b]; }");
  CodegenResult result = analyze(pattern, {64, 64});
  ASSERT_TRUE(result.program) << messages(result);
  ASSERT_EQ(result.program->auxScalars.size(), 2u) << "the two loads of length[b] are one scalar";
  EXPECT_TRUE(result.program->groups[0].forward.closedForm) << result.program->groups[0].forward.remark;
  Problem problem = problemFor(pattern, 3);
  for (int32_t &value : problem.aux["length"].ints) value = 400;
  for (int32_t &value : problem.aux["window"].ints) value = 150;
  EXPECT_EQ(disagreements(pattern, *result.program, problem, 3000, 5), 0);
}

TEST(Compile, BadInputIsReportedAtItsPlace) {
  CodegenResult overflow = analyze(
      parseOne("pattern p {\n  param w in 0..9223372036854775807 = 1;\n  mask q + w + w > k;\n}"), {64, 64});
  EXPECT_FALSE(overflow.program);
  EXPECT_EQ(overflow.internalError, "");
  EXPECT_NE(messages(overflow).find("3:"), std::string::npos) << messages(overflow);
  EXPECT_NE(messages(overflow).find("expected an integer that fits 64 bits; this one may reach 2^64 | "
                                    "declare narrower parameter ranges, or make the constants smaller"),
            std::string::npos)
      << messages(overflow);

  for (const char *declared : {"n in -9223372036854775808..10 = 5", "n in 0..17179869184 = 5"}) {
    CodegenResult wide = analyze(
        parseOne("pattern p {\n  param " + std::string(declared) + ";\n  mask q - k < n;\n}"), {64, 64});
    EXPECT_FALSE(wide.program);
    EXPECT_NE(messages(wide).find("3:"), std::string::npos) << messages(wide);
    EXPECT_NE(
        messages(wide).find("expected a parameter that stays below 2^34 in size; this one may reach 2^"),
        std::string::npos)
        << messages(wide);
  }
  EXPECT_TRUE(
      analyze(parseOne("pattern p { param n in -17179869184..17179869183 = 5; mask q - k < n; }"), {64, 64})
          .program);

  Pattern strided = parseOne("pattern p { param stride in 1..64 = 8; mask k % stride == 0; }");
  CodegenResult range = analyze(strided, {64, 64}, {{"stride", 65}});
  EXPECT_FALSE(range.program);
  EXPECT_NE(messages(range).find("expected parameter 'stride' in 1..64, found 65"), std::string::npos)
      << messages(range);
  CodegenResult unknown = analyze(strided, {64, 64}, {{"strude", 4}});
  EXPECT_FALSE(unknown.program);
  EXPECT_NE(messages(unknown).find("expected a parameter of pattern 'p', found 'strude'"), std::string::npos)
      << messages(unknown);
  CodegenResult tile = analyze(strided, {0, 64});
  EXPECT_FALSE(tile.program);
  EXPECT_NE(messages(tile).find("expected positive tile extents, found 0x64"), std::string::npos)
      << messages(tile);
}

TEST(Compile, DumpsEachStepInOrder) {
  const TemporaryDirectory temporary;
  const std::filesystem::path folder = temporary.path() / "dump";
  CodegenOptions options;
  options.cuda = false;
  options.dumpDir = folder.string();
  CodegenResult result = generate(patterns::localStride(), options);
  ASSERT_TRUE(result.program) << messages(result);
  std::vector<std::string> names;
  for (const auto &entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"00-import.mlir", "01-canonicalize.mlir", "02-check-ranges.mlir",
                                             "03-derive-schedule.mlir", "04-lower-to-arith.mlir"}));
  const std::string last = readFile(folder / "04-lower-to-arith.mlir");
  EXPECT_NE(last.find("func.func @visible_0(%q: i32, %k: i32) -> i1"), std::string::npos) << last;

  options.dumpDir = "/dev/null/nowhere";
  CodegenResult unwritable = generate(patterns::causal(), options);
  EXPECT_FALSE(unwritable.program);
  EXPECT_EQ(unwritable.internalError, "");
  EXPECT_TRUE(unwritable.machineError.starts_with("cannot write /dev/null/nowhere"))
      << unwritable.machineError;
}

TEST(Compile, ThreadsShareNothing) {
  auto compileAll = [] {
    std::string all;
    for (const Pattern &pattern : library())
      all += toJson(*analyze(pattern, {128, 64}).program, false).dump();
    return all;
  };
  std::string alone = compileAll();
  std::array<std::string, 4> together;
  std::vector<std::thread> threads;
  for (std::string &result : together) threads.emplace_back([&] { result = compileAll(); });
  for (std::thread &thread : threads) thread.join();
  for (const std::string &result : together) EXPECT_EQ(result, alone);
}

// Nearly as deep as the checks allow, and wide: no stack overflow, no explosion.
TEST(Compile, TheLargestMasksCompile) {
  Index q = query(), k = key(), deep = q;
  Mask wide = k >= 0;
  for (int i = 0; i < 900; ++i) deep = i % 2 ? max(deep, k - i) : deep - k;
  for (int i = 0; i < 400; ++i) wide = wide && (q % (i + 2) != k % (i + 3));
  CodegenOptions options;
  options.cuda = false;
  for (const Mask &mask : {deep > 0, wide}) {
    Pattern pattern("large", mask);
    std::clock_t before = std::clock();
    CodegenResult result = generate(pattern, options);
    double processor = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
    ASSERT_TRUE(result.program) << messages(result);
    fmt::print("{:.3f} s of processor time\n", processor);
    EXPECT_LT(processor, 20);
    EXPECT_EQ(disagreements(pattern, *result.program, problemFor(pattern, 1), 200, 2), 0);
  }
}

TEST(Compile, GeneratorIdNamesVersionAndSources) {
  EXPECT_EQ(generatorId().rfind("maskloom ", 0), 0u) << generatorId();
  EXPECT_GE(generatorId().size(), 32u + 10u);
}

// The bound is generous and on processor time, because a machine that runs tests is loaded; the measured
// times are printed.
TEST(Compile, FromPatternToLoweredFormIsFast) {
  CodegenOptions options;
  options.cuda = false;
  for (const Pattern &pattern : library()) {
    auto start = std::chrono::steady_clock::now();
    std::clock_t before = std::clock();
    CodegenResult result = generate(pattern, options);
    double processor = 1e3 * static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
    std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - start;
    ASSERT_TRUE(result.program) << messages(result);
    fmt::print("{:<16} {:7.2f} ms of processor time, {:7.2f} ms\n", pattern.name, processor, wall.count());
    EXPECT_LT(processor, 100) << pattern.name;
  }
}

/// Systems with coefficients in the thousands and few integer points, whose sampling takes seconds.
TEST(Compile, HardSystemsAreGivenUp) {
  ParseResult parsed = parsePatterns(R"(
    pattern p {
      param width in 0..2147483647 = 30;
      aux start[b, q]: i32;
      aux length[b]: i32;
      mask width % 62 != max((q - k) * 5, q) && (k / 20 + h) % 5 == 0
        || select(select(start[b, q] < q, k * -2, k + length[b] / 49) < length[b],
                  q - width - length[b] == k * -4 / 38, q / 2 != q - k);
    })",
                                     "hard.mask");
  ASSERT_TRUE(parsed.ok()) << render(parsed.diagnostics);
  CodegenOptions options;
  options.config.tileQueries = 32;
  options.config.tileKeys = 16;
  std::clock_t before = std::clock();
  CodegenResult result = generate(parsed.patterns.at(0), options);
  const double processor = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  ASSERT_TRUE(result.program) << messages(result);
  fmt::print("{:.2f} s of processor time\n", processor);
  EXPECT_LT(processor, 2.5);
}
