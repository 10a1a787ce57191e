// Neighbourhood attention and sliding tiles against their definitions: every axis as a table that is filled
// by walking through windows, not by our formula.
#include "maskloom/dsl/Neighborhood.h"
#include "maskloom/dsl/Parser.h"
#include "maskloom/dsl/Patterns.h"
#include "tests/support/ExpectMask.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace maskloom;
using namespace maskloom::testing;

namespace {

using Table = std::vector<std::vector<bool>>; // [query][key] of one axis

// Walks through the dilation groups of an axis: the queries of a stride share a window that lies around their
// leader and is pushed back inside where it overhangs.
Table neighborhoodAxis(int64_t n, int64_t window, int64_t stride, int64_t dilation, bool causal) {
  Table seen(size_t(n), std::vector<bool>(size_t(n), false));
  for (int64_t group = 0; group < dilation; ++group) {
    std::vector<size_t> members;
    for (int64_t i = group; i < n; i += dilation) members.push_back(size_t(i));
    int64_t count = int64_t(members.size());
    for (int64_t begin = 0; begin < count; begin += stride) { // queries begin .. begin + stride - 1
      int64_t leader = std::min(begin + (causal ? stride - 1 : stride / 2), count - 1);
      for (int64_t r = begin; r < std::min(begin + stride, count); ++r) {
        if (causal) {
          for (int64_t j = leader; j > leader - window && j >= 0; --j)
            if (j <= r) seen[members[size_t(r)]][members[size_t(j)]] = true;
          continue;
        }
        int64_t first = leader - window / 2;
        while (first + window > count) --first;
        while (first < 0) ++first;
        for (int64_t j = first; j < first + window; ++j) seen[members[size_t(r)]][members[size_t(j)]] = true;
      }
    }
  }
  return seen;
}

struct Drawn {
  std::vector<int64_t> extents;
  masks::Neighborhood options;
  std::string text;
};

// A legal tuple whose axes have at most `most` positions.
Drawn draw(std::mt19937_64 &random, size_t axes, int64_t most) {
  auto uniform = [&](int64_t low, int64_t high) {
    return low + int64_t(random() % uint64_t(high - low + 1));
  };
  Drawn drawn;
  for (size_t i = 0; i < axes; ++i) {
    int64_t extent = uniform(2, most);
    int64_t dilation = uniform(0, 1) ? 1 : uniform(1, extent / 2);
    int64_t window = uniform(2, extent / dilation);
    drawn.extents.push_back(extent);
    drawn.options.window.push_back(window);
    drawn.options.dilation.push_back(dilation);
    drawn.options.stride.push_back(uniform(0, 2) ? uniform(1, window) : 1);
    drawn.options.causal.push_back(uniform(0, 2) == 0);
  }
  drawn.text =
      fmt::format("space {} window {} stride {} dilation {} causal {}", drawn.extents, drawn.options.window,
                  drawn.options.stride, drawn.options.dilation, drawn.options.causal);
  return drawn;
}

// Coordinates of a position in a row-major space.
std::vector<size_t> coordinates(int64_t position, const std::vector<int64_t> &extents) {
  std::vector<size_t> result(extents.size());
  for (size_t i = extents.size(); i-- > 0; position /= extents[i]) result[i] = size_t(position % extents[i]);
  return result;
}

MaskOracle productOf(const std::vector<int64_t> &extents, const std::vector<Table> &tables) {
  return [=](const Problem &, int64_t, int64_t, int64_t q, int64_t k) {
    std::vector<size_t> from = coordinates(q, extents), to = coordinates(k, extents);
    for (size_t i = 0; i < extents.size(); ++i)
      if (!tables[i][from[i]][to[i]]) return false;
    return true;
  };
}

void expectRandomTuples(size_t axes, int64_t most, int cases, uint64_t seed) {
  std::mt19937_64 random(seed);
  for (int i = 0; i < cases; ++i) {
    Drawn drawn = draw(random, axes, most);
    SCOPED_TRACE(drawn.text);
    std::vector<Table> tables;
    int64_t tokens = 1;
    for (size_t a = 0; a < axes; ++a) {
      tables.push_back(neighborhoodAxis(drawn.extents[a], drawn.options.window[a], drawn.options.stride[a],
                                        drawn.options.dilation[a], drawn.options.causal[a]));
      tokens *= drawn.extents[a];
    }
    // Whole spaces, the last queries alone, and a ragged end.
    int64_t keys = i % 3 == 2 ? 1 + int64_t(random() % uint64_t(tokens)) : tokens;
    int64_t queries = i % 3 == 0 ? keys : 1 + int64_t(random() % uint64_t(keys));
    expectMask(patterns::neighborhood(Space(drawn.extents), drawn.options), problemOf(queries, keys),
               productOf(drawn.extents, tables));
    if (::testing::Test::HasFailure()) return;
  }
}

std::string faults(const Mask &mask) {
  std::string text;
  for (const Diagnostic &diagnostic : checkPattern(Pattern("p", mask)))
    text += diagnostic.message + " | " + diagnostic.hint + "\n";
  return text;
}

} // namespace

// 900 tuples of extents, windows, strides, dilations and causal axes.
TEST(Neighborhood, RandomTuplesInOneDimension) { expectRandomTuples(1, 150, 300, 1); }
TEST(Neighborhood, RandomTuplesInTwoDimensions) { expectRandomTuples(2, 16, 300, 2); }
TEST(Neighborhood, RandomTuplesInThreeDimensions) { expectRandomTuples(3, 7, 300, 3); }

TEST(Neighborhood, OverTheSequenceItsLengthIsTheExtent) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 60; ++i) {
    Drawn drawn = draw(random, 1, 40);
    SCOPED_TRACE(drawn.text);
    // One pattern for every length at least window * dilation.
    int64_t shortest = drawn.options.window[0] * drawn.options.dilation[0];
    for (int64_t keys : {shortest, shortest + 1, shortest + 17, shortest + 30}) {
      Table table = neighborhoodAxis(keys, drawn.options.window[0], drawn.options.stride[0],
                                     drawn.options.dilation[0], drawn.options.causal[0]);
      expectMask(patterns::neighborhood(drawn.options), problemOf(std::max<int64_t>(1, keys - i % 5), keys),
                 productOf({keys}, {table}));
    }
  }
  // Shorter sequences: the window holds the whole group.
  expectMask(patterns::neighborhood({.window = {9}, .dilation = {2}}), problemOf(7, 7),
             [](const Problem &, int64_t, int64_t, int64_t q, int64_t k) { return q % 2 == k % 2; });
}

TEST(Neighborhood, PublishedShapes) {
  // The worked example of an axis of 5 with window 3: the window is shifted at the edges.
  Table table = neighborhoodAxis(5, 3, 1, 1, false);
  EXPECT_EQ(table[0], (std::vector<bool>{1, 1, 1, 0, 0}));
  EXPECT_EQ(table[2], (std::vector<bool>{0, 1, 1, 1, 0}));
  EXPECT_EQ(table[4], (std::vector<bool>{0, 0, 1, 1, 1}));
  // Every query of a non-causal mask sees exactly window positions of each axis.
  Space space({4, 6, 10});
  Pattern pattern =
      patterns::neighborhood(space, {.window = {2, 3, 5}, .stride = {1, 2, 3}, .dilation = {1, 2, 2}});
  Problem problem = problemOf(240, 240);
  Interpreter interpreter(pattern, problem);
  for (int64_t row = 0; row < 240; ++row) {
    int64_t visible = 0;
    for (int64_t column = 0; column < 240; ++column) visible += interpreter.visible(0, 0, row, column);
    ASSERT_EQ(visible, 2 * 3 * 5) << row;
  }
  EXPECT_EQ(pattern.space, (std::vector<int64_t>{4, 6, 10}));
}

TEST(Neighborhood, ErrorsNameTheAxisAndTheReason) {
  Space space({8, 48});
  auto with = [&](masks::Neighborhood options) { return faults(masks::neighborhood(space, options)); };
  EXPECT_EQ(
      with({.window = {7, 49}}),
      "axis 1: a window of 49 with dilation 1 does not fit in 48 positions | window * dilation must be at "
      "most the extent of the axis\n");
  EXPECT_EQ(
      with({.window = {7, 7}, .dilation = {1, 8}}),
      "axis 1: a window of 7 with dilation 8 does not fit in 48 positions | window * dilation must be at "
      "most the extent of the axis\n");
  EXPECT_EQ(with({.window = {1, 7}}),
            "axis 0: the window is 1, must be at least 2 | a window counts the query's own position too\n");
  EXPECT_EQ(
      with({.window = {7}, .stride = {1, 8}, .dilation = {0, 1}}),
      "axis 0: the dilation is 0, must be at least 1 | 1 is no dilation\n"
      "axis 1: the stride is 8, must be in 1..7, the window | with a larger stride some queries would not "
      "see themselves\n");
  EXPECT_EQ(with({.window = {7, 7, 7}}),
            "'window' has 3 entries, the token space has 2 axes | give one entry for each axis, or one for "
            "all\n");
  EXPECT_EQ(
      with({.window = {}, .causal = {true, false, true}}),
      "'window' has 0 entries, the token space has 2 axes | give one entry for each axis, or one for "
      "all\n'causal' has 3 entries, the token space has 2 axes | give one entry for each axis, or one for "
      "all\n");
  EXPECT_EQ(
      faults(masks::neighborhood({.window = {8}, .stride = {9}})),
      "axis 0: the stride is 9, must be in 1..8, the window | with a larger stride some queries would not "
      "see themselves\n");
  EXPECT_EQ(
      faults(masks::neighborhood({.window = {INT64_MAX}, .dilation = {INT64_MAX}})),
      "axis 0: a window of 9223372036854775807 with dilation 9223372036854775807 does not fit in 2147483647 "
      "positions | window * dilation must be at most the extent of the axis\n");
  // The place is the caller's.
  Mask wrong = masks::neighborhood(space, {.window = {0}});
  EXPECT_EQ(checkPattern(Pattern("p", wrong)).at(0).loc.line, unsigned(__LINE__ - 1));
}

namespace {

// The definition of sliding tile attention over tile coordinates.
bool tileSeen(int64_t q, int64_t k, int64_t tiles, int64_t window) {
  int64_t first = q - window / 2;
  while (first + window > tiles) --first;
  while (first < 0) ++first;
  return k >= first && k < first + window;
}

} // namespace

TEST(SlidingTile, RowMajorAndTileOrder) {
  struct Case {
    std::vector<int64_t> extents, window, tile;
  };
  const std::vector<Case> cases = {{{12, 15}, {3, 1}, {2, 3}},
                                   {{8, 12}, {1, 5}, {4, 2}},
                                   {{4, 6, 8}, {1, 3, 3}, {2, 2, 2}},
                                   {{6, 2, 9}, {1, 1, 3}, {2, 2, 3}}};
  for (const Case &c : cases) {
    size_t axes = c.extents.size();
    std::vector<int64_t> tiles;
    int64_t tokens = 1, inTile = 1;
    for (size_t i = 0; i < axes; ++i) {
      tiles.push_back(c.extents[i] / c.tile[i]);
      tokens *= c.extents[i];
      inTile *= c.tile[i];
    }
    auto oracle = [&](bool tileOrdered, bool text) -> MaskOracle {
      return [=, &c](const Problem &, int64_t, int64_t, int64_t q, int64_t k) {
        if (q >= tokens || k >= tokens) return text;
        std::vector<size_t> from = tileOrdered ? coordinates(q / inTile, tiles) : coordinates(q, c.extents);
        std::vector<size_t> to = tileOrdered ? coordinates(k / inTile, tiles) : coordinates(k, c.extents);
        for (size_t i = 0; i < axes; ++i) {
          int64_t cut = tileOrdered ? 1 : c.tile[i];
          if (!tileSeen(int64_t(from[i]) / cut, int64_t(to[i]) / cut, tiles[i], c.window[i])) return false;
        }
        return true;
      };
    };
    for (bool tileOrdered : {false, true}) {
      masks::SlidingTile options{.window = c.window, .tile = c.tile, .tileOrdered = tileOrdered};
      int64_t visible = expectMask(patterns::slidingTile(Space(c.extents), options),
                                   problemOf(tokens, tokens), oracle(tileOrdered, false));
      EXPECT_LT(visible, tokens * tokens);
      expectMask(patterns::slidingTile(Space(c.extents), options), problemOf(tokens / 3, tokens),
                 oracle(tileOrdered, false));
      options.text = true;
      expectMask(patterns::slidingTile(Space(c.extents), options), problemOf(tokens + 7, tokens + 7),
                 oracle(tileOrdered, true));
    }
  }
}

TEST(SlidingTile, ErrorsNameTheAxisAndTheReason) {
  Space space({12, 15});
  EXPECT_EQ(
      faults(masks::slidingTile(space, {.window = {3}, .tile = {2, 4}})),
      "axis 1: 15 positions cannot be cut into tiles of 4 | the tile must divide the extent of the axis\n");
  EXPECT_EQ(
      faults(masks::slidingTile(space, {.window = {2, 7}, .tile = {2, 3}})),
      "axis 0: a window of 2 tiles, must be odd and in 1..6 | a window is the query's tile and as many on "
      "each side; it counts tiles, not positions\n"
      "axis 1: a window of 7 tiles, must be odd and in 1..5 | a window is the query's tile and as many on "
      "each side; it counts tiles, not positions\n");
  EXPECT_EQ(faults(masks::slidingTile(Space({INT64_MAX, INT64_MAX}), {.window = {1}, .tile = {1}})),
            "the token space holds more than 2^63 tokens | \n");
}
