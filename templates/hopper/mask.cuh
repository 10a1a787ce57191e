// The mask of one KV tile in the accumulator of a wgmma.
#pragma once

#include "../constants.cuh"
#include "../mask_words.cuh"
#include "layout.cuh"

namespace maskloom::kernel {

/// A value as the registers that hold it.
template <class T>
union InWords {
  static constexpr int kWords = (sizeof(T) + 3) / 4;
  T value;
  unsigned words[kWords];
};

/// `value` of another lane; the first or the second one, the same for all lanes.
template <class T>
MASKLOOM_DEVICE T shuffle(bool is_first, const T &first, const T &second, int lane) {
  InWords<T> one, other;
  one.value = first;
  other.value = second;
  if constexpr (!__is_empty(T)) {
#pragma unroll
    for (int i = 0; i < InWords<T>::kWords; ++i)
      one.words[i] = __shfl_sync(0xffffffffu, is_first ? one.words[i] : other.words[i], lane);
  }
  return one.value;
}
template <class T>
MASKLOOM_DEVICE T shuffle(const T &value, int lane) {
  return shuffle(true, value, value, lane);
}

/// Has `value` computed, and what it loads in the L1 cache.
template <class T>
MASKLOOM_DEVICE void touch(const T &value) {
  InWords<T> in;
  in.value = value;
  if constexpr (!__is_empty(T)) asm volatile("" ::"r"(in.words[0]));
}

/// By a warp that has time, before others evaluate a partial tile's mask: what the mask loads for the rows
/// from position `query` on and the columns from position `key` on is then near.
template <class Group, int kRows, int kColumns>
MASKLOOM_DEVICE void touch_mask(const Context &c, int query, int key) {
  const int lane = int(threadIdx.x % 32);
#pragma unroll 1
  for (int i = lane; i < kColumns; i += 32) {
    if constexpr (!is_formula<Group>()) touch(Group::column(c, key + i));
    if constexpr (Group::kFlags > 0) touch(Group::flags(c, key + i));
    if constexpr (Group::kPairs > 0) touch(Group::pair_column(c, key + i));
  }
#pragma unroll 1
  for (int i = lane; i < kRows; i += 32) {
    if constexpr (!is_formula<Group>()) touch(Group::row(c, query + i));
    if constexpr (Group::kPairs > 0) touch(Group::pair_row(c, query + i));
  }
}

/// This lane's two of every eight columns, of 32 that the lanes answered for, one each.
MASKLOOM_DEVICE unsigned column_bits(bool holds) {
  unsigned pairs = __ballot_sync(0xffffffffu, holds) >> threadIdx.x % 4 * 2 & 0x03030303u;
  return (pairs | pairs >> 6 | pairs >> 12 | pairs >> 18) & 0xff;
}

/// Words of the conditions on pairs, one value of the rows after the other: mostly they all have the same.
template <class Group, int kColumns>
MASKLOOM_DEVICE void warp_pair_words(const Context &c, const int (&queries)[2], int origin,
                                     ConditionWords<Group, kColumns, 2> &conditions) {
  constexpr int kParts = (kColumns + 31) / 32;
  const int lane = int(thread_index_anew() % 32);
  typename Group::PairColumn columns[kParts]; // all loads first, so that they are under way together
#pragma unroll
  for (int i = 0; i < kParts; ++i) columns[i] = Group::pair_column(c, origin + 32 * i + lane);
  const typename Group::PairRow rows[2] = {Group::pair_row(c, queries[0]), Group::pair_row(c, queries[1])};
  bool open[2] = {true, true};
#pragma unroll 1
  do {
    const bool is_first = __any_sync(0xffffffffu, open[0]);
    const int leader = __ffs(__ballot_sync(0xffffffffu, is_first ? open[0] : open[1])) - 1;
    const typename Group::PairRow row = shuffle(is_first, rows[0], rows[1], leader);
    unsigned holds[kParts];
#pragma unroll
    for (int i = 0; i < kParts; ++i) holds[i] = Group::pairs(c, row, columns[i], origin + 32 * i + lane);
    bool takes[2];
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      // The leader takes its own even where a value is not equal to itself.
      takes[r] = open[r] && (Group::same(rows[r], row) || (lane == leader && r == int(!is_first)));
      open[r] = open[r] && !takes[r];
    }
#pragma unroll
    for (int i = 0; i < kParts; ++i)
#pragma unroll
      for (int pair = 0; pair < Group::kPairs; ++pair) {
        const unsigned bits = column_bits(holds[i] >> pair & 1) << i % 4 * 8;
#pragma unroll
        for (int r = 0; r < 2; ++r)
          if (takes[r]) conditions.pairs[i / 4][r][pair] |= bits;
      }
  } while (__any_sync(0xffffffffu, open[0] || open[1]));
}

/// What visible_words() finds, for the two rows of each lane, by a warp together: what depends on the column
/// alone is evaluated once, 32 columns at a time, one a lane. `column`: the tile's first.
template <class Group, int kColumns>
MASKLOOM_DEVICE void warp_visible_words(const Context &c, const int (&queries)[2], int column,
                                        unsigned (&words)[2][mask_words(kColumns)]) {
  constexpr int kSpanned = mask_words(kColumns);
  const int lane = int(threadIdx.x % 32), mine = lane % 4 * 2; // this lane's first column
  const int origin = column + int(c.key_offset), last_key = c.key_length - 1 + int(c.key_offset);
  if constexpr (is_formula<Group>()) {
    ConditionWords<Group, kColumns, 2> conditions;
    if constexpr (Group::kFlags > 0) {
#pragma unroll
      for (int i = 0; i < (kColumns + 31) / 32; ++i) {
        const unsigned holds = Group::flags(c, origin + 32 * i + lane);
#pragma unroll
        for (int flag = 0; flag < Group::kFlags; ++flag)
          conditions.flags[i / 4][flag] |= column_bits(holds >> flag & 1) << i % 4 * 8;
      }
    }
    if constexpr (Group::kPairs > 0) warp_pair_words<Group, kColumns>(c, queries, origin, conditions);
    combine_words<Group, kColumns>(c, queries, column + mine, conditions, words);
  } else {
    // All loads first, so that they are under way together.
    constexpr int kParts = (kColumns + 31) / 32;
    typename Group::Column columns[kParts];
#pragma unroll
    for (int i = 0; i < kParts; ++i) columns[i] = Group::column(c, origin + 32 * i + lane);
    const typename Group::Row rows[2] = {Group::row(c, queries[0]), Group::row(c, queries[1])};
#pragma unroll
    for (int w = 0; w < kSpanned; ++w) {
      unsigned bits[2] = {};
#pragma unroll 1
      for (int i = 4 * w; i < min(4 * w + 4, kParts); ++i) {
        typename Group::Column part = columns[4 * w];
#pragma unroll
        for (int other = 4 * w + 1; other < min(4 * w + 4, kParts); ++other)
          if (i == other) part = columns[other];
        MASKLOOM_UNROLL_BY(min(4, mask_unroll<Group>(0)))
        for (int j = 0; j < 4; ++j)
#pragma unroll
          for (int e = 0; e < 2; ++e) {
            const int source = 8 * j + mine + e;
            const typename Group::Column column = shuffle(part, source);
            const unsigned bit = 1u << (8 * (i % 4) + 2 * j + e);
#pragma unroll
            for (int r = 0; r < 2; ++r)
              if (Group::visible(c, rows[r], column, queries[r], origin + 32 * i + source)) bits[r] |= bit;
          }
      }
      const unsigned existing = bits_before<kColumns>(last_key, origin + mine - 1, w);
#pragma unroll
      for (int r = 0; r < 2; ++r) words[r][w] |= bits[r] & existing;
    }
  }
}

template <class Config, class Pattern>
struct TileMask {
  static constexpr int kGather = Config::kGather, kBlockKeys = Config::kTileKeys;
  static constexpr int kScores = kGather * kBlockKeys / 2, kBlockScores = kBlockKeys / 2;

  const ForwardArgs &args;
  const UnitSlot &slot;
  const TileSlot<kGather> &tile;
  const int row;       ///< of this thread's first row in the Q tile; the other is 8 further
  const unsigned zero; ///< address of a 0 that the compiler does not know

  MASKLOOM_DEVICE Context context() const { return context_of_row<Config>(slot, args, row); }
  MASKLOOM_DEVICE int first_query(const Context &c) const {
    return slot.query_tile * Config::kTileQueries + query_in_tile<Config>(row) + int(c.query_offset);
  }
  /// The first column of this thread in block `i`; its others are 8*j + e further.
  MASKLOOM_DEVICE int first_column(int i) const {
    return tile.tiles[i] * kBlockKeys + int(threadIdx.x % 4) * 2;
  }

  static constexpr int kWords = mask_words(kGather * kBlockKeys);
  static_assert(kGather == 1 || kWords == 1, "gathered KV tiles are at most 128 wide");

  /// Which of this thread's pairs are visible: a bit each, as visible_words() has them.
  struct Words {
    unsigned rows[2][kWords];
  };

  /// `partial`: a bit a block, blocks without it are visible as a whole. Needs no scores, and is asked for
  /// while they are being computed.
  MASKLOOM_DEVICE void evaluate(unsigned partial, Words &words) const {
#pragma unroll
    for (int w = 0; w < kWords; ++w) words.rows[0][w] = words.rows[1][w] = 0;
    Pattern::dispatch(slot.group, VisiblePairs{*this, partial, words.rows});
  }

  /// Scores of invisible pairs become -inf.
  static MASKLOOM_DEVICE void hide(float (&scores)[kScores], const Words &words) {
#pragma unroll
    for (int i = 0; i < kScores; ++i) {
      const int bit = i / 4 * 2 + i % 2;
      if (!(words.rows[i / 2 % 2][bit / 32] >> bit % 32 & 1)) scores[i] = -infinity();
    }
  }

private:
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
      if constexpr (kGather == 1) {
        warp_visible_words<Group, kBlockKeys>(context, queries, mask.tile.tiles[0] * kBlockKeys, words);
      } else {
#pragma unroll 1
        for (int i = 0; i < kGather; ++i) {
          constexpr unsigned kAll = unsigned((1ull << min(32, kBlockKeys / 4)) - 1);
          unsigned block[2][1] = {{kAll}, {kAll}};
          if (partial >> i & 1) {
            block[0][0] = block[1][0] = 0;
            warp_visible_words<Group, kBlockKeys>(context, queries, mask.tile.tiles[i] * kBlockKeys, block);
          }
#pragma unroll
          for (int r = 0; r < 2; ++r) words[r][0] |= block[r][0] << i * (kBlockKeys / 4);
        }
      }
    }
  };
};

} // namespace maskloom::kernel
