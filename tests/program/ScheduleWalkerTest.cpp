// The walk over hand-written runs: ascending, maximal stretches, clipped, ragged ends partial.
#include "maskloom/program/TileWalker.h"

#include <gtest/gtest.h>

namespace maskloom {

static bool operator==(const Stretch &a, const Stretch &b) {
  return a.first == b.first && a.last == b.last && a.partial == b.partial;
}
static void PrintTo(const Stretch &s, std::ostream *out) {
  *out << "[" << s.first << ", " << s.last << (s.partial ? "] partial" : "] full");
}

namespace {

using Stretches = std::vector<Stretch>;

/// 64 x 64 tiles; the predicate is `false` so that box evaluation, if asked, would drop everything.
struct Fixture {
  Program program;
  HeadGroupProgram group;
  ScheduleContext context;

  Fixture() {
    PredicateNode node;
    node.op = PredicateNode::Op::Bool;
    group.predicate.nodes = {node};
    group.forward.tile = group.transposed.tile = {64, 64};
    group.transposed.orientation = Orientation::Transposed;
    context.queryLength = context.keyLength = 640;
  }
  Stretches walked(int64_t outer, Orientation orientation = Orientation::Forward) const {
    Stretches result;
    walk(program, group, orientation, context, outer, [&](const Stretch &s) { result.push_back(s); });
    return result;
  }
};

Affine outerPlus(int64_t constant) { return {{{Symbol::OuterTile, 0, 1}}, constant}; }
Affine constant(int64_t value) { return {{}, value}; }
Run run(std::optional<Affine> low, std::optional<Affine> high) {
  Run result;
  if (low) result.lower.push_back({*low, 1});
  if (high) result.upper.push_back({*high, 1});
  return result;
}

TEST(ScheduleWalker, CausalRowIsOneFullAndOnePartialStretch) {
  Fixture f;
  f.group.forward.touched = {run({}, outerPlus(0))};
  f.group.forward.notFull = {run(outerPlus(0), {})};
  EXPECT_EQ(f.walked(0), (Stretches{{0, 0, true}}));
  EXPECT_EQ(f.walked(4), (Stretches{{0, 3, false}, {4, 4, true}}));
}

TEST(ScheduleWalker, OverlappingAndAdjacentRunsMerge) {
  Fixture f;
  f.group.forward.touched = {run(constant(5), constant(7)), run(constant(1), constant(4)),
                             run(constant(3), constant(5))};
  f.group.forward.notFull = {run(constant(6), constant(6))};
  EXPECT_EQ(f.walked(0), (Stretches{{1, 5, false}, {6, 6, true}, {7, 7, false}}));
}

TEST(ScheduleWalker, CongruencesInterleave) {
  Fixture f;
  maskloom::Run even = run({}, {});
  even.congruences.push_back({1, constant(0), 2, constant(0)});
  maskloom::Run everyThird = run(constant(3), {});
  everyThird.congruences.push_back({1, constant(0), 3, constant(0)});
  f.group.forward.touched = {even, everyThird};
  EXPECT_EQ(f.walked(0), (Stretches{{0, 0, false}, {2, 4, false}, {6, 6, false}, {8, 9, false}}));
}

TEST(ScheduleWalker, ClipsAndMakesTheRaggedTilePartial) {
  Fixture f;
  f.context.keyLength = 600; // 9 tiles and 24 keys
  f.group.forward.touched = {run(constant(-3), constant(100))};
  EXPECT_EQ(f.walked(0), (Stretches{{0, 8, false}, {9, 9, true}}));
  f.group.transposed.touched = f.group.forward.touched;
  EXPECT_EQ(f.walked(8, Orientation::Transposed), (Stretches{{0, 9, false}}));
  EXPECT_EQ(f.walked(9, Orientation::Transposed),
            (Stretches{{0, 9, true}})); // its missing keys are everywhere
}

TEST(ScheduleWalker, GuardsGapsAndFilters) {
  Fixture f;
  maskloom::Run guarded = run({}, {});
  guarded.guards.push_back({outerPlus(-3), false}); // outer >= 3
  f.group.forward.touched = {guarded};
  EXPECT_EQ(f.walked(2), Stretches{});
  EXPECT_EQ(f.walked(3), (Stretches{{0, 9, false}}));

  maskloom::Run gap = run({}, {}); // an integer in [x / 4, x / 3]: not for 1, 2, 5
  gap.gaps.push_back({{{{Symbol::InnerTile, 0, 1}}, 0}, 3, {{{Symbol::InnerTile, 0, 1}}, 0}, 4});
  f.group.forward.touched = {gap};
  EXPECT_EQ(f.walked(0), (Stretches{{0, 0, false}, {3, 4, false}, {6, 9, false}}));

  maskloom::Run filtered = run({}, {}); // x / 4 == 1
  f.group.forward.floors = {{{{{Symbol::InnerTile, 0, 1}}, 0}, 4, true}};
  filtered.filters.push_back({{{{Symbol::Floor, 0, 1}}, -1}, true});
  f.group.forward.touched = {filtered};
  EXPECT_EQ(f.walked(0), (Stretches{{4, 7, false}}));
}

TEST(ScheduleWalker, OpenSchedulesAskTheBoxes) {
  Fixture f;
  f.group.forward.touched = {run({}, {})};
  f.group.forward.notFull = {run({}, {})};
  f.group.forward.closedForm = false;
  EXPECT_EQ(f.walked(0), Stretches{}); // the predicate is false
  f.group.predicate.nodes[0].value = 1;
  EXPECT_EQ(f.walked(0), (Stretches{{0, 9, false}}));
  f.context.keyLength = 639;
  EXPECT_EQ(f.walked(0), (Stretches{{0, 8, false}, {9, 9, true}}));
}

TEST(ScheduleWalker, FloorsOfFloorsAndContextSymbols) {
  Fixture f;
  f.program.params.push_back({"w", 0, 0, 100, false});
  int64_t params[] = {9};
  f.context.params = params;
  f.context.head = 3;
  // floor((w + h) / 2) = 6; floor((that + outer) / 3)
  f.group.forward.floors = {{{{{Symbol::Head, 0, 1}, {Symbol::Param, 0, 1}}, 0}, 2, false},
                            {{{{Symbol::OuterTile, 0, 1}, {Symbol::Floor, 0, 1}}, 0}, 3, false}};
  f.group.forward.touched = {run({}, Affine{{{Symbol::Floor, 1, 1}}, 0})};
  EXPECT_EQ(f.walked(0), (Stretches{{0, 2, false}}));
  EXPECT_EQ(f.walked(5), (Stretches{{0, 3, false}}));
}

} // namespace
} // namespace maskloom
