// What a module of emitted patterns offers to PatternAgreementTest: fill_case, once a case. What needs no
// type of the pattern is no template, because the compiler's time on these modules is the time of the test.
#pragma once

#include "AgreementOutputs.h"

namespace maskloom::kernel {

using testing::AgreementOutputs;

inline void inside_each(const int *first, const int *last, int k, int count, unsigned *inside) {
  for (int i = 0; i < count; ++i) inside[i] = first[i] <= k && k <= last[i];
}
inline void each_bit(unsigned bits, int count, unsigned *each) {
  for (int i = 0; i < count; ++i) each[i] = bits >> i & 1;
}

/// The words of four rows and of a thread's columns of a tile.
inline void unpack_words(const Context &c, int row, int column, const unsigned (&words)[4][1],
                         unsigned char *out) {
  for (int i = 0; i < 4 && row + i < c.query_length; ++i)
    for (int bit = 0; bit < 16; ++bit) {
      const int x = column + 8 * (bit / 2) + bit % 2;
      const bool sees = words[i][0] >> bit & 1;
      if (x < c.key_length)
        out[(long long)(row + i) * c.key_length + x] = sees;
      else if (sees)
        __builtin_trap();
    }
}

inline Box positions_of(const Context &c, int query_tile, int key_tile, int tile_queries, int tile_keys) {
  const long long q = (long long)query_tile * tile_queries + c.query_offset;
  const long long k = (long long)key_tile * tile_keys + c.key_offset;
  const long long rows = min(tile_queries, c.query_length - query_tile * tile_queries);
  const long long columns = min(tile_keys, c.key_length - key_tile * tile_keys);
  return {{q, q + rows - 1}, {k, k + columns - 1}};
}

template <class Group>
void fill_masks(const Context &c, const AgreementOutputs &out) {
  constexpr int kIntervals = max(Group::kIntervals, 1), kFlags = max(Group::kFlags, 1),
                kPairs = max(Group::kPairs, 1);
  for (int row = 0; row < c.query_length; ++row) {
    const int q = (int)(row + c.query_offset);
    int first[kIntervals], last[kIntervals];
    Group::intervals(c, q, first, last);
    const auto pair_row = Group::pair_row(c, q);
    if (!Group::same(pair_row, Group::pair_row(c, q))) __builtin_trap();
    for (int column = 0; column < c.key_length; ++column) {
      const int k = (int)(column + c.key_offset);
      const long long at = (long long)row * c.key_length + column;
      out.visible[at] = Group::visible(c, q, k);
      out.intervals[at] = 2;
      if constexpr (is_formula<Group>()) {
        unsigned inside[kIntervals] = {}, flags[kFlags] = {}, pairs[kPairs] = {};
        inside_each(first, last, k, Group::kIntervals, inside);
        each_bit(Group::flags(c, k), Group::kFlags, flags);
        each_bit(Group::pairs(c, pair_row, Group::pair_column(c, k), k), Group::kPairs, pairs);
        out.intervals[at] = Group::combine(inside, flags, pairs) & 1;
      }
    }
  }
  for (int row = 0; row < c.query_length; row += 4) // as a thread has them
    for (int tile = 0; tile < c.key_length; tile += 64)
      for (int lane = 0; lane < 4; ++lane) {
        int queries[4];
        for (int i = 0; i < 4; ++i) queries[i] = (int)(row + i + c.query_offset);
        unsigned words[4][1] = {};
        visible_words<Group, 64>(c, queries, tile + 2 * lane, words);
        unpack_words(c, row, tile + 2 * lane, words, out.words);
      }
}

template <class Group>
void fill_tiles(const Context &c, int tile_queries, int tile_keys, unsigned char *out) {
  const int query_tiles = ceil_div(c.query_length, tile_queries),
            key_tiles = ceil_div(c.key_length, tile_keys);
  for (int tile = 0; tile < query_tiles; ++tile) {
    RunSets<Group> sets(c, tile);
    for (int x = 0; x < key_tiles; ++x) {
      const bool partial = sets.not_full(c, tile, x) || x == ragged_tile(c.key_length, tile_keys);
      *out++ = !sets.touched(c, tile, x) ? 0 : partial ? 1 : 2;
    }
  }
}

template <class Classifiers>
void fill_boxes(const Context &c, int group, int tile_queries, int tile_keys, unsigned char *out) {
  const int query_tiles = ceil_div(c.query_length, tile_queries),
            key_tiles = ceil_div(c.key_length, tile_keys);
  for (int tile = 0; tile < query_tiles; ++tile)
    for (int x = 0; x < key_tiles; ++x)
      *out++ = Classifiers::classify(group, c, positions_of(c, tile, x, tile_queries, tile_keys));
}

template <class Pattern>
void fill_scores(const Context &c, const AgreementOutputs &out) {
  float *score = out.scores;
  for (float s : AgreementOutputs::kScores)
    for (int row = 0; row < c.query_length; ++row)
      for (int column = 0; column < c.key_length; ++column)
        *score++ = Pattern::score(s, c, (int)(row + c.query_offset), (int)(column + c.key_offset));
  if constexpr (Pattern::kScoreForm != ScoreForm::kPlain) { // a row of a tile of 64 columns, a thread's part
    const typename Pattern::ScoreScalars scalars = Pattern::score_scalars(c);
    float *scores = out.rowScores;
    for (float s : AgreementOutputs::kScores)
      for (int row = 0; row < c.query_length; ++row, scores += c.key_length)
        for (int tile = 0; tile < c.key_length; tile += 64)
          for (int first = tile; first < tile + 8; first += 2) {
            const RowScore<Pattern> modified(c, scalars, (int)(row + c.query_offset),
                                             (int)(first + c.key_offset));
            for (int j = 0; j < 8; ++j)
              for (int e = 0; e < 2; ++e)
                if (first + 8 * j + e < c.key_length) scores[first + 8 * j + e] = modified(s, 8 * j + e);
          }
  }
}

template <class Pattern, class Classifiers, class Config>
void fill_case(const ForwardArgs &args, int batch, int head, const AgreementOutputs &out) {
  const Context c = make_context(args, batch, head);
  const int group = Pattern::group_of(c);
  Pattern::dispatch(group, [&](auto chosen) {
    fill_masks<decltype(chosen)>(c, out);
    fill_tiles<decltype(chosen)>(c, Config::kTileQueries, Config::kTileKeys, out.tiles);
  });
  fill_boxes<Classifiers>(c, group, Config::kTileQueries, Config::kTileKeys, out.boxes);
  fill_scores<Pattern>(c, out);
}

} // namespace maskloom::kernel
