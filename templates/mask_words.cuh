// The mask of a partial tile as bit words, for kernels whose scores lie in registers as mma leaves them: a
// thread's columns are column + 8*j + e, with e 0 or 1 and column its first one (tile + 2 * (lane % 4)). Bit
// 2*j + e of a row's words is column 8*j + e, so a word holds 128 columns of the tile.
//
// Groups whose mask is made of intervals of k for every q, of conditions on k alone, and of conditions on
// pairs that see q by few different values say so: the words of intervals follow from their ends in closed
// form, those of conditions on k serve all rows, those on pairs all rows of the same value, and a group
// combines them with a few bit operations a row. All others are evaluated point by point, with what depends
// on one of q and k alone hoisted.
#pragma once

#include "schedule.cuh"

namespace maskloom::kernel {

/// Ends of intervals() that do not limit. Positions lie in between.
constexpr int kFirstPosition = -0x7fffffff - 1, kLastPosition = 0x7fffffff;

/// How often a group wants the loop over a tile's mask unrolled (1 to 16 times; 1 when it says nothing):
/// cheap masks then cost two instructions a point, expensive ones would cost compile time.
template <class Group>
constexpr MASKLOOM_DEVICE auto mask_unroll(int) -> decltype(Group::kMaskUnroll) {
  return Group::kMaskUnroll;
}
template <class Group>
constexpr MASKLOOM_DEVICE int mask_unroll(long) {
  return 1;
}

/// Does a group's mask read auxiliary tensors for every column? (No, when it says nothing.)
template <class Group>
constexpr MASKLOOM_DEVICE auto loads_columns(int) -> decltype(Group::kColumnLoads) {
  return Group::kColumnLoads;
}
template <class Group>
constexpr MASKLOOM_DEVICE bool loads_columns(long) {
  return false;
}

/// Words a row has in a tile.
constexpr MASKLOOM_DEVICE int mask_words(int tile_keys) { return (tile_keys + 127) / 128; }

/// The bits of a thread's first columns, position - origin many of kColumns: word `word` of them. Origins
/// lie within -2^30 .. 2^30; `position` is anything.
template <int kColumns>
MASKLOOM_DEVICE unsigned bits_before(int position, int origin, int word) {
  const int columns = max(origin, min(position, origin + kColumns)) - origin;
  int bits = 2 * (columns >> 3) + min(columns & 7, 2);
  if constexpr (kColumns > 128) bits = max(0, min(bits - 32 * word, 32));
  return unsigned((1ull << bits) - 1);
}

/// Is the mask a formula over intervals and conditions, which combine() puts together?
template <class Group>
constexpr MASKLOOM_DEVICE bool is_formula() {
  return Group::kIntervals + Group::kFlags + Group::kPairs > 0;
}

/// What a group makes of points outside of all its intervals where none of its conditions holds.
template <class Group>
constexpr MASKLOOM_DEVICE unsigned combine_of_none() {
  const unsigned intervals[max(Group::kIntervals, 1)] = {}, flags[max(Group::kFlags, 1)] = {},
                                                  pairs[max(Group::kPairs, 1)] = {};
  return Group::combine(intervals, flags, pairs);
}

/// Words of a group's conditions for kRows rows: of columns that exist or not.
template <class Group, int kColumns, int kRows>
struct ConditionWords {
  unsigned flags[mask_words(kColumns)][max(Group::kFlags, 1)] = {};        ///< the same for all rows
  unsigned pairs[mask_words(kColumns)][kRows][max(Group::kPairs, 1)] = {}; ///< on pairs
};

/// The words of a formula from those of its conditions. As visible_words().
template <class Group, int kColumns, int kRows>
MASKLOOM_DEVICE void combine_words(const Context &c, const int (&queries)[kRows], int first_column,
                                   const ConditionWords<Group, kColumns, kRows> &conditions,
                                   unsigned (&words)[kRows][mask_words(kColumns)]) {
  const int origin = first_column + int(c.key_offset), last_key = c.key_length - 1 + int(c.key_offset);
  MASKLOOM_UNROLL
  for (int w = 0; w < mask_words(kColumns); ++w) {
    MASKLOOM_UNROLL
    for (int r = 0; r < kRows; ++r) {
      constexpr int kIntervals = max(Group::kIntervals, 1);
      int first[kIntervals], last[kIntervals];
      unsigned inside[kIntervals];
      Group::intervals(c, queries[r], first, last);
      MASKLOOM_UNROLL
      for (int i = 0; i < Group::kIntervals; ++i)
        inside[i] = bits_before<kColumns>(min(last[i], last_key), origin - 1, w) &
                    ~bits_before<kColumns>(first[i], origin, w);
      unsigned bits = Group::combine(inside, conditions.flags[w], conditions.pairs[w][r]);
      if constexpr (Group::kFlags + Group::kPairs > 0 || combine_of_none<Group>() != 0)
        bits &= bits_before<kColumns>(last_key, origin - 1, w);
      words[r][w] |= bits;
    }
  }
}

/// Visibility of kColumns consecutive columns for the kRows rows at positions `queries`; first_column is the
/// thread's first column (a column, no offset added). Sets bits, which were 0. Columns that do not exist are
/// invisible.
template <class Group, int kColumns, int kRows>
MASKLOOM_DEVICE void visible_words(const Context &c, const int (&queries)[kRows], int first_column,
                                   unsigned (&words)[kRows][mask_words(kColumns)]) {
  constexpr int kSpanned = mask_words(kColumns);
  static_assert(kColumns % 8 == 0, "a thread has two of every eight columns");
  const int key_offset = int(c.key_offset), origin = first_column + key_offset;
  const int last_key = c.key_length - 1 + key_offset;

  ConditionWords<Group, kColumns, kRows> conditions;
  MASKLOOM_UNROLL
  for (int w = 0; w < kSpanned; ++w) {
    const int blocks = min(16, kColumns / 8 - 16 * w); // the last word may hold less than 128 columns
    if constexpr (is_formula<Group>()) {
      if constexpr (Group::kFlags + Group::kPairs > 0) {
        typename Group::PairRow rows[kRows];
        MASKLOOM_UNROLL
        for (int r = 0; r < kRows; ++r) rows[r] = Group::pair_row(c, queries[r]);
        MASKLOOM_UNROLL_BY((mask_unroll<Group>(0)))
        for (int j = 0; j < blocks; ++j) {
          MASKLOOM_UNROLL
          for (int e = 0; e < 2; ++e) {
            const int k = origin + 128 * w + 8 * j + e;
            const unsigned bit = 1u << (2 * j + e), holds = Group::flags(c, k);
            MASKLOOM_UNROLL
            for (int i = 0; i < Group::kFlags; ++i)
              if (holds >> i & 1) conditions.flags[w][i] |= bit;
            const typename Group::PairColumn column = Group::pair_column(c, k);
            MASKLOOM_UNROLL
            for (int r = 0; r < kRows; ++r) {
              const unsigned holds = Group::pairs(c, rows[r], column, k);
              MASKLOOM_UNROLL
              for (int i = 0; i < Group::kPairs; ++i)
                if (holds >> i & 1) conditions.pairs[w][r][i] |= bit;
            }
          }
        }
      }
    } else {
      typename Group::Row rows[kRows];
      MASKLOOM_UNROLL
      for (int r = 0; r < kRows; ++r) rows[r] = Group::row(c, queries[r]);
      unsigned bits[kRows] = {};
      MASKLOOM_UNROLL_BY((mask_unroll<Group>(0)))
      for (int j = 0; j < blocks; ++j) {
        MASKLOOM_UNROLL
        for (int e = 0; e < 2; ++e) {
          const int k = origin + 128 * w + 8 * j + e;
          const typename Group::Column column = Group::column(c, k);
          MASKLOOM_UNROLL
          for (int r = 0; r < kRows; ++r)
            if (Group::visible(c, rows[r], column, queries[r], k)) bits[r] |= 1u << (2 * j + e);
        }
      }
      const unsigned existing = bits_before<kColumns>(last_key, origin - 1, w);
      MASKLOOM_UNROLL
      for (int r = 0; r < kRows; ++r) words[r][w] |= bits[r] & existing;
    }
  }
  if constexpr (is_formula<Group>())
    combine_words<Group, kColumns>(c, queries, first_column, conditions, words);
}

} // namespace maskloom::kernel
