// What is proved of a mask, or refuted by a point. codegen/analysis/Prove.h gives these answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace maskloom {

enum class ProofStatus : uint8_t { Proved, Refuted, Undecided };
const char *toString(ProofStatus status);

/// Contents of one integer aux tensor, row-major; empty for f32 tensors, which masks do not read.
struct AuxContents {
  std::vector<int64_t> extents;
  std::vector<int32_t> values;
};

/// Where a statement fails. Positions are absolute: a query's row is q - (keyLength - queryLength).
struct Counterexample {
  int64_t queryLength = 1, keyLength = 1, batch = 0;
  std::optional<int64_t> head;  ///< none: the statement is about all heads together
  std::vector<int64_t> queries; ///< one; for KV efficiency the three of the definition
  std::optional<int64_t> key;   ///< none: every key
  std::vector<int64_t> params;  ///< by Program::params index
  std::vector<AuxContents> aux; ///< by Program::auxes index; empty when masks read none
};

struct Proof {
  ProofStatus status = ProofStatus::Undecided;
  std::optional<Counterexample> counterexample; ///< Refuted
  std::string reason, help;                     ///< Undecided: why, and what would help
};

/// Which keys the context of a query is made of.
enum class ProofContext : uint8_t { Causal, All };

} // namespace maskloom
