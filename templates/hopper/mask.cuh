// The mask of one KV tile in the accumulator of a wgmma.
#pragma once

#include "../constants.cuh"
#include "../mask_words.cuh"
#include "layout.cuh"

namespace maskloom::kernel {

template <class Config, class Pattern>
struct TileMask {
  static constexpr int kGather = Config::kGather, kBlockKeys = Config::kTileKeys;
  static constexpr int kScores = kGather * kBlockKeys / 2, kBlockScores = kBlockKeys / 2;

  const ForwardArgs &args;
  const UnitSlot &slot;
  const TileSlot<kGather> &tile;
  const int row;       ///< of this thread's first row in the Q tile; the other is 8 further
  const unsigned zero; ///< address of a 0 that the compiler does not know

  MASKLOOM_DEVICE Context context() const { return with_args(slot.context, args); }
  MASKLOOM_DEVICE int first_query(const Context &c) const {
    return slot.query_tile * Config::kTileQueries + row + int(c.query_offset);
  }
  /// The first column of this thread in block `i`; its others are 8*j + e further.
  MASKLOOM_DEVICE int first_column(int i) const {
    return tile.tiles[i] * kBlockKeys + int(threadIdx.x % 4) * 2;
  }

  /// Scores of invisible pairs become -inf; `partial`: a bit a block, blocks without it are visible as a
  /// whole.
  MASKLOOM_DEVICE void hide(float (&scores)[kScores], unsigned partial) const {
    unsigned words[2][kWords] = {};
    Pattern::dispatch(slot.group, VisiblePairs{*this, partial, words});
#pragma unroll
    for (int i = 0; i < kScores; ++i) {
      const int bit = i / 4 * 2 + i % 2;
      if (!(words[i / 2 % 2][bit / 32] >> bit % 32 & 1)) scores[i] = -infinity();
    }
  }

private:
  static constexpr int kWords = mask_words(kGather * kBlockKeys);
  static_assert(kGather == 1 || kWords == 1, "gathered KV tiles are at most 128 wide");

  /// What Pattern::dispatch calls with the unit's group.
  struct VisiblePairs {
    const TileMask &mask;
    unsigned partial;
    unsigned (&words)[2][kWords];

    template <class Group>
    MASKLOOM_DEVICE void operator()(Group) const {
      const Context context = mask.context();
      const int query = mask.first_query(context);
      const int queries[2] = {query, query + 8};
#pragma unroll 1
      for (int i = 0; i < kGather; ++i) {
        constexpr unsigned kAll = unsigned((1ull << min(32, kBlockKeys / 4)) - 1);
        unsigned block[2][mask_words(kBlockKeys)] = {};
        if (kGather == 1 || partial >> i & 1) {
          visible_words<Group, kBlockKeys>(context, queries, mask.first_column(i), block);
        } else {
          block[0][0] = block[1][0] = kAll;
        }
#pragma unroll
        for (int r = 0; r < 2; ++r) {
          if constexpr (kGather == 1) {
#pragma unroll
            for (int w = 0; w < kWords; ++w) words[r][w] = block[r][w];
          } else {
            words[r][0] |= block[r][0] << i * (kBlockKeys / 4);
          }
        }
      }
    }
  };
};

} // namespace maskloom::kernel
