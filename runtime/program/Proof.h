/// @file
/// What is proved of a mask, or refuted by a point. codegen/analysis/Prove.h gives these answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace maskloom {

/// The answer to a statement about all lengths.
enum class ProofStatus : uint8_t {
  Proved,   ///< it always holds
  Refuted,  ///< it fails at the counterexample
  Undecided ///< neither was found within the budget
};
/// "proved", "refuted", "undecided".
const char *toString(ProofStatus status);

/// Contents of one integer aux tensor, row-major; empty for f32 tensors, which masks do not read.
struct AuxContents {
  std::vector<int64_t> extents; ///< one an axis
  std::vector<int32_t> values;  ///< row-major
};

/// Where a statement fails. Positions are absolute: a query's row is q - (keyLength - queryLength).
struct Counterexample {
  int64_t queryLength = 1;      ///< of the batch entry
  int64_t keyLength = 1;        ///< of the batch entry
  int64_t batch = 0;            ///< the batch entry
  std::optional<int64_t> head;  ///< none: the statement is about all heads together
  std::vector<int64_t> queries; ///< one; for KV efficiency the three of the definition
  std::optional<int64_t> key;   ///< none: every key
  std::vector<int64_t> params;  ///< by Program::params index
  std::vector<AuxContents> aux; ///< by Program::auxes index; empty when masks read none
};

/// An answer with its grounds.
struct Proof {
  ProofStatus status = ProofStatus::Undecided;  ///< the answer
  std::optional<Counterexample> counterexample; ///< Refuted: where
  std::string reason;                           ///< Undecided: why
  std::string help;                             ///< Undecided: what would help
};

/// Which keys the context of a query is made of.
enum class ProofContext : uint8_t {
  Causal, ///< those up to the query
  All     ///< all of them
};

} // namespace maskloom
