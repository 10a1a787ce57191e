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

  using Softmax = WarpgroupSoftmax<Config::kBf16>;
  using Modification = TileScores<Config, Pattern>;

  const ForwardArgs &args;
  const Layout layout;
  const int warpgroup; ///< 0 .. kConsumers - 1

  static MASKLOOM_DEVICE int lane() { return int(threadIdx.x % 32); }
  /// The first row of this thread in the tile; the other is 8 further.
  static MASKLOOM_DEVICE int row() { return int(threadIdx.x / 32 - 4) * 16 + lane() / 4; }

  /// One arrival a warp.
  static MASKLOOM_DEVICE void release(Barrier barrier) {
    if (lane() == 0) barrier.arrive();
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
          scores, advance(queries, step / 4 * Layout::kTileQueries * 128 + step % 4 * 32),
          advance(keys, step / 4 * kTileKeys * 128 + step % 4 * 32), step != 0);
    wgmma_commit();
  }

  /// Starts O += P V.
  MASKLOOM_DEVICE void multiply_probabilities_values(float (&output)[kOutput],
                                                     const unsigned (&probabilities)[kScores / 2],
                                                     unsigned stage) const {
    const unsigned long long values = operand_descriptor(layout.value(stage), kTileKeys * 128);
#pragma unroll
    for (int step = 0; step < kKeySteps; ++step)
      Wgmma<Layout::kValueColumns>::template multiply_registers<Config::kBf16>(
          output, probabilities + 4 * step, advance(values, step * 2048), 1);
    wgmma_commit();
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
    while (true) {
      round<true>(places, modification, scores, probabilities, output, softmax);
      if (places.current & kNone) break;
      while (!(places.current & kLastTile))
        round<false>(places, modification, scores, probabilities, output, softmax);
    }
  }

private:
  static constexpr unsigned kNone = 1u << 28; ///< a flag: there is no tile
  static_assert(kNone > 1u << Config::kGather);

  /// Where the rounds are.
  struct Places {
    RingPlace<kTileSlots> tile;              // of the next tile, as are
    RingPlace<Config::kStages> keys;         // its K,
    RingPlace<Layout::kQueryStages> queries; // its Q
    RingPlace<kUnitSlots> unit;              // and its unit
    RingPlace<Config::kStages> values;       // of the current tile's V
    unsigned current = kNone | kLastTile;    // flags of the current tile
  };

  /// Starts Q K^T of the next tile and P V of the current one, turns the next one's scores into probabilities
  /// meanwhile, and moves on. kBoundary: the current tile is the last one of its unit, whose output is
  /// written; or there is no current tile yet, or no next one any more, and what is multiplied in its place
  /// is thrown away.
  template <bool kBoundary>
  MASKLOOM_DEVICE void round(Places &at, Modification &modification, float (&scores)[kScores],
                             unsigned (&probabilities)[kScores / 2], float (&output)[kOutput],
                             Softmax &softmax) const {
    const typename Layout::State &state = layout.state();
    const bool has_current = !kBoundary || !(at.current & kNone);
    const bool has_next = !kBoundary || !(at.current & kFinalTile);
    if (has_next) {
      if constexpr (kBoundary) layout.query_full(at.queries.stage).wait(at.queries.parity);
      layout.key_full(at.keys.stage).wait(at.keys.parity);
    }
    wait_for_turn();
    wgmma_fence();
    multiply_queries_keys(scores, at.queries.stage, at.keys.stage);
    const TileSlot<Config::kGather> &slot = state.tiles[at.tile.stage];
    const unsigned next = has_next ? slot.flags : kNone | kLastTile;
    if (has_current) layout.value_full(at.values.stage).wait(at.values.parity);
    multiply_probabilities_values(output, probabilities, at.values.stage);
    pass_turn();
    wgmma_wait<1>();
    pin(scores);

    const typename Softmax::Row finished[2] = {softmax.rows[0], softmax.rows[1]};
    if constexpr (kBoundary) softmax.reset();
    bool moved = false;
    if (has_next) {
      moved = to_probabilities<kBoundary>(state.units[at.unit.stage], slot, next, at.queries.stage,
                                          at.keys.stage, modification, scores, softmax);
      release(layout.key_empty(at.keys.stage));
      at.keys.advance();
      if (next & kLastTile) {
        release(layout.query_empty(at.queries.stage));
        at.queries.advance();
      }
      at.tile.advance();
    }

    wgmma_wait<0>();
    pin(output);
    if (has_current) {
      release(layout.value_empty(at.values.stage));
      at.values.advance();
    }
    if constexpr (kBoundary) {
      if (has_current) {
        const unsigned place =
            (at.unit.stage + kUnitSlots - 1) % kUnitSlots; // the unit before the next tile's
        write_output<Config, Pattern>(args, state.units[place], row(), output, finished);
        release(layout.unit_empty(place));
      }
      clear(output);
    } else if (moved) {
      softmax.rescale(output);
    }
    if (next & kLastTile) at.unit.advance();
    convert(probabilities, scores);
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
  MASKLOOM_DEVICE bool to_probabilities(const UnitSlot &unit, const TileSlot<Config::kGather> &tile,
                                        unsigned flags, unsigned query_stage, unsigned key_stage,
                                        Modification &modification, float (&scores)[kScores],
                                        Softmax &softmax) const {
    const TileMask<Config, Pattern> mask{args, unit, tile, row(), layout.zero()};
    softmax.begin_tile();
    if constexpr (kFirst) modification.begin_unit(mask);
    modification.begin_tile(mask);
    bool needs_maximum = kFirst || softmax.unset, moved = false;
    const bool outgrown = !needs_maximum && modification.outgrown();
    while (true) {
      modification.prepare(scores, mask);
      if (flags & kPartialTiles) mask.hide(scores, flags);
      if (needs_maximum || outgrown) {
        modification.move_references(scores, softmax, needs_maximum || (flags & kPartialTiles));
        moved = true;
      }
      const bool too_large = modification.template exponentiate<kFirst>(scores, softmax);
      if (kFirst || __builtin_expect(!too_large, 1)) break;
      if (modification.may_scale_down(softmax)) {
        softmax.scale_down(scores);
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
      ldmatrix(queries, layout.query(query_stage) + (step / 4 * Layout::kTileQueries + query_row) * 128 +
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

  static MASKLOOM_DEVICE void convert(unsigned (&probabilities)[kScores / 2],
                                      const float (&scores)[kScores]) {
#pragma unroll
    for (int i = 0; i < kScores / 2; ++i)
      probabilities[i] = pack<Config::kBf16>(scores[2 * i], scores[2 * i + 1]);
  }
};

} // namespace maskloom::kernel
