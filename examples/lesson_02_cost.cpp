// Lesson 2: a sparse mask, a different one for each head, and what it costs before anything runs.
//
// Each query sees the last two blocks of 64 keys whole, and of the older ones every fourth; which ones
// depends on the head, so that the heads together lose little (S2-Attention). explain() counts in closed
// form: 131072 tokens take no longer than 300.
#include "lesson.h"

#include <algorithm>

using namespace maskloom;

namespace {

constexpr int64_t kHeads = 4, kTokens = 300, kTile = 64;

bool visible(int64_t, int64_t h, int64_t row, int64_t column) { // the mask in plain words
  return row >= column && (row / 64 - column / 64 < 2 || (column / 64 + h) % 4 == 0);
}

TileCounts countTiles(int64_t &pairs) {
  TileCounts tiles;
  for (int64_t h = 0; h < kHeads; ++h)
    for (int64_t row0 = 0; row0 < kTokens; row0 += kTile)
      for (int64_t column0 = 0; column0 < kTokens; column0 += kTile) {
        int64_t seen = 0, there = 0;
        for (int64_t row = row0; row < std::min(row0 + kTile, kTokens); ++row)
          for (int64_t column = column0; column < std::min(column0 + kTile, kTokens); ++column)
            seen += visible(0, h, row, column), ++there;
        pairs += seen;
        // A tile that reaches beyond the last key is not full: its mask is evaluated.
        bool full = seen == there && column0 + kTile <= kTokens;
        ++(seen == 0 ? tiles.empty : full ? tiles.full : tiles.partial);
      }
  return tiles;
}

} // namespace

int main() try {
  lesson::Checks checks;
  Index q = query(), k = key(), h = head();
  Mask near = floordiv(q, 64) - floordiv(k, 64) < 2;
  Mask strided = (floordiv(k, 64) + h) % 4 == 0;
  Pattern pattern("blocks_and_strides", q >= k && (near || strided));

  // A Problem is a concrete size: lengths, heads, parameters, whatever the pattern depends on.
  Problem problem;
  problem.heads = problem.kvHeads = kHeads;
  problem.queries = problem.keys = kTokens;
  Explanation small = explain(pattern, problem, {.tile = {kTile, kTile}});
  int64_t pairs = 0;
  TileCounts tiles = countTiles(pairs);
  checks.expect(small.visiblePairs == pairs, "visible pairs, by counting");
  checks.expect(small.tiles == tiles, "empty, partial and full tiles, by counting");

  // A kernel computes whole tiles. Tiles of 64 fit the blocks; a tile of 128 holds two blocks, and of four at
  // most one is wanted.
  problem.queries = problem.keys = 131072;
  Explanation fine = explain(pattern, problem, {.tile = {64, 64}}),
              coarse = explain(pattern, problem, {.tile = {128, 128}});
  std::printf("  131072 tokens: density %.2f %%, at most %.2fx faster than dense causal attention;\n"
              "  %.2fx in tiles of 64 x 64, %.2fx in tiles of 128 x 128\n",
              100 * fine.density, fine.speedupCeiling, fine.tileSpeedupCeiling, coarse.tileSpeedupCeiling);
  auto about = [](double value, double expected) { return std::abs(value / expected - 1) < 0.02; };
  checks.expect(about(fine.speedupCeiling, 4) && about(fine.tileSpeedupCeiling, 4),
                "a quarter of the blocks");
  checks.expect(about(coarse.tileSpeedupCeiling, 2), "half of the tiles that hold two");

  Attention attention =
      compile(pattern, {.heads = kHeads, .head_dim = 32, .dtype = DType::f32, .device = Device::Cpu});
  lesson::Values Q = lesson::random(1, kHeads, kTokens, 32, 1), K = lesson::random(1, kHeads, kTokens, 32, 2),
                 V = lesson::random(1, kHeads, kTokens, 32, 3), O{1, kHeads, kTokens, 32};
  attention.forward(Q.tensor(), K.tensor(), V.tensor(), O.tensor());
  checks.near(lesson::difference(Q, K, V, O, visible), "four heads, four masks");
  return checks.result();
} catch (const Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
