#include "maskloom/cli/Cli.h"
#include "maskloom/cli/Commands.h"
#include "maskloom/cli/KernelArguments.h"
#include "maskloom/cli/PatternArguments.h"
#include "maskloom/cli/ProofOutput.h"
#include "maskloom/facade/CompileKernel.h"
#include "maskloom/facade/Explain.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace maskloom {

namespace {

struct ExplainArguments {
  PatternArguments pattern;
  ProblemArguments problem;
  KernelArguments kernel;
  std::string tiles = "128x128", arch = "sm_90a";
  bool runs = false, noProofs = false, json = false;
};

nlohmann::ordered_json jsonOf(const TileCounts &counts) {
  return {{"empty", counts.empty}, {"partial", counts.partial}, {"full", counts.full}};
}

/// Which kernel runs on an architecture, and what becomes of tensors that it cannot take.
struct KernelChoices {
  std::string arch, config, otherwise;
  bool tensorMaps = false; ///< the first needs TMA
};

constexpr const char *kBeyondTma =
    "a base address or a stride is no multiple of 16 bytes, a stride is negative "
    "or 2^40 bytes or more, or the driver is older than CUDA 12";
constexpr const char *kUnaligned = "a base address or a stride is no multiple of 16 bytes";

KernelChoices kernelsOf(const Pattern &pattern, const ExplainArguments &arguments, const Problem &problem) {
  CompileOptions options;
  options.heads = problem.heads;
  options.kv_heads = problem.kvHeads;
  options.head_dim = arguments.kernel.headDim;
  options.value_dim = arguments.kernel.valueDim ? arguments.kernel.valueDim : options.head_dim;
  for (const auto &param : constantParams(pattern))
    if (auto given = problem.params.find(param->name); given != problem.params.end())
      options.constants.insert(*given);
  options.arch = arguments.arch;
  options.kernel = arguments.kernel.kernelChoice();
  checkCompileOptions(pattern, options);
  KernelConfig config = default_config(pattern, options), otherwise = config;
  if (config.isHopper()) {
    options.kernel = KernelChoice::Portable;
    otherwise = default_config(pattern, options);
  } else {
    otherwise.alignBytes = 2;
  }
  return {arguments.arch, toString(config), toString(otherwise), config.isHopper()};
}

/// What was not counted is null, not 0.
nlohmann::ordered_json counted(bool known, nlohmann::ordered_json value) {
  return known ? std::move(value) : nlohmann::ordered_json();
}

nlohmann::ordered_json groupsJson(const Explanation &e) {
  nlohmann::ordered_json groups = nlohmann::ordered_json::array();
  double pairsOfHead = static_cast<double>(e.queries) * static_cast<double>(e.keys);
  for (const GroupExplanation &group : e.groups) {
    double heads = static_cast<double>(group.last - group.first + 1);
    double density = static_cast<double>(group.visiblePairs) / (heads * pairsOfHead);
    nlohmann::ordered_json entry{{"first", group.first},
                                 {"last", group.last},
                                 {"visible_pairs", counted(e.pairsCounted, group.visiblePairs)},
                                 {"density", counted(e.pairsCounted, density)},
                                 {"tiles", counted(e.tilesCounted, jsonOf(group.tiles))},
                                 {"closed_form", group.closedForm}};
    if (!group.remark.empty()) entry["remark"] = group.remark;
    if (!group.forwardRuns.empty()) {
      entry["runs"] = {{"forward", group.forwardRuns}, {"transposed", group.transposedRuns}};
    }
    groups.push_back(std::move(entry));
  }
  return groups;
}

/// Schema: docs/cli.md.
nlohmann::ordered_json jsonOf(const Explanation &e, const KernelChoices &kernels) {
  nlohmann::ordered_json tiles = counted(e.tilesCounted, jsonOf(e.tiles));
  tiles["shape"] = {e.tile.queries, e.tile.keys};
  nlohmann::ordered_json balance{{"imbalance", e.balance.imbalance},
                                 {"lightest_head", e.balance.lightest},
                                 {"fewest_pairs", e.balance.fewest},
                                 {"heaviest_head", e.balance.heaviest},
                                 {"most_pairs", e.balance.most}};
  nlohmann::ordered_json cost{{"flops", counted(e.pairsCounted, e.cost.flops)},
                              {"tile_flops", counted(e.tilesCounted, e.cost.tileFlops)},
                              {"bytes_tensors", e.cost.bytesTensors},
                              {"bytes_loaded", counted(e.tilesCounted, e.cost.bytesLoaded)},
                              {"bytes_plan", e.cost.bytesPlan}};
  nlohmann::ordered_json out{{"schema", 1},
                             {"pattern", e.pattern},
                             {"hash", e.hash},
                             {"queries", e.queries},
                             {"keys", e.keys},
                             {"query_heads", e.heads},
                             {"kv_heads", e.kvHeads},
                             {"missing_aux", e.missingAux},
                             {"visible_pairs", counted(e.pairsCounted, e.visiblePairs)},
                             {"density", counted(e.pairsCounted, e.density)},
                             {"speedup_ceiling", counted(e.pairsCounted, e.speedupCeiling)},
                             {"tile_speedup_ceiling", counted(e.tilesCounted, e.tileSpeedupCeiling)},
                             {"ceiling_against", e.causal ? "dense causal" : "dense"},
                             {"balance", counted(e.pairsCounted, balance)},
                             {"cost", cost},
                             {"tiles", tiles},
                             {"kernel",
                              {{"arch", kernels.arch},
                               {"config", kernels.config},
                               {"otherwise", kernels.otherwise},
                               {"otherwise_when", kernels.tensorMaps ? kBeyondTma : kUnaligned}}},
                             {"heads", groupsJson(e)}};
  if (e.proofs) out["proofs"] = jsonOf(*e.proofs);
  return out;
}

std::string whyNotCounted(const Explanation &e) {
  if (e.missingAux.empty())
    return "not counted: no closed form applies, and a walk takes more steps than allowed";
  std::string options;
  for (const std::string &name : e.missingAux) options += fmt::format(" --aux {}=FILE.npy", name);
  return "not counted: the mask depends on contents that are not given:" + options;
}

/// "1.23 GB"
std::string scaled(double value, const char *unit) {
  const char *prefixes[] = {"", "k", "M", "G", "T", "P", "E"};
  size_t i = 0;
  for (; value >= 1000 && i + 1 < std::size(prefixes); ++i) value /= 1000;
  return fmt::format("{:.3g} {}{}", value, prefixes[i], unit);
}

void printCounts(const Explanation &e) {
  if (e.pairsCounted) {
    fmt::print("  visible pairs     {}  ({:.4g} % of all)\n", e.visiblePairs, 100 * e.density);
    fmt::print("  speed-up ceiling  {:.2f}x over dense{} attention", e.speedupCeiling,
               e.causal ? " causal" : "");
    fmt::print("{}\n", e.tilesCounted ? fmt::format(", {:.2f}x at these tiles", e.tileSpeedupCeiling) : "");
    if (e.heads > 1)
      fmt::print("  balance           {} pairs in head {} to {} in head {}, {:.2f}x the mean\n",
                 e.balance.fewest, e.balance.lightest, e.balance.most, e.balance.heaviest,
                 e.balance.imbalance);
  } else {
    fmt::print("  visible pairs     {}\n", whyNotCounted(e));
  }
  std::string tiles = e.tilesCounted ? fmt::format("{} full, {} partial, {} empty", e.tiles.full,
                                                   e.tiles.partial, e.tiles.empty)
                                     : whyNotCounted(e);
  fmt::print("  tiles {}x{}     {}\n", e.tile.queries, e.tile.keys, tiles);
  if (e.pairsCounted && e.tilesCounted)
    fmt::print("  arithmetic        {} of visible pairs, {} in visited tiles\n", scaled(e.cost.flops, "FLOP"),
               scaled(e.cost.tileFlops, "FLOP"));
  fmt::print("  memory            {} of tensors", scaled(e.cost.bytesTensors, "B"));
  if (e.cost.bytesPlan > 0) fmt::print(", {} of plan", scaled(e.cost.bytesPlan, "B"));
  if (e.tilesCounted) fmt::print("; {} are moved", scaled(e.cost.bytesLoaded, "B"));
  fmt::print("\n");
}

void printProse(const Explanation &e, const KernelChoices &kernels) {
  fmt::print("pattern {}  ({} queries, {} keys, {} heads on {} KV heads)\n", e.pattern, e.queries, e.keys,
             e.heads, e.kvHeads);
  fmt::print("  hash              {}\n", e.hash);
  printCounts(e);
  fmt::print("  kernel on {:9} {}\n", kernels.arch, kernels.config);
  fmt::print("    {}\n    when {}\n", kernels.otherwise, kernels.tensorMaps ? kBeyondTma : kUnaligned);
  for (const GroupExplanation &group : e.groups) {
    double pairs = static_cast<double>(group.last - group.first + 1) * static_cast<double>(e.queries) *
                   static_cast<double>(e.keys);
    std::string counts;
    if (e.pairsCounted)
      counts += fmt::format("density {:.4g} %, ", 100 * static_cast<double>(group.visiblePairs) / pairs);
    if (e.tilesCounted)
      counts += fmt::format("{} full and {} partial tiles, ", group.tiles.full, group.tiles.partial);
    fmt::print("  heads {}..{}: {}{}\n", group.first, group.last, counts,
               group.closedForm ? "closed-form runs" : "planned: " + group.remark);
    if (!group.forwardRuns.empty())
      fmt::print("    KV tiles of a Q tile\n{}    Q tiles of a KV tile\n{}", group.forwardRuns,
                 group.transposedRuns);
  }
  if (e.proofs) fmt::print("{}", proseOf(*e.proofs));
}

int explainPattern(const ExplainArguments &arguments) {
  checkArch(arguments.arch);
  Pattern pattern = arguments.pattern.load();
  Problem problem =
      arguments.problem.problem(pattern, arguments.pattern.values(pattern), MissingAux::Allowed);
  ExplainOptions options;
  options.tile = parseTileShape(arguments.tiles);
  options.runs = arguments.runs;
  options.proofs = !arguments.noProofs;
  options.headDim = arguments.kernel.headDim;
  options.valueDim = arguments.kernel.valueDim ? arguments.kernel.valueDim : options.headDim;
  Explanation explanation = explain(pattern, problem, options);
  KernelChoices kernels = kernelsOf(pattern, arguments, problem);
  if (arguments.json) {
    fmt::print("{}\n", jsonOf(explanation, kernels).dump(2));
  } else {
    printProse(explanation, kernels);
  }
  return kExitOk;
}

} // namespace

void addExplainCommand(CLI::App &app, Action &action) {
  auto arguments = std::make_shared<ExplainArguments>();
  CLI::App *command = app.add_subcommand("explain", "What a pattern costs at a length (visible pairs, tiles, "
                                                    "the ceiling of the speed-up), and what is proved "
                                                    "of it for every length");
  arguments->pattern.add(*command);
  arguments->problem.add(*command);
  command->add_option("--tiles", arguments->tiles, "Tile shape, queries x keys")->capture_default_str();
  command->add_option("--arch", arguments->arch, "Architecture that the kernel is chosen for")
      ->capture_default_str();
  arguments->kernel.addKernel(*command);
  arguments->kernel.addDims(*command);
  command->add_flag("--runs", arguments->runs,
                    "Print the derived runs of touched (T) and not-full (N) tiles");
  command->add_flag("--no-proofs", arguments->noProofs, "Leave out what is proved for every length");
  command->add_flag("--json", arguments->json, "Machine-readable output (schema in docs/cli.md)");
  command->callback([arguments, &action] { action = [arguments] { return explainPattern(*arguments); }; });
}

} // namespace maskloom
