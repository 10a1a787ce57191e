// Canonical form and pattern hash. Two declarations with the same canonical text share kernels and cache
// entries.
//
// The rules (complete list): constants folded; a > b, a >= b, a < b, a <= b, a == b, a != b written over one
// difference; double negation removed and De Morgan applied so that `!` stands on nothing but aux-free
// leaves; && and || flattened, duplicates dropped, operands ordered by their text; sums flattened,
// coefficients collected, terms ordered by their text; `let` has already been substituted; adjacent head
// groups with equal masks merged; parameters renamed to their order of first use, aux tensors likewise.
// Names, locations, default values of symbolic parameters are not part of it; ranges are (they choose integer
// widths); values of parameters inside divisors are.
#pragma once

#include "maskloom/dsl/Pattern.h"

#include <map>

namespace maskloom {

/// The pattern with constant parameters (those inside a divisor) replaced by their values and every rule
/// applied. The result evaluates to the same mask and score as the original at every point.
Pattern canonicalize(const Pattern &pattern, const std::map<std::string, int64_t> &constants = {});
/// A text that is equal for equal canonical forms: stable across runs, machines and compilers.
std::string canonicalText(const Pattern &canonical);
/// 128-bit XXH3 of the canonical text, 32 hex digits.
std::string patternHash(const Pattern &canonical);

} // namespace maskloom
