#include "maskloom/cli/ProofOutput.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace maskloom {

using Json = nlohmann::ordered_json;

/// Longer contents of an aux tensor are left out of an answer.
constexpr size_t kMaxAuxValues = 4096;

static Json pointJson(const Counterexample &point, const ProofNames &names) {
  Json out;
  if (point.queries.size() == 1)
    out["q"] = point.queries.front();
  else
    out["q"] = point.queries;
  if (point.key) out["k"] = *point.key;
  if (point.head) out["h"] = *point.head;
  if (point.batch) out["b"] = point.batch;
  out["Sq"] = point.queryLength;
  out["Sk"] = point.keyLength;
  Json params = Json::object();
  for (size_t i = 0; i < names.params.size(); ++i) params[names.params[i].name] = point.params[i];
  if (!params.empty()) out["params"] = std::move(params);
  for (size_t i = 0; i < point.aux.size(); ++i) {
    const AuxContents &contents = point.aux[i];
    if (contents.values.empty()) continue;
    Json &aux = out["aux"][names.auxes[i]];
    aux["extents"] = contents.extents;
    if (contents.values.size() <= kMaxAuxValues) aux["values"] = contents.values;
  }
  return out;
}

Json jsonOf(const Proof &proof, const ProofNames &names) {
  Json out{{"status", toString(proof.status)}};
  if (proof.counterexample) out["counterexample"] = pointJson(*proof.counterexample, names);
  if (proof.status == ProofStatus::Undecided) out["reason"] = proof.reason, out["help"] = proof.help;
  return out;
}

Json scopeJson(int64_t heads, int64_t kvHeads, const ProofNames &names) {
  Json params = Json::object();
  for (const ProgramParam &param : names.params) {
    if (param.constant)
      params[param.name] = param.defaultValue;
    else
      params[param.name] = {param.low, param.high};
  }
  Json scope{{"lengths", "every Sk >= 1, 0 <= k < Sk, 0 <= q < Sk"},
             {"query_heads", heads},
             {"kv_heads", kvHeads},
             {"params", std::move(params)}};
  if (!names.auxes.empty()) scope["aux"] = "any contents";
  return scope;
}

Json jsonOf(const PatternProofs &proofs) {
  ProofNames names{proofs.params, proofs.auxes};
  Json out{{"scope", scopeJson(proofs.heads, proofs.kvHeads, names)}};
  auto add = [&](const char *statement, const StatementProof &answer) {
    Json entry = jsonOf(answer.proof, names);
    if (answer.given) entry["at_given_params"] = jsonOf(*answer.given, names);
    out[statement] = std::move(entry);
  };
  add("causal", proofs.causal);
  add("rows_nonempty", proofs.rowsNonempty);
  add("heads_cover_context", proofs.headsCoverContext);
  out["heads_cover_context"]["context"] = proofs.context == ProofContext::Causal ? "k <= q" : "every k";
  add("kv_efficient", proofs.kvEfficient);
  return out;
}

std::string pointText(const Counterexample &point, const ProofNames &names) {
  std::string text = fmt::format("q={}", fmt::join(point.queries, ","));
  if (point.key) text += fmt::format(" k={}", *point.key);
  if (point.head) text += fmt::format(" h={}", *point.head);
  text += fmt::format(" (Sk={}", point.keyLength);
  if (point.queryLength != point.keyLength) text += fmt::format(", Sq={}", point.queryLength);
  if (point.batch) text += fmt::format(", b={}", point.batch);
  for (size_t i = 0; i < names.params.size(); ++i)
    text += fmt::format(", {}={}", names.params[i].name, point.params[i]);
  for (size_t i = 0; i < point.aux.size(); ++i) {
    const AuxContents &contents = point.aux[i];
    if (contents.values.empty()) continue;
    if (contents.values.size() <= 16)
      text += fmt::format(", {} = {}", names.auxes[i], fmt::join(contents.values, " "));
    else
      text += fmt::format(", {} as --json gives it", names.auxes[i]);
  }
  return text + ")";
}

std::string scopeText(int64_t heads, int64_t kvHeads, const ProofNames &names) {
  std::string text = fmt::format("{} heads on {} KV heads", heads, kvHeads);
  for (const ProgramParam &param : names.params)
    text += param.constant ? fmt::format(", {} = {}", param.name, param.defaultValue)
                           : fmt::format(", {} in {}..{}", param.name, param.low, param.high);
  return text + (names.auxes.empty() ? "" : ", any contents of aux tensors");
}

static std::string answerText(const Proof &proof, const ProofNames &names) {
  switch (proof.status) {
  case ProofStatus::Proved: return "proved";
  case ProofStatus::Refuted: return "refuted: " + pointText(*proof.counterexample, names);
  case ProofStatus::Undecided: break;
  }
  return fmt::format("undecided: {}; {}", proof.reason, proof.help);
}

std::string proseOf(const PatternProofs &proofs) {
  ProofNames names{proofs.params, proofs.auxes};
  std::string text = fmt::format("  for every length, {}\n", scopeText(proofs.heads, proofs.kvHeads, names));
  auto add = [&](const char *statement, const char *meaning, const StatementProof &answer) {
    text += fmt::format("    {:20}{} ({})\n", statement, answerText(answer.proof, names), meaning);
    if (answer.given)
      text += fmt::format("    {:20}at the given parameters {}\n", "", answerText(*answer.given, names));
  };
  add("causal", "no query sees a later key", proofs.causal);
  add("rows_nonempty", "every query of every head sees a key", proofs.rowsNonempty);
  add("heads_cover_context",
      proofs.context == ProofContext::Causal ? "some head sees each key up to the query"
                                             : "some head sees each key, later ones too",
      proofs.headsCoverContext);
  add("kv_efficient", "a key that a head drops never returns", proofs.kvEfficient);
  return text;
}

} // namespace maskloom
