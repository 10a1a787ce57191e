// Rows of a mask, of which only what a row needs is computed, against evaluation point by point.
#include "maskloom/analysis/RowEvaluator.h"
#include "maskloom/dsl/Patterns.h"
#include "tests/support/ExprPredicate.h"
#include "tests/support/RandomPattern.h"
#include "tests/support/Seed.h"

#include <gtest/gtest.h>

#include <random>

namespace maskloom::testing {
namespace {

/// Rows out of order and repeated, and other keys: nothing may stay from before.
void compareRows(const Program &program, const Predicate &predicate, const ScheduleContext &context,
                 uint64_t seed) {
  std::mt19937_64 random(seed);
  const int64_t keys = 1 + static_cast<int64_t>(random() % 70);
  analysis::RowEvaluator rows(program, predicate, context, keys);
  for (int i = 0; i < 20; ++i) {
    const int64_t q = static_cast<int64_t>(random() % 90) - 10;
    const int64_t first = random() % 3 ? 0 : static_cast<int64_t>(random() % 20);
    rows.moveTo(first);
    const std::span<const int64_t> row = rows.row(q);
    ASSERT_EQ(static_cast<int64_t>(row.size()), keys);
    for (int64_t k = 0; k < keys; ++k)
      ASSERT_EQ(row[k] != 0, evaluate(program, predicate, context, q, first + k))
          << "q " << q << ", k " << first + k;
  }
}

TEST(RowEvaluator, RandomPatternsAgreeWithPointEvaluation) {
  const uint64_t seed = seedOfThisRun();
  for (int index = 0; index < casesOfThisRun(1000); ++index) {
    RandomCase test = randomCase(seed, index, {.maxTokens = 90});
    SCOPED_TRACE(test.describe());
    Program program = programOf(test.pattern, test.problem);
    ContextOf context(program, test.problem, 0, test.problem.heads - 1);
    compareRows(program, program.groups[groupOf(program, context->head, context->kvHead)].predicate, *context,
                seed + static_cast<uint64_t>(index));
    if (HasFatalFailure()) return;
  }
}

TEST(RowEvaluator, MasksThatLoadAgreeWithPointEvaluation) {
  std::mt19937_64 random(seedOfThisRun());
  for (const Pattern &pattern : {patterns::sliceTable(6), patterns::documents(), patterns::columnRanges(),
                                 patterns::blockTable(16, 8), patterns::prefixDocuments()}) {
    SCOPED_TRACE(pattern.name);
    Problem problem;
    problem.heads = problem.kvHeads = 2;
    problem.queries = problem.keys = 90;
    for (const auto &aux : pattern.auxes) {
      AuxValue &value = problem.aux[aux->name];
      int64_t entries = 1;
      for (const AuxAxis &axis : aux->axes) {
        using Kind = AuxAxis::Kind;
        value.extents.push_back(axis.kind == Kind::Fixed                             ? axis.extent
                                : axis.kind == Kind::Query || axis.kind == Kind::Key ? 90 / axis.block + 1
                                : axis.kind == Kind::Batch                           ? 1
                                                                                     : 2);
        entries *= value.extents.back();
      }
      for (int64_t i = 0; i < entries; ++i) value.ints.push_back(static_cast<int32_t>(random() % 80));
    }
    Program program = programOf(pattern, problem);
    ContextOf context(program, problem, 0, 1);
    for (int i = 0; i < 20 && !HasFatalFailure(); ++i)
      compareRows(program, program.groups[0].predicate, *context, random());
  }
}

} // namespace
} // namespace maskloom::testing
