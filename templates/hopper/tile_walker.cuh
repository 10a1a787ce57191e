// The scheduler warp's walk over the schedules of a work unit, of all blocks of the cluster together: 32
// candidates at a time, one a lane.
#pragma once

#include "layout.cuh"

namespace maskloom::kernel {

/// The KV tiles of one (batch entry, head) that some Q tile of the cluster's neighbouring ones needs,
/// ascending. All lanes of the warp hold the same values.
template <class Config, class Pattern>
struct TileWalker {
  static constexpr int kCluster = Config::kCluster;

  const ForwardArgs &args;
  const HopperLayout<Config> &layout;
  unsigned slot = 0;              ///< of the unit
  int next = 0;                   ///< tiles from here on have not been looked at
  int first = 0, step = 1;        ///< bit i stands for tile first + i * step
  unsigned touched = 0;           ///< tiles not yet taken
  unsigned own = 0, not_full = 0; ///< which of them this block needs, and which are partial for it

  static MASKLOOM_DEVICE int lane() { return int(threadIdx.x % 32); }

  MASKLOOM_DEVICE void start(unsigned unit_slot) {
    slot = unit_slot;
    next = 0;
    step = 1;
    touched = 0;
    if (key_tiles() > 0) Pattern::dispatch(unit().group, Begin{*this});
  }

  /// Is there a tile left?
  MASKLOOM_DEVICE bool any() {
    while (touched == 0 && next < key_tiles()) Pattern::dispatch(unit().group, Step{*this});
    return touched != 0;
  }

  /// Takes the next tile; any() has just said that there is one. Does this block need it? Then `partial` says
  /// whether it must evaluate the mask; otherwise it stays as it is.
  MASKLOOM_DEVICE bool take(int &tile, bool &partial) {
    const int bit = __ffs(touched) - 1;
    touched &= touched - 1;
    tile = first + bit * step;
    const bool needed = own >> bit & 1;
    if (needed) partial = not_full >> bit & 1;
    return needed;
  }

private:
  // Of what follows from the unit nothing is kept: it is asked for rarely, and registers are few.
  MASKLOOM_DEVICE const UnitSlot &unit() const { return layout.state().units[slot]; }
  /// Q tile of block `rank`; do rows of it exist?
  MASKLOOM_DEVICE int query_tile(int rank) const {
    return kCluster == 1 ? unit().query_tile : unit().query_tile / kCluster * kCluster + rank;
  }
  MASKLOOM_DEVICE bool exists(int rank) const {
    return query_tile(rank) * Config::kTileQueries < unit().context.query_length;
  }
  static MASKLOOM_DEVICE int own_rank() { return kCluster == 1 ? 0 : int(cluster_rank()); }
  MASKLOOM_DEVICE int key_tiles() const {
    return exists(0) ? ceil_div(unit().context.key_length, Config::kTileKeys) : 0;
  }
  MASKLOOM_DEVICE int ragged() const { return ragged_tile(unit().context.key_length, Config::kTileKeys); }
  MASKLOOM_DEVICE Context context() const { return with_args(unit().context, args); }

  /// Runs of one Q tile, and of those of all blocks of the cluster.
  template <class Group>
  static constexpr int kRuns = Group::kTouched + Group::kNotFull;
  template <class Group>
  static constexpr bool kStored = kCluster * kRuns<Group> <= kStoredRuns;
  template <class Group>
  MASKLOOM_DEVICE RunSets<Group> *stored() const {
    return reinterpret_cast<RunSets<Group> *>(layout.state().runs);
  }

  struct Begin {
    TileWalker &walker;
    template <class Group>
    MASKLOOM_DEVICE void operator()(Group) const {
      if constexpr (!Group::kPlanned && kStored<Group>) {
        __syncwarp();
        if (lane() < kCluster) {
          RunSets<Group> &sets = walker.template stored<Group>()[lane()];
          Group::runs(walker.unit().context, walker.query_tile(lane()), sets.touched_runs,
                      sets.not_full_runs);
        }
        __syncwarp();
        Run *runs = walker.layout.state().runs; // of all sets, one after the other
        if constexpr (congruences<Group>(0) != Congruences::kNone)
          for (int i = lane(); i < kCluster * kRuns<Group>; i += 32) runs[i] = with_reciprocal(runs[i]);
        __syncwarp();
      }
    }
  };

  /// Looks at the next tiles until there is a touched one.
  struct Step {
    TileWalker &walker;

    template <class Group>
    MASKLOOM_DEVICE void operator()(Group) const {
      if constexpr (Group::kPlanned)
        plan();
      else
        runs<Group>();
    }

    /// Calls visit(rank, the run sets of block `rank`).
    template <class Group, class Visit>
    MASKLOOM_DEVICE void for_each_set(Visit visit) const {
      MASKLOOM_UNROLL
      for (int rank = 0; rank < kCluster; ++rank) {
        if constexpr (kStored<Group>)
          visit(rank, const_cast<const RunSets<Group> &>(walker.template stored<Group>()[rank]));
        else
          visit(rank, RunSets<Group>(walker.context(), walker.query_tile(rank)));
      }
    }

    template <class Group>
    MASKLOOM_DEVICE void runs() const {
      TileWalker &w = walker;
      const Context c = w.context();
      const int end = find_candidates<Group>(w.next);
      if (w.first >= w.key_tiles()) {
        w.next = w.first;
        return;
      }
      const int tile = w.first + lane() * w.step;
      bool touched = false, own = false, partial = tile == w.ragged();
      for_each_set<Group>([&](int rank, const RunSets<Group> &sets) {
        const int query_tile = w.query_tile(rank);
        const bool here =
            tile < min(end, w.key_tiles()) && w.exists(rank) && sets.touched(c, query_tile, tile);
        touched = touched || here;
        if (rank == own_rank()) {
          own = here;
          partial = partial || sets.not_full(c, query_tile, tile);
        }
      });
      take_word(touched, own, partial);
      w.next = min(end, w.first + 32 * w.step);
    }

    /// Sets first and step such that the touched tiles from `from` on, up to the returned end, are among
    /// first + i * step. Lane i asks run i of one set. Where runs of every step-th tile are alone for long,
    /// lanes look at their tiles only; otherwise at consecutive ones.
    template <class Group>
    MASKLOOM_DEVICE int find_candidates(int from) const {
      constexpr int kNever = 0x7fffffff;
      constexpr int kLongestStep = 1 << 20; // 32 of them and a tile's number fit in an int
      TileWalker &w = walker;
      w.step = 1;
      if constexpr (!kStored<Group> || kCluster * Group::kTouched > 32) {
        w.first = kNever;
        for_each_set<Group>(
            [&](int, const RunSets<Group> &sets) { w.first = min(w.first, sets.next(from)); });
        return kNever;
      } else {
        int nearest = kNever, period = 1;
        if (lane() < kCluster * Group::kTouched) {
          const Run &run =
              w.template stored<Group>()[lane() / Group::kTouched].touched_runs[lane() % Group::kTouched];
          nearest = next_in_run<congruences<Group>(0)>(run, from);
          if (run.a == 1 && run.width == 0 && run.period <= kLongestStep) period = run.period;
        }
        w.first = __reduce_min_sync(0xffffffffu, nearest);
        if constexpr (congruences<Group>(0) == Congruences::kNone) return kNever;
        const bool is_first = nearest == w.first;
        const int step = __reduce_min_sync(0xffffffffu, is_first ? period : kNever);
        const int others = __reduce_min_sync(0xffffffffu, is_first ? kNever : nearest);
        const bool alone = __all_sync(0xffffffffu, !is_first || period == step);
        if (!alone || step == 1 || others - w.first <= 32) return kNever;
        w.step = step;
        return others;
      }
    }

    /// 32 words of the plan at a time.
    MASKLOOM_DEVICE void plan() const {
      TileWalker &w = walker;
      const Context c = w.context();
      const int words = ceil_div(w.key_tiles(), 32);
      const unsigned *touched[kCluster];
      const int word = w.next / 32 + lane();
      bool candidate = false;
      MASKLOOM_UNROLL
      for (int rank = 0; rank < kCluster; ++rank) {
        touched[rank] = plan_row(c, w.query_tile(rank), Config::kTileQueries, Config::kTileKeys);
        candidate = candidate || (word < words && w.exists(rank) && touched[rank][word] != 0);
      }
      const unsigned candidates = __ballot_sync(0xffffffffu, candidate);
      if (candidates == 0) {
        w.next += 32 * 32;
        return;
      }
      w.next += 32 * (__ffs(candidates) - 1);
      const int tile = w.next + lane();
      bool any = false, own = false, partial = tile == w.ragged();
      MASKLOOM_UNROLL
      for (int rank = 0; rank < kCluster; ++rank) {
        if (!w.exists(rank)) continue;
        const bool here = tile < w.key_tiles() && (touched[rank][w.next / 32] >> lane() & 1);
        any = any || here;
        if (rank != own_rank()) continue;
        const unsigned *not_full = touched[rank] + plan_words(w.args.keys, Config::kTileKeys);
        own = here;
        partial = partial || (not_full[w.next / 32] >> lane() & 1);
      }
      take_word(any, own, partial);
      w.first = w.next;
      w.step = 1;
      w.next += 32;
    }

    MASKLOOM_DEVICE void take_word(bool touched, bool own, bool partial) const {
      walker.touched = __ballot_sync(0xffffffffu, touched);
      walker.own = __ballot_sync(0xffffffffu, own);
      walker.not_full = __ballot_sync(0xffffffffu, partial);
    }
  };
};

} // namespace maskloom::kernel
