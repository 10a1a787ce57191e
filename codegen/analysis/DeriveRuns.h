// Derivation of the closed-form runs of visible tiles from a predicate. See DeriveRuns.cpp for the
// mathematics.
#pragma once

#include "maskloom/program/Program.h"

namespace maskloom {

/// Step budgets (never milliseconds: the same input gives the same code on every machine).
struct DeriveLimits {
  int maxDisjuncts = 64;   ///< per set, after pruning
  int maxVariables = 48;   ///< columns of one system
  int maxConstraints = 96; ///< per disjunct during elimination
  int maxEmptinessTests = 20000;
};

/// `program` gives parameter ranges and aux declarations. The result is sound always; closedForm and remark
/// say whether the box evaluation must be intersected.
Schedule deriveSchedule(const Program &program, const Predicate &predicate, TileShape tile,
                        Orientation orientation, const DeriveLimits &limits = {});

} // namespace maskloom
