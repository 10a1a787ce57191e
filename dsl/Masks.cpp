#include "maskloom/dsl/Masks.h"

#include "maskloom/dsl/Pattern.h"

#include <fmt/format.h>

#include <optional>

namespace maskloom::masks {

namespace {

// Diagnostics about a mask of this file point at the call.
Mask placed(const Mask &mask, const At &at) {
  return Mask(relocated(mask.expr(), At::current().file_name(), here(at)));
}

Index fault(std::string argument, std::string message, std::string hint) {
  return Index(makeFault(Type::Int, {std::move(message), std::move(hint), std::move(argument), 0},
                         here(At::current())));
}

// The tensor's entry of this head and batch entry, with the other axes indexed by `rest` in their order.
Index load(const AuxInt &tensor, const std::vector<Index> &rest) {
  std::vector<Expr> indices;
  size_t next = 0;
  for (const AuxAxis &axis : tensor.decl()->axes) {
    switch (axis.kind) {
    case AuxAxis::Kind::Batch: indices.push_back(batch().expr()); break;
    case AuxAxis::Kind::Head: indices.push_back(head().expr()); break;
    case AuxAxis::Kind::KvHead: indices.push_back(kvHead().expr()); break;
    case AuxAxis::Kind::Query:
    case AuxAxis::Kind::Key:
    case AuxAxis::Kind::Fixed: indices.push_back(rest.at(next++).expr()); break;
    }
  }
  return Index(makeLoad(tensor.decl(), std::move(indices), here(At::current())));
}

int countAxes(const AuxInt &tensor, std::initializer_list<AuxAxis::Kind> kinds) {
  int count = 0;
  for (const AuxAxis &axis : tensor.decl()->axes)
    for (AuxAxis::Kind kind : kinds) count += axis.kind == kind;
  return count;
}

// The tensor's entry of the token at `position`.
Index ofToken(const AuxInt &tensor, const Index &position, const char *argument) {
  using Kind = AuxAxis::Kind;
  const AuxDecl &decl = *tensor.decl();
  if (countAxes(tensor, {Kind::Query, Kind::Key}) != 1 || countAxes(tensor, {Kind::Fixed}) != 0)
    return fault(argument, fmt::format("the tensor '{}' must have one entry a token", decl.name),
                 fmt::format("give it an axis q or k, besides b, h or kvh: 'aux {}[b, q]: i32;'", decl.name));
  int64_t block = 1;
  for (const AuxAxis &axis : decl.axes)
    if (axis.kind == Kind::Query || axis.kind == Kind::Key) block = axis.block;
  return load(tensor, {block == 1 ? position : floordiv(position, block)});
}

// The tensor's entry of the batch entry or head.
Index ofEntry(const AuxInt &tensor, const char *argument) {
  using Kind = AuxAxis::Kind;
  const AuxDecl &decl = *tensor.decl();
  if (countAxes(tensor, {Kind::Query, Kind::Key, Kind::Fixed}) != 0)
    return fault(argument,
                 fmt::format("the tensor '{}' must have one entry a head or batch entry", decl.name),
                 "its axes may be b, h and kvh");
  return load(tensor, {});
}

Mask sameOf(const AuxInt &tensor, const char *argument) {
  return ofToken(tensor, query(), argument) == ofToken(tensor, key(), argument);
}

} // namespace

Mask causal(At at) { return placed(query() >= key(), at); }

Mask slidingWindow(IntArg window, At at) { return placed(query() >= key() && query() - key() < window, at); }

Mask dilatedWindow(IntArg window, IntArg dilation, At at) {
  Index distance = query() - key();
  return placed(query() >= key() && distance % dilation == 0 && distance < window * dilation, at);
}

Mask sinkWindow(IntArg sink, IntArg window, At at) {
  Index q = query(), k = key();
  return placed(q >= k && (k < sink || q - k < window), at);
}

Mask globalWindow(IntArg global, IntArg window, bool causal, At at) {
  Index q = query(), k = key();
  Mask seen = q < global || k < global || abs(q - k) < window;
  return placed(causal ? q >= k && seen : seen, at);
}

Mask prefix(IntArg prefix, At at) { return placed(key() < prefix || query() >= key(), at); }

Mask duo(const AuxInt &dense, IntArg sink, IntArg window, At at) {
  Index q = query(), k = key();
  return placed(q >= k && (ofEntry(dense, "dense") != 0 || k < sink || q - k < window), at);
}

Mask localStride(IntArg block, IntArg local, IntArg stride, IntArg shard, bool causal, At at) {
  Index q = query(), k = key();
  Index keyBlock = floordiv(k, block);
  Index distance = floordiv(q, block) - keyBlock;
  if (!causal) return placed(abs(distance) < local || (shard - distance) % stride == 0, at);
  return placed(q >= k && (distance < local || (keyBlock + shard) % stride == 0), at);
}

Mask contextRanges(int64_t block, const std::vector<ContextRange> &ranges, IntArg shard, At at) {
  Index keyBlock = floordiv(key(), block);
  std::vector<Band> strided;
  for (const ContextRange &range : ranges)
    strided.push_back({range.limit, (keyBlock + shard) % range.stride == 0});
  return placed(query() >= key() && bands(floordiv(query(), block) - keyBlock, strided, none()), at);
}

Mask documents(const AuxInt &doc, bool causal, At at) {
  Mask same = sameOf(doc, "doc");
  return placed(causal ? query() >= key() && same : same, at);
}

Mask sharedPrefix(IntArg prefix, const AuxInt &sequence, At at) {
  return placed(query() >= key() && (key() < prefix || sameOf(sequence, "sequence")), at);
}

Mask sharedQuestion(const AuxInt &doc, const AuxInt &answer, At at) {
  return placed(query() >= key() && sameOf(doc, "doc") &&
                    (ofToken(answer, key(), "answer") == 0 || sameOf(answer, "answer")),
                at);
}

Mask prefixDocuments(const AuxInt &doc, const AuxInt &prefixEnd, At at) {
  return placed(sameOf(doc, "doc") && (query() >= key() || key() < ofToken(prefixEnd, key(), "prefix_end")),
                at);
}

Mask causalBlockwise(const AuxInt &block, const AuxInt &finalBegin, At at) {
  return placed(query() >= key() && (query() >= ofEntry(finalBegin, "final_begin") || sameOf(block, "block")),
                at);
}

Mask qkSparse(const AuxInt &keepQuery, const AuxInt &keepKey, At at) {
  return placed(query() >= key() && ofToken(keepQuery, query(), "keep_query") != 0 &&
                    ofToken(keepKey, key(), "keep_key") != 0,
                at);
}

Mask hashSparse(const AuxInt &bucketOfQuery, const AuxInt &bucketOfKey, At at) {
  return placed(query() >= key() && ofToken(bucketOfQuery, query(), "bucket_of_query") ==
                                        ofToken(bucketOfKey, key(), "bucket_of_key"),
                at);
}

Mask randomEviction(const AuxInt &evictedAt, At at) {
  return placed(query() >= key() && query() < ofToken(evictedAt, key(), "evicted_at"), at);
}

Mask columnRanges(const AuxInt &lowerBegin, const AuxInt &lowerEnd, const AuxInt &upperBegin,
                  const AuxInt &upperEnd, At at) {
  Index q = query(), k = key();
  Mask lower = q >= ofToken(lowerBegin, k, "lower_begin") && q < ofToken(lowerEnd, k, "lower_end");
  Mask upper = q >= ofToken(upperBegin, k, "upper_begin") && q < ofToken(upperEnd, k, "upper_end");
  return placed(!lower && !upper, at);
}

Mask blockDiffusion(IntArg tokens, IntArg block, At at) {
  Index q = query(), k = key();
  Mask noisedQuery = q < tokens, noisedKey = k < tokens;
  // The block of a token is that of its copy.
  Index queryBlock = floordiv(select(noisedQuery, q, q - tokens), block);
  Index keyBlock = floordiv(select(noisedKey, k, k - tokens), block);
  return placed(select(noisedKey, noisedQuery && queryBlock == keyBlock,
                       select(noisedQuery, keyBlock < queryBlock, keyBlock <= queryBlock)),
                at);
}

Mask flamingo(const AuxInt &image, IntArg tokens, At at) {
  return placed(floordiv(key(), tokens) + 1 == ofToken(image, query(), "image"), at);
}

Mask treeAncestors(const AuxInt &ancestor, At at) {
  using Kind = AuxAxis::Kind;
  Index context = keyLength() - queryLength();
  const auto &axes = ancestor.decl()->axes;
  bool fits = axes.size() >= 2 && countAxes(ancestor, {Kind::Query, Kind::Key}) == 0 &&
              countAxes(ancestor, {Kind::Fixed}) == 2;
  if (!fits) {
    const std::string &name = ancestor.decl()->name;
    return placed(fault("ancestor", fmt::format("the tensor '{}' must hold one entry for two nodes", name),
                        fmt::format("give it two axes of fixed extent, besides b, h or kvh: 'aux {}[b, 64, "
                                    "64]: i32;'",
                                    name)) != 0,
                  at);
  }
  return placed(key() < context || load(ancestor, {query() - context, key() - context}) != 0, at);
}

Mask slice(IntArg queryBegin, IntArg queryEnd, IntArg keyBegin, IntArg keyEnd, SliceType type, At at) {
  Index q = query(), k = key();
  Mask seen = q >= queryBegin && q < queryEnd && k >= keyBegin && k < keyEnd;
  if (type == SliceType::Causal || type == SliceType::BiCausal) seen = seen && queryEnd - q <= keyEnd - k;
  if (type == SliceType::InverseCausal || type == SliceType::BiCausal)
    seen = seen && k - keyBegin >= q - queryBegin;
  return placed(seen, at);
}

Mask sliceTable(const AuxInt &table, int64_t count, At at) {
  Index q = query(), k = key();
  std::optional<Mask> any;
  for (int64_t i = 0; i < count; ++i) {
    Index queryBegin = table(i, 0), queryEnd = table(i, 1), keyBegin = table(i, 2), keyEnd = table(i, 3);
    Index type = table(i, 4);
    Mask inside = q >= queryBegin && q < queryEnd && k >= keyBegin && k < keyEnd;
    Mask causal = type % 2 == 0 || queryEnd - q <= keyEnd - k;
    Mask inverse = type < 2 || k - keyBegin >= q - queryBegin;
    Mask seen = inside && causal && inverse;
    any = any ? *any || seen : seen;
  }
  return placed(any ? *any : none(), at);
}

} // namespace maskloom::masks
