// A consumer warpgroup: 64 query rows of each work unit. Its four warps multiply, mask, normalise and
// accumulate:
//
//     for each KV tile:  S = Q K^T;  mask S if the tile is partial;  P = softmax(S);  O = O + P V
//
// wgmma runs asynchronously: while the softmax of a tile is computed, P V of the one before is under way,
// across the ends of units too. With Config::kPingPong the warpgroups take turns, so that one multiplies
// while another exponentiates.
#pragma once

#include "../ptx/wgmma.cuh"
#include "epilogue.cuh"
#include "score.cuh"

namespace maskloom::kernel {

template <class Config, class Pattern>
struct Consumer {
  using Layout = HopperLayout<Config>;
  static constexpr int kTileKeys = Layout::kTileKeys;
  static constexpr int kScores = kTileKeys / 2;             ///< of S, a thread
  static constexpr int kOutput = Layout::kValueColumns / 2; ///< of O, a thread
  static constexpr int kHeadSteps = (Config::kHeadDim + 15) / 16, kKeySteps = kTileKeys / 16;

  /// What a tile needs besides its scores, its mask above all, is found out while they are being computed,
  /// where there are registers for it: beside S, O, and P, or what it takes to store P.
  static constexpr bool kEarly = Layout::kConsumers < 3 &&
                                 kScores + kScores / (Config::kSharedP ? 8 : 2) + kOutput <= 160 &&
                                 Pattern::kScoreForm != ScoreForm::kCapped;

  using Softmax = WarpgroupSoftmax<Config::kBf16>;
  using Modification = TileScores<Config, Pattern>;

  const ForwardArgs &args;
  const Layout layout;
  const int warpgroup; ///< 0 .. kConsumers - 1

  static MASKLOOM_DEVICE int lane() { return int(threadIdx.x % 32); }
  /// The first row of this thread in the tile; the other is 8 further.
  static MASKLOOM_DEVICE int row() { return int(threadIdx.x / 32 - 4) * 16 + lane() / 4; }

  /// Arrives for what is shared with the other blocks of the cluster.
  static MASKLOOM_DEVICE void release_to_cluster(Barrier barrier) {
    if constexpr (Layout::kCluster > 1) {
      __syncwarp();
      for (int arrival = lane(); arrival < Layout::kCluster * kArrivingLanes; arrival += 32)
        barrier.arrive_at(unsigned(arrival / kArrivingLanes));
    } else {
      barrier.arrive_as_warp();
    }
  }

  // The warpgroups' turns: barrier 1 + i lets warpgroup i issue.
  static constexpr bool kTurns = Config::kPingPong && Layout::kConsumers > 1;
  MASKLOOM_DEVICE void wait_for_turn() const {
    if constexpr (kTurns) named_barrier_sync(1 + warpgroup, 256);
  }
  MASKLOOM_DEVICE void pass_turn() const {
    if constexpr (kTurns) named_barrier_arrive(warpgroup + 1 == Layout::kConsumers ? 1 : 2 + warpgroup, 256);
  }

  /// Starts S = Q K^T.
  MASKLOOM_DEVICE void multiply_queries_keys(float (&scores)[kScores], unsigned query_stage,
                                             unsigned stage) const {
    const unsigned long long queries =
        operand_descriptor(layout.query(query_stage) + warpgroup * 64 * 128, 16);
    const unsigned long long keys = operand_descriptor(layout.key(stage), 16);
#pragma unroll
    for (int step = 0; step < kHeadSteps; ++step)
      Wgmma<kTileKeys>::template multiply_shared<Config::kBf16>(
          scores, advance(queries, step / 4 * Layout::kTileRows * 128 + step % 4 * 32),
          advance(keys, step / 4 * kTileKeys * 128 + step % 4 * 32), step != 0);
    wgmma_commit();
  }

  /// Starts O += P V; the caller commits.
  MASKLOOM_DEVICE void multiply_probabilities_values(float (&output)[kOutput],
                                                     const unsigned (&probabilities)[kScores / 2],
                                                     unsigned stage) const {
    const unsigned long long values = operand_descriptor(layout.value(stage), kTileKeys * 128);
    const unsigned long long shared = operand_descriptor(layout.probabilities() + warpgroup * 64 * 128, 16);
#pragma unroll
    for (int step = 0; step < kKeySteps; ++step)
      if constexpr (Config::kSharedP)
        Wgmma<Layout::kValueColumns>::template multiply_shared<Config::kBf16, true>(
            output, advance(shared, step / 4 * Layout::kTileRows * 128 + step % 4 * 32),
            advance(values, step * 2048), 1);
      else
        Wgmma<Layout::kValueColumns>::template multiply_registers<Config::kBf16>(
            output, probabilities + 4 * step, advance(values, step * 2048), 1);
  }

  /// All tiles of all units of the block, one stream.
  MASKLOOM_DEVICE void run() const {
    float scores[kScores], output[kOutput];
    unsigned probabilities[kScores / 2];
    clear(output);
#pragma unroll
    for (int i = 0; i < kScores / 2; ++i) probabilities[i] = 0;
    Softmax softmax;
    Modification modification(args);
    Places places;
    if (warpgroup == Layout::kConsumers - 1) pass_turn();
    prepare(places);
    while (true) {
      round<true>(places, modification, scores, probabilities, output, softmax);
      if (places.current == kDone) break;
      while (prepare(places)) round<false>(places, modification, scores, probabilities, output, softmax);
    }
  }

private:
  static constexpr unsigned kNone = 1u << 28; ///< a flag: there is no tile
  static_assert(kNone > kAbsentTile && kAbsentTile > 1u << Config::kGather);
  static constexpr unsigned kDone = kNone | kFinalTile;

  /// Where the rounds are.
  struct Places {
    RingPlace<kTileSlots> tile;        // of the next tile, as are
    RingPlace<Config::kStages> keys;   // its K,
    RingPlace<kUnitSlots> unit;        // and its unit, with its Q
    RingPlace<Config::kStages> values; // of the current tile's V
    unsigned current = kNone;          // flags of the current tile
    // Where a cluster shares tiles:
    bool begun = false;  // the current unit has
    bool ready = false;  // the next tile is there, and needed
    unsigned absent = 0; // V tiles after the current one that are not needed
  };

  /// Before a round: passes over tiles that only other blocks of the cluster need. Is it an ordinary round?
  MASKLOOM_DEVICE bool prepare(Places &at) const {
    if constexpr (Layout::kCluster > 1) {
      at.ready = false;
      while (!(at.current & kFinalTile)) {
        layout.key_full(at.keys.stage).wait(at.keys.parity);
        const unsigned flags = layout.state().tiles[at.tile.stage].flags;
        at.ready = !(flags & kAbsentTile);
        if (at.ready) break;
        if (at.current & kNone)
          release_values(at);
        else if (++at.absent == Config::kStages) {
          --at.absent; // the V stages are all taken: without the current tile's nothing goes on
          break;
        }
        release_to_cluster(layout.key_empty(at.keys.stage));
        at.keys.advance();
        at.tile.advance();
        if (flags & kLastTile) {
          at.current |= flags & (kLastTile | kFinalTile);
          if (!Layout::kStagedOutput) layout.query_empty(Layout::query_stage(at.unit.stage)).arrive_as_warp();
          at.unit.advance();
        }
      }
      if (!at.ready) return false;
    }
    return !(at.current & (kLastTile | kNone));
  }
  /// V that is not needed: it has landed before it is given back, since nobody else waits for it.
  MASKLOOM_DEVICE void release_values(Places &at) const {
    layout.value_full(at.values.stage).wait(at.values.parity);
    release_to_cluster(layout.value_empty(at.values.stage));
    at.values.advance();
  }

  /// Starts Q K^T of the next tile and P V of the current one, turns the next one's scores into probabilities
  /// meanwhile, and moves on. kGeneral: the current tile may be the last one of its unit, whose output is
  /// then written; there may be no current tile, or no next one, and what is multiplied in its place is
  /// thrown away.
  template <bool kGeneral>
  MASKLOOM_DEVICE void round(Places &at, Modification &modification, float (&scores)[kScores],
                             unsigned (&probabilities)[kScores / 2], float (&output)[kOutput],
                             Softmax &softmax) const {
    const typename Layout::State &state = layout.state();
    const unsigned query_stage = Layout::query_stage(at.unit.stage);
    const bool has_current = !kGeneral || !(at.current & kNone);
    const bool has_next = !kGeneral || (Layout::kCluster > 1 ? at.ready : !(at.current & kFinalTile));
    const bool ends = kGeneral && (at.current & kLastTile);
    const bool starts = kGeneral && (Layout::kCluster == 1 || ends || !at.begun);
    if (has_next) {
      if constexpr (kGeneral) layout.query_full(query_stage).wait(Layout::query_parity(at.unit.stage));
      if (Layout::kCluster == 1) layout.key_full(at.keys.stage).wait(at.keys.parity);
    }
    wait_for_turn();
    wgmma_fence();
    multiply_queries_keys(scores, query_stage, at.keys.stage);
    const TileSlot<Config::kGather> &slot = state.tiles[at.tile.stage];
    const unsigned next = has_next ? slot.flags : ends && (at.current & kFinalTile) ? kDone : kNone;
    if (has_current) layout.value_full(at.values.stage).wait(at.values.parity);
    if (Layout::kCluster == 1 || has_current) {
      wgmma_fence();
      multiply_probabilities_values(output, probabilities, at.values.stage);
    }
    wgmma_commit();
    pass_turn();

    // While these are under way, what does not need them:
    const TileMask<Config, Pattern> mask{args, state.units[at.unit.stage], slot, row(), layout.zero()};
    const unsigned ending = (at.unit.stage + kUnitSlots - 1) % kUnitSlots; // the unit before the next tile's
    const OutputTile<Config, Pattern> tile{args, state.units[ending], row()};
    float factors[2];
    if (ends) tile.finish_rows(softmax.rows, factors);
    if (starts) softmax.reset();
    typename TileMask<Config, Pattern>::Words words;
    if (has_next && kGeneral) modification.begin_unit(mask);
    if (has_next && kEarly) modification.begin_tile(mask);
    bool outgrown = !kGeneral && kEarly && modification.outgrown();
    if (kEarly && (next & kPartialTiles)) mask.evaluate(next, words);
    wgmma_wait<1>();
    pin(scores);

    bool moved = false;
    if (has_next) {
      moved = to_probabilities<kGeneral>(mask, next, words, query_stage, at.keys.stage, modification, scores,
                                         softmax, outgrown);
      release_to_cluster(layout.key_empty(at.keys.stage));
      at.keys.advance();
      if (!Layout::kStagedOutput && (next & kLastTile)) layout.query_empty(query_stage).arrive_as_warp();
      at.tile.advance();
    }

    wgmma_wait<0>();
    pin(output);
    if (has_current) {
      release_to_cluster(layout.value_empty(at.values.stage));
      at.values.advance();
      if constexpr (Layout::kCluster > 1)
#pragma unroll 1
        for (; at.absent > 0; --at.absent) release_values(at);
    }
    if (ends) {
      tile.scale(output, factors);
      if constexpr (Layout::kStagedOutput)
        tile.stage(output, layout.query(Layout::query_stage(ending)));
      else
        tile.store(output);
    }
    convert(probabilities, scores);
    if (starts)
      clear(output);
    else if (moved)
      softmax.rescale(output);
    if (ends) { // after all that the stores need not wait for
      if constexpr (Layout::kStagedOutput) fence_async_proxy();
      (Layout::kStagedOutput ? layout.output_full(Layout::query_stage(ending)) : layout.unit_empty(ending))
          .arrive_as_warp();
    }
    if constexpr (kGeneral && Layout::kCluster > 1) at.begun = has_next || (at.begun && !ends);
    if (next & kLastTile) at.unit.advance();
    at.current = next;
  }

  /// Zeros, register by register: left to itself the compiler has them in all uniform registers, and no
  /// addresses.
  static MASKLOOM_DEVICE void clear(float (&output)[kOutput]) {
#pragma unroll
    for (int i = 0; i < kOutput; ++i) asm volatile("mov.b32 %0, 0;" : "=f"(output[i]));
  }

  /// Scores become probabilities. True when the output must be corrected. kFirst: the unit's first tile,
  /// whose maximum is needed. Q and K are still there: scores whose exponentials overflow are computed again.
  template <bool kFirst>
  MASKLOOM_DEVICE bool to_probabilities(const TileMask<Config, Pattern> &mask, unsigned flags,
                                        typename TileMask<Config, Pattern>::Words &words,
                                        unsigned query_stage, unsigned key_stage, Modification &modification,
                                        float (&scores)[kScores], Softmax &softmax, bool outgrown) const {
    softmax.begin_tile();
    bool needs_maximum = kFirst || softmax.unset, moved = false;
    if (!kEarly) {
      modification.begin_tile(mask);
      outgrown = !needs_maximum && modification.outgrown();
    }
    while (true) {
      modification.prepare(scores, mask);
      if (flags & kPartialTiles) {
        if (!kEarly) mask.evaluate(flags, words);
        mask.hide(scores, words);
      }
      if (needs_maximum || outgrown) {
        modification.move_references(scores, softmax, needs_maximum || (flags & kPartialTiles));
        modification.follow(softmax);
        moved = true;
      }
      const bool too_large = modification.template exponentiate<kFirst>(scores, softmax);
      if (kFirst || __builtin_expect(!too_large, 1)) break;
      if (modification.may_scale_down(softmax)) {
        softmax.scale_down(scores);
        modification.follow(softmax);
        moved = true;
        break;
      }
      modification.give_way();
      multiply_again(scores, query_stage, key_stage);
      needs_maximum = true;
    }
    softmax.end_tile();
    return moved;
  }

  /// S = Q K^T by one warp alone, while wgmma of its warpgroup are under way: mma.sync leaves the same
  /// elements in the same places.
  MASKLOOM_DEVICE void multiply_again(float (&scores)[kScores], unsigned query_stage,
                                      unsigned key_stage) const {
    // All that follows depends on a zero read from memory, so that the compiler prepares none of it in the
    // main loop.
    const unsigned zero = load_shared_volatile(layout.zero()), lane = (threadIdx.x + zero) % 32;
    const unsigned query_row = warpgroup * 64 + threadIdx.x / 32 % 4 * 16 + lane % 16;
    const unsigned key_row = lane / 16 * 8 + lane % 8;
#pragma unroll
    for (int i = 0; i < kScores; ++i) scores[i] = __uint_as_float(zero);
#pragma unroll 1
    for (int step = 0; step < kHeadSteps; ++step) {
      // 16-byte units of a 128-byte row are swizzled by the row's last three bits.
      const unsigned query_unit = step % 4 * 2 + lane / 16, key_unit = step % 4 * 2 + lane / 8 % 2;
      unsigned queries[4];
      ldmatrix(queries, layout.query(query_stage) + (step / 4 * Layout::kTileRows + query_row) * 128 +
                            (query_unit ^ query_row % 8) * 16);
      const unsigned keys =
          layout.key(key_stage) + (step / 4 * kTileKeys + key_row) * 128 + (key_unit ^ key_row % 8) * 16;
#pragma unroll
      for (int j = 0; j < kTileKeys / 8; j += 2) {
        unsigned pair[4];
        ldmatrix(pair, keys + j * 8 * 128);
        mma<Config::kBf16>(reinterpret_cast<float (&)[4]>(scores[j * 4]), queries, pair[0], pair[1]);
        mma<Config::kBf16>(reinterpret_cast<float (&)[4]>(scores[j * 4 + 4]), queries, pair[2], pair[3]);
      }
    }
  }

  /// P, rounded, to where P V reads it. A warp's rows in shared memory are read for its own rows of O only.
  MASKLOOM_DEVICE void convert(unsigned (&probabilities)[kScores / 2], const float (&scores)[kScores]) const {
    if constexpr (Config::kSharedP) {
      store_accumulator<Config::kBf16, Layout::kTileRows>(scores, layout.probabilities());
      fence_async_proxy();
      __syncwarp();
    } else {
#pragma unroll
      for (int i = 0; i < kScores / 2; ++i)
        probabilities[i] = pack<Config::kBf16>(scores[2 * i], scores[2 * i + 1]);
    }
  }
};

} // namespace maskloom::kernel
