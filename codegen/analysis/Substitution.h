// The mask of a query and its own key.
#pragma once

#include "maskloom/program/Program.h"

namespace maskloom::analysis {

/// The mask at k = q. Equal nodes become one, so that doc[b, k] == doc[b, q] compares a node with itself.
Predicate withKeyAtQuery(const Predicate &mask);

} // namespace maskloom::analysis
