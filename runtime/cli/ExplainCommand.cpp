#include "maskloom/cli/Cli.h"
#include "maskloom/cli/Commands.h"
#include "maskloom/cli/PatternArguments.h"
#include "maskloom/facade/Explain.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace maskloom {

namespace {

struct ExplainArguments {
  PatternArguments pattern;
  ProblemArguments problem;
  std::string tiles = "128x128";
  bool runs = false, json = false;
};

nlohmann::ordered_json jsonOf(const TileCounts &counts) {
  return {{"empty", counts.empty}, {"partial", counts.partial}, {"full", counts.full}};
}

/// Schema: docs/cli.md.
nlohmann::ordered_json jsonOf(const Explanation &e) {
  nlohmann::ordered_json groups = nlohmann::ordered_json::array();
  double pairsOfHead = static_cast<double>(e.queries) * static_cast<double>(e.keys);
  for (const GroupExplanation &group : e.groups) {
    double heads = static_cast<double>(group.last - group.first + 1);
    nlohmann::ordered_json entry{{"first", group.first},
                                 {"last", group.last},
                                 {"visible_pairs", group.visiblePairs},
                                 {"density", static_cast<double>(group.visiblePairs) / (heads * pairsOfHead)},
                                 {"tiles", jsonOf(group.tiles)},
                                 {"closed_form", group.closedForm}};
    if (!group.remark.empty()) entry["remark"] = group.remark;
    if (!group.forwardRuns.empty()) {
      entry["runs"] = {{"forward", group.forwardRuns}, {"transposed", group.transposedRuns}};
    }
    groups.push_back(std::move(entry));
  }
  nlohmann::ordered_json tiles = jsonOf(e.tiles);
  tiles["shape"] = {e.tile.queries, e.tile.keys};
  return {{"schema", 1},
          {"pattern", e.pattern},
          {"hash", e.hash},
          {"queries", e.queries},
          {"keys", e.keys},
          {"query_heads", e.heads},
          {"kv_heads", e.kvHeads},
          {"visible_pairs", e.visiblePairs},
          {"density", e.density},
          {"speedup_ceiling", e.speedupCeiling},
          {"ceiling_against", e.causal ? "dense causal" : "dense"},
          {"tiles", tiles},
          {"heads", groups}};
}

void printProse(const Explanation &e) {
  fmt::print("pattern {}  ({} queries, {} keys, {} heads on {} KV heads)\n", e.pattern, e.queries, e.keys,
             e.heads, e.kvHeads);
  fmt::print("  hash              {}\n", e.hash);
  fmt::print("  visible pairs     {}  ({:.4g} % of all)\n", e.visiblePairs, 100 * e.density);
  fmt::print("  speed-up ceiling  {:.2f}x over dense{} attention\n", e.speedupCeiling,
             e.causal ? " causal" : "");
  fmt::print("  tiles {}x{}     {} full, {} partial, {} empty\n", e.tile.queries, e.tile.keys, e.tiles.full,
             e.tiles.partial, e.tiles.empty);
  for (const GroupExplanation &group : e.groups) {
    double pairs = static_cast<double>(group.last - group.first + 1) * static_cast<double>(e.queries) *
                   static_cast<double>(e.keys);
    fmt::print("  heads {}..{}: density {:.4g} %, {} full and {} partial tiles, {}\n", group.first,
               group.last, 100 * static_cast<double>(group.visiblePairs) / pairs, group.tiles.full,
               group.tiles.partial, group.closedForm ? "closed-form runs" : "planned: " + group.remark);
    if (!group.forwardRuns.empty())
      fmt::print("    KV tiles of a Q tile\n{}    Q tiles of a KV tile\n{}", group.forwardRuns,
                 group.transposedRuns);
  }
}

int explainPattern(const ExplainArguments &arguments) {
  Pattern pattern = arguments.pattern.load();
  Problem problem = arguments.problem.problem(pattern, arguments.pattern.values(pattern));
  Explanation explanation = explain(pattern, problem, {parseTileShape(arguments.tiles), arguments.runs});
  if (arguments.json) {
    fmt::print("{}\n", jsonOf(explanation).dump(2));
  } else {
    printProse(explanation);
  }
  return kExitOk;
}

} // namespace

void addExplainCommand(CLI::App &app, Action &action) {
  auto arguments = std::make_shared<ExplainArguments>();
  CLI::App *command = app.add_subcommand(
      "explain",
      "What a pattern costs at a length: visible pairs, density, tiles by kind, the ceiling of the speed-up");
  arguments->pattern.add(*command);
  arguments->problem.add(*command);
  command->add_option("--tiles", arguments->tiles, "Tile shape, queries x keys")->capture_default_str();
  command->add_flag("--runs", arguments->runs,
                    "Print the derived runs of touched (T) and not-full (N) tiles");
  command->add_flag("--json", arguments->json, "Machine-readable output (schema in docs/cli.md)");
  command->callback([arguments, &action] { action = [arguments] { return explainPattern(*arguments); }; });
}

} // namespace maskloom
