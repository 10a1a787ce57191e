// A schedule's runs for one (batch entry, head): context symbols folded into constants, then the runs of one
// outer tile as plain progressions that answer "next member from x on" in O(1).
//
// A congruence (a*x + phase) mod P <= width with gcd(a, P) = 1 (instances are normalised to that: with
// g = gcd(a, P), a*x + u lies in [0, w] modulo P iff (a/g)*x + floor(u/g) lies in [0, floor((w - u mod g)/g)]
// modulo P/g) has width + 1 residues of x a period: x = inverse(a) * (y - phase) for y = 0 .. width.
#pragma once

#include "maskloom/program/ScheduleWalker.h"

namespace maskloom {

constexpr int64_t kNoTile = INT64_MAX;

/// x with (a*x + phase) mod period <= width; 0 <= a, phase < period, gcd(a, period) = 1, 0 <= width <
/// period - 1. Period 1: every x.
struct Progression {
  int64_t period = 1, a = 0, inverse = 0, phase = 0, width = 0;
  bool operator==(const Progression &) const = default;

  /// An arbitrary congruence in normal form; `empty` is set when it never holds.
  static Progression normalised(int64_t a, int64_t phase, int64_t period, int64_t width, bool &empty);
  bool contains(int64_t x) const;
  /// The smallest member >= x.
  int64_t next(int64_t x) const;
  /// The largest y such that x .. y are all members; x must be one. kNoTile when all are.
  int64_t lastOfStretch(int64_t x) const;
  /// Number of members in [first, last].
  int64_t count(int64_t first, int64_t last) const;
};

/// One run for one outer tile. Empty when low > high.
struct RunInstance {
  int64_t low = 0, high = -1;
  Progression step;
  bool plain = true; ///< nothing beyond bounds and `step`
};

class ScheduleInstance {
public:
  /// Program and schedule must outlive the instance; the context is copied, not what it points to.
  ScheduleInstance(const Program &program, const Schedule &schedule, const ScheduleContext &context);

  /// Evaluates floors and runs for an outer tile; inner tiles are clipped to [0, innerTiles).
  void setOuter(int64_t outer, int64_t innerTiles);

  const std::vector<RunInstance> &touched() const { return touchedRuns_; }
  const std::vector<RunInstance> &notFull() const { return notFullRuns_; }

  enum class Set : uint8_t { Touched, NotFull };
  /// The smallest member of the union >= x, or kNoTile.
  int64_t next(Set set, int64_t x) const;
  bool contains(Set set, int64_t x) const;
  /// For a member x: a y >= x such that x .. y are all members (the largest one that the runs show cheaply).
  int64_t lastOfStretch(Set set, int64_t x) const;

private:
  /// Constant + outer * OuterTile + inner * InnerTile + floors, everything else folded.
  struct Folded {
    int64_t constant = 0, outer = 0, inner = 0;
    std::vector<std::pair<int32_t, int64_t>> floors;
  };
  struct FoldedFloor {
    Folded numerator;
    int64_t denominator = 1;
    bool dependsOnInner = false;
  };
  struct FoldedBound {
    Folded numerator;
    int64_t denominator;
  };
  struct FoldedCongruence {
    int64_t a, period;
    Folded phase, width;
  };
  struct FoldedGap {
    Folded upper, lower;
    int64_t b, a;
  };
  struct FoldedRun {
    std::vector<FoldedBound> lower, upper;
    std::vector<std::pair<Folded, bool>> guards, filters; ///< bool: equality
    std::vector<FoldedCongruence> congruences;
    std::vector<FoldedGap> gaps;
  };

  Folded fold(const Affine &affine) const;
  FoldedRun fold(const Run &run) const;
  int64_t value(const Folded &affine, int64_t inner = 0) const;
  void instantiate(const FoldedRun &run, RunInstance &out, int64_t innerTiles);
  bool member(const FoldedRun &run, int64_t x) const;
  int64_t nextInRun(Set set, size_t run, int64_t x) const;
  bool containsInRun(Set set, size_t run, int64_t x) const;
  const std::vector<RunInstance> &instances(Set set) const {
    return set == Set::Touched ? touchedRuns_ : notFullRuns_;
  }
  const std::vector<FoldedRun> &folded(Set set) const { return set == Set::Touched ? touched_ : notFull_; }

  const Program &program_;
  const ScheduleContext context_;
  std::vector<FoldedFloor> floors_;
  std::vector<bool> constantFloor_; ///< free of both tiles: folded away
  std::vector<FoldedRun> touched_, notFull_;
  int64_t outer_ = 0;
  mutable std::vector<int64_t> floorValues_;
  std::vector<RunInstance> touchedRuns_, notFullRuns_;
};

} // namespace maskloom
