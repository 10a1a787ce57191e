// A schedule as straight-line C++: the members of a head group's policy that say which tiles are visited.
#pragma once

#include "maskloom/program/Program.h"

#include <string>

namespace maskloom::emit {

/// The constants kTouched, kNotFull, kFiltered and the functions runs(), keep_touched(), keep_not_full(),
/// indented by two spaces, as docs/architecture.md lists them. `program` gives parameters and auxiliary
/// tensors.
///
/// A Run holds one congruence: the first of each run is reduced by g = gcd(a, period) to
///   (a/g * x + floor(u/g)) mod (period/g) <= floor((width - u mod g) / g)
/// and stored; all others, gaps and conditions on the inner tile go to keep_touched and keep_not_full. A run
/// whose guards fail is stored empty.
std::string emitSchedule(const Program &program, const Schedule &schedule);

} // namespace maskloom::emit
