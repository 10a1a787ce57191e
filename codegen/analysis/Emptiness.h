// Questions about linear systems that MLIR's Presburger library answers, each counted against a budget. A
// question that is over budget or too large is answered "not proven", which is always sound.
#pragma once

#include "maskloom/analysis/LinearSystem.h"

#include <map>

namespace maskloom::analysis {

struct Budget {
  int work = 0; ///< left, in units of 64 matrix entries
};

/// A value for each variable; those that a system does not mention are 0.
using Values = std::array<int64_t, kMaxVariables>;

struct Solution {
  enum class Kind : uint8_t { Empty, Found, Unknown } kind = Kind::Unknown;
  Values values{};              ///< Found
  std::vector<bool> determined; ///< Found: by variable, whether the system mentions it
};

class Prover {
public:
  Prover(const VariableTable &table, Budget &budget) : table_(table), budget_(budget) {}

  /// No rational solution (after integer tightening), with the facts about outer variables added.
  bool rationallyEmpty(System system) const;
  /// No integer solution. Systems above a fixed size are only tested rationally.
  bool integerEmpty(System system) const;
  /// system implies form >= 0 over the integers, as far as rational (or integer) emptiness shows.
  bool implies(const System &system, const Form &form, bool integer = false) const;
  /// An integer solution of the system and the facts, or that there is none. Unknown when it is too large.
  Solution solve(System system) const;
  bool exhausted() const { return budget_.work <= 0; }

private:
  bool spend(const System &system) const;
  const VariableTable &table_;
  Budget &budget_;
  mutable std::map<System, bool> sampled_; ///< systems, and whether they have no integer solution
};

} // namespace maskloom::analysis
