/// @file
/// A pattern: which keys each query of each head may see, and how scores are modified.
#pragma once

#include "maskloom/dsl/Index.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace maskloom {

/// `heads first..last: mask` or `kv_heads first..last: mask`, both ends included.
struct HeadGroup {
  int64_t first = 0; ///< (KV) head
  int64_t last = 0;  ///< (KV) head, included
  Expr mask;         ///< of type Bool
  Location loc;      ///< where it was declared
};

/// Assigns masks to heads. Empty: every head has the pattern's mask alone. Otherwise the groups partition all
/// (KV) heads, and the mask of a head is the AND of the pattern's mask and its group's.
class Layout {
public:
  /// Query heads first .. last, both included.
  Layout &heads(int64_t first, int64_t last, const Mask &mask, At at = At::current());
  /// KV heads first .. last, both included.
  Layout &kvHeads(int64_t first, int64_t last, const Mask &mask, At at = At::current());
  bool empty() const { return groups.empty(); } ///< is every head alike?

  bool byKvHead = false;         ///< groups are of KV heads
  bool mixesKinds = false;       ///< groups of both kinds were declared: an error
  std::vector<HeadGroup> groups; ///< as declared
};

/// One range of a `bands` expression: distances below `limit` (and not below an earlier limit) follow `mask`.
struct Band {
  int64_t limit; ///< of the distance
  Mask mask;     ///< below it
};
/// Context ranges, each with its own mask: D < n1 ? e1 : D < n2 ? e2 : rest. D is usually `q - k` or a block
/// distance; the per-range strides of S2-Attention.
Mask bands(IntArg distance, const std::vector<Band> &ranges, const Mask &rest);

/// The whole declaration. Plain data: the C++ embedding and the parser fill the same fields.
struct Pattern {
  Pattern() = default;
  /// Every head has this mask. Parameters and tensors are those that the mask names.
  explicit Pattern(std::string name, const Mask &mask, At at = At::current());
  /// A head's mask is the AND of this one and its group's.
  Pattern(std::string name, const Mask &mask, Layout layout, At at = At::current());

  /// Several score modifications compose in order: the first sees the scaled score, each next the result.
  Pattern &modifyScore(const Score &score);
  /// An f32 aux tensor over heads: one extra logit per head in the softmax denominator.
  Pattern &withSink(const AuxFloat &sink);
  /// A run-time block table per head as a schedule source: block (q / Bq, k / Bk) of head h is visible iff
  /// the entry is non-zero; ANDed with the mask. The table's axes are (head, query blocks, key blocks).
  Pattern &withBlocks(const AuxInt &table);

  std::string name;                                     ///< not part of the hash
  std::vector<std::shared_ptr<const ParamDecl>> params; ///< at most 16
  std::vector<std::shared_ptr<const AuxDecl>> auxes;    ///< at most 8
  std::vector<int64_t> space;                           ///< extents of the N-D token space; empty: 1-D
  Expr mask;                             ///< AND of all `mask` and `causal` items, as written; never null
  Layout layout;                         ///< empty: all heads alike
  std::vector<Expr> scores;              ///< modifications, in order
  std::shared_ptr<const AuxDecl> sink;   ///< null: none
  std::shared_ptr<const AuxDecl> blocks; ///< null: no block table
  Location loc;                          ///< where it was declared

  /// The mask of the group that a head belongs to (`group` indexes layout.groups; ignored when there are
  /// none), including the block table's lookup.
  Expr maskOfGroup(size_t group) const;
  /// At least 1.
  size_t groupCount() const { return layout.groups.empty() ? 1 : layout.groups.size(); }
  const ParamDecl *findParam(std::string_view name) const; ///< null: there is none of this name
  const AuxDecl *findAux(std::string_view name) const;     ///< null: there is none of this name

  /// Adds the parameters and aux tensors that the expression names and that are not yet declared.
  void collect(const Expr &expr);
};

/// Parameters that occur inside a divisor, or as the factor of something that is no constant (h * step):
/// compile-time constants, part of the pattern hash, so that what stays symbolic is linear.
std::vector<std::shared_ptr<const ParamDecl>> constantParams(const Pattern &pattern);

} // namespace maskloom
