// The pattern library: the masks people publish, each with its exact semantics. The same patterns stand as
// files under examples/patterns/.
#pragma once

#include "maskloom/dsl/Pattern.h"

namespace maskloom::patterns {

// Windows, offsets and the like are run-time parameters ("window", "sink", "prefix", "local", "offset") whose
// defaults are the arguments; "block", "stride" and "step" are compile-time constants.

/// q >= k.
Pattern causal();
/// Causal, and q - k < window: each query sees itself and the window - 1 keys before it.
Pattern slidingWindow(int64_t window = 1024);
/// Causal, and k < sink or q - k < window (StreamingLLM).
Pattern sinkWindow(int64_t sink = 64, int64_t window = 4096);
/// k < prefix or q >= k (prefix language model).
Pattern prefix(int64_t prefix = 4096);

/// S2-Attention's local-stride pattern (Phi-3-small's layers): visible iff q >= k and
/// (q/block - k/block < local or (k/block + x*headStep + offset) % stride == 0), with x the (KV) head.
struct LocalStride {
  int64_t block = 64;
  int64_t local = 16;
  int64_t stride = 16;
  int64_t headStep = 1;    ///< max(1, stride / heads) in the paper
  int64_t offset = 0;      ///< 0 and 1 both circulate
  bool perKvHead = false;  ///< shards by KV head under GQA
  bool sameForAll = false; ///< every head the same shard
  bool causal = true;      ///< false: |q/block - k/block| < local, and the stride is relative to the query:
                           ///< (k/block - q/block + x*headStep + offset) % stride == 0
  int64_t heads = 0;       ///< query heads; needed with denseHeads
  int64_t denseHeads = 0;  ///< the last n heads attend to every (causal) key
};
Pattern localStride(const LocalStride &options = {});
/// Near: all blocks; middle: every n-th; far: every m-th, each offset by the head.
struct TwoRange {
  int64_t block = 64;
  int64_t local = 16;
  int64_t middle = 128, middleStride = 4;
  int64_t farStride = 16;
};
Pattern twoRange(const TwoRange &options = {});
/// Causal within packed documents: aux doc[b, q], q >= k and doc[q] == doc[k].
Pattern documents(bool causal = true);
/// A boolean block table per head, aux table[h, q/blockQ, k/blockK] given at run time.
Pattern blockTable(int64_t blockQ = 128, int64_t blockK = 128, bool causal = false);
/// Causal with ALiBi: s + slope[h] * (k - q), aux slope[h] (Press et al., 2022).
Pattern alibi();
/// Causal with s -> cap * tanh(s / cap).
Pattern softCap(double cap = 50.0);

} // namespace maskloom::patterns
