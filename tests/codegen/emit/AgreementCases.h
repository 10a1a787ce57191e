// The patterns and problems on which emitted code is compared with the interpreter.
#pragma once

#include "maskloom/dsl/Interpreter.h"
#include "maskloom/program/Schedule.h"

#include <string>
#include <vector>

namespace maskloom::testing {

struct Case {
  Pattern pattern;
  Problem problem;
  TileShape tile;
  std::string text;
  double scoreTolerance = 1; ///< of scores whose parts are added in another order
};

/// The library, with contents for every aux tensor.
std::vector<Case> libraryCases();
/// Numbers first .. first + count - 1 of this run's random patterns, or of patterns made of intervals.
std::vector<Case> randomCases(int first, int count);
std::vector<Case> intervalCases(int first, int count);
/// Random scores under no mask to speak of, with positions that no 16-bit float could hold. Always the same
/// ones: scores that cancel differ by more than a float's tolerance of the result.
std::vector<Case> scoreCases(int first, int count);

} // namespace maskloom::testing
