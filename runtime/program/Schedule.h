// The schedule: which tiles a row of tiles visits, as closed-form runs.
//
// For an outer tile (a Q tile going forward, a KV tile transposed) two sets of inner tiles matter:
//   T, the touched tiles: those that hold a visible pair;
//   N, the not-full tiles: those that hold an invisible pair.
// Each is a union of runs that may overlap. A tile is visited iff it is in T, and evaluates the mask iff it
// is also in N. Every run is closed-form in the outer tile, the head, lengths, offsets and parameters:
// nothing depends on a concrete length, and there are no index tables. Both sets may be over-approximated:
// that costs work, never correctness. Tiles beyond the length are not excluded by the runs: whoever walks
// clips to the existing tiles and treats the last ragged tile as not full.
#pragma once

#include "maskloom/program/Predicate.h"

#include <cstdint>
#include <string>
#include <vector>

namespace maskloom {

struct Term {
  Symbol symbol = Symbol::OuterTile;
  int32_t index = 0; ///< Param, Floor, AuxScalar: which one
  int64_t coefficient = 0;
  bool operator==(const Term &) const = default;
};

/// constant + sum of coefficient * symbol. Terms are sorted by (symbol, index), without zeros.
struct Affine {
  std::vector<Term> terms;
  int64_t constant = 0;
  bool operator==(const Affine &) const = default;
};

/// A named scalar floor(numerator / denominator) that runs refer to through Symbol::Floor. Numerators may use
/// earlier floors.
struct FloorScalar {
  Affine numerator;
  int64_t denominator = 1; ///< > 0
  bool dependsOnInner = false;
};

/// ceil(numerator / denominator) as a lower bound, floor(numerator / denominator) as an upper one. Free of
/// InnerTile.
struct Bound {
  Affine numerator;
  int64_t denominator = 1; ///< > 0
};

/// affine >= 0, or affine == 0.
struct Condition {
  Affine affine;
  bool equality = false;
};

/// (a * x + phase) mod period <= width for the inner tile x; phase and width are free of x. Width may be
/// negative (never true) or >= period - 1 (always true).
struct Congruence {
  int64_t a = 1;
  Affine phase;
  int64_t period = 1; ///< > 0
  Affine width;
};

/// floor(upper / b) >= ceil(lower / a): an integer exists between lower / a and upper / b. Both may use
/// InnerTile.
struct Gap {
  Affine upper;
  int64_t b = 1;
  Affine lower;
  int64_t a = 1;
};

/// The inner tiles x with max(lower) <= x <= min(upper), all guards true, and all congruences, gaps and
/// filters true.
struct Run {
  std::vector<Bound> lower, upper; ///< empty lower: 0; empty upper: unbounded
  std::vector<Condition> guards;   ///< free of InnerTile
  std::vector<Congruence> congruences;
  std::vector<Gap> gaps;
  std::vector<Condition> filters; ///< use InnerTile through floors
  bool exact = true;
};

enum class Orientation : uint8_t { Forward, Transposed };

struct TileShape {
  int64_t queries = 128;
  int64_t keys = 128;
  bool operator==(const TileShape &) const = default;
};

struct Schedule {
  Orientation orientation = Orientation::Forward;
  TileShape tile;
  std::vector<FloorScalar> floors;
  std::vector<Run> touched;
  std::vector<Run> notFull;
  /// True when runs alone give the classes; false when they must be intersected with the box evaluation of
  /// the predicate over each candidate tile (aux tensors, a cap hit, an inexact elimination). Runs are sound
  /// either way.
  bool closedForm = true;
  /// Why closedForm is false, for people.
  std::string remark;
};

} // namespace maskloom
