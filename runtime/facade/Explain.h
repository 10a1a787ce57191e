// What a pattern costs before anything runs: visible pairs, tiles, density, the ceiling of the speed-up.
#pragma once

#include "maskloom/dsl/Interpreter.h"
#include "maskloom/facade/Proofs.h"
#include "maskloom/program/Program.h"

#include <string>
#include <vector>

namespace maskloom {

struct TileCounts {
  int64_t empty = 0, partial = 0, full = 0;
  TileCounts &operator+=(const TileCounts &other);
};

/// Heads that see the same, within one head group.
struct GroupExplanation {
  int64_t first = -1, last = -1; ///< query heads; -1: none has this group
  int64_t visiblePairs = 0;      ///< summed over these heads
  TileCounts tiles;
  std::string forwardRuns, transposedRuns; ///< readable, filled on request
  bool closedForm = true;
  std::string remark;
};

struct Explanation {
  std::string pattern, hash;
  int64_t heads = 1, kvHeads = 1, queries = 1, keys = 1;
  int64_t visiblePairs = 0; ///< summed over heads, one batch entry
  double density = 0;       ///< of heads * queries * keys
  /// Dense pairs over visible ones: dense causal ones when no visible key lies after its query, all of them
  /// otherwise. 0 when nothing is visible.
  double speedupCeiling = 0;
  bool causal = false; ///< no visible k > q
  TileShape tile;
  TileCounts tiles; ///< summed over heads
  std::vector<GroupExplanation> groups;
  std::optional<PatternProofs> proofs; ///< as asked for
};

struct ExplainOptions {
  TileShape tile{128, 128};
  bool runs = false;  ///< also describe the derived runs
  bool proofs = true; ///< also prove what holds for every length
};

/// Explains one batch entry of `problem` (its parameters, lengths, offsets and aux tensors). Throws Error.
Explanation explain(const Pattern &pattern, const Problem &problem, const ExplainOptions &options = {});

/// The class of every tile of every head, by the compiler: [heads][Q tiles][KV tiles], 0 empty, 1 partial, 2
/// full.
std::vector<uint8_t> tileClasses(const Pattern &pattern, const Problem &problem, TileShape tile);

} // namespace maskloom
