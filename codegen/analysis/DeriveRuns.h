// Derivation of the closed-form runs of visible tiles from a predicate.
//
// With q = M*Q + r + query offset and k = N*K + c + key offset, a tile (Q, K) is
//   touched  iff  there are r, c with  mask(q, k),       and
//   not full iff  there are r, c with  not mask(q, k).
// Both are: disjunctive normal form (NormalForm.h, Disjunction.h), then elimination of r, c and the
// quotients of floor divisions from each disjunct (Elimination.h), then solving for the inner tile
// (ExtractRuns.h). Everything but the tile sizes stays symbolic. The unions are not made disjoint: walkers
// merge them. Whenever a step meets a limit or leaves the quasi-affine fragment, the set is over-
// approximated, never missed.
#pragma once

#include "maskloom/program/Program.h"

namespace maskloom {

/// Defects that tests plant in the derivation to show that they would notice them.
enum class PlantedDefect : uint8_t {
  None,
  TightenBound,        ///< a combined bound is one too strict
  DropTouchedDisjunct, ///< the last disjunct of T is lost
  DropNotFullDisjunct, ///< the last disjunct of N is lost
  ShiftPhase,          ///< the phase of a congruence is off by one
};

/// Step budgets (never milliseconds: the same input gives the same code on every machine).
struct DeriveLimits {
  int maxDisjuncts = 64;   ///< per set, after pruning
  int maxVariables = 48;   ///< columns of one system
  int maxConstraints = 64; ///< per disjunct during elimination
  /// Emptiness tests, each counted by its size: one for every 64 entries of its matrix.
  int maxProofWork = 2000;
  int maxProofWorkOnceInexact = 600; ///< left for a derivation that can no longer be closed-form
  PlantedDefect defect = PlantedDefect::None;
};

/// `program` gives parameter ranges and aux declarations. The result is sound always; closedForm and remark
/// say whether the box evaluation must be intersected.
Schedule deriveSchedule(const Program &program, const Predicate &predicate, TileShape tile,
                        Orientation orientation, const DeriveLimits &limits = {});

} // namespace maskloom
