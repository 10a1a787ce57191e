/// @file
/// What a pattern costs before anything runs: visible pairs, tiles, density, balance between heads, the
/// ceiling of the speed-up, arithmetic and bytes; and what is proved of it for every length.
#pragma once

#include "maskloom/dsl/Interpreter.h"
#include "maskloom/facade/Proofs.h"
#include "maskloom/program/Program.h"
#include "maskloom/program/TileCounts.h"

#include <string>
#include <vector>

namespace maskloom {

/// Heads that see the same, within one head group.
struct GroupExplanation {
  int64_t first = -1;         ///< query head; -1: none has this group
  int64_t last = -1;          ///< query head, included
  int64_t visiblePairs = 0;   ///< summed over these heads
  TileCounts tiles;           ///< summed over these heads
  std::string forwardRuns;    ///< the runs of KV tiles of a Q tile, readable; filled on request
  std::string transposedRuns; ///< the runs of Q tiles of a KV tile, readable; filled on request
  bool closedForm = true;     ///< runs alone decide which tiles are visited
  std::string remark;         ///< why not, if not
};

/// How evenly the visible pairs are spread over the heads.
struct HeadBalance {
  int64_t lightest = 0; ///< query head with the fewest visible pairs, the first of them
  int64_t heaviest = 0; ///< query head with the most
  int64_t fewest = 0;   ///< visible pairs of the lightest
  int64_t most = 0;     ///< visible pairs of the heaviest
  double imbalance = 1; ///< most / mean; 1 when nothing is visible
};

/// For one batch entry. Bytes of tensors are those of the launch; a GPU's caches may save part of the loads.
struct Cost {
  double flops = 0;        ///< of the two matrix products over visible pairs: 2 * (d + dv) a pair
  double tileFlops = 0;    ///< over all pairs of visited tiles, which is what a kernel computes
  double bytesTensors = 0; ///< Q, K, V, O and the LSE, once each
  double bytesLoaded = 0;  ///< what the kernel moves: K and V of each visited tile; Q, O and the LSE once
  double bytesPlan = 0;    ///< the plan bitmap of heads whose runs are not closed-form
};

/// What a pattern costs at one size.
struct Explanation {
  std::string pattern; ///< its name
  std::string hash;    ///< of its canonical form, 32 hex digits
  int64_t heads = 1;   ///< query heads
  int64_t kvHeads = 1; ///< KV heads
  int64_t queries = 1; ///< of batch entry 0
  int64_t keys = 1;    ///< of batch entry 0
  /// Aux tensors that masks read and the problem does not have: without their contents nothing is counted.
  std::vector<std::string> missingAux;
  /// False when aux tensors are missing, or when the budget of steps, which patterns without closed-form runs
  /// have, ran out before all pairs were counted; the numbers that depend on them are then 0.
  bool pairsCounted = true;
  bool tilesCounted = true; ///< the same of tiles
  int64_t visiblePairs = 0; ///< summed over heads, one batch entry
  double density = 0;       ///< of heads * queries * keys
  /// Dense pairs over visible ones: dense causal ones when no visible key lies after its query, all of them
  /// otherwise. 0 when nothing is visible.
  double speedupCeiling = 0;
  double tileSpeedupCeiling = 0;        ///< the same for tiles that are visited: what these tile sizes allow
  bool causal = false;                  ///< no visible k > q
  TileShape tile;                       ///< whose tiles are counted
  TileCounts tiles;                     ///< summed over heads
  std::vector<GroupExplanation> groups; ///< in the order of their heads
  HeadBalance balance;                  ///< between heads
  Cost cost;                            ///< arithmetic and bytes
  std::optional<PatternProofs> proofs;  ///< as asked for
};

/// What explain() is to look at.
struct ExplainOptions {
  TileShape tile{128, 128};      ///< rows and columns of a tile
  bool runs = false;             ///< also describe the derived runs
  bool proofs = true;            ///< also prove what holds for every length
  int64_t headDim = 128;         ///< for the cost
  int64_t valueDim = 128;        ///< for the cost
  int64_t elementBytes = 2;      ///< of Q, K, V and O
  int64_t maxSteps = 20'000'000; ///< of walks where no closed form applies, a fraction of a microsecond each
};

/// Explains one batch entry of `problem` (its parameters, lengths, offsets and aux tensors; what is proved
/// needs none of the latter). Throws Error.
Explanation explain(const Pattern &pattern, const Problem &problem, const ExplainOptions &options = {});

/// The class of every tile of every head, by the compiler: [heads][Q tiles][KV tiles], 0 empty, 1 partial, 2
/// full.
std::vector<uint8_t> tileClasses(const Pattern &pattern, const Problem &problem, TileShape tile);

} // namespace maskloom
