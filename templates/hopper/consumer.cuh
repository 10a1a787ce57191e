// A consumer warpgroup: 64 query rows of the work unit. Its four warps multiply, mask, normalise and
// accumulate:
//
//     for each KV tile:  S = Q K^T;  mask S if the tile is partial;  P = softmax(S);  O = O + P V
//
// wgmma runs asynchronously: while the softmax of tile j is computed, P V of tile j - 1 is under way, and
// with Config::kPingPong the warpgroups take turns, so that one multiplies while another exponentiates.
#pragma once

#include "../ptx/wgmma.cuh"
#include "epilogue.cuh"
#include "mask.cuh"
#include "softmax.cuh"

namespace maskloom::kernel {

template <class Config, class Pattern>
struct Consumer {
  using Layout = HopperLayout<Config>;
  static constexpr int kTileKeys = Layout::kTileKeys;
  static constexpr int kScores = kTileKeys / 2;             ///< of S, a thread
  static constexpr int kOutput = Layout::kValueColumns / 2; ///< of O, a thread
  static constexpr int kHeadSteps = (Config::kHeadDim + 15) / 16, kKeySteps = kTileKeys / 16;

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
  MASKLOOM_DEVICE void multiply_queries_keys(float (&scores)[kScores], unsigned stage) const {
    const unsigned long long queries = operand_descriptor(layout.query() + warpgroup * 64 * 128, 16);
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

  MASKLOOM_DEVICE void run() const {
    RingCount<Config::kStages> ring; // of the tile whose scores are at hand
    if (warpgroup == Layout::kConsumers - 1) pass_turn();
    for (unsigned unit = 0;; ++unit) {
      layout.query_full().wait(unit % 2);
      const UnitSlot &slot = layout.state().units[unit % 2];
      if (slot.done) break;
      run_unit(slot, ring);
    }
  }

private:
  MASKLOOM_DEVICE void run_unit(const UnitSlot &slot, RingCount<Config::kStages> &ring) const {
    float output[kOutput];
#pragma unroll
    for (int i = 0; i < kOutput; ++i) output[i] = 0.0f;
    // One FFMA a score takes it to log2 units. A scale that is not positive would turn the maximum around
    // (and 0 * -inf is not a number), so then it is applied beforehand, as it is with a score modification.
    const bool scale_folds = !Pattern::kHasScore && args.scale > 0.0f;
    WarpgroupSoftmax<Config::kBf16> softmax{scale_folds ? args.scale * kLog2e : kLog2e};

    if (slot.has_tiles) {
      float scores[kScores];
      unsigned probabilities[kScores / 2];
      // The first tile has no P V to hide behind.
      layout.key_full(ring.stage()).wait(ring.parity());
      wgmma_fence();
      multiply_queries_keys(scores, ring.stage());
      wgmma_wait<0>();
      pin(scores);
      unsigned flags = layout.state().stages[ring.slot()].flags;
      to_probabilities<true>(slot, ring, flags, scale_folds, scores, softmax);
      release_keys(ring, flags);
      convert(probabilities, scores);

      while (!(flags & kLastTile)) {
        const RingCount<Config::kStages> before = ring;
        ++ring.count;
        layout.key_full(ring.stage()).wait(ring.parity());
        wait_for_turn();
        wgmma_fence();
        multiply_queries_keys(scores, ring.stage());
        layout.value_full(before.stage()).wait(before.parity());
        multiply_probabilities_values(output, probabilities, before.stage());
        pass_turn();
        wgmma_wait<1>();
        pin(scores);
        flags = layout.state().stages[ring.slot()].flags;
        const bool moved = to_probabilities<false>(slot, ring, flags, scale_folds, scores, softmax);
        release_keys(ring, flags);
        wgmma_wait<0>();
        pin(output);
        release(layout.value_empty(before.stage()));
        if (moved) softmax.rescale(output);
        convert(probabilities, scores);
      }

      layout.value_full(ring.stage()).wait(ring.parity());
      wgmma_fence();
      multiply_probabilities_values(output, probabilities, ring.stage());
      wgmma_wait<0>();
      pin(output);
      release(layout.value_empty(ring.stage()));
      ++ring.count;
    } else {
      release(layout.query_empty());
    }
    write_output<Config, Pattern>(args, slot, row(), output, softmax);
  }

  /// The K of the tile at hand, and with the unit's last tile Q, may be overwritten.
  MASKLOOM_DEVICE void release_keys(RingCount<Config::kStages> ring, unsigned flags) const {
    release(layout.key_empty(ring.stage()));
    if (flags & kLastTile) release(layout.query_empty());
  }

  /// Scores become probabilities. True when the output must be corrected. K and Q are still there: scores
  /// whose exponentials overflow are computed again.
  template <bool kFirst>
  MASKLOOM_DEVICE bool to_probabilities(const UnitSlot &slot, RingCount<Config::kStages> ring, unsigned flags,
                                        bool scale_folds, float (&scores)[kScores],
                                        WarpgroupSoftmax<Config::kBf16> &softmax) const {
    const TileMask<Config, Pattern> mask{args, slot, layout.state().stages[ring.slot()], row()};
    softmax.begin_tile();
    bool needs_maximum = kFirst || softmax.unset, moved = false;
    while (true) {
      if constexpr (Pattern::kHasScore)
        mask.modify(scores);
      else if (!scale_folds)
        scale(scores);
      if (flags & ~kLastTile) mask.hide(scores, flags);
      if (needs_maximum) {
        softmax.move_references(scores);
        moved = true;
      }
      const bool too_large = softmax.exponentiate(scores);
      if (kFirst || __builtin_expect(!too_large, 1)) break;
      if (!softmax.overflowed()) {
        softmax.scale_down(scores);
        moved = true;
        break;
      }
      multiply_again(scores, ring.stage());
      needs_maximum = true;
    }
    softmax.end_tile();
    return moved;
  }

  /// S = Q K^T by one warp alone, while wgmma of its warpgroup are under way: mma.sync leaves the same
  /// elements in the same places.
  MASKLOOM_DEVICE void multiply_again(float (&scores)[kScores], unsigned stage) const {
    // All that follows depends on a zero read from memory, so that the compiler prepares none of it in the
    // main loop.
    const unsigned zero = load_shared_volatile(layout.zero()), thread = threadIdx.x + zero;
#pragma unroll
    for (int i = 0; i < kScores; ++i) scores[i] = __uint_as_float(zero);
    const unsigned lane = thread % 32, query_row = thread / 32 % 4 * 16 + warpgroup * 64 + lane % 16;
    const unsigned key_row = lane / 16 * 8 + lane % 8;
#pragma unroll 1
    for (int step = 0; step < kHeadSteps; ++step) {
      // 16-byte units of a 128-byte row are swizzled by the row's last three bits.
      const unsigned query_unit = step % 4 * 2 + lane / 16, key_unit = step % 4 * 2 + lane / 8 % 2;
      unsigned queries[4];
      ldmatrix(queries, layout.query() + (step / 4 * Layout::kTileQueries + query_row) * 128 +
                            (query_unit ^ query_row % 8) * 16);
      const unsigned keys =
          layout.key(stage) + (step / 4 * kTileKeys + key_row) * 128 + (key_unit ^ key_row % 8) * 16;
#pragma unroll
      for (int j = 0; j < kTileKeys / 8; j += 2) {
        unsigned pair[4];
        ldmatrix(pair, keys + j * 8 * 128);
        float (&block)[4] = reinterpret_cast<float (&)[4]>(scores[j * 4]);
        float (&next)[4] = reinterpret_cast<float (&)[4]>(scores[j * 4 + 4]);
        mma<Config::kBf16>(block, queries, pair[0], pair[1]);
        mma<Config::kBf16>(next, queries, pair[2], pair[3]);
      }
    }
  }

  static MASKLOOM_DEVICE void convert(unsigned (&probabilities)[kScores / 2],
                                      const float (&scores)[kScores]) {
#pragma unroll
    for (int i = 0; i < kScores / 2; ++i)
      probabilities[i] = pack<Config::kBf16>(scores[2 * i], scores[2 * i + 1]);
  }

  MASKLOOM_DEVICE void scale(float (&scores)[kScores]) const {
#pragma unroll
    for (int i = 0; i < kScores; ++i) scores[i] *= args.scale;
  }
};

} // namespace maskloom::kernel
