// Canonical form and pattern hash. Two declarations with the same canonical text share kernels and cache
// entries.
//
// What the form is:
//   Constants   parameters inside divisors and products are replaced by their values.
//   Sums        + - * and negation are collected: each term once, sorted, then a constant.
//   Sets        the operands of && || min max are flattened and sorted.
//   Rules       everything else is the table in Rules.cpp, applied until nothing changes.
//   Scores      their integer parts as above; operands of + and * in order, nothing else: floats do not
//               associate. `score s` is dropped.
//   Groups      the pattern's mask is ANDed into each group's; groups sorted; equal neighbours merged.
// What would leave 64 bits on the way stays as it is. Smaller expressions come first, then by operation and
// operands; parameters and tensors by name. The name of the pattern, names of `let`, places and the default
// values of symbolic parameters are not part of the text. Names of parameters and tensors are, since
// callers bind values by them, and so are ranges, which choose integer widths.
#pragma once

#include "maskloom/dsl/Pattern.h"

#include <map>

namespace maskloom {

/// The pattern with constant parameters (those inside a divisor) replaced by their values and every rule
/// applied. The result evaluates to the same mask and score as the original at every point. Its `params` and
/// `auxes` are those that are used, in the order of the text. The pattern must have passed checkPattern.
Pattern canonicalize(const Pattern &pattern, const std::map<std::string, int64_t> &constants = {});
/// A text that is equal for equal canonical forms: stable across runs, machines and compilers.
std::string canonicalText(const Pattern &canonical);
/// 128-bit XXH3 of the canonical text, 32 hex digits.
std::string patternHash(const Pattern &canonical);

} // namespace maskloom
