// Canonical form and pattern hash. Two declarations with the same canonical text share kernels and cache
// entries.
//
// The rules (complete list). Those on integers are skipped where a number would leave 64 bits.
//   Constants      parameters inside divisors and products are replaced by their values; constants are
//   folded. Sums           + - * and negation are collected into one sum: each term once, sorted, the
//   constant last. Division       floor((d*Q + R)/d) = Q + floor(R/d); common factors cancel;
//   floor(floor(x/a)/b) =
//                  floor(x/(a*b)).
//   Modulus        coefficients reduced to (-d/2, d/2]; common factors leave; (x mod c*d) mod d = x mod d.
//   min, max, abs  flattened, sorted, one of two operands at a constant distance kept; abs(-x) = abs(x).
//   Comparisons    a < b, a > b, a <= b become sum >= constant; == and != have a positive leading term; both
//                  are divided by the common factor; x mod d == c becomes (x - c) mod d == 0; what the range
//                  0..d-1 of a modulus decides is a constant.
//   Connectives    ! moves to the comparisons (De Morgan) and vanishes there; && and || are flattened,
//   sorted,
//                  without duplicates and constants.
//   select         constant conditions, equal branches, and branches that are `all` or `none` disappear.
//   Scores         integer parts as above; operands of + and * sorted; nothing else, floats do not associate;
//                  `score s` is dropped.
//   Groups         the pattern's mask is ANDed into each group's; groups sorted; equal neighbours merged.
// The order is by text, in which parameters and tensors count by their ranges and axes; ties are broken by
// the order of declaration. Names, locations and default values of symbolic parameters are not part of the
// text; parameters are numbered by first use there, and their ranges are part of it (they choose integer
// widths).
#pragma once

#include "maskloom/dsl/Pattern.h"

#include <map>

namespace maskloom {

/// The pattern with constant parameters (those inside a divisor) replaced by their values and every rule
/// applied. The result evaluates to the same mask and score as the original at every point. Its `params` and
/// `auxes` are those that are used, by order of first use (the numbering of the text), and keep their names:
/// two patterns with equal text differ in names at most. The pattern must have passed checkPattern.
Pattern canonicalize(const Pattern &pattern, const std::map<std::string, int64_t> &constants = {});
/// A text that is equal for equal canonical forms: stable across runs, machines and compilers.
std::string canonicalText(const Pattern &canonical);
/// 128-bit XXH3 of the canonical text, 32 hex digits.
std::string patternHash(const Pattern &canonical);

} // namespace maskloom
