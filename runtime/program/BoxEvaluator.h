// Abstract interpretation of a predicate over boxes of positions: what the planner does on the host for
// schedules that are not closed-form. Every integer node is described by an interval and a congruence,
//
//   low <= x <= high   and   x = residue (mod modulus),
//
// modulus 0 meaning a known constant; every boolean node by which of {false, true} it may be. Sums take the
// gcd of the moduli, products by constants scale them, floor divisions keep them when the divisor divides
// them. Sound: what a node may be at any point of the box is inside its description. Aux loads give the
// exact minimum and maximum over the entries the box can reach, from summaries of 64 entries a level.
#pragma once

#include "maskloom/program/ScheduleWalker.h"

#include <map>
#include <tuple>

namespace maskloom {

class BoxEvaluator {
public:
  /// All must outlive the evaluator. Contents of aux tensors are summarised when first needed.
  BoxEvaluator(const Program &program, const Predicate &predicate, const ScheduleContext &context);

  /// Positions [q0, q1] x [k0, k1], both ends included, offsets added.
  TileClass classify(int64_t q0, int64_t q1, int64_t k0, int64_t k1);

  /// The predicate inside the box that was classified last: what is decided there is a constant, and what
  /// no longer matters is left out. Of a long disjunction a small box mostly leaves a few terms.
  Predicate remaining() const;

  struct Value {
    int64_t low = 0, high = 0;
    int64_t modulus = 0, residue = 0;
  };

private:
  /// Minima and maxima over 64, 64^2, ... entries of one line of an aux tensor.
  struct Pyramid {
    std::vector<std::vector<std::pair<int32_t, int32_t>>> levels;
  };
  Value load(int32_t aux, const Value (&indices)[3]);
  const Pyramid &pyramid(int32_t aux, int axis, int64_t offset);
  Value rangeOfLine(int32_t aux, int axis, int64_t offset, int64_t first, int64_t last);

  const Program &program_;
  const Predicate &predicate_;
  const ScheduleContext context_;
  std::vector<Value> symbols_; ///< by node: values of symbols other than positions
  std::vector<Value> values_;
  std::map<std::tuple<int32_t, int, int64_t>, Pyramid> pyramids_;
};

} // namespace maskloom
