/// @file
/// The rules a pattern must obey, whichever way it was declared: types, constant positive divisors, products
/// with at most one index factor, aux indices that fit their axes, groups that partition the heads, space
/// extents.
#pragma once

#include "maskloom/dsl/Diagnostic.h"
#include "maskloom/dsl/Pattern.h"

#include <map>

namespace maskloom {

/// Everything that can be said without knowing the number of heads.
std::vector<Diagnostic> checkPattern(const Pattern &pattern);
/// In addition: the groups partition `heads` query heads (or `kvHeads` KV heads), and heads % kvHeads == 0.
std::vector<Diagnostic> checkHeads(const Pattern &pattern, int64_t heads, int64_t kvHeads);
/// Values for parameters: the names exist and the values are in their ranges. A divisor is positive for every
/// value in range (checkPattern), so these are safe to compile for.
std::vector<Diagnostic> checkConstants(const Pattern &pattern,
                                       const std::map<std::string, int64_t> &constants);

/// How far an axis over tokens must reach: to the end of the queries when some load indexes it by q, of the
/// keys when by k.
struct AuxReach {
  bool query = false; ///< to the end of the queries
  bool key = false;   ///< to the end of the keys
};
/// Per aux tensor, one entry an axis, over all loads of the pattern. Tensors that nothing loads are absent.
std::map<const AuxDecl *, std::vector<AuxReach>> auxReach(const Pattern &pattern);

} // namespace maskloom
