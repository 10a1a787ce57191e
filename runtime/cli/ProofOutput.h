// Proofs as JSON (schema: docs/cli.md) and as lines for people.
#pragma once

#include "maskloom/facade/Proofs.h"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace maskloom {

/// The names that a counterexample's numbers belong to.
struct ProofNames {
  const std::vector<ProgramParam> &params;
  const std::vector<std::string> &auxes;
};

nlohmann::ordered_json jsonOf(const Proof &proof, const ProofNames &names);
nlohmann::ordered_json jsonOf(const PatternProofs &proofs);
/// Heads and the values of parameters that an answer is for.
nlohmann::ordered_json scopeJson(int64_t heads, int64_t kvHeads, const ProofNames &names);

/// "q=2175 k=64 (Sk=2176, local=16)"
std::string pointText(const Counterexample &point, const ProofNames &names);
/// "16 heads on 16 KV heads, local in 0..2147483647, block = 64"
std::string scopeText(int64_t heads, int64_t kvHeads, const ProofNames &names);
/// One line a statement, for `explain`.
std::string proseOf(const PatternProofs &proofs);

} // namespace maskloom
