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
    WarpgroupSoftmax softmax{scale_folds ? args.scale * kLog2e : kLog2e};

    if (slot.has_tiles) {
      float scores[kScores];
      unsigned probabilities[kScores / 2];
      // The first tile has no P V to hide behind.
      layout.key_full(ring.stage()).wait(ring.parity());
      wgmma_fence();
      multiply_queries_keys(scores, ring.stage());
      wgmma_wait<0>();
      pin(scores);
      unsigned flags = take_tile(slot, ring);
      process_scores(slot, ring, flags, scale_folds, scores, softmax);
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
        flags = take_tile(slot, ring);
        const bool moved = process_scores(slot, ring, flags, scale_folds, scores, softmax);
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

  /// The scores of the tile at hand are complete: its K, and with the unit's last tile Q, may be overwritten.
  /// Gives the tile's flags.
  MASKLOOM_DEVICE unsigned take_tile(const UnitSlot &, RingCount<Config::kStages> ring) const {
    const unsigned flags = layout.state().stages[ring.slot()].flags;
    release(layout.key_empty(ring.stage()));
    if (flags & kLastTile) release(layout.query_empty());
    return flags;
  }

  /// Scores become probabilities. True when the output must be rescaled.
  MASKLOOM_DEVICE bool process_scores(const UnitSlot &slot, RingCount<Config::kStages> ring, unsigned flags,
                                      bool scale_folds, float (&scores)[kScores],
                                      WarpgroupSoftmax &softmax) const {
    const TileMask<Config, Pattern> mask{args, slot, layout.state().stages[ring.slot()], row()};
    if constexpr (Pattern::kHasScore)
      mask.modify(scores);
    else if (!scale_folds)
      scale(scores);
    if (flags & ~kLastTile) mask.hide(scores, flags);
    return softmax.step(scores);
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
