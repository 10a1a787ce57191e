// How many inner tiles the union of runs holds, summed over outer tiles, without visiting either.
//
// One outer tile x costs O(runs): the ends of the runs cut the inner tiles into segments in which the same
// runs are active; a segment counts whole where an unbroken run is active, and by congruences otherwise.
//
// Along x, two things make the count f(x) predictable:
//   Stretches  while no quotient of a floor division changes, no two ends of runs pass each other, and no end
//              crosses the border of a residue class, f is linear: f(x) and f(x + 1) give all of it.
//   Periods    with P a common period of all floors (from the divisors: x -> floor(a*x / d) repeats after
//              d / gcd(a, d), up to a constant) in which moreover all ends of runs move by multiples of all
//              congruence periods, f(x + P) = f(x) + c(x mod P) holds wherever the order of the ends is the
//              same at x, x + P, x + 2P, ... Two ends with different slopes change their order within a
//              known interval (envelopes in OuterRuns.h); these intervals are summed stretch by stretch, and
//              what lies between them by an arithmetic series over periods.
#pragma once

#include "maskloom/program/OuterRuns.h"

namespace maskloom {

class RunUnion {
public:
  /// Floors and runs must outlive the union.
  RunUnion(const std::vector<OuterFloor> &floors, std::vector<const OuterRun *> runs, int64_t innerTiles);

  /// Inner tiles of the union over outer tiles first .. last. `steps` is counted down by
  /// stretches of either; nothing when it runs out.
  std::optional<int64_t> sum(int64_t first, int64_t last, int64_t &steps);

private:
  /// at + slope * n for the n-th outer tile from here.
  struct Ray {
    int64_t at = 0, slope = 0;
  };
  struct Active {
    Ray low, end;
    std::vector<Progression> steps; ///< all of them hold; none: unbroken

    bool contains(int64_t x) const;
    int64_t lastOfStretch(int64_t x) const;
    /// The smallest member >= x, kNoTile when there is none up to `last`.
    int64_t next(int64_t x, int64_t last) const;
  };
  struct Cut {
    Ray ray;
    int run;
    bool opens;
  };

  Ray ray(const OuterForm &form, int64_t x) const;
  Ray ray(const OuterFloor &floor, int64_t x);
  void limit(int64_t tiles) { limit_ = std::min(limit_, tiles); }
  void keepSign(Ray ray, bool equality);
  bool instantiate(const OuterRun &run, int64_t x, Active &out);
  /// The count at x, and at x + 1 when the stretch that starts at x reaches so far.
  void evaluate(int64_t x);
  int64_t count(int64_t first, int64_t end);
  int64_t walk(int64_t first, int64_t last);
  void keepMembership(const Cut &cut);
  std::optional<int64_t> sumPeriods(int64_t first, int64_t last);
  std::optional<int64_t> sumStretches(int64_t first, int64_t last);

  /// A period of f, and the intervals in which orders change; 0 when no period is known.
  struct Shape {
    int64_t period = 0;
    std::vector<std::pair<int64_t, int64_t>> irregular;
  };
  Shape shapeOf(int64_t first, int64_t last) const;

  const std::vector<OuterFloor> &floors_;
  const std::vector<const OuterRun *> runs_;
  const int64_t innerTiles_;
  std::vector<Ray> floorRays_, bounds_;
  std::vector<Active> active_;
  std::vector<Cut> cuts_;
  std::vector<const Active *> open_; ///< runs of the segment in hand, when all have congruences
  int64_t limit_ = 0;                ///< outer tiles behind x for which everything stays linear
  int64_t here_ = 0, next_ = 0;
  int64_t steps_ = 0; ///< left
};

} // namespace maskloom
