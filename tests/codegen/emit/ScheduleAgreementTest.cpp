// Random schedules, random in every field a schedule has: the emitted C++, compiled by the host, holds
// exactly the tiles that the host's interpretation of the same schedule holds.
#include "HostModule.h"

#include "maskloom/codegen/emit/EmitSchedule.h"
#include "maskloom/program/ScheduleInstance.h"
#include "maskloom/templates/args.cuh"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

namespace maskloom::emit {
namespace {

using TileRun = maskloom::Run; // inside a test, Run is a member of testing::Test

constexpr int kCases = 300, kOuterTiles = 12, kInnerTiles = 40;
constexpr uint64_t kSeed = 20260701;

class RandomSchedule {
public:
  explicit RandomSchedule(uint64_t seed) : random_(seed) {}

  Program program() {
    Program result;
    result.params = {{"window", 0, -100, 4096, false},
                     {"far", 0, -(int64_t{1} << 40), int64_t{1} << 40, false}};
    result.auxes = {{"limit", false, {{ProgramAux::Axis::Kind::Head, 1, 0}}}};
    Predicate head;
    head.nodes = {{PredicateNode::Op::Symbol, Symbol::Head, 0, {-1, -1, -1}}};
    result.auxScalars = {{0, {head}}};
    return result;
  }

  Schedule schedule() {
    Schedule result;
    result.tile = {16 * between(1, 8), 16 * between(1, 8)};
    if (chance(2)) // outer scalars
      result.floors.push_back({affine(false, 0), between(1, 70), false});
    if (chance(3)) {
      Affine numerator = affine(false, static_cast<int>(result.floors.size()));
      numerator.terms.insert(numerator.terms.begin() + static_cast<long>(position(numerator)),
                             {Symbol::InnerTile, 0, between(1, 64)});
      result.floors.push_back({numerator, between(2, 50), true});
    }
    for (std::vector<TileRun> *set : {&result.touched, &result.notFull})
      for (int64_t i = between(0, 3); i > 0; i--) set->push_back(run(result));
    return result;
  }

  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random_() % static_cast<uint64_t>(high - low + 1));
  }
  bool chance(int oneIn) { return random_() % oneIn == 0; }

private:
  /// Terms are sorted by symbol: where an InnerTile term belongs.
  static size_t position(const Affine &affine) {
    size_t at = 0;
    while (at < affine.terms.size() && affine.terms[at].symbol < Symbol::InnerTile) at++;
    return at;
  }

  /// Over everything but the inner tile; uses the first `floors` floors.
  Affine affine(bool large, int floors) {
    Affine result;
    auto add = [&](Symbol symbol, int32_t index, int64_t reach, int oneIn) {
      if (int64_t c = chance(oneIn) ? between(-reach, reach) : 0) result.terms.push_back({symbol, index, c});
    };
    add(Symbol::OuterTile, 0, large ? 200 : 6, 2);
    add(Symbol::Head, 0, 9, 4);
    add(Symbol::KvHead, 0, 3, 8);
    add(Symbol::Batch, 0, 3, 12);
    add(Symbol::QueryLength, 0, 2, 12);
    add(Symbol::KeyLength, 0, 2, 12);
    add(Symbol::Heads, 0, 2, 16);
    add(Symbol::QueryOffset, 0, 2, 6);
    add(Symbol::KeyOffset, 0, 2, 12);
    add(Symbol::Param, 0, 2, 5);
    add(Symbol::Param, 1, 1, 16);
    for (int i = 0; i < floors; i++) add(Symbol::Floor, i, 4, 2);
    add(Symbol::AuxScalar, 0, 2, 8);
    result.constant = between(-60, 60);
    return result;
  }

  TileRun run(const Schedule &schedule) {
    int floors = 0;
    while (floors < static_cast<int>(schedule.floors.size()) && !schedule.floors[floors].dependsOnInner)
      floors++;
    bool inner = floors < static_cast<int>(schedule.floors.size());
    TileRun result;
    auto bounds = [&](std::vector<Bound> &out, int most) {
      for (int64_t i = between(0, most); i > 0; i--)
        out.push_back({affine(chance(2), floors), chance(2) ? 1 : between(1, 130)});
    };
    bounds(result.lower, 2);
    bounds(result.upper, 2);
    if (chance(3)) result.guards.push_back({affine(false, floors), chance(6)});
    for (int64_t i = chance(2) ? between(1, 2) : 0; i > 0; i--) {
      Affine width = chance(3) ? affine(false, floors) : Affine{{}, between(-1, 12)};
      result.congruences.push_back({between(-20, 20), affine(true, floors), between(1, 24), width});
    }
    auto withInner = [&](Affine form) {
      form.terms.insert(form.terms.begin() + static_cast<long>(position(form)),
                        {Symbol::InnerTile, 0, between(1, 64)});
      return form;
    };
    if (chance(5))
      result.gaps.push_back({withInner(affine(false, floors)), between(1, 40),
                             withInner(affine(false, floors)), between(1, 40)});
    if (inner && chance(2)) {
      Affine filter = affine(false, floors);
      filter.terms.push_back({Symbol::Floor, floors, between(1, 3)});
      std::sort(filter.terms.begin(), filter.terms.end(), [](const Term &a, const Term &b) {
        return std::pair(a.symbol, a.index) < std::pair(b.symbol, b.index);
      });
      result.filters.push_back({filter, false});
    }
    return result;
  }

  std::mt19937_64 random_;
};

/// Fills touched and notFull with one byte per inner tile.
using Fill = void(const ForwardArgs *args, int batch, int head, int outer, int tiles, unsigned char *touched,
                  unsigned char *notFull);

const char *const kFill = R"(
template <class Group>
static void fill(const maskloom::ForwardArgs *args, int batch, int head, int outer, int tiles, unsigned char *touched,
                 unsigned char *not_full) {
  using namespace maskloom::kernel;
  Context c = make_context(*args, batch, head);
  RunSets<Group> sets(c, outer);
  for (int x = 0; x < tiles; ++x) {
    touched[x] = sets.touched(c, outer, x);
    not_full[x] = sets.not_full(c, outer, x);
  }
}
namespace maskloom::kernel {
MASKLOOM_DEVICE int clamp_to_int(long long value) { return (int)max(min(value, 2147483647LL), -2147483647LL - 1); }
MASKLOOM_DEVICE long long nearest(const Context &c, int aux, int axis, long long index) {
  return max(min(index, c.args->aux[aux].extents[axis] - 1), 0LL);
}
}
)";

TEST(ScheduleAgreement, RandomSchedules) {
  std::vector<Program> programs;
  std::vector<Schedule> schedules;
  std::string source = kFill;
  for (int i = 0; i < kCases; i++) {
    RandomSchedule random(kSeed + i);
    programs.push_back(random.program());
    schedules.push_back(random.schedule());
    source += fmt::format(
        "namespace maskloom::kernel {{ struct Case{0} {{\n{1}}}; }}\n"
        "extern \"C\" __attribute__((visibility(\"default\"))) void case_{0}(const maskloom::ForwardArgs "
        "*args, "
        "int batch, int head, int outer, int tiles, unsigned char *touched, unsigned char *not_full) {{\n"
        "  fill<maskloom::kernel::Case{0}>(args, batch, head, outer, tiles, touched, not_full);\n}}\n",
        i, emitSchedule(programs[i], schedules[i]));
  }
  std::string error;
  auto module = maskloom::testing::HostModule::compile(source, error);
  ASSERT_TRUE(module) << error;

  int64_t tiles = 0, inTouched = 0, inNotFull = 0;
  for (int i = 0; i < kCases; i++) {
    auto *fill = module->function<Fill>(fmt::format("case_{}", i));
    ASSERT_TRUE(fill);
    RandomSchedule random(~kSeed + i);
    for (int trial = 0; trial < 3; trial++) {
      int64_t params[kMaxParams] = {random.between(-100, 4096), random.between(-500, 500)};
      if (random.chance(8)) params[1] = random.between(-(int64_t{1} << 40), int64_t{1} << 40);
      int limits[8];
      for (int &limit : limits) limit = static_cast<int>(random.between(-50, 50));
      ForwardArgs args = {};
      args.heads = 8;
      args.kv_heads = 4;
      args.batch = 2;
      args.queries = static_cast<int>(random.between(1, 900));
      args.keys = static_cast<int>(random.between(1, 900));
      args.has_query_offset = random.chance(2);
      args.query_offset =
          random.chance(8) ? random.between(-(1LL << 31), 1LL << 31) : random.between(-300, 900);
      args.key_offset = random.chance(2) ? random.between(-300, 300) : 0;
      std::copy(params, params + kMaxParams, args.params);
      args.aux[0] = {limits, {1, 0, 0}, {8, 1, 1}};
      int batch = static_cast<int>(random.between(0, 1)), head = static_cast<int>(random.between(0, 7));

      AuxView view = {limits, {8, 1, 1}, {1, 0, 0}};
      ScheduleContext context;
      context.batch = batch;
      context.head = head;
      context.kvHead = head / 2;
      context.heads = 8;
      context.kvHeads = 4;
      context.queryLength = args.queries;
      context.keyLength = args.keys;
      context.queryOffset = args.has_query_offset ? args.query_offset : args.keys - args.queries;
      context.keyOffset = args.key_offset;
      context.params = params;
      context.aux = &view;
      ScheduleInstance instance(programs[i], schedules[i], context);
      for (int outer = 0; outer < kOuterTiles; outer++) {
        unsigned char touched[kInnerTiles], notFull[kInnerTiles];
        fill(&args, batch, head, outer, kInnerTiles, touched, notFull);
        instance.setOuter(outer, kInnerTiles);
        for (int x = 0; x < kInnerTiles; x++) {
          bool expectTouched = instance.contains(ScheduleInstance::Set::Touched, x);
          bool expectNotFull = instance.contains(ScheduleInstance::Set::NotFull, x);
          tiles++;
          inTouched += expectTouched;
          inNotFull += expectNotFull;
          ASSERT_EQ(expectTouched, touched[x] != 0)
              << "seed " << kSeed + i << ", outer " << outer << ", x " << x << "\n"
              << emitSchedule(programs[i], schedules[i]);
          ASSERT_EQ(expectNotFull, notFull[x] != 0)
              << "seed " << kSeed + i << ", outer " << outer << ", x " << x << "\n"
              << emitSchedule(programs[i], schedules[i]);
        }
      }
    }
  }
  // The cases are worth something: both answers are frequent.
  EXPECT_GT(inTouched, tiles / 20);
  EXPECT_LT(inTouched, tiles * 19 / 20);
  EXPECT_GT(inNotFull, tiles / 20);
  EXPECT_LT(inNotFull, tiles * 19 / 20);
}

} // namespace
} // namespace maskloom::emit
