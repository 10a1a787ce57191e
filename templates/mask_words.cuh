// The mask of a partial tile as bit words, for kernels whose scores lie in registers as mma leaves them: a
// thread's columns are column + 8*j + e, with e 0 or 1 and column its first one (tile + 2 * (lane % 4)). Bit
// 2*j + e of a row's words is column 8*j + e, so a word holds 128 columns of the tile.
//
// Groups whose mask is a union of intervals of k for every q give their ends, and the words follow in closed
// form. All others are evaluated point by point, with what depends on one of q and k alone hoisted.
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

/// The bits of the columns before position `end`, of kColumns columns whose first one for this thread is at
/// position `origin`: word `word` of them. Positions lie within -2^30 .. 2^30; `end` is anything.
template <int kColumns>
MASKLOOM_DEVICE unsigned bits_before(int end, int origin, int word) {
  const int columns = max(origin, min(end, origin + kColumns)) - origin;
  const int bits = max(0, min(2 * (columns >> 3) + min(columns & 7, 2) - 32 * word, 32));
  return unsigned((1ull << bits) - 1);
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

  if constexpr (Group::kIntervals > 0) {
    const int last_key = c.key_length - 1 + key_offset;
    MASKLOOM_UNROLL
    for (int r = 0; r < kRows; ++r) {
      int first[Group::kIntervals], last[Group::kIntervals];
      Group::intervals(c, queries[r], first, last);
      MASKLOOM_UNROLL
      for (int w = 0; w < kSpanned; ++w) {
        unsigned bits = 0;
        MASKLOOM_UNROLL
        for (int i = 0; i < Group::kIntervals; ++i)
          bits |= bits_before<kColumns>(min(last[i], last_key) + 1, origin, w) &
                  ~bits_before<kColumns>(first[i], origin, w);
        words[r][kFirstBit / 32 + w] |= bits << kShift;
      }
    }
  } else {
    typename Group::Row rows[kRows];
    MASKLOOM_UNROLL
    for (int r = 0; r < kRows; ++r) rows[r] = Group::row(c, queries[r]);
    MASKLOOM_UNROLL
    for (int w = 0; w < kSpanned; ++w) {
      constexpr int kBlocks = kColumns / 8 < 16 ? kColumns / 8 : 16; // of the last word, perhaps less
      const int blocks = min(kBlocks, kColumns / 8 - 16 * w);
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
      const unsigned existing = bits_before<kColumns>(c.key_length + key_offset, origin, w);
      MASKLOOM_UNROLL
      for (int r = 0; r < kRows; ++r) words[r][kFirstBit / 32 + w] |= (bits[r] & existing) << kShift;
    }
  }
}

} // namespace maskloom::kernel
