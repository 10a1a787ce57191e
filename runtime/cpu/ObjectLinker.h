// Links the relocatable object of a Program into this process.
#pragma once

#include "maskloom/program/CpuAbi.h"

#include <memory>
#include <string>
#include <vector>

namespace maskloom::cpu {

/// The functions of one Program's object; they live as long as this does.
class LinkedObject {
public:
  /// Links `object`, which must define maskloom_mask_0 .. maskloom_mask_<groups - 1> and, with `hasScore`,
  /// maskloom_score. The object sees only the handful of mathematical and memory functions that generated
  /// code calls, nothing else of the process. Null and `error` when it cannot be linked.
  static std::unique_ptr<LinkedObject> link(const std::string &object, size_t groups, bool hasScore,
                                            std::string &error);
  ~LinkedObject();

  CpuMaskFn mask(size_t group) const { return masks_[group]; }
  CpuScoreFn score() const { return score_; } ///< null without a score function

private:
  struct Session;
  LinkedObject();
  std::unique_ptr<Session> session_;
  std::vector<CpuMaskFn> masks_;
  CpuScoreFn score_ = nullptr;
};

} // namespace maskloom::cpu
