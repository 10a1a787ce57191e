// From a set of tiles to a run: the constraints solved for the inner tile x.
//
//   a*x + e >= 0 with a > 0: x >= ceil(-e / a); with a < 0: x <= floor(e / -a); with a = 0: a guard.
//   a gap L <= m*v <= U with the same coefficient of x in L and U: (U mod m) <= U - L, that is
//       (a*x + u) mod m <= w, u = U without x, w = U - L.
//   With g = gcd(a, m) it becomes (a/g*x + floor(u/g)) mod (m/g) <= floor((w - u mod g) / g), and where a/g
//   is nearer to m/g than to 0 it is mirrored: (-a*x + w - u) mod m <= w. Congruences are therefore always
//   given with gcd(a, period) = 1 and 0 < a <= period / 2, so that each period holds width + 1 tiles.
#pragma once

#include "maskloom/analysis/Elimination.h"

namespace maskloom::analysis {

class RunExtractor {
public:
  /// Floor scalars are added to `schedule` as runs need them.
  RunExtractor(VariableTable &table, Schedule &schedule, PlantedDefect defect)
      : table_(table), schedule_(schedule), defect_(defect) {}

  /// Nothing when the set turns out to be empty.
  std::optional<Run> extract(const TileSet &set);

private:
  Affine affine(const Form &form);
  int32_t floorScalar(int variable);
  /// False when the gap never holds.
  bool addGap(const GapForm &gap, Run &run);
  bool addCongruence(int64_t a, Form phase, int64_t period, Form width, Run &run);

  VariableTable &table_;
  Schedule &schedule_;
  PlantedDefect defect_;
  std::vector<std::pair<int, int32_t>> floors_; ///< variable, index into schedule.floors
};

} // namespace maskloom::analysis
