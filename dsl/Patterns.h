/// @file
/// The pattern library: the masks and scores people publish as whole patterns. The exact semantics of each
/// stand with the masks (Masks.h, Neighborhood.h) and scores (Scores.h) they are made of. The same patterns
/// stand as files under examples/patterns/.
#pragma once

#include "maskloom/dsl/Masks.h"
#include "maskloom/dsl/Neighborhood.h"
#include "maskloom/dsl/Pattern.h"
#include "maskloom/dsl/Scores.h"

namespace maskloom::patterns {

// Windows, offsets and the like are run-time parameters ("window", "sink", "prefix", "local", "offset") whose
// defaults are the arguments; "block", "stride" and "step" are compile-time constants.

// ---- windows ----

/// q >= k.
Pattern causal();
/// Causal, and q - k < window: each query sees itself and the window - 1 keys before it.
Pattern slidingWindow(int64_t window = 1024);
/// Causal, every `dilation`-th key back, `window` of them (Longformer). "dilation" is a compile-time
/// constant.
Pattern dilatedWindow(int64_t window = 256, int64_t dilation = 4);
/// Causal, and k < sink or q - k < window (StreamingLLM).
Pattern sinkWindow(int64_t sink = 64, int64_t window = 4096);
/// q < global or k < global or |q - k| < window (Longformer, BigBird).
Pattern globalWindow(int64_t global = 64, int64_t window = 256);
/// k < prefix or q >= k (prefix language model).
Pattern prefix(int64_t prefix = 4096);
/// Heads with dense[kvh] != 0 are causal, the others have sinkWindow (DuoAttention). aux dense[kvh].
Pattern duo(int64_t sink = 64, int64_t window = 256);
/// slidingWindow with a learnable logit a head in the denominator of the softmax (gpt-oss, 2025). aux
/// logits[h]: f32.
Pattern attentionSink(int64_t window = 128);

// ---- S2-Attention ----

/// S2-Attention's local-stride pattern (Phi-3-small's layers): visible iff q >= k and
/// (q/block - k/block < local or (k/block + x*headStep + offset) % stride == 0), with x the (KV) head.
struct LocalStride {
  int64_t block = 64;                             ///< tokens of a block
  int64_t local = 16;                             ///< blocks that are seen whole
  int64_t stride = 16;                            ///< of the older blocks every how many
  std::optional<int64_t> headStep = std::nullopt; ///< default: max(1, stride / n), n the (KV) heads that
                                                  ///< share the shards; 1 where they are not given
  int64_t offset = 0;                             ///< 0 and 1 both circulate
  bool perKvHead = false;                         ///< shards by KV head under GQA
  bool sameForAll = false;                        ///< every head the same shard
  bool causal = true;     ///< false: |q/block - k/block| < local, and the stride is relative to the query:
                          ///< (k/block - q/block + x*headStep + offset) % stride == 0
  int64_t heads = 0;      ///< query heads; needed with denseHeads
  int64_t kvHeads = 0;    ///< KV heads, for the default of headStep with perKvHead
  int64_t denseHeads = 0; ///< the last n heads attend to every (causal) key
};
/// The pattern of the options; those that do not fit are errors of the pattern.
Pattern localStride(const LocalStride &options = {});
/// Near: all blocks; middle: every n-th; far: every m-th, each offset by the head.
struct TwoRange {
  int64_t block = 64;       ///< tokens of a block
  int64_t local = 16;       ///< block distances below this: all blocks
  int64_t middle = 128;     ///< block distances below this: every middleStride-th
  int64_t middleStride = 4; ///< in blocks
  int64_t farStride = 16;   ///< in blocks, beyond
};
/// The pattern of the options.
Pattern twoRange(const TwoRange &options = {});
/// The general form: each head several ranges with strides of their own, offset by head * headStep + offset.
struct ContextRanges {
  int64_t block = 64;                                                        ///< tokens of a block
  std::vector<masks::ContextRange> ranges = {{1, 16}, {4, 128}, {16, 2048}}; ///< by rising limit
  int64_t headStep = 1;                                                      ///< blocks a head
  int64_t offset = 0;                                                        ///< blocks, for all heads
  bool perKvHead = false;                                                    ///< offset by the KV head
};
/// The pattern of the options.
Pattern contextRanges(const ContextRanges &options = {});
/// Hybrid stacks: layer `layer` (counted from 0) of a model whose every `every`-th layer is dense and causal,
/// from layer every - 1 on; the others have the pattern `sparse`.
Pattern hybridLayer(const Pattern &sparse, int64_t layer, int64_t every = 2);

// ---- documents, tables and lists ----

/// Causal within packed documents: aux doc[b, q], q >= k and doc[q] == doc[k].
Pattern documents(bool causal = true);
/// Sequences behind one shared prompt: aux sequence[b, q], param "prefix".
Pattern sharedPrefix(int64_t prefix = 1024);
/// One question, several answers: aux doc[b, q], answer[b, q] (0 the question).
Pattern sharedQuestion();
/// Documents with prefixes: aux doc[b, q], prefix_end[b, q].
Pattern prefixDocuments();
/// Demonstrations and a final block: aux block[b, q], final_begin[b].
Pattern causalBlockwise();
/// Dropped queries and keys: aux keep_query[b, h, q], keep_key[b, h, k].
Pattern qkSparse();
/// Hash buckets: aux bucket_of_query[b, h, q], bucket_of_key[b, h, k].
Pattern hashSparse();
/// Evicted keys: aux evicted_at[b, kvh, k].
Pattern randomEviction();
/// FlashMask's column vectors: aux lower_begin[b, k], lower_end[b, k], upper_begin[b, k], upper_end[b, k].
Pattern columnRanges();
/// Block diffusion: param "tokens", constant "block".
Pattern blockDiffusion(int64_t tokens = 1024, int64_t block = 16);
/// Text that sees the last image before it: aux image[b, q], constant "tokens" an image.
Pattern flamingo(int64_t tokens = 64);
/// A tree of drafts: aux ancestor[b, nodes, nodes].
Pattern treeAncestors(int64_t nodes = 64);
/// A boolean block table per head, aux table[h, q/blockQ, k/blockK] given at run time.
Pattern blockTable(int64_t blockQ = 128, int64_t blockK = 128, bool causal = false);
/// The union of slices known now (MagiAttention).
struct Slice {
  int64_t queryBegin = 0;                         ///< first query
  int64_t queryEnd = 0;                           ///< behind the last query
  int64_t keyBegin = 0;                           ///< first key
  int64_t keyEnd = 0;                             ///< behind the last key
  masks::SliceType type = masks::SliceType::Full; ///< which pairs
};
/// The union of these slices.
Pattern slices(const std::vector<Slice> &slices);
/// The union of slices given at run time: aux slice[count, 5].
Pattern sliceTable(int64_t count = 8);

// ---- N-D token spaces ----

/// Neighbourhood attention over a space of 1 to 3 axes.
Pattern neighborhood(const Space &space, const masks::Neighborhood &options);
/// The same over the sequence.
Pattern neighborhood(const masks::Neighborhood &options);
/// Sliding tile attention over a space of 2 or 3 axes.
Pattern slidingTile(const Space &space, const masks::SlidingTile &options);

// ---- scores ----

/// Causal with ALiBi: s + slope[h] * (k - q), aux slope[h] (Press et al., 2022).
Pattern alibi();
/// Causal with s -> cap * tanh(s / cap).
Pattern softCap(double cap = 50.0);
/// Causal with a table of biases by distance: aux bias[h, 2 * reach - 1].
Pattern relativeBias(int64_t reach = 128);
/// A table of biases by the distances on both axes of a 2-D space: aux bias[h, 2 * rows - 1, 2 * columns -
/// 1].
Pattern relativeBias2d(int64_t rows = 48, int64_t columns = 80);
/// Causal with Sandwich: aux cosines[reach], ratio[h].
Pattern sandwich(int64_t reach = 8192);
/// Every pair of nodes, biased by their distance: aux distance[b, q, k], bias[h, distances].
Pattern graphBias(int64_t distances = 64);

} // namespace maskloom::patterns
