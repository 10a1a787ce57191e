/// @file
/// The masks of the library as expressions, to be combined with others: `masks::sinkWindow(64, 512) || q ==
/// 0`. Patterns.h has each as a whole pattern with its parameters and tensors; a pattern file calls them by
/// name. Masks over N-D spaces are in Neighborhood.h.
///
/// Unless said otherwise a mask is causal: q >= k is part of it. Tensors with one entry a token may also have
/// the axes b, h and kvh: doc[q], doc[b, q], doc[b, h, q]. A tensor whose axes do not fit is an error of the
/// pattern (checkPattern).
#pragma once

#include "maskloom/dsl/Index.h"

#include <vector>

namespace maskloom::masks {

/// q >= k.
Mask causal(At at = At::current());
/// q - k < window: each query sees itself and the window - 1 keys before it (Child et al., 2019; Mistral 7B).
Mask slidingWindow(IntArg window, At at = At::current());
/// Every `dilation`-th key back from the query, `window` of them: (q - k) % dilation == 0 and
/// q - k < window * dilation (Longformer, Beltagy et al., 2020). `dilation` is a compile-time constant.
Mask dilatedWindow(IntArg window, IntArg dilation, At at = At::current());
/// k < sink or q - k < window (StreamingLLM, Xiao et al., 2023).
Mask sinkWindow(IntArg sink, IntArg window, At at = At::current());
/// q < global or k < global or |q - k| < window; causal on request (Longformer; BigBird, Zaheer et al.,
/// 2020).
Mask globalWindow(IntArg global, IntArg window, bool causal = false, At at = At::current());
/// k < prefix or q >= k: a prefix that every query sees whole (prefix language model, Raffel et al., 2020).
Mask prefix(IntArg prefix, At at = At::current());
/// Dense where `dense` (over h, kvh or b) is not 0, else sinkWindow (DuoAttention, Xiao et al., 2024).
Mask duo(const AuxInt &dense, IntArg sink, IntArg window, At at = At::current());

/// S2-Attention's local-stride mask (Lin et al., 2024): q/block - k/block < local or
/// (k/block + shard) % stride == 0. Not causal: |q/block - k/block| < local or
/// (k/block - q/block + shard) % stride == 0. `block` and `stride` are compile-time constants.
Mask localStride(IntArg block, IntArg local, IntArg stride, IntArg shard, bool causal = true,
                 At at = At::current());

/// Every `stride`-th block at block distances below `limit` and not below the limit of the range before.
struct ContextRange {
  int64_t stride; ///< in blocks; 1: all of them
  int64_t limit;  ///< in blocks of distance
};
/// S2-Attention's general form, each head several context ranges with their own strides: a key block at
/// distance d = q/block - k/block is visible iff (k/block + shard) % stride == 0 with the stride of d's
/// range. Nothing is visible beyond the last limit.
Mask contextRanges(int64_t block, const std::vector<ContextRange> &ranges, IntArg shard,
                   At at = At::current());

/// doc[q] == doc[k]: documents packed into one sequence; causal unless told otherwise (FlashMask, Wang et
/// al., 2024).
Mask documents(const AuxInt &doc, bool causal = true, At at = At::current());
/// k < prefix, or causal within the same sequence: sequences that share one prompt.
Mask sharedPrefix(IntArg prefix, const AuxInt &sequence, At at = At::current());
/// One question, several answers (reward models, DPO; FlashMask): causal within a document, and answer[k] is
/// 0 (the question) or answer[q] == answer[k].
Mask sharedQuestion(const AuxInt &doc, const AuxInt &answer, At at = At::current());
/// Documents, each with a prefix that all its queries see (FlashMask): the same document, and q >= k or
/// k < prefixEnd[k], the position at which the prefix of k's document ends.
Mask prefixDocuments(const AuxInt &doc, const AuxInt &prefixEnd, At at = At::current());
/// Blocks (the demonstrations of in-context learning) see themselves, the final one sees everything, all
/// causally (FlashMask): q >= finalBegin[b] or block[q] == block[k].
Mask causalBlockwise(const AuxInt &block, const AuxInt &finalBegin, At at = At::current());
/// Causal over the queries and keys that are kept: keepQuery[q] and keepKey[k] are not 0 (Pagliardini et al.,
/// 2023).
Mask qkSparse(const AuxInt &keepQuery, const AuxInt &keepKey, At at = At::current());
/// Causal within hash buckets: bucketOfQuery[q] == bucketOfKey[k] (Pagliardini et al., 2023).
Mask hashSparse(const AuxInt &bucketOfQuery, const AuxInt &bucketOfKey, At at = At::current());
/// Key k is seen by the queries from k to evictedAt[k] - 1 (random eviction, FlashMask).
Mask randomEviction(const AuxInt &evictedAt, At at = At::current());
/// FlashMask's general form, not causal by itself: key k is hidden from the queries in
/// [lowerBegin[k], lowerEnd[k]) and in [upperBegin[k], upperEnd[k]).
Mask columnRanges(const AuxInt &lowerBegin, const AuxInt &lowerEnd, const AuxInt &upperBegin,
                  const AuxInt &upperEnd, At at = At::current());

/// Block diffusion (Arriola et al., 2025): positions [0, tokens) are noised, [tokens, 2 tokens) the same
/// tokens clean. A noised query sees the noised keys of its block and the clean keys of earlier blocks, a
/// clean query the clean keys of its own and earlier blocks. Not causal. `block` is a compile-time constant.
Mask blockDiffusion(IntArg tokens, IntArg block, At at = At::current());
/// Cross attention from text to images (Flamingo, Alayrac et al., 2022): keys [i * tokens, (i + 1) * tokens)
/// belong to image i + 1; a query sees the image image[q], the last one before it; none where that is 0.
/// Queries are positions of the text: launch with q_offset 0. `tokens` is a compile-time constant.
Mask flamingo(const AuxInt &image, IntArg tokens, At at = At::current());
/// Tree decoding (SpecInfer, Miao et al., 2024; Medusa, Cai et al., 2024): the Sq queries are the nodes of a
/// tree of drafts and the last Sq keys. A node sees every key before the tree, and node j where ancestor[..,
/// i, j] is not 0 (set for j == i too). The last two axes of the table are of fixed extents, at least Sq.
Mask treeAncestors(const AuxInt &ancestor, At at = At::current());

/// One slice of MagiAttention (Sand AI, 2025): queries and keys of half-open ranges; causal counts from the
/// last query and key of the slice, inverse causal from the first ones, bi-causal is both.
enum class SliceType : uint8_t {
  Full,          ///< every pair of the slice
  Causal,        ///< queryEnd - q <= keyEnd - k
  InverseCausal, ///< k - keyBegin >= q - queryBegin
  BiCausal       ///< both
};
/// The pairs of one slice.
Mask slice(IntArg queryBegin, IntArg queryEnd, IntArg keyBegin, IntArg keyEnd, SliceType type,
           At at = At::current());
/// The union of `count` slices given at run time: table[count, 5] holds query begin, query end, key begin,
/// key end and type (0 full, 1 causal, 2 inverse causal, 3 bi-causal) of each. A slice with an empty range
/// shows nothing.
Mask sliceTable(const AuxInt &table, int64_t count, At at = At::current());

} // namespace maskloom::masks
