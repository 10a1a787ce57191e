// The planner's tri-state evaluation of a mask over a box of positions, from the group's predicate.
#pragma once

#include "maskloom/program/Program.h"

#include <string>

namespace maskloom::emit {

/// `static TileClass classify(const Context &c, const Box &box)`, indented by two spaces: interval arithmetic
/// over box.q and box.k (templates/interval.cuh). Parts of the mask that are free of positions are evaluated
/// as scalars.
std::string emitClassify(const Program &program, const Predicate &predicate);

} // namespace maskloom::emit
