#include "maskloom/cli/Cli.h"
#include "maskloom/cli/Commands.h"
#include "maskloom/cli/PatternArguments.h"
#include "maskloom/cli/ProofOutput.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace maskloom {

namespace {

struct EqualArguments {
  PatternArguments a, b;
  std::vector<std::string> sets;
  int64_t heads = 0, kvHeads = 0;
  bool json = false;
};

/// --set values for a parameter of either pattern.
std::map<std::string, int64_t> valuesOf(EqualArguments &arguments, const Pattern &a, const Pattern &b) {
  for (const std::string &set : arguments.sets) {
    std::string param = set.substr(0, set.find('='));
    bool inA = a.findParam(param) != nullptr, inB = b.findParam(param) != nullptr;
    if (inA || !inB) arguments.a.sets.push_back(set); // a name in neither is reported by values()
    if (inB) arguments.b.sets.push_back(set);
  }
  std::map<std::string, int64_t> values = arguments.a.values(a);
  values.merge(arguments.b.values(b));
  return values;
}

int reportEquality(EqualArguments arguments) {
  Pattern a = arguments.a.load(), b = arguments.b.load();
  std::map<std::string, int64_t> values = valuesOf(arguments, a, b);
  int64_t heads = arguments.heads ? arguments.heads : std::max(headsOf(a), headsOf(b));
  int64_t kvHeads = arguments.kvHeads ? arguments.kvHeads : heads;
  Equality equality = compare(a, b, heads, kvHeads, values);
  ProofNames names{equality.params, equality.auxes};

  bool masks = equality.masks.status == ProofStatus::Proved;
  const char *scores = equality.sameScores ? "same" : "written differently";
  const char *answer = equality.masks.status == ProofStatus::Refuted ? "different"
                       : masks && equality.sameScores                ? "equal"
                                                                     : "undecided";
  if (arguments.json) {
    nlohmann::ordered_json out{{"schema", 1},
                               {"a", a.name},
                               {"b", b.name},
                               {"answer", answer},
                               {"scope", scopeJson(heads, kvHeads, names)},
                               {"masks", jsonOf(equality.masks, names)},
                               {"scores", scores}};
    fmt::print("{}\n", out.dump(2));
  } else {
    fmt::print("{} and {}: {}\n", a.name, b.name, answer);
    fmt::print("  for every length, {}\n", scopeText(heads, kvHeads, names));
    if (equality.masks.counterexample)
      fmt::print("  one sees the pair and the other does not: {}\n",
                 pointText(*equality.masks.counterexample, names));
    if (equality.masks.status == ProofStatus::Undecided)
      fmt::print("  {}; {}\n", equality.masks.reason, equality.masks.help);
    if (masks && !equality.sameScores)
      fmt::print(
          "  every query sees the same keys; whether the scores agree is not examined: they are written "
          "differently\n");
  }
  return equality.masks.status == ProofStatus::Refuted ? kExitCheckFailed
         : masks && equality.sameScores                ? kExitOk
                                                       : kExitUndecided;
}

} // namespace

void addEqualCommand(CLI::App &app, Action &action) {
  auto arguments = std::make_shared<EqualArguments>();
  CLI::App *command = app.add_subcommand(
      "equal", "Whether two patterns see the same keys, for every length: proved, or a query "
               "and a key on which they differ");
  command->add_option("a", arguments->a.file, "Pattern file")->required();
  command->add_option("b", arguments->b.file, "Pattern file, possibly the same one")->required();
  command->add_option("--pattern-a", arguments->a.name,
                      "Which pattern of the first file (default: the only one)");
  command->add_option("--pattern-b", arguments->b.name, "Which pattern of the second file");
  command->add_option("--set", arguments->sets,
                      "Compare at this value of a parameter only, PARAM=VALUE; may be repeated");
  command->add_option("--heads", arguments->heads, "Query heads (default: as many as groups need, else 1)")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20));
  command->add_option("--kv-heads", arguments->kvHeads, "KV heads (default: as many as heads)")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20));
  command->add_flag("--json", arguments->json, "Machine-readable output (schema in docs/cli.md)");
  command->footer("Exit codes: 0 equal, 5 different, 6 undecided.");
  command->callback([arguments, &action] { action = [arguments] { return reportEquality(*arguments); }; });
}

} // namespace maskloom
