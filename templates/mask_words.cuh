// The mask of a partial tile as bit words, for kernels whose scores lie in registers as mma leaves them: a
// thread's columns are column + 8*j + e, with e 0 or 1 and column its first one (tile + 2 * (lane % 4)). Bit
// 2*j + e of a row's words is column 8*j + e, so a word holds 128 columns of the tile.
//
// Groups whose mask is made of intervals of k for every q, and of conditions on k alone, say so: the words of
// intervals follow from their ends in closed form, those of conditions on k serve all rows, and a group
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

/// What a group makes of points outside of all its intervals where none of its conditions holds.
template <class Group>
constexpr MASKLOOM_DEVICE unsigned combine_of_none() {
  const unsigned intervals[max(Group::kIntervals, 1)] = {}, flags[max(Group::kFlags, 1)] = {};
  return Group::combine(intervals, flags);
}

/// The words of a group made of intervals and conditions, from those of its conditions (flags[w][i]:
/// condition i in word w, of columns that exist or not). As visible_words().
template <class Group, int kColumns, int kFirstBit = 0, int kRows, int kWords>
MASKLOOM_DEVICE void combine_words(const Context &c, const int (&queries)[kRows], int first_column,
                                   const unsigned (&flags)[mask_words(kColumns)][max(Group::kFlags, 1)],
                                   unsigned (&words)[kRows][kWords]) {
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
      unsigned bits = Group::combine(inside, flags[w]);
      if constexpr (Group::kFlags > 0 || combine_of_none<Group>() != 0)
        bits &= bits_before<kColumns>(last_key, origin - 1, w);
      words[r][kFirstBit / 32 + w] |= bits << kFirstBit % 32;
    }
  }
}

/// Visibility of kColumns consecutive columns for the kRows rows at positions `queries`; first_column is the
/// thread's first column (a column, no offset added). Sets bits from kFirstBit on (columns / 4), which were
/// 0: a tile gathered from several places is evaluated block by block. Columns that do not exist are
/// invisible.
template <class Group, int kColumns, int kFirstBit = 0, int kRows, int kWords>
MASKLOOM_DEVICE void visible_words(const Context &c, const int (&queries)[kRows], int first_column,
                                   unsigned (&words)[kRows][kWords]) {
  constexpr int kSpanned = mask_words(kColumns), kShift = kFirstBit % 32;
  static_assert(kColumns % 8 == 0 && kFirstBit + kColumns / 4 <= 32 * kWords, "the words hold the columns");
  static_assert(kShift == 0 || kShift + kColumns / 4 <= 32, "parts of words do not cross them");
  const int key_offset = int(c.key_offset), origin = first_column + key_offset;
  const int last_key = c.key_length - 1 + key_offset;

  unsigned flags[kSpanned][max(Group::kFlags, 1)] = {};
  MASKLOOM_UNROLL
  for (int w = 0; w < kSpanned; ++w) {
    const int blocks = min(16, kColumns / 8 - 16 * w); // the last word may hold less than 128 columns
    if constexpr (Group::kIntervals + Group::kFlags > 0) {
      if constexpr (Group::kFlags > 0) {
        MASKLOOM_UNROLL_BY((mask_unroll<Group>(0)))
        for (int j = 0; j < blocks; ++j) {
          MASKLOOM_UNROLL
          for (int e = 0; e < 2; ++e) {
            const unsigned holds = Group::flags(c, origin + 128 * w + 8 * j + e);
            MASKLOOM_UNROLL
            for (int i = 0; i < Group::kFlags; ++i)
              if (holds >> i & 1) flags[w][i] |= 1u << (2 * j + e);
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
      for (int r = 0; r < kRows; ++r) words[r][kFirstBit / 32 + w] |= (bits[r] & existing) << kShift;
    }
  }
  if constexpr (Group::kIntervals + Group::kFlags > 0)
    combine_words<Group, kColumns, kFirstBit>(c, queries, first_column, flags, words);
}

} // namespace maskloom::kernel
