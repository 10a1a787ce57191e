// The producer warp's walk over the schedule of a work unit: 32 schedule tiles at a time, one a lane.
#pragma once

#include "layout.cuh"

namespace maskloom::kernel {

/// The tiles of one (batch entry, head, Q tile), ascending. All lanes of the warp hold the same values.
template <class Config, class Pattern>
struct TileWalker {
  const Context &context; ///< in shared memory
  Run *stored_runs;       ///< kStoredRuns in shared memory
  int group = 0, query_tile = 0;
  int key_tiles = 0, ragged = -1;
  int next = 0;                       ///< tiles from here on have not been looked at
  int word = 0;                       ///< the tile of bit 0
  unsigned touched = 0, not_full = 0; ///< touched tiles not yet taken, and which tiles are partial

  static MASKLOOM_DEVICE int lane() { return int(threadIdx.x % 32); }

  MASKLOOM_DEVICE void start(int unit_group, int unit_query_tile) {
    group = unit_group;
    query_tile = unit_query_tile;
    const bool exists = query_tile * Config::kTileQueries < context.query_length;
    key_tiles = exists ? ceil_div(context.key_length, Config::kTileKeys) : 0;
    ragged = ragged_tile(context.key_length, Config::kTileKeys);
    next = 0;
    touched = 0;
    if (exists) Pattern::dispatch(group, Begin{*this});
  }

  /// Is there a tile left?
  MASKLOOM_DEVICE bool any() {
    while (touched == 0 && next < key_tiles) Pattern::dispatch(group, Step{*this});
    return touched != 0;
  }

  /// Takes the next tile; any() has just said that there is one.
  MASKLOOM_DEVICE int take(bool &partial) {
    const int bit = __ffs(touched) - 1;
    partial = not_full >> bit & 1;
    touched &= touched - 1;
    return word + bit;
  }

private:
  template <class Group>
  static constexpr bool kStored = Group::kTouched + Group::kNotFull <= kStoredRuns;
  template <class Group>
  using Touched = Run (&)[Group::kTouched];
  template <class Group>
  using NotFull = Run (&)[Group::kNotFull];

  struct Begin {
    TileWalker &walker;
    template <class Group>
    MASKLOOM_DEVICE void operator()(Group) const {
      if constexpr (!Group::kPlanned && kStored<Group>) {
        RunSets<Group> &sets = *reinterpret_cast<RunSets<Group> *>(walker.stored_runs);
        __syncwarp();
        if (lane() == 0)
          Group::runs(walker.context, walker.query_tile, sets.touched_runs, sets.not_full_runs);
        __syncwarp();
      }
    }
  };

  /// Looks at the next tiles until a word has a touched one.
  struct Step {
    TileWalker &walker;

    template <class Group>
    MASKLOOM_DEVICE void operator()(Group) const {
      if constexpr (Group::kPlanned) {
        plan();
      } else if constexpr (kStored<Group>) {
        sets(*reinterpret_cast<const RunSets<Group> *>(walker.stored_runs));
      } else {
        sets(RunSets<Group>(walker.context, walker.query_tile));
      }
    }

    template <class Group>
    MASKLOOM_DEVICE void sets(const RunSets<Group> &sets) const {
      TileWalker &w = walker;
      w.next = sets.next(w.next);
      if (w.next >= w.key_tiles) return;
      const int tile = w.next + lane();
      const bool touched = tile < w.key_tiles && sets.touched(w.context, w.query_tile, tile);
      take_word(touched, sets.not_full(w.context, w.query_tile, tile) || tile == w.ragged);
    }

    /// 32 words of the plan at a time.
    MASKLOOM_DEVICE void plan() const {
      TileWalker &w = walker;
      const ForwardArgs &args = *w.context.args;
      const int words = ceil_div(w.key_tiles, 32);
      const unsigned *touched = plan_row(w.context, w.query_tile, Config::kTileQueries, Config::kTileKeys);
      const unsigned *not_full = touched + plan_words(args.keys, Config::kTileKeys);
      const int word = w.next / 32 + lane();
      const unsigned candidates = __ballot_sync(0xffffffffu, word < words && touched[word] != 0);
      if (candidates == 0) {
        w.next += 32 * 32;
        return;
      }
      w.next += 32 * (__ffs(candidates) - 1);
      const int tile = w.next + lane();
      take_word(tile < w.key_tiles && (touched[w.next / 32] >> lane() & 1),
                (not_full[w.next / 32] >> lane() & 1) || tile == w.ragged);
    }

    MASKLOOM_DEVICE void take_word(bool touched, bool partial) const {
      walker.touched = __ballot_sync(0xffffffffu, touched);
      walker.not_full = __ballot_sync(0xffffffffu, partial);
      walker.word = walker.next;
      walker.next += 32;
    }
  };
};

} // namespace maskloom::kernel
