// The emitted C++ of whole patterns, compiled by the host: masks and scores agree with the interpreter at
// every point, tiles with the host's walk of the same schedule, boxes of the planner with enumeration.
#include "AgreementCases.h"
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

namespace maskloom {
namespace {

using testing::Case;
using testing::HostModule;

/// Random patterns; MASKLOOM_RANDOM_CASES asks for more. 68 a translation unit: four of each feature.
constexpr int kRandomCases = 204, kIntervalCases = 136, kScoreCases = 136, kCasesPerUnit = 68;

/// What the emitted source offers to the test, one set of functions a case.
const char *const kHarness = R"(
#define EXPORT extern "C" __attribute__((visibility("default")))
namespace maskloom::kernel {
template <class Pattern, class Use> void with_group(const Context &c, Use use) { Pattern::dispatch(Pattern::group_of(c), use); }

template <class Pattern> void fill_visible(const Context &c, unsigned char *out) {
  with_group<Pattern>(c, [&](auto group) {
    for (int row = 0; row < c.query_length; ++row)
      for (int column = 0; column < c.key_length; ++column)
        *out++ = decltype(group)::visible(c, (int)(row + c.query_offset), (int)(column + c.key_offset));
  });
}

// 1 where intervals and conditions say so; all 2 when the group is not made of those.
template <class Pattern> void fill_intervals(const Context &c, unsigned char *out) {
  with_group<Pattern>(c, [&](auto group) {
    using Group = decltype(group);
    constexpr int intervals = max(Group::kIntervals, 1), flags = max(Group::kFlags, 1), pairs = max(Group::kPairs, 1);
    for (int row = 0; row < c.query_length; ++row) {
      int first[intervals], last[intervals];
      const int q = (int)(row + c.query_offset);
      Group::intervals(c, q, first, last);
      if (!Group::same(Group::pair_row(c, q), Group::pair_row(c, q))) __builtin_trap();
      for (int column = 0; column < c.key_length; ++column) {
        const int k = (int)(column + c.key_offset);
        unsigned inside[intervals] = {}, holds[flags] = {}, sees[pairs] = {};
        for (int i = 0; i < Group::kIntervals; ++i) inside[i] = first[i] <= k && k <= last[i];
        for (int i = 0; i < Group::kFlags; ++i) holds[i] = Group::flags(c, k) >> i & 1;
        for (int i = 0; i < Group::kPairs; ++i)
          sees[i] = Group::pairs(c, Group::pair_row(c, q), Group::pair_column(c, k), k) >> i & 1;
        *out++ = is_formula<Group>() ? Group::combine(inside, holds, sees) & 1 : 2;
      }
    }
  });
}

// visible_words over tiles of 64 columns, four rows at a time as a thread has them.
template <class Pattern> void fill_words(const Context &c, unsigned char *out) {
  with_group<Pattern>(c, [&](auto group) {
    using Group = decltype(group);
    for (int row = 0; row < c.query_length; row += 4)
      for (int tile = 0; tile < c.key_length; tile += 64)
        for (int lane = 0; lane < 4; ++lane) {
          int queries[4];
          for (int i = 0; i < 4; ++i) queries[i] = (int)(row + i + c.query_offset);
          unsigned words[4][1] = {};
          visible_words<Group, 64>(c, queries, tile + 2 * lane, words);
          for (int i = 0; i < 4 && row + i < c.query_length; ++i)
            for (int bit = 0; bit < 16; ++bit) {
              const int column = tile + 2 * lane + 8 * (bit / 2) + bit % 2;
              const bool sees = words[i][0] >> bit & 1;
              if (column < c.key_length) out[(long long)(row + i) * c.key_length + column] = sees;
              else if (sees) __builtin_trap();
            }
        }
  });
}

// Scores as kernels modify them: a row of a tile of 64 columns, and a thread's columns of it.
template <class Pattern> void fill_row_scores(const Context &c, float s, float *out) {
  if constexpr (Pattern::kScoreForm != ScoreForm::kPlain) {
    const typename Pattern::ScoreScalars scalars = Pattern::score_scalars(c);
    for (int row = 0; row < c.query_length; ++row, out += c.key_length)
      for (int tile = 0; tile < c.key_length; tile += 64)
        for (int first = tile; first < tile + 8; first += 2) {
          const RowScore<Pattern> score(c, scalars, (int)(row + c.query_offset), (int)(first + c.key_offset));
          for (int j = 0; j < 8; ++j)
            for (int e = 0; e < 2; ++e)
              if (first + 8 * j + e < c.key_length) out[first + 8 * j + e] = score(s, 8 * j + e);
        }
  }
}

// 0 not visited, 1 visited and partial, 2 visited and full; [Q tile][KV tile].
template <class Pattern, class Config> void fill_tiles(const Context &c, unsigned char *out) {
  int key_tiles = ceil_div(c.key_length, Config::kTileKeys), query_tiles = ceil_div(c.query_length, Config::kTileQueries);
  with_group<Pattern>(c, [&](auto group) {
    using Group = decltype(group);
    for (int tile = 0; tile < query_tiles; ++tile, out += key_tiles) {
      RunSets<Group> sets(c, tile);
      for (int x = 0; x < key_tiles; ++x) {
        bool partial = sets.not_full(c, tile, x) || x == ragged_tile(c.key_length, Config::kTileKeys);
        out[x] = !sets.touched(c, tile, x) ? 0 : partial ? 1 : 2;
      }
    }
  });
}

template <class Classifiers, class Pattern, class Config> void fill_boxes(const Context &c, unsigned char *out) {
  int key_tiles = ceil_div(c.key_length, Config::kTileKeys), query_tiles = ceil_div(c.query_length, Config::kTileQueries);
  for (int tile = 0; tile < query_tiles; ++tile)
    for (int x = 0; x < key_tiles; ++x) {
      long long q = (long long)tile * Config::kTileQueries + c.query_offset, k = (long long)x * Config::kTileKeys + c.key_offset;
      long long rows = min(Config::kTileQueries, c.query_length - tile * Config::kTileQueries);
      long long columns = min(Config::kTileKeys, c.key_length - x * Config::kTileKeys);
      *out++ = Classifiers::classify(Pattern::group_of(c), c, Box{{q, q + rows - 1}, {k, k + columns - 1}});
    }
}
}
)";

using Fill = void(const ForwardArgs *args, int batch, int head, unsigned char *out);
using FillScores = void(const ForwardArgs *args, int batch, int head, float s, float *out);

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

class PatternAgreement : public ::testing::Test {
protected:
  /// Generates every case and compiles all of them as one translation unit.
  void build(std::vector<Case> cases) {
    std::string source = kHarness;
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
    auto fill = [&](const char *name, const std::string &call) {
      text += fmt::format(
          "EXPORT void {}_{}(const maskloom::ForwardArgs *args, int batch, int head, unsigned char *out) {{\n"
          "  using namespace maskloom::kernel;\n  {}(make_context(*args, batch, head), out);\n}}\n",
          space, name, call);
    };
    fill("visible", fmt::format("fill_visible<{}::Pattern>", space));
    fill("intervals", fmt::format("fill_intervals<{}::Pattern>", space));
    fill("words", fmt::format("fill_words<{}::Pattern>", space));
    fill("tiles", fmt::format("fill_tiles<{0}::Pattern, {0}::Config>", space));
    fill("boxes", fmt::format("fill_boxes<{0}::Classifiers, {0}::Pattern, {0}::Config>", space));
    text += fmt::format(
        "EXPORT void {0}_scores(const maskloom::ForwardArgs *args, int batch, int head, float s, "
        "float *out) {{\n"
        "  using namespace maskloom::kernel;\n  Context c = make_context(*args, batch, head);\n"
        "  for (int row = 0; row < c.query_length; ++row)\n    for (int column = 0; column < "
        "c.key_length; ++column)\n"
        "      *out++ = {0}::Pattern::score(s, c, (int)(row + c.query_offset), (int)(column + "
        "c.key_offset));\n}}\n"
        "EXPORT void {0}_row_scores(const maskloom::ForwardArgs *args, int batch, int head, float "
        "s, float *out) {{\n"
        "  using namespace maskloom::kernel;\n  fill_row_scores<{0}::Pattern>(make_context(*args, "
        "batch, head), s, out);\n}}\n",
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
    SCOPED_TRACE(fmt::format("{}\nbatch entry {}, head {}", prepared.c.text, b, h));
    const Problem &problem = prepared.c.problem;
    const int64_t rows = problem.queryLength(b), columns = problem.keyLength(b);
    auto fill = [&](const char *what) {
      return module_->function<Fill>(fmt::format("case_{}_{}", number, what));
    };

    std::vector<unsigned char> visible(static_cast<size_t>(rows * columns));
    fill("visible")(&prepared.args, b, h, visible.data());
    for (int64_t row = 0; row < rows; row++)
      for (int64_t column = 0; column < columns; column++)
        ASSERT_EQ(interpreter.visible(b, h, row, column),
                  visible[static_cast<size_t>(row * columns + column)] != 0)
            << "row " << row << ", column " << column << "\n"
            << prepared.program.kernel.source;

    std::vector<unsigned char> intervals(visible.size()), words(visible.size());
    fill("intervals")(&prepared.args, b, h, intervals.data());
    fill("words")(&prepared.args, b, h, words.data());
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

    const auto [tileRows, tileColumns] = prepared.c.tile;
    const int64_t outer = ceilDiv(rows, tileRows), inner = ceilDiv(columns, tileColumns);
    std::vector<unsigned char> tiles(static_cast<size_t>(outer * inner)), boxes(tiles.size());
    fill("tiles")(&prepared.args, b, h, tiles.data());
    fill("boxes")(&prepared.args, b, h, boxes.data());
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
    compareScores(number, prepared, interpreter, b, h);
  }

  void compareScores(size_t number, const Prepared &prepared, const Interpreter &interpreter, int b, int h) {
    const int64_t rows = prepared.c.problem.queryLength(b), columns = prepared.c.problem.keyLength(b);
    std::vector<float> scores(static_cast<size_t>(rows * columns)), inRows(scores.size());
    for (float s : {-3.25f, 0.5f, 40.0f}) {
      module_->function<FillScores>(fmt::format("case_{}_scores", number))(&prepared.args, b, h, s,
                                                                           scores.data());
      inRows = scores;
      module_->function<FillScores>(fmt::format("case_{}_row_scores", number))(&prepared.args, b, h, s,
                                                                               inRows.data());
      for (int64_t row = 0; row < rows; row += 7)
        for (int64_t column = 0; column < columns; column += 5) {
          double expected = interpreter.score(s, b, h, row, column);
          size_t at = static_cast<size_t>(row * columns + column);
          double tolerance = 1e-5 * (1 + std::abs(expected));
          ASSERT_NEAR(expected, scores[at], tolerance);
          ASSERT_NEAR(expected, inRows[at], prepared.c.scoreTolerance * tolerance)
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

TEST_F(PatternAgreement, Library) {
  build(testing::libraryCases());
  if (HasFatalFailure()) return;
  compareAll();
  EXPECT_GT(intervalGroups_, groups_ / 3);
  EXPECT_GT(decidedBoxes_, boxes_ / 4) << "the planner's boxes decide hardly any tile";
}

TEST_F(PatternAgreement, RandomPatterns) {
  const int cases = testing::casesOfThisRun(kRandomCases);
  for (int first = 0; first < cases; first += kCasesPerUnit) {
    prepared_.clear();
    build(testing::randomCases(first, std::min(kCasesPerUnit, cases - first)));
    if (HasFatalFailure()) return;
    compareAll();
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(intervalGroups_, groups_ / 8);
  EXPECT_GT(decidedBoxes_, boxes_ / 10) << "the planner's boxes decide hardly any tile";
}

TEST_F(PatternAgreement, RandomIntervals) {
  const int cases = testing::casesOfThisRun(kIntervalCases);
  for (int first = 0; first < cases; first += kCasesPerUnit) {
    prepared_.clear();
    build(testing::intervalCases(first, std::min(kCasesPerUnit, cases - first)));
    if (HasFatalFailure()) return;
    compareAll();
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(intervalGroups_, groups_ / 2) << "most of these masks are intervals";
}

TEST_F(PatternAgreement, RandomScores) {
  const int cases = testing::casesOfThisRun(kScoreCases);
  for (int first = 0; first < cases; first += kCasesPerUnit) {
    prepared_.clear();
    build(testing::scoreCases(first, std::min(kCasesPerUnit, cases - first)));
    if (HasFatalFailure()) return;
    compareAll();
    if (HasFatalFailure()) return;
  }
}

} // namespace
} // namespace maskloom
