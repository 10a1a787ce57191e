// Loads from aux tensors as unknown numbers: a symbol for each load that reads one entry at every point of a
// question, the same symbol for loads that certainly read the same entry.
#pragma once

#include "maskloom/analysis/LinearSystem.h"

#include <map>
#include <tuple>

namespace maskloom::analysis {

/// What the symbols of a mask stand for.
struct Place {
  Form query, key, head, kvHead;
  int64_t heads = 1; ///< from `head` on: the mask is looked at for one of them, and is to be alike for all
};

/// A load, at the place that the mask was looked at.
struct NamedLoad {
  AuxScalar load; ///< whose indices may name positions, too
  Place place;
};

class LoadNaming {
public:
  /// Both must outlive the naming.
  LoadNaming(const Program &program, const VariableTable &table) : program_(program), table_(table) {}

  /// The mask with aux scalar n in place of loads()[n]. A load whose indices depend on local variables stays
  /// one. Forgets that different loads may read the same entry.
  Predicate name(const Predicate &mask, const Place &place);
  const std::vector<NamedLoad> &loads() const { return loads_; }

private:
  /// Equal keys, equal values.
  using Key = std::tuple<PredicateNode::Op, Symbol, int64_t, int, int, int>;
  int numberOf(const PredicateNode &node, const std::vector<int> &numbers, const Place &place);
  int numberOf(const Form &form);
  AuxScalar scalarOf(const Predicate &mask, const PredicateNode &load) const;

  const Program &program_;
  const VariableTable &table_;
  std::map<Key, int> known_;
  std::vector<Form> forms_;
  std::map<int, int> named_; ///< the place in loads_, by number
  std::vector<NamedLoad> loads_;
};

} // namespace maskloom::analysis
