// `mask` dialect to the flat data of runtime/program: what the run analysis and the host-side planner read.
#pragma once

#include "maskloom/codegen/ir/MaskDialect.h"
#include "maskloom/program/Program.h"

namespace maskloom {

/// Parameters (names and ranges), auxiliary tensors, and per head group its bounds and predicate, with the
/// aux scalars that predicates name. Schedules, kernel and object stay empty.
Program programOf(mask::PatternOp pattern);

/// The mask of one group. Integer loads whose indices are made of heads, batch and constants become aux
/// scalars, each once.
Predicate predicateOf(mask::GroupOp group, std::vector<AuxScalar> &auxScalars);

} // namespace maskloom
