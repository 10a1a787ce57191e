// Contents of the aux tensors of a problem. A statement is refuted by any contents at all: those to try need
// only differ in many ways, and those of an answer should be simple.
#pragma once

#include "maskloom/analysis/Statement.h"

namespace maskloom::analysis {

/// Contents of these kinds are alike in all tensors; those of the kinds that follow, as many as are asked
/// for, are drawn for each tensor.
constexpr int kUniformContents = 7;

/// Fills every integer tensor, with the extents that checkProblem() asks for. False when they are too large.
bool fillContents(const Statement &statement, int kind, Counterexample &point);

/// The entry that a load of an integer tensor reads at these indices, as loadAux() does.
int32_t &entryAt(AuxContents &contents, const std::vector<int64_t> &indices);

/// Brings entries of a counterexample closer to 0, most of them to 0 itself, while it remains one: people see
/// what matters. Looks at up to `points` pairs.
void simplifyContents(const Statement &statement, Counterexample &point, int64_t points);

} // namespace maskloom::analysis
