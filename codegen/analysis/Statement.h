// What is to be proved, and whether a point refutes it: evaluation only, nothing symbolic.
#pragma once

#include "maskloom/analysis/Prove.h"
#include "maskloom/program/ScheduleWalker.h"

namespace maskloom::analysis {

/// Which of a problem's symbols masks name.
struct MaskNames {
  bool queryLength = false, keyLength = false;
  bool head = false; ///< outside of the indices of loads
  bool aux = false;  ///< loads of any kind
};
MaskNames namesOf(const Predicate &predicate);

/// The masks of all heads.
struct MaskView {
  const std::vector<HeadGroupProgram> *groups;
  bool byKvHead = false;

  /// Query heads first .. last of a group, clipped to those that exist; empty when first > last.
  std::pair<int64_t, int64_t> headsOf(size_t group, const ProofScope &scope) const;
  const Predicate &maskOf(int64_t head, const ProofScope &scope) const;
};

enum class Property : uint8_t { Causal, RowsNonempty, CoversCausal, CoversAll, KvEfficient, Equal };

struct Statement {
  Property property;
  const Program &program;
  MaskView mask;
  std::optional<MaskView> other; ///< Equal
  const ProofScope &scope;
  MaskNames names; ///< of all masks

  Statement(Property property, const Program &program, const ProofScope &scope,
            std::optional<MaskView> other = {});
};

/// Keeps what a context points to.
class PointContext {
public:
  PointContext(const Statement &statement, const Counterexample &point);
  ScheduleContext of(int64_t head) const;

private:
  const Statement &statement_;
  const Counterexample &point_;
  std::vector<AuxView> aux_;
};

/// Evaluates the masks there. False also where more than `maxPoints` pairs would have to be looked at.
bool refutes(const Statement &statement, const Counterexample &point, int64_t maxPoints);

} // namespace maskloom::analysis
