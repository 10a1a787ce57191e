// Which heads see the same: what is counted or drawn for one of them holds for all.
#pragma once

#include "maskloom/facade/ProblemContext.h"
#include "maskloom/program/OuterRuns.h"

#include <map>
#include <optional>
#include <vector>

namespace maskloom {

/// Numbers the classes of heads of one batch entry, in the order in which heads are asked for. Heads are in
/// one class when their forward runs are the same functions of the Q tile, or when their mask names no head;
/// heads of different classes may still see the same.
class HeadClasses {
public:
  /// Both must outlive the object.
  HeadClasses(const Program &program, const ProblemContext &contexts, int64_t batch = 0)
      : program_(program), contexts_(contexts), batch_(batch) {}

  size_t classOf(int64_t head);
  /// The head group of a head: an index into Program::groups.
  size_t groupOf(int64_t head) const;

private:
  /// Classes that later heads are compared with. More would cost time without gain.
  static constexpr size_t kMaxCompared = 256;

  struct Class {
    size_t number, group;
    std::optional<OuterRuns> runs; ///< closed-form ones
  };
  const Program &program_;
  const ProblemContext &contexts_;
  int64_t batch_;
  size_t count_ = 0;
  std::map<int64_t, size_t> known_; ///< by head
  std::vector<Class> compared_;
};

} // namespace maskloom
