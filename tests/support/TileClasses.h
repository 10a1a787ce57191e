// Tile classes by enumeration of every position, and the comparison of a schedule with them.
#pragma once

#include "maskloom/dsl/Interpreter.h"
#include "maskloom/program/TileWalker.h"

#include <functional>
#include <string>

namespace maskloom::testing {

/// What comparing the walk of one (batch entry, head) with enumeration found. Sound: no touched tile is
/// skipped, no tile with an invisible pair or a missing key is called full. Exact: beyond that, classes agree
/// outside of the last row and column of tiles where those are ragged.
struct ClassComparison {
  int64_t tiles = 0, missed = 0, falselyFull = 0, inexact = 0;
  std::string firstProblem; ///< of the kind that matters most so far
  bool sound() const { return missed == 0 && falselyFull == 0; }
  bool exact() const { return sound() && inexact == 0; }
  void add(const ClassComparison &other);
};

/// visible(row, column) of the (batch entry, head) that `context` stands for.
using Visible = std::function<bool(int64_t, int64_t)>;

ClassComparison compareClasses(const Program &program, const Predicate &predicate, const Schedule &schedule,
                               const ScheduleContext &context, const Visible &visible);

} // namespace maskloom::testing
