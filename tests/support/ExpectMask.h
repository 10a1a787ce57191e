// Compares a pattern with a mask written by hand, at every point of problems that reach the corners: one
// query, ragged lengths, more queries than keys (negative positions), batch entries of their own lengths.
#pragma once

#include "maskloom/dsl/Check.h"
#include "maskloom/dsl/Interpreter.h"
#include "tests/support/ProblemOf.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

namespace maskloom::testing {

/// Is (q, k) visible? Positions have their offsets added.
using MaskOracle = std::function<bool(const Problem &, int64_t b, int64_t h, int64_t q, int64_t k)>;

/// Fails at the first point where the pattern differs. Returns the number of visible points.
inline int64_t expectMask(const Pattern &pattern, const Problem &problem, const MaskOracle &oracle) {
  EXPECT_EQ(render(checkPattern(pattern)), "");
  EXPECT_EQ(checkProblem(pattern, problem), std::vector<std::string>{});
  if (::testing::Test::HasFailure()) return 0;
  Interpreter interpreter(pattern, problem);
  int64_t visible = 0;
  for (int64_t b = 0; b < problem.batch; ++b)
    for (int64_t h = 0; h < problem.heads; ++h)
      for (int64_t row = 0; row < problem.queryLength(b); ++row)
        for (int64_t column = 0; column < problem.keyLength(b); ++column) {
          int64_t q = row + problem.queryOffsetOf(b), k = column + problem.keyOffset;
          bool seen = interpreter.visible(b, h, row, column);
          visible += seen;
          if (seen == oracle(problem, b, h, q, k)) continue;
          ADD_FAILURE() << pattern.name << ": b=" << b << " h=" << h << " q=" << q << " k=" << k << " of Sq "
                        << problem.queryLength(b) << ", Sk " << problem.keyLength(b) << " is "
                        << (seen ? "visible" : "hidden");
          return visible;
        }
  return visible;
}

/// Lengths that are no multiple of anything, one query, fewer and more queries than keys, offsets, ragged
/// batches.
inline std::vector<Problem> cornerProblems(int64_t heads = 1, int64_t kvHeads = 1) {
  std::vector<Problem> problems;
  for (auto [queries, keys] : {std::pair<int64_t, int64_t>{53, 53}, {1, 47}, {19, 61}, {41, 23}})
    problems.push_back(problemOf(queries, keys, heads, kvHeads));
  Problem offsets = problemOf(31, 37, heads, kvHeads);
  offsets.queryOffset = -9;
  offsets.keyOffset = 5;
  problems.push_back(offsets);
  Problem ragged = problemOf(29, 43, heads, kvHeads);
  ragged.batch = 3;
  ragged.queryLengths = {29, 0, 11};
  ragged.keyLengths = {17, 43, 30};
  problems.push_back(ragged);
  return problems;
}

/// The number of positions any query or key of the problem reaches: what axes over tokens must hold.
inline int64_t positionsOf(const Problem &problem) {
  int64_t end = 1;
  for (int64_t b = 0; b < problem.batch; ++b)
    end = std::max(
        {end, problem.queryLength(b) + problem.queryOffsetOf(b), problem.keyLength(b) + problem.keyOffset});
  return end;
}

/// An i32 tensor with random values in low..high.
inline AuxValue randomInts(std::vector<int64_t> extents, int32_t low, int32_t high, uint64_t seed) {
  std::mt19937_64 random(seed);
  int64_t count = 1;
  for (int64_t extent : extents) count *= extent;
  AuxValue value;
  value.extents = std::move(extents);
  for (int64_t i = 0; i < count; ++i)
    value.ints.push_back(low + static_cast<int32_t>(random() % static_cast<uint64_t>(high - low + 1)));
  return value;
}

/// An f32 tensor with random values in -2 .. 2.
inline AuxValue randomFloats(std::vector<int64_t> extents, uint64_t seed) {
  AuxValue value = randomInts(std::move(extents), -1000, 1000, seed);
  for (int32_t i : value.ints) value.floats.push_back(static_cast<float>(i) / 500.0f);
  value.ints.clear();
  return value;
}

/// The entry at these indices; an index outside reads the nearest entry.
inline int64_t at(const AuxValue &value, std::initializer_list<int64_t> indices) {
  int64_t element = 0;
  size_t axis = 0;
  for (int64_t index : indices) {
    int64_t extent = value.extents.at(axis++);
    element = element * extent + std::clamp<int64_t>(index, 0, extent - 1);
  }
  return element;
}
inline int64_t intAt(const AuxValue &value, std::initializer_list<int64_t> indices) {
  return value.ints.at(static_cast<size_t>(at(value, indices)));
}
inline double floatAt(const AuxValue &value, std::initializer_list<int64_t> indices) {
  return value.floats.at(static_cast<size_t>(at(value, indices)));
}

} // namespace maskloom::testing
