// A schedule's runs for one (batch entry, head) as functions of the outer tile alone: everything else is
// folded into numbers. What counting over all outer tiles needs to know of such functions stands here too.
#pragma once

#include "maskloom/program/ScheduleInstance.h"

#include <optional>

namespace maskloom {

/// constant + outer * (outer tile) + sum of coefficient * floor.
struct OuterForm {
  int64_t constant = 0, outer = 0;
  std::vector<std::pair<int32_t, int64_t>> floors; ///< index, coefficient
  bool operator==(const OuterForm &) const = default;
};

/// floor(numerator / denominator); the numerator may use earlier floors.
struct OuterFloor {
  OuterForm numerator;
  int64_t denominator = 1;
  bool operator==(const OuterFloor &) const = default;
};

/// (a*x + phase) mod period <= width, gcd(a, period) = 1. Phase and width of `step` are filled in for an
/// outer tile.
struct OuterCongruence {
  Progression step;
  OuterForm phase, width;
  bool operator==(const OuterCongruence &) const = default;
};

struct OuterRun {
  std::vector<OuterFloor> low; ///< max of these and 0
  std::vector<OuterFloor> end; ///< min of these and the number of inner tiles: the first tile behind the run
  std::vector<std::pair<OuterForm, bool>> guards; ///< form >= 0; true: form == 0
  std::vector<OuterCongruence> congruences;       ///< all of them hold
  bool operator==(const OuterRun &) const = default;
};

struct OuterRuns {
  std::vector<OuterFloor> floors;
  std::vector<OuterRun> touched, notFull;
  bool operator==(const OuterRuns &) const = default;
};

/// Nothing when a run is more than bounds, guards and congruences.
std::optional<OuterRuns> foldRuns(const Program &program, const Schedule &schedule,
                                  const ScheduleContext &context);

/// What is known of a quasi-affine function g of the outer tile x, for every x:
///   (slope * x + low) / scale <= g(x) <= (slope * x + high) / scale   and   g(x + period) = g(x) + shift.
struct Envelope {
  __int128 slope = 0, low = 0, high = 0, scale = 1;
  int64_t period = 1, shift = 0;
};

/// Envelopes of floors, and of forms over them. Nothing when a period or scale leaves 2^26.
std::optional<std::vector<Envelope>> envelopesOf(const std::vector<OuterFloor> &floors);
std::optional<Envelope> envelopeOf(const OuterForm &form, const std::vector<Envelope> &floors);
std::optional<Envelope> envelopeOf(const OuterFloor &floor, const std::vector<Envelope> &floors);

} // namespace maskloom
