// The tiles of a head group for one (batch entry, head): what `walk` does, for callers that visit many outer
// tiles (runs are folded once, and nothing is called through a std::function).
#pragma once

#include "maskloom/program/BoxEvaluator.h"
#include "maskloom/program/ScheduleInstance.h"

namespace maskloom {

class TileWalker {
public:
  /// `schedule` is one derived from `predicate`, in either orientation. All must outlive the walker.
  TileWalker(const Program &program, const Predicate &predicate, const Schedule &schedule,
             const ScheduleContext &context);
  TileWalker(const Program &program, const HeadGroupProgram &group, Orientation orientation,
             const ScheduleContext &context);

  int64_t outerTiles() const { return outerTiles_; }
  int64_t innerTiles() const { return innerTiles_; }

  /// Boxes of positions classified so far: the work of schedules that are not closed-form.
  int64_t boxes() const { return boxCount_; }

  /// The stretches of one outer tile, ascending, disjoint, maximal. Valid until the next call.
  const std::vector<Stretch> &stretches(int64_t outer);

private:
  void append(int64_t first, int64_t last, bool partial);
  void classify(int64_t outer, int64_t first, int64_t last, bool partial);
  struct Box {
    int64_t q0, q1, k0, k1; ///< positions, both ends included
  };
  TileClass classOf(const Box &box);
  TileClass refined(const Box &box, int64_t &budget);

  const Schedule &schedule_;
  const ScheduleContext context_;
  ScheduleInstance instance_;
  BoxEvaluator boxes_;
  int64_t outerTiles_ = 0, innerTiles_ = 0, boxCount_ = 0;
  bool refines_ = true; ///< without aux tensors a tile that is not decided as a whole may be by its parts
  std::vector<Stretch> result_;
};

} // namespace maskloom
