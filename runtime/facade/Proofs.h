/// @file
/// What is proved about a pattern for every length at once, and whether two patterns are equal
/// (docs/proofs.md).
///
/// The scope of every answer: all lengths Sk >= 1; positions 0 <= k < Sk and 0 <= q < Sk (the queries are the
/// last ones); the number of heads given; run-time parameters anywhere in their declared ranges, parameters
/// inside divisors at the given values; any contents of aux tensors. A refutation comes with a
/// counterexample that the interpreter has confirmed.
#pragma once

#include "maskloom/dsl/Interpreter.h"
#include "maskloom/program/Program.h"
#include "maskloom/program/Proof.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace maskloom {

/// A statement about a pattern, and whether it holds.
struct StatementProof {
  Proof proof; ///< over all values of the run-time parameters
  std::optional<Proof>
      given; ///< where `proof` is not Proved and masks have run-time parameters: at the given values
};

/// What holds for a pattern.
struct PatternProofs {
  int64_t heads = 1;                ///< query heads that the statements are about
  int64_t kvHeads = 1;              ///< KV heads
  std::vector<ProgramParam> params; ///< as counterexamples number them; defaultValue is the given value
  std::vector<std::string> auxes;   ///< as counterexamples number them
  /// What headsCoverContext is about: keys up to the query where `causal` is proved, else all keys.
  ProofContext context = ProofContext::All;
  StatementProof causal;            ///< no query sees a later key
  StatementProof rowsNonempty;      ///< every query of every head sees a key
  StatementProof headsCoverContext; ///< every query and key of its context meet in some head
  StatementProof kvEfficient; ///< a key that a head has dropped is not seen by a later query of the head
};

/// Uses heads, KV heads and parameters of `problem`, not its lengths or tensors. Throws Error.
PatternProofs prove(const Pattern &pattern, const Problem &problem);
/// The same for a pattern whose predicates are at hand.
PatternProofs prove(const Pattern &pattern, const Program &program, const Problem &problem);

/// Whether two patterns see the same.
struct Equality {
  int64_t heads = 1;                ///< query heads that are compared
  int64_t kvHeads = 1;              ///< KV heads
  std::vector<ProgramParam> params; ///< of both, matched by name; ranges are those that they share
  std::vector<std::string> auxes;   ///< of both, by name
  Proof masks;                      ///< every query of every head sees the same keys in both
  bool sameScores = true;           ///< scores and sinks have the same canonical text
};

/// Parameters and aux tensors of the same name count as the same. Parameters in `params` have that value; the
/// others are at their defaults inside divisors, and anywhere in their ranges elsewhere.
/// Throws Error where two of the same name are declared too differently to compare.
Equality compare(const Pattern &a, const Pattern &b, int64_t heads, int64_t kvHeads,
                 const std::map<std::string, int64_t> &params = {});

} // namespace maskloom
