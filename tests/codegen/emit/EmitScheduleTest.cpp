// The text of schedules: what a reader of the emitted source sees.
#include "maskloom/codegen/emit/EmitSchedule.h"

#include <gtest/gtest.h>

namespace maskloom::emit {
namespace {

using ::testing::AssertionFailure;
using ::testing::AssertionResult;
using ::testing::AssertionSuccess;

AssertionResult holds(const std::string &text, const std::string &part) {
  if (text.find(part) != std::string::npos) return AssertionSuccess();
  return AssertionFailure() << "no '" << part << "' in\n" << text;
}

Affine sum(std::vector<Term> terms, int64_t constant = 0) { return {std::move(terms), constant}; }
using TileRun = maskloom::Run; // inside a test, Run is a member of testing::Test
constexpr Term outer(int64_t c) { return {Symbol::OuterTile, 0, c}; }
constexpr Term inner(int64_t c) { return {Symbol::InnerTile, 0, c}; }
constexpr Term floorOf(int32_t i, int64_t c) { return {Symbol::Floor, i, c}; }

Schedule schedule128x64() {
  Schedule schedule;
  schedule.tile = {128, 64};
  return schedule;
}

TEST(EmitSchedule, CausalWithoutOffset) {
  Schedule schedule = schedule128x64();
  TileRun touched;
  touched.upper = {{sum({outer(2)}, 1), 1}};
  TileRun notFull;
  notFull.lower = {{sum({outer(2)}), 1}};
  schedule.touched = {touched};
  schedule.notFull = {notFull};
  std::string text = emitSchedule(Program{}, schedule);
  EXPECT_TRUE(holds(text, "static constexpr int kTouched = 1, kNotFull = 1;"));
  EXPECT_TRUE(holds(text, "static constexpr bool kFiltered = false;"));
  EXPECT_TRUE(holds(text, "touched[0] = Run{0, 2 * q_tile + 1, 1, 0, 0, 0};"));
  EXPECT_TRUE(holds(text, "not_full[0] = Run{2 * q_tile, 2147483647, 1, 0, 0, 0};"));
}

TEST(EmitSchedule, StridedRunWithOffsets) {
  Schedule schedule = schedule128x64();
  schedule.floors = {{sum({{Symbol::QueryOffset, 0, 1}}), 64}};
  TileRun strided;
  strided.upper = {{sum({outer(2), floorOf(0, 1)}, 1), 1}};
  strided.congruences = {{1, sum({{Symbol::Head, 0, 1}}), 16, sum({}, 0)}};
  schedule.touched = {strided};
  std::string text = emitSchedule(Program{}, schedule);
  EXPECT_TRUE(holds(text, "const long long query_offset = c.query_offset;"));
  EXPECT_TRUE(holds(text, "const int query_offset_div_64 = (int)(query_offset >> 6);"));
  EXPECT_TRUE(holds(text, "Run{0, 2 * q_tile + query_offset_div_64 + 1, 16, 1, head & 15, 0}"))
      << "narrow: fits an int";
}

TEST(EmitSchedule, CongruenceIsReducedByItsGcd) {
  Schedule schedule = schedule128x64();
  TileRun run;
  run.congruences = {{6, sum({{Symbol::Head, 0, 4}}, 3), 8, sum({}, 5)}}; // (6x + 4h + 3) mod 8 <= 5
  schedule.touched = {run};
  std::string text = emitSchedule(Program{}, schedule);
  // g = 2: (3x + 2h + 1) mod 4 <= floor((5 - 1) / 2)
  EXPECT_TRUE(holds(text, "4, 3, (2 * head + 1) & 3, 2}"));
}

TEST(EmitSchedule, CongruenceWhosePhaseIsNotDivisible) {
  Schedule schedule = schedule128x64();
  TileRun run;
  run.congruences = {{4, sum({{Symbol::Head, 0, 1}}), 12, sum({}, 5)}}; // g = 4
  schedule.touched = {run};
  std::string text = emitSchedule(Program{}, schedule);
  EXPECT_TRUE(holds(text, "const int phase = head;"));
  EXPECT_TRUE(holds(text, "3, 1, floor_mod(phase >> 2, 3), (5 - (phase & 3)) >> 2}"));
}

TEST(EmitSchedule, WidthDecidesAlwaysNeverOrAtRunTime) {
  Program program;
  program.params = {{"width", 3, -5, 100, false}};
  Schedule schedule = schedule128x64();
  TileRun always, never, depends;
  always.congruences = {{1, sum({}), 16, sum({}, 15)}};
  never.congruences = {{1, sum({}), 16, sum({}, -1)}};
  depends.congruences = {{1, sum({}), 16, sum({{Symbol::Param, 0, 1}})}};
  schedule.touched = {always, never, depends};
  std::string text = emitSchedule(program, schedule);
  EXPECT_TRUE(holds(text, "touched[0] = Run{0, 2147483647, 1, 0, 0, 0};"));
  EXPECT_TRUE(holds(text, "touched[1] = Run{1, 0, 1, 0, 0, 0};"));
  EXPECT_TRUE(holds(text, "const int width = (int)c.args->params[0];"));
  EXPECT_TRUE(
      holds(text, "touched[2] = width >= 0 ? Run{0, 2147483647, 16, 1, 0, width} : Run{1, 0, 1, 0, 0, 0};"));
}

TEST(EmitSchedule, GuardsAndWideParameters) {
  Program program;
  program.params = {{"start", 0, 0, int64_t{1} << 40, false}};
  Schedule schedule = schedule128x64();
  TileRun run;
  run.guards = {{sum({outer(-1)}, 7), false}, {sum({{Symbol::KeyLength, 0, 1}}), false}};
  run.lower = {{sum({{Symbol::Param, 0, 1}}, -63), 64}};
  run.upper = {{sum({outer(1), {Symbol::Param, 0, 3}}), 1}};
  schedule.touched = {run};
  std::string text = emitSchedule(program, schedule);
  EXPECT_TRUE(holds(text, "const long long start = c.args->params[0];"));
  // The second guard is true for every length and disappears.
  EXPECT_TRUE(holds(text, "    touched[0] = 7 >= q_tile\n"
                          "      ? Run{clamp_to_int(start >> 6),\n"
                          "            clamp_to_int(q_tile + 3 * start),\n"
                          "            1, 0, 0, 0}\n"
                          "      : Run{1, 0, 1, 0, 0, 0};"));
}

TEST(EmitSchedule, WhatARunCannotSayGoesToKeep) {
  Schedule schedule = schedule128x64();
  schedule.floors = {{sum({inner(64)}, 63), 48, true}};
  TileRun plain, filtered;
  filtered.congruences = {{1, sum({}), 16, sum({}, 0)}, {3, sum({outer(-1)}), 7, sum({}, 2)}};
  filtered.gaps = {{sum({inner(64)}, 63), 12, sum({inner(64), outer(1)}), 12}};
  filtered.filters = {{sum({floorOf(0, 1), outer(-1)}), false}};
  schedule.touched = {plain, filtered};
  std::string text = emitSchedule(Program{}, schedule);
  EXPECT_TRUE(holds(text, "static constexpr bool kFiltered = true;"));
  EXPECT_TRUE(holds(text, "case 1: {"));
  EXPECT_TRUE(holds(text, "floor_mod(3 * x + 6 * q_tile, 7) <= 2"));
  EXPECT_TRUE(holds(text, "keep_not_full(const Context &, int, int, int) { return true; }"));
  EXPECT_FALSE(holds(text, "case 0: {"));
}

TEST(EmitSchedule, EmptySetsHoldOneEmptyRun) {
  std::string text = emitSchedule(Program{}, schedule128x64());
  EXPECT_TRUE(holds(text, "kTouched = 1, kNotFull = 1;"));
  EXPECT_TRUE(holds(text, "touched[0] = Run{1, 0, 1, 0, 0, 0};"));
}

} // namespace
} // namespace maskloom::emit
