#include "maskloom/dsl/Patterns.h"

#include <algorithm>

namespace maskloom::patterns {

namespace {
constexpr int64_t kAnyLength = 2147483647;
constexpr int64_t kAnyBlock = 65536; // largest block, stride or head step a pattern may ask for

// `aux name[b, q]: i32;`
AuxInt perToken(const char *name) { return {name, {axis::batch(), axis::query()}}; }

} // namespace

Pattern causal() { return Pattern("causal", masks::causal()); }

Pattern slidingWindow(int64_t window) {
  return Pattern("sliding_window", masks::slidingWindow(Param("window", window, 0, kAnyLength)));
}

Pattern dilatedWindow(int64_t window, int64_t dilation) {
  return Pattern("dilated_window", masks::dilatedWindow(Param("window", window, 0, kAnyBlock),
                                                        Param("dilation", dilation, 1, kAnyBlock)));
}

Pattern sinkWindow(int64_t sink, int64_t window) {
  return Pattern("sink_window", masks::sinkWindow(Param("sink", sink, 0, kAnyLength),
                                                  Param("window", window, 0, kAnyLength)));
}

Pattern globalWindow(int64_t global, int64_t window) {
  return Pattern("global_window", masks::globalWindow(Param("global", global, 0, kAnyLength),
                                                      Param("window", window, 0, kAnyLength)));
}

Pattern prefix(int64_t prefix) {
  return Pattern("prefix", masks::prefix(Param("prefix", prefix, 0, kAnyLength)));
}

Pattern duo(int64_t sink, int64_t window) {
  AuxInt dense("dense", {axis::kvHead()});
  return Pattern(
      "duo", masks::duo(dense, Param("sink", sink, 0, kAnyLength), Param("window", window, 0, kAnyLength)));
}

Pattern attentionSink(int64_t window) {
  Pattern pattern("attention_sink", masks::slidingWindow(Param("window", window, 0, kAnyLength)));
  return pattern.withSink(AuxFloat("logits", {axis::head()}));
}

Pattern localStride(const LocalStride &options) {
  int64_t sharing = options.perKvHead ? options.kvHeads : options.heads;
  int64_t paperStep = sharing > 0 ? std::max<int64_t>(1, options.stride / sharing) : 1;
  Param block("block", options.block, 1, kAnyBlock);
  Param local("local", options.local, 0, kAnyLength);
  Param stride("stride", options.stride, 1, kAnyBlock);
  Param step("step", options.headStep.value_or(paperStep), 0, kAnyBlock);
  Param offset("offset", options.offset, 0, kAnyBlock);

  Index shard =
      options.sameForAll ? Index(offset.expr()) : (options.perKvHead ? kvHead() : head()) * step + offset;
  Mask sparse = masks::localStride(block, local, stride, shard, options.causal);
  if (options.denseHeads <= 0) return Pattern("s2_local_stride", sparse);

  Layout layout;
  int64_t sparseHeads = std::max<int64_t>(options.heads - options.denseHeads, 0);
  if (sparseHeads > 0) layout.heads(0, sparseHeads - 1, sparse);
  layout.heads(sparseHeads, options.heads - 1, all());
  return Pattern("s2_local_stride", options.causal ? masks::causal() : all(), layout);
}

Pattern twoRange(const TwoRange &options) {
  Index q = query(), k = key(), h = head();
  Index keyBlock = floordiv(k, options.block);
  Mask ranges = bands(floordiv(q, options.block) - keyBlock,
                      {{options.local, all()}, {options.middle, (keyBlock + h) % options.middleStride == 0}},
                      (keyBlock + h) % options.farStride == 0);
  return Pattern("two_range", q >= k && ranges);
}

Pattern contextRanges(const ContextRanges &options) {
  Index shard = (options.perKvHead ? kvHead() : head()) * options.headStep + options.offset;
  return Pattern("context_ranges", masks::contextRanges(options.block, options.ranges, shard));
}

Pattern hybridLayer(const Pattern &sparse, int64_t layer, int64_t every) {
  return layer % std::max<int64_t>(every, 1) == std::max<int64_t>(every, 1) - 1 ? causal() : sparse;
}

Pattern documents(bool causal) { return Pattern("documents", masks::documents(perToken("doc"), causal)); }

Pattern sharedPrefix(int64_t prefix) {
  return Pattern("shared_prefix",
                 masks::sharedPrefix(Param("prefix", prefix, 0, kAnyLength), perToken("sequence")));
}

Pattern sharedQuestion() {
  return Pattern("shared_question", masks::sharedQuestion(perToken("doc"), perToken("answer")));
}

Pattern prefixDocuments() {
  return Pattern("prefix_documents", masks::prefixDocuments(perToken("doc"), perToken("prefix_end")));
}

Pattern causalBlockwise() {
  AuxInt finalBegin("final_begin", {axis::batch()});
  return Pattern("causal_blockwise", masks::causalBlockwise(perToken("block"), finalBegin));
}

Pattern qkSparse() {
  AuxInt keepQuery("keep_query", {axis::batch(), axis::head(), axis::query()});
  AuxInt keepKey("keep_key", {axis::batch(), axis::head(), axis::key()});
  return Pattern("qk_sparse", masks::qkSparse(keepQuery, keepKey));
}

Pattern hashSparse() {
  AuxInt ofQuery("bucket_of_query", {axis::batch(), axis::head(), axis::query()});
  AuxInt ofKey("bucket_of_key", {axis::batch(), axis::head(), axis::key()});
  return Pattern("hash_sparse", masks::hashSparse(ofQuery, ofKey));
}

Pattern randomEviction() {
  AuxInt evictedAt("evicted_at", {axis::batch(), axis::kvHead(), axis::key()});
  return Pattern("random_eviction", masks::randomEviction(evictedAt));
}

Pattern columnRanges() {
  auto perKey = [](const char *name) { return AuxInt(name, {axis::batch(), axis::key()}); };
  return Pattern("column_ranges", masks::columnRanges(perKey("lower_begin"), perKey("lower_end"),
                                                      perKey("upper_begin"), perKey("upper_end")));
}

Pattern blockDiffusion(int64_t tokens, int64_t block) {
  return Pattern("block_diffusion", masks::blockDiffusion(Param("tokens", tokens, 0, kAnyLength),
                                                          Param("block", block, 1, kAnyBlock)));
}

Pattern flamingo(int64_t tokens) {
  return Pattern("flamingo", masks::flamingo(perToken("image"), Param("tokens", tokens, 1, kAnyBlock)));
}

Pattern treeAncestors(int64_t nodes) {
  AuxInt ancestor("ancestor", {axis::batch(), axis::fixed(nodes), axis::fixed(nodes)});
  return Pattern("tree", masks::treeAncestors(ancestor));
}

Pattern blockTable(int64_t blockQ, int64_t blockK, bool causal) {
  AuxInt table("table", {axis::head(), axis::query(blockQ), axis::key(blockK)});
  Pattern pattern("block_table", causal ? query() >= key() : all());
  return pattern.withBlocks(table);
}

Pattern slices(const std::vector<Slice> &slices) {
  Mask seen = none();
  for (size_t i = 0; i < slices.size(); ++i) {
    const Slice &s = slices[i];
    Mask one = masks::slice(s.queryBegin, s.queryEnd, s.keyBegin, s.keyEnd, s.type);
    seen = i == 0 ? one : seen || one;
  }
  return Pattern("slices", seen);
}

Pattern sliceTable(int64_t count) {
  AuxInt table("slice", {axis::fixed(count), axis::fixed(5)});
  return Pattern("slice_table", masks::sliceTable(table, count));
}

Pattern neighborhood(const Space &space, const masks::Neighborhood &options) {
  Pattern pattern("neighborhood", masks::neighborhood(space, options));
  pattern.space = space.extents();
  return pattern;
}

Pattern neighborhood(const masks::Neighborhood &options) {
  return Pattern("neighborhood", masks::neighborhood(options));
}

Pattern slidingTile(const Space &space, const masks::SlidingTile &options) {
  Pattern pattern("sliding_tile", masks::slidingTile(space, options));
  pattern.space = space.extents();
  return pattern;
}

Pattern alibi() {
  Pattern pattern("alibi", masks::causal());
  return pattern.modifyScore(scores::alibi(AuxFloat("slope", {axis::head()})));
}

Pattern softCap(double cap) {
  Pattern pattern("soft_cap", masks::causal());
  return pattern.modifyScore(scores::softCap(cap));
}

Pattern relativeBias(int64_t reach) {
  Pattern pattern("relative_bias", masks::causal());
  AuxFloat bias("bias", {axis::head(), axis::fixed(2 * reach - 1)});
  return pattern.modifyScore(scores::relativeBias(bias));
}

Pattern relativeBias2d(int64_t rows, int64_t columns) {
  Pattern pattern("relative_bias_2d", all());
  pattern.space = {rows, columns};
  AuxFloat bias("bias", {axis::head(), axis::fixed(2 * rows - 1), axis::fixed(2 * columns - 1)});
  return pattern.modifyScore(scores::relativeBias2d(bias, Space(pattern.space)));
}

Pattern sandwich(int64_t reach) {
  Pattern pattern("sandwich", masks::causal());
  return pattern.modifyScore(
      scores::sandwich(AuxFloat("cosines", {axis::fixed(reach)}), AuxFloat("ratio", {axis::head()})));
}

Pattern graphBias(int64_t distances) {
  Pattern pattern("graph_bias", all());
  AuxInt distance("distance", {axis::batch(), axis::query(), axis::key()});
  return pattern.modifyScore(
      scores::graphBias(distance, AuxFloat("bias", {axis::head(), axis::fixed(distances)})));
}

} // namespace maskloom::patterns
