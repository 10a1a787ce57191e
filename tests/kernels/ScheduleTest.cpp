// The walker of schedule.cuh against enumeration of every pair, for hand-written groups, on the host.
#include "maskloom/templates/foundation.cuh"

#include "policies.cuh"

#include <gtest/gtest.h>

#include <climits>
#include <cstdlib>
#include <map>
#include <vector>

namespace {
using namespace maskloom;
using namespace maskloom::kernel;

template <int M, int N>
struct Tiles {
  static constexpr int kTileQueries = M, kTileKeys = N;
};

struct Shape {
  int queries, keys;
  long long key_offset = 0;
  bool own_offset = false; ///< query offset 0 instead of keys - queries
};

ForwardArgs arguments(const Shape &shape, int heads) {
  ForwardArgs args{};
  args.batch = 1;
  args.heads = args.kv_heads = heads;
  args.queries = shape.queries;
  args.keys = shape.keys;
  args.key_offset = shape.key_offset;
  args.has_query_offset = shape.own_offset;
  return args;
}

/// What enumeration says of a tile, with the ragged last tile's missing columns left out.
template <class Group>
TileClass enumerate(const Context &c, int M, int N, int query_tile, int key_tile) {
  bool any = false, all = true;
  for (int row = query_tile * M; row < std::min((query_tile + 1) * M, c.query_length); ++row)
    for (int column = key_tile * N; column < std::min((key_tile + 1) * N, c.key_length); ++column) {
      bool visible = Group::visible(c, int(row + c.query_offset), int(column + c.key_offset));
      any |= visible;
      all &= visible;
    }
  return !any ? kEmpty : all ? kFull : kPartial;
}

/// Compares the walk with enumeration: sound always; exact but for the ragged last row and column when
/// `exact`.
template <class Group, int M, int N>
void compare(const ForwardArgs &args, bool exact) {
  for (int head = 0; head < args.heads; ++head) {
    const Context c = make_context(args, 0, head);
    const int query_tiles = ceil_div(c.query_length, M), key_tiles = ceil_div(c.key_length, N);
    for (int i = 0; i < query_tiles; ++i) {
      std::map<int, bool> visited;
      int previous = -1;
      walk_tiles<Tiles<M, N>, Group>(c, i, [&](int tile, bool partial) {
        ASSERT_GT(tile, previous);
        ASSERT_LT(tile, key_tiles);
        previous = tile;
        visited[tile] = partial;
      });
      for (int x = 0; x < key_tiles; ++x) {
        const TileClass expected = enumerate<Group>(c, M, N, i, x);
        const bool ragged_column = x == key_tiles - 1 && c.key_length % N != 0;
        const bool ragged = ragged_column || (i == query_tiles - 1 && c.query_length % M != 0);
        SCOPED_TRACE(testing::Message() << "queries " << c.query_length << " keys " << c.key_length
                                        << " head " << head << " tile " << i << ", " << x);
        if (expected != kEmpty) {
          ASSERT_TRUE(visited.count(x));
        }
        if (visited.count(x)) {
          if (expected != kFull || ragged_column) {
            ASSERT_TRUE(visited[x]);
          }
          if (exact && !ragged) {
            ASSERT_NE(expected, kEmpty);
            ASSERT_EQ(visited[x], expected == kPartial);
          }
        }
      }
    }
  }
}

const std::vector<Shape> kShapes = {{1, 1},          {1, 15},          {15, 15},           {128, 128},
                                    {1028, 1028},    {700, 1300},      {1300, 700},        {257, 64},
                                    {512, 512, 100}, {640, 640, -130}, {200, 900, 0, true}};

template <template <int, int> class Group>
void compare_shapes() {
  for (const Shape &shape : kShapes) {
    const ForwardArgs args = arguments(shape, 1);
    compare<Group<128, 64>, 128, 64>(args, true);
    compare<Group<64, 48>, 64, 48>(args, true);
    compare<Group<64, 128>, 64, 128>(args, true);
  }
}

TEST(Schedule, All) { compare_shapes<policies::All>(); }
TEST(Schedule, None) { compare_shapes<policies::None>(); }
TEST(Schedule, Causal) { compare_shapes<policies::Causal>(); }
TEST(Schedule, SinkAndWindow) { compare_shapes<policies::SinkWindow>(); }

TEST(Schedule, CongruenceByHead) {
  for (int length : {1, 64, 1000, 2048}) {
    ForwardArgs args = arguments({length, length}, 5);
    compare<policies::Strided<128, 64>, 128, 64>(args, true);
    compare<policies::Strided<64, 64>, 64, 64>(args, true);
  }
}

TEST(Schedule, CongruenceWithFactorAndFilter) {
  compare<policies::Filtered<128, 64>, 128, 64>(arguments({100, 64 * 50}, 1), true);
}

TEST(Schedule, EmptyCongruenceHasNoTile) {
  EXPECT_FALSE(in_run({0, 100, 8, 1, 0, -1}, 8));
  EXPECT_FALSE(in_run({0, 100, 1, 0, 0, -1}, 8));
  EXPECT_TRUE(in_run({0, 100, 8, 1, 0, 0}, 8));
  EXPECT_TRUE(in_run({0, 100, 2147483647, 2147483646, 8, 0}, 8)); // needs 64 bits: (p-1)*8 + 8 = 8p
}

TEST(Schedule, LengthsOfTheBatchEntry) {
  ForwardArgs args = arguments({500, 900}, 1);
  const int query_lengths[] = {200}, key_lengths[] = {333};
  args.query_lengths = query_lengths;
  args.key_lengths = key_lengths;
  const Context c = make_context(args, 0, 0);
  EXPECT_EQ(c.query_offset, 133);
  compare<policies::Causal<128, 64>, 128, 64>(args, true);
}

/// A plan bitmap: what the runs say, then the box of each undecided tile.
template <class Group, int M, int N>
std::vector<unsigned> plan(ForwardArgs &args) {
  std::vector<unsigned> words(plan_bytes(args.batch, args.heads, args.queries, args.keys, M, N) / 4,
                              0xdeadbeef);
  args.plan = words.data();
  const int row_words = int(plan_words(args.keys, N));
  for (int head = 0; head < args.heads; ++head) {
    const Context c = make_context(args, 0, head);
    for (int i = 0; i < ceil_div(args.queries, M); ++i) {
      const RunSets<Group> sets(c, i);
      unsigned *touched = plan_row(c, i, M, N), *not_full = touched + row_words;
      for (int word = 0; word < row_words; ++word) touched[word] = not_full[word] = 0;
      for (int x = 0; x < ceil_div(args.keys, N); ++x) {
        const bool touched_by_run = sets.touched(c, i, x),
                   undecided = touched_by_run && sets.not_full(c, i, x);
        const TileClass tile_class = undecided        ? Group::classify(c, tile_box<Tiles<M, N>>(c, i, x, x))
                                     : touched_by_run ? kFull
                                                      : kEmpty;
        touched[x / 32] |= unsigned(tile_class != kEmpty) << (x % 32);
        not_full[x / 32] |= unsigned(tile_class != kFull) << (x % 32);
      }
    }
  }
  return words;
}

TEST(Schedule, PlannedGroupFromTheBitmap) {
  const int length = 5000;
  std::vector<int> documents(length);
  for (int i = 0; i < length; ++i) documents[i] = i < 700 ? 3 : i < 2300 ? 5 : i < 2310 ? 6 : 9;
  ForwardArgs args = arguments({length, length}, 2);
  args.aux[0] = {documents.data(), {length, 1, 0}, {1, length, 1}};
  auto words = plan<policies::Documents<128, 64>, 128, 64>(args);
  for (unsigned word : words) ASSERT_NE(word, 0xdeadbeef);
  // ascending ids: the intervals of two tiles meet only where documents do
  compare<policies::Documents<128, 64>, 128, 64>(args, true);
}

TEST(Interval, AuxRangeIsTheRangeOfTheBox) {
  const long long extents[3] = {3, 7, 5}, strides[3] = {40, 5, 1};
  std::vector<int> values(3 * 40);
  for (size_t i = 0; i < values.size(); ++i) values[i] = int(i * 2654435761u >> 20) - 2000;
  ForwardArgs args = arguments({1, 1}, 1);
  args.aux[2] = {values.data(), {strides[0], strides[1], strides[2]}, {extents[0], extents[1], extents[2]}};
  const Context c = make_context(args, 0, 0);
  std::vector<Interval> axis[3];
  for (int i = 0; i < 3; ++i)
    for (long long lo = 0; lo < extents[i]; ++lo)
      for (long long hi = lo; hi < extents[i]; ++hi) axis[i].push_back({lo, hi});
  for (Interval a : axis[0])
    for (Interval b : axis[1])
      for (Interval d : axis[2]) {
        Interval expected{INT_MAX, INT_MIN};
        for (long long i = a.lo; i <= a.hi; ++i)
          for (long long j = b.lo; j <= b.hi; ++j)
            for (long long k = d.lo; k <= d.hi; ++k)
              expected = hull(expected, interval(aux_load(c, 2, i, j, k)));
        const Interval range = aux_range(c, 2, a, b, d);
        ASSERT_EQ(range.lo, expected.lo);
        ASSERT_EQ(range.hi, expected.hi);
      }
  const Interval clamped = aux_range(c, 2, {-5, 0}, {6, 99}, {4, 4}); // one entry is left
  EXPECT_EQ(clamped.lo, aux_load(c, 2, 0, 6, 4));
  EXPECT_EQ(clamped.hi, clamped.lo);
}

TEST(Interval, IsSoundOnSmallBoxes) {
  for (long long lo = -9; lo <= 9; ++lo)
    for (long long hi = lo; hi <= 9; ++hi)
      for (long long d : {1LL, 2LL, 3LL, 5LL, 7LL}) {
        const Interval x{lo, hi}, quotient = floor_div(x, d), remainder = floor_mod(x, d), size = abs(x);
        for (long long v = lo; v <= hi; ++v) {
          EXPECT_EQ(floor_div(v, d) * d + floor_mod(v, d), v);
          EXPECT_TRUE(quotient.lo <= floor_div(v, d) && floor_div(v, d) <= quotient.hi);
          EXPECT_TRUE(remainder.lo <= floor_mod(v, d) && floor_mod(v, d) <= remainder.hi);
          EXPECT_TRUE(size.lo <= std::llabs(v) && std::llabs(v) <= size.hi);
          const TileClass below = less(x, interval(d)), same = equal(x, interval(d));
          EXPECT_TRUE(below == kPartial || (below == kFull) == (v < d));
          EXPECT_TRUE(same == kPartial || (same == kFull) == (v == d));
        }
      }
}

} // namespace
