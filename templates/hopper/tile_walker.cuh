// The scheduler warp's walk over the schedule of a work unit: 32 schedule tiles at a time, one a lane.
#pragma once

#include "layout.cuh"

namespace maskloom::kernel {

/// The tiles of one (batch entry, head, Q tile), ascending. All lanes of the warp hold the same values.
template <class Config, class Pattern>
struct TileWalker {
  const ForwardArgs &args;
  const HopperLayout<Config> &layout;
  unsigned slot = 0;                  ///< of the unit
  int next = 0;                       ///< tiles from here on have not been looked at
  int word = 0;                       ///< the tile of bit 0
  unsigned touched = 0, not_full = 0; ///< touched tiles not yet taken, and which tiles are partial

  static MASKLOOM_DEVICE int lane() { return int(threadIdx.x % 32); }

  MASKLOOM_DEVICE void start(unsigned unit_slot) {
    slot = unit_slot;
    next = 0;
    touched = 0;
    if (key_tiles() > 0) Pattern::dispatch(unit().group, Begin{*this});
  }

  /// Is there a tile left?
  MASKLOOM_DEVICE bool any() {
    while (touched == 0 && next < key_tiles()) Pattern::dispatch(unit().group, Step{*this});
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
  // Of what follows from the unit nothing is kept: it is asked for rarely, and registers are few.
  MASKLOOM_DEVICE const UnitSlot &unit() const { return layout.state().units[slot]; }
  MASKLOOM_DEVICE int key_tiles() const {
    const bool exists = unit().query_tile * Config::kTileQueries < unit().context.query_length;
    return exists ? ceil_div(unit().context.key_length, Config::kTileKeys) : 0;
  }
  MASKLOOM_DEVICE int ragged() const { return ragged_tile(unit().context.key_length, Config::kTileKeys); }
  MASKLOOM_DEVICE Context context() const { return with_args(unit().context, args); }

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
        RunSets<Group> &sets = *reinterpret_cast<RunSets<Group> *>(walker.layout.state().runs);
        __syncwarp();
        if (lane() == 0)
          Group::runs(walker.unit().context, walker.unit().query_tile, sets.touched_runs, sets.not_full_runs);
        __syncwarp();
        Run *runs = walker.layout.state().runs; // of both sets, one after the other
        for (int i = lane(); i < Group::kTouched + Group::kNotFull; i += 32)
          runs[i] = with_reciprocal(runs[i]);
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
        sets(*reinterpret_cast<const RunSets<Group> *>(walker.layout.state().runs));
      } else {
        sets(RunSets<Group>(walker.context(), walker.unit().query_tile));
      }
    }

    template <class Group>
    MASKLOOM_DEVICE void sets(const RunSets<Group> &sets) const {
      TileWalker &w = walker;
      const Context c = w.context();
      w.next = sets.next(w.next);
      if (w.next >= w.key_tiles()) return;
      const int tile = w.next + lane();
      const bool touched = tile < w.key_tiles() && sets.touched(c, w.unit().query_tile, tile);
      take_word(touched, sets.not_full(c, w.unit().query_tile, tile) || tile == w.ragged());
    }

    /// 32 words of the plan at a time.
    MASKLOOM_DEVICE void plan() const {
      TileWalker &w = walker;
      const Context c = w.context();
      const int words = ceil_div(w.key_tiles(), 32);
      const unsigned *touched = plan_row(c, w.unit().query_tile, Config::kTileQueries, Config::kTileKeys);
      const unsigned *not_full = touched + plan_words(w.args.keys, Config::kTileKeys);
      const int word = w.next / 32 + lane();
      const unsigned candidates = __ballot_sync(0xffffffffu, word < words && touched[word] != 0);
      if (candidates == 0) {
        w.next += 32 * 32;
        return;
      }
      w.next += 32 * (__ffs(candidates) - 1);
      const int tile = w.next + lane();
      take_word(tile < w.key_tiles() && (touched[w.next / 32] >> lane() & 1),
                (not_full[w.next / 32] >> lane() & 1) || tile == w.ragged());
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
