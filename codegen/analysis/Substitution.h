// Rewriting of predicates.
#pragma once

#include "maskloom/program/Program.h"

#include <map>
#include <tuple>

namespace maskloom::analysis {

/// The mask at k = q. Equal nodes become one, so that doc[b, k] == doc[b, q] compares a node with itself.
Predicate withKeyAtQuery(const Predicate &mask);

/// Turns loads that depend on positions into symbols: aux scalars beyond those of the program, the same one
/// for equal loads of all predicates it has seen. Forgets that different loads may read the same entry.
class LoadNaming {
public:
  explicit LoadNaming(const Program &program) : first_(program.auxScalars.size()) {}

  /// `query` tells the queries of a statement apart: a load that depends on q is another one for each.
  Predicate name(const Predicate &mask, int query = 0);

private:
  using Key = std::tuple<PredicateNode::Op, Symbol, int64_t, int, int, int, int>;
  size_t first_;
  std::map<Key, int> known_;
};

} // namespace maskloom::analysis
