#include "maskloom/cli/ProofOutput.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace maskloom {

using Json = nlohmann::ordered_json;

/// Longer contents of an aux tensor are given by the entries that differ from most others.
constexpr size_t kMaxAuxValues = 4096;
constexpr size_t kMaxPrintedValues = 16, kMaxPrintedEntries = 8;

/// Contents as one value and the entries that hold another one. Of long tensors most entries are the same:
/// what a counterexample needs of them is a few entries.
struct SparseContents {
  explicit SparseContents(const AuxContents &contents) {
    std::map<int32_t, size_t> counts;
    for (int32_t v : contents.values) ++counts[v];
    value = std::ranges::max_element(counts, {}, [](const auto &count) { return count.second; })->first;
    for (size_t i = 0; i < contents.values.size(); ++i)
      if (contents.values[i] != value) entries.push_back({indicesOf(contents, i), contents.values[i]});
  }

  struct Entry {
    std::vector<int64_t> at;
    int32_t value;
  };
  int32_t value;
  std::vector<Entry> entries;

private:
  static std::vector<int64_t> indicesOf(const AuxContents &contents, size_t place) {
    std::vector<int64_t> indices(contents.extents.size());
    auto rest = static_cast<int64_t>(place);
    for (size_t axis = indices.size(); axis-- > 0; rest /= contents.extents[axis])
      indices[axis] = rest % contents.extents[axis];
    return indices;
  }
};

static Json contentsJson(const AuxContents &contents) {
  Json out{{"extents", contents.extents}};
  if (contents.values.size() <= kMaxAuxValues) {
    out["values"] = contents.values;
    return out;
  }
  const SparseContents sparse(contents);
  out["value"] = sparse.value;
  if (sparse.entries.size() > kMaxAuxValues) return out;
  out["except"] = Json::array();
  for (const auto &[at, value] : sparse.entries) out["except"].push_back({{"at", at}, {"value", value}});
  return out;
}

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
    out["aux"][names.auxes[i]] = contentsJson(contents);
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
  Json scope{{"lengths", "every Sk from 1 to 2^30, 0 <= k < Sk, 0 <= q < Sk"},
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

/// "= 0 1 0", or "= 0 except [0,2047] = 1"
static std::string contentsText(const AuxContents &contents) {
  if (contents.values.size() <= kMaxPrintedValues)
    return fmt::format("= {}", fmt::join(contents.values, " "));
  const SparseContents sparse(contents);
  if (sparse.entries.size() > kMaxPrintedEntries) return "as --json gives it";
  std::string text = fmt::format("= {}", sparse.value);
  for (size_t i = 0; i < sparse.entries.size(); ++i) {
    const auto &[at, value] = sparse.entries[i];
    text += fmt::format("{}[{}] = {}", i == 0 ? " except " : ", ", fmt::join(at, ","), value);
  }
  return text;
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
    text += fmt::format(", {} {}", names.auxes[i], contentsText(contents));
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
