// The words of mask_words.cuh against visible(), bit by bit, for every lane of a quad.
#include "maskloom/templates/foundation.cuh"

#include "policies.cuh"

#include <gtest/gtest.h>

#include <climits>
#include <random>
#include <vector>

namespace {
using namespace maskloom;
using namespace maskloom::kernel;

constexpr int kRows = 4;

/// A union of two intervals that the test sets.
struct Ends : policies::Unhoisted, policies::Unflagged {
  static constexpr int kIntervals = 2;
  static inline int first_[2], last_[2];
  static void intervals(const Context &, int, int (&first)[2], int (&last)[2]) {
    for (int i = 0; i < 2; ++i) first[i] = first_[i], last[i] = last_[i];
  }
  static bool visible(const Context &, int, int k) {
    return (first_[0] <= k && k <= last_[0]) || (first_[1] <= k && k <= last_[1]);
  }
};

Context context(int queries, int keys, long long key_offset, const ForwardArgs &args) {
  Context c{};
  c.head = 3;
  c.query_length = queries, c.key_length = keys;
  c.query_offset = keys - queries, c.key_offset = key_offset;
  c.args = &args;
  return c;
}

/// Checks kColumns columns from a tile's first column on.
template <class Group, int kColumns, int kWords>
void check(const Context &c, const int (&queries)[kRows], int tile, int lane,
           const unsigned (&words)[kRows][kWords]) {
  for (int r = 0; r < kRows; ++r)
    for (int j = 0; j < kColumns / 8; ++j)
      for (int e = 0; e < 2; ++e) {
        const int column = tile + 8 * j + 2 * lane + e, bit = 2 * j + e;
        const bool expected =
            column < c.key_length && Group::visible(c, queries[r], int(column + c.key_offset));
        ASSERT_EQ(words[r][bit / 32] >> (bit % 32) & 1, unsigned(expected))
            << "tile of " << kColumns << " at " << tile << ", lane " << lane << ", column " << column
            << ", q " << queries[r];
      }
}

template <class Group, int kColumns>
void compare_tiles(const Context &c, int query) {
  const int queries[kRows] = {query, query + 8, query + 16, query + 24};
  for (int tile = 0; tile < c.key_length; tile += kColumns)
    for (int lane = 0; lane < 4; ++lane) {
      unsigned words[kRows][mask_words(kColumns)] = {};
      visible_words<Group, kColumns>(c, queries, tile + 2 * lane, words);
      check<Group, kColumns>(c, queries, tile, lane, words);
      if (kColumns % 128) { // no bit beyond the tile
        for (auto &row : words) ASSERT_EQ(row[kColumns / 128] >> (kColumns % 128 / 4), 0u);
      }
    }
}

template <class Group>
void compare() {
  std::vector<int> documents(1300);
  for (size_t i = 0; i < documents.size(); ++i) documents[i] = int(i / 37) % 5;
  ForwardArgs args{};
  args.aux[0] = {documents.data(), {1300, 1, 0}, {1, 1300, 1}};
  for (long long key_offset : {0LL, 100LL, -130LL})
    for (int keys : {1, 64, 321, 700}) {
      const Context c = context(300, keys, key_offset, args);
      for (int query : {-70, 0, 3, 155, 640}) {
        compare_tiles<Group, 16>(c, query);
        compare_tiles<Group, 64>(c, query);
        compare_tiles<Group, 128>(c, query);
        compare_tiles<Group, 176>(c, query);
        compare_tiles<Group, 256>(c, query);
      }
    }
}

TEST(MaskWords, All) { compare<policies::All<128, 64>>(); }
TEST(MaskWords, None) { compare<policies::None<128, 64>>(); }
TEST(MaskWords, Causal) { compare<policies::Causal<128, 64>>(); }
TEST(MaskWords, SinkAndWindow) { compare<policies::SinkWindow<128, 64>>(); }
TEST(MaskWords, Strided) { compare<policies::Strided<128, 64>>(); }
TEST(MaskWords, Filtered) { compare<policies::Filtered<128, 64>>(); }
TEST(MaskWords, Documents) { compare<policies::Documents<128, 64>>(); }
TEST(MaskWords, DocumentsByPoint) { compare<policies::DocumentsByPoint<128, 64>>(); }

TEST(MaskWords, AnyEnds) {
  std::mt19937 random(5);
  const ForwardArgs args{};
  for (int i = 0; i < 3000; ++i) {
    const int keys = 1 + int(random() % 400);
    const long long offsets[] = {0, 1000, -200, (1 << 30) - 400, -(1 << 30)};
    const Context c = context(64, keys, offsets[random() % 5], args);
    for (int end = 0; end < 4; ++end) {
      const int near = int(c.key_offset) + int(random() % 420) - 10;
      const int ends[] = {INT_MIN, INT_MAX, 0, near, near, near, near, near};
      (end < 2 ? Ends::first_ : Ends::last_)[end % 2] = ends[random() % 8];
    }
    compare_tiles<Ends, 64>(c, 0);
    compare_tiles<Ends, 256>(c, 0);
  }
}

} // namespace
