// The emitted C++ of whole patterns, compiled by the host: masks and scores agree with the interpreter at
// every point, tiles with the host's walk of the same schedule, boxes of the planner with enumeration.
#include "AgreementCases.h"
#include "AgreementOutputs.h"
#include "EmittedPattern.h"
#include "HostModule.h"

#include "maskloom/codegen/Compile.h"
#include "maskloom/codegen/emit/EmitClassify.h"
#include "maskloom/program/ScheduleWalker.h"
#include "maskloom/templates/args.cuh"
#include "tests/support/ExprPredicate.h"
#include "tests/support/Seed.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <csignal>

#include <unistd.h>

namespace maskloom {
namespace {

using testing::AgreementOutputs;
using testing::Case;
using testing::HostModule;

/// Random patterns; MASKLOOM_RANDOM_CASES asks for more. 68 a translation unit: four of each feature.
constexpr int kRandomCases = 2000, kIntervalCases = 272, kScoreCases = 136, kCasesPerUnit = 68;

using Fill = void(const ForwardArgs *args, int batch, int head, const AgreementOutputs *out);

/// Everything a case needs to be run: its program and the launch arguments made from its problem.
struct Prepared {
  Case c;
  Program program;
  std::vector<int> queryLengths, keyLengths;
  ForwardArgs args = {};

  void fillArguments() {
    const Problem &p = c.problem;
    args.batch = static_cast<int>(p.batch);
    args.heads = static_cast<int>(p.heads);
    args.kv_heads = static_cast<int>(p.kvHeads);
    args.queries = static_cast<int>(p.queries);
    args.keys = static_cast<int>(p.keys);
    args.has_query_offset = p.queryOffset.has_value();
    args.query_offset = p.queryOffset.value_or(0);
    args.key_offset = p.keyOffset;
    queryLengths.assign(p.queryLengths.begin(), p.queryLengths.end());
    keyLengths.assign(p.keyLengths.begin(), p.keyLengths.end());
    args.query_lengths = queryLengths.empty() ? nullptr : queryLengths.data();
    args.key_lengths = keyLengths.empty() ? nullptr : keyLengths.data();
    for (size_t i = 0; i < program.params.size(); i++) {
      auto value = p.params.find(program.params[i].name);
      args.params[i] = value != p.params.end() ? value->second : program.params[i].defaultValue;
    }
    for (size_t i = 0; i < program.auxes.size(); i++) {
      const AuxValue &value = p.aux.at(program.auxes[i].name);
      AuxArg &aux = args.aux[i];
      aux.data =
          program.auxes[i].isFloat ? static_cast<const void *>(value.floats.data()) : value.ints.data();
      long long stride = 1;
      for (size_t axis = 3; axis-- > 0;) {
        aux.extents[axis] = axis < value.extents.size() ? value.extents[axis] : 1;
        aux.strides[axis] = axis < value.extents.size() ? stride : 0;
        stride *= aux.extents[axis];
      }
    }
  }
};

/// Overflow in the module ends the process: what ran is printed first.
class NamedWhenTrapped {
public:
  explicit NamedWhenTrapped(std::string text) : text_(std::move(text)) {
    running = this;
    for (int signal : {SIGABRT, SIGILL}) std::signal(signal, print);
  }
  ~NamedWhenTrapped() {
    for (int signal : {SIGABRT, SIGILL}) std::signal(signal, SIG_DFL);
  }

private:
  static void print(int signal) {
    std::signal(signal, SIG_DFL);
    if (write(STDERR_FILENO, running->text_.data(), running->text_.size()) >= 0) std::raise(signal);
  }
  static inline const NamedWhenTrapped *running = nullptr;
  std::string text_;
};

class PatternAgreement : public ::testing::Test {
protected:
  /// Generates every case and compiles all of them as one translation unit.
  void build(std::vector<Case> cases) {
    std::string source = "#include \"" MASKLOOM_AGREEMENT_HARNESS "\"\n";
    for (Case &c : cases) {
      Prepared prepared;
      prepared.c = std::move(c);
      CodegenOptions options;
      options.config.tileQueries = static_cast<int32_t>(prepared.c.tile.queries);
      options.config.tileKeys = static_cast<int32_t>(prepared.c.tile.keys);
      options.constants = prepared.c.problem.params;
      CodegenResult result = generate(prepared.c.pattern, options);
      ASSERT_TRUE(result.program) << prepared.c.text << result.internalError << render(result.diagnostics);
      prepared.program = std::move(*result.program);
      source += harness(prepared.program, prepared_.size());
      prepared_.push_back(std::move(prepared));
    }
    for (Prepared &prepared : prepared_) prepared.fillArguments();
    std::string error;
    module_ = HostModule::compile(source, error);
    ASSERT_TRUE(module_) << error.substr(0, 4000);
  }

  /// Cases first .. first + count - 1.
  void compareInUnits(std::vector<Case> (*cases)(int first, int count), int first, int count) {
    for (int done = 0; done < count && !HasFatalFailure(); done += kCasesPerUnit) {
      prepared_.clear();
      build(cases(first + done, std::min(kCasesPerUnit, count - done)));
      if (!HasFatalFailure()) compareAll();
    }
  }

  static std::string harness(const Program &program, size_t number) {
    std::string space = fmt::format("case_{}", number);
    std::string text = emittedPattern(program.kernel.source, space) +
                       fmt::format("namespace maskloom::kernel::{} {{\n", space);
    std::string choices;
    for (size_t i = 0; i < program.groups.size(); i++) {
      text += fmt::format("struct Boxes{} {{\n{}}};\n", i,
                          emit::emitClassify(program, program.groups[i].predicate));
      choices += fmt::format("    if (group == {0}) return Boxes{0}::classify(c, box);\n", i);
    }
    text += fmt::format("struct Classifiers {{\n  static int classify(int group, const Context &c, Box box) "
                        "{{\n{}    return -1;\n  }}\n}};\n}}\n",
                        choices);
    text +=
        fmt::format("extern \"C\" __attribute__((visibility(\"default\")))\n"
                    "void {0}(const maskloom::ForwardArgs *args, int batch, int head, "
                    "const maskloom::testing::AgreementOutputs *out) {{\n"
                    "  using namespace maskloom::kernel;\n"
                    "  fill_case<{0}::Pattern, {0}::Classifiers, {0}::Config>(*args, batch, head, *out);\n"
                    "}}\n",
                    space);
    return text;
  }

  void compareAll() {
    for (size_t i = 0; i < prepared_.size(); i++) {
      const Prepared &prepared = prepared_[i];
      Interpreter interpreter(prepared.c.pattern, prepared.c.problem);
      for (int b = 0; b < prepared.args.batch; b++)
        for (int h = 0; h < prepared.args.heads; h++) {
          compare(i, prepared, interpreter, b, h);
          if (HasFatalFailure()) return;
        }
    }
  }

  void compare(size_t number, const Prepared &prepared, const Interpreter &interpreter, int b, int h) {
    const std::string what = fmt::format("{}\nbatch entry {}, head {}\n", prepared.c.text, b, h);
    SCOPED_TRACE(what);
    const NamedWhenTrapped named(what + prepared.program.kernel.source);
    const Problem &problem = prepared.c.problem;
    const int64_t rows = problem.queryLength(b), columns = problem.keyLength(b);
    const auto [tileRows, tileColumns] = prepared.c.tile;
    const int64_t outer = ceilDiv(rows, tileRows), inner = ceilDiv(columns, tileColumns);
    const size_t pairs = static_cast<size_t>(rows * columns), tilePairs = static_cast<size_t>(outer * inner);
    std::vector<unsigned char> visible(pairs), intervals(pairs), words(pairs), tiles(tilePairs),
        boxes(tilePairs);
    std::vector<float> scores(std::size(AgreementOutputs::kScores) * pairs), rowScores(scores.size(), NAN);
    const AgreementOutputs out = {visible.data(), intervals.data(), words.data(),    tiles.data(),
                                  boxes.data(),   scores.data(),    rowScores.data()};
    module_->function<Fill>(fmt::format("case_{}", number))(&prepared.args, b, h, &out);
    for (int64_t row = 0; row < rows; row++)
      for (int64_t column = 0; column < columns; column++)
        ASSERT_EQ(interpreter.visible(b, h, row, column),
                  visible[static_cast<size_t>(row * columns + column)] != 0)
            << "row " << row << ", column " << column << "\n"
            << prepared.program.kernel.source;

    groups_++;
    intervalGroups_ += !intervals.empty() && intervals[0] != 2;
    for (size_t i = 0; i < visible.size(); i++) {
      ASSERT_EQ(visible[i], words[i]) << "row " << i / static_cast<size_t>(columns) << ", column "
                                      << i % static_cast<size_t>(columns) << "\n"
                                      << prepared.program.kernel.source;
      ASSERT_TRUE(intervals[i] == 2 || intervals[i] == visible[i])
          << "row " << i / static_cast<size_t>(columns) << ", column " << i % static_cast<size_t>(columns)
          << "\n"
          << prepared.program.kernel.source;
    }

    testing::ContextOf context(prepared.program, problem, b, h);
    const HeadGroupProgram &group = prepared.program.groups[groupOf(prepared.program, h, context->kvHead)];
    for (int64_t q = 0; q < outer; q++) {
      std::vector<int> walked(static_cast<size_t>(inner), 0);
      walk(prepared.program, group, Orientation::Forward, *context, q, [&](const Stretch &stretch) {
        for (int64_t x = stretch.first; x <= stretch.last; x++)
          walked[static_cast<size_t>(x)] = stretch.partial ? 1 : 2;
      });
      for (int64_t x = 0; x < inner; x++) {
        bool any = false, all = true;
        for (int64_t row = q * tileRows; row < std::min(rows, (q + 1) * tileRows); row++)
          for (int64_t column = x * tileColumns; column < std::min(columns, (x + 1) * tileColumns);
               column++) {
            bool sees = visible[static_cast<size_t>(row * columns + column)];
            any |= sees;
            all &= sees;
          }
        int tile = tiles[static_cast<size_t>(q * inner + x)], box = boxes[static_cast<size_t>(q * inner + x)];
        // The interval classes of the device: 0 empty, 1 partial, 2 full, as the walk's.
        ASSERT_FALSE(box == 0 && any) << "box called empty: Q tile " << q << ", KV tile " << x;
        ASSERT_FALSE(box == 2 && !all) << "box called full: Q tile " << q << ", KV tile " << x;
        ASSERT_FALSE(tile == 0 && any) << "tile called empty: Q tile " << q << ", KV tile " << x;
        ASSERT_FALSE(tile == 2 && !all) << "tile called full: Q tile " << q << ", KV tile " << x;
        if (group.forward.closedForm) {
          ASSERT_EQ(walked[static_cast<size_t>(x)], tile) << "Q tile " << q << ", KV tile " << x << "\n"
                                                          << prepared.program.kernel.source;
        }
        decidedBoxes_ += box != 1;
        boxes_++;
      }
    }
    compareScores(prepared, interpreter, b, h, scores, rowScores);
  }

  void compareScores(const Prepared &prepared, const Interpreter &interpreter, int b, int h,
                     const std::vector<float> &scores, const std::vector<float> &rowScores) {
    const int64_t rows = prepared.c.problem.queryLength(b), columns = prepared.c.problem.keyLength(b);
    for (size_t i = 0; i < std::size(AgreementOutputs::kScores); i++) {
      const float s = AgreementOutputs::kScores[i];
      for (int64_t row = 0; row < rows; row += 7)
        for (int64_t column = 0; column < columns; column += 5) {
          const size_t at = static_cast<size_t>((static_cast<int64_t>(i) * rows + row) * columns + column);
          const double expected = interpreter.score(s, b, h, row, column);
          const double tolerance = 1e-5 * (1 + std::abs(expected));
          ASSERT_NEAR(expected, scores[at], tolerance);
          if (!prepared.program.hasScore) continue;
          ASSERT_NEAR(expected, rowScores[at], prepared.c.scoreTolerance * tolerance)
              << "row " << row << ", column " << column << ", s " << s << "\n"
              << prepared.c.text << "\n"
              << prepared.program.kernel.source;
        }
    }
  }

  std::vector<Prepared> prepared_;
  std::unique_ptr<HostModule> module_;
  int64_t boxes_ = 0, decidedBoxes_ = 0;
  int64_t groups_ = 0, intervalGroups_ = 0; ///< of every head
};

TEST(HostModule, OverflowEndsTheProcessAndNamesTheCase) {
  std::string error;
  const auto module = HostModule::compile(
      "extern \"C\" __attribute__((visibility(\"default\"))) int next(int a) { return a + 1; }", error);
  ASSERT_TRUE(module) << error;
  auto *next = module->function<int(int)>("next");
  EXPECT_EQ(next(1), 2);
  EXPECT_DEATH(
      {
        const NamedWhenTrapped named("mask of the case");
        next(INT32_MAX);
      },
      "mask of the case");
}

TEST_F(PatternAgreement, Library) {
  build(testing::libraryCases());
  if (HasFatalFailure()) return;
  compareAll();
  EXPECT_GT(intervalGroups_, groups_ / 3);
  EXPECT_GT(decidedBoxes_, boxes_ / 4) << "the planner's boxes decide hardly any tile";
}

/// In tests of their own, which run side by side.
class RandomPatternAgreement : public PatternAgreement, public ::testing::WithParamInterface<int> {};

TEST_P(RandomPatternAgreement, AllForms) {
  const int cases = testing::casesOfThisRun(kRandomCases) / 4;
  compareInUnits(testing::randomCases, GetParam() * cases, cases);
  if (HasFatalFailure()) return;
  EXPECT_GT(intervalGroups_, groups_ / 8);
  EXPECT_GT(decidedBoxes_, boxes_ / 10) << "the planner's boxes decide hardly any tile";
}

INSTANTIATE_TEST_SUITE_P(Quarters, RandomPatternAgreement, ::testing::Range(0, 4));

TEST_F(PatternAgreement, RandomIntervals) {
  compareInUnits(testing::intervalCases, 0, testing::casesOfThisRun(kIntervalCases));
  if (HasFatalFailure()) return;
  EXPECT_GT(intervalGroups_, groups_ / 2) << "most of these masks are intervals";
}

TEST_F(PatternAgreement, RandomScores) {
  compareInUnits(testing::scoreCases, 0, testing::casesOfThisRun(kScoreCases));
}

} // namespace
} // namespace maskloom
