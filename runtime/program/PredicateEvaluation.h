// Evaluation of a predicate at one point, on the host.
#pragma once

#include "maskloom/program/ScheduleWalker.h"

namespace maskloom {

/// The value of `symbol` (not a position, tile or floor) in a context; AuxScalar symbols are loaded.
int64_t symbolValue(const Program &program, const ScheduleContext &context, Symbol symbol, int64_t index);

/// The predicate's value at positions q and k (offsets already added). Loads outside an aux tensor read the
/// nearest entry.
bool evaluate(const Program &program, const Predicate &predicate, const ScheduleContext &context, int64_t q,
              int64_t k);

/// Element [i, j, l] of an integer aux tensor (unused indices 0), the nearest one outside its extents.
int64_t loadAux(const AuxView &view, const int64_t (&indices)[3]);

} // namespace maskloom
