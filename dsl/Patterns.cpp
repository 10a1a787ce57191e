#include "maskloom/dsl/Patterns.h"

#include <algorithm>

namespace maskloom::patterns {

namespace {
constexpr int64_t kAnyLength = 2147483647;
constexpr int64_t kAnyBlock = 65536; // largest block, stride or head step a pattern may ask for
} // namespace

Pattern causal() { return Pattern("causal", query() >= key()); }

Pattern slidingWindow(int64_t window) {
  Index q = query(), k = key();
  Param width("window", window, 0, kAnyLength);
  return Pattern("sliding_window", q >= k && q - k < width);
}

Pattern sinkWindow(int64_t sink, int64_t window) {
  Index q = query(), k = key();
  Param first("sink", sink, 0, kAnyLength), width("window", window, 0, kAnyLength);
  return Pattern("sink_window", q >= k && (k < first || q - k < width));
}

Pattern prefix(int64_t prefix) {
  Index q = query(), k = key();
  Param length("prefix", prefix, 0, kAnyLength);
  return Pattern("prefix", k < length || q >= k);
}

Pattern localStride(const LocalStride &options) {
  Index q = query(), k = key();
  Param block("block", options.block, 1, kAnyBlock);
  Param local("local", options.local, 0, kAnyLength);
  Param stride("stride", options.stride, 1, kAnyBlock);
  Param step("step", options.headStep, 0, kAnyBlock);
  Param offset("offset", options.offset, 0, kAnyBlock);

  Index distance = floordiv(q, block) - floordiv(k, block);
  Index shard =
      options.sameForAll ? Index(offset.expr()) : (options.perKvHead ? kvHead() : head()) * step + offset;
  Index phase = options.causal ? floordiv(k, block) + shard : shard - distance;
  Mask near = (options.causal ? distance : abs(distance)) < local;
  Mask sparse = near || phase % stride == 0;
  Mask base = options.causal ? q >= k : all();
  if (options.denseHeads <= 0) return Pattern("s2_local_stride", base && sparse);

  Layout layout;
  int64_t sparseHeads = std::max<int64_t>(options.heads - options.denseHeads, 0);
  if (sparseHeads > 0) layout.heads(0, sparseHeads - 1, sparse);
  layout.heads(sparseHeads, options.heads - 1, all());
  return Pattern("s2_local_stride", base, layout);
}

Pattern twoRange(const TwoRange &options) {
  Index q = query(), k = key(), h = head();
  Index keyBlock = floordiv(k, options.block);
  Mask ranges = bands(floordiv(q, options.block) - keyBlock,
                      {{options.local, all()}, {options.middle, (keyBlock + h) % options.middleStride == 0}},
                      (keyBlock + h) % options.farStride == 0);
  return Pattern("two_range", q >= k && ranges);
}

Pattern documents(bool causal) {
  Index q = query(), k = key(), b = batch();
  AuxInt document("doc", {axis::batch(), axis::query()});
  Mask same = document(b, q) == document(b, k);
  return Pattern("documents", causal ? q >= k && same : same);
}

Pattern blockTable(int64_t blockQ, int64_t blockK, bool causal) {
  AuxInt table("table", {axis::head(), axis::query(blockQ), axis::key(blockK)});
  Pattern pattern("block_table", causal ? query() >= key() : all());
  return pattern.withBlocks(table);
}

Pattern alibi() {
  Index q = query(), k = key();
  AuxFloat slope("slope", {axis::head()});
  Pattern pattern("alibi", q >= k);
  return pattern.modifyScore(score() + slope(head()) * (k - q));
}

Pattern softCap(double cap) {
  Pattern pattern("soft_cap", query() >= key());
  return pattern.modifyScore(cap * tanh(score() / cap));
}

} // namespace maskloom::patterns
