#include "maskloom/cli/Cli.h"
#include "maskloom/cli/Commands.h"
#include "maskloom/cli/Npy.h"
#include "maskloom/cli/PatternArguments.h"
#include "maskloom/facade/Explain.h"
#include "maskloom/facade/ProblemContext.h"

#include <stdexcept>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace maskloom {

namespace {

struct MaskArguments {
  PatternArguments pattern;
  ProblemArguments problem;
  std::string output, tiles;
  bool json = false;
};

/// The dense mask is written whole: more than this many entries is a mistake.
constexpr int64_t kMaxEntries = int64_t{1} << 32;

void writeDenseMask(const Pattern &pattern, const Problem &problem, const std::string &path) {
  if (static_cast<double>(problem.heads) * static_cast<double>(problem.queries) *
          static_cast<double>(problem.keys) >
      static_cast<double>(kMaxEntries))
    throw Error(ErrorKind::User,
                fmt::format("a dense mask of {} x {} x {} entries is larger than 2^32: use --tiles",
                            problem.heads, problem.queries, problem.keys));
  checkProblemOrThrow(pattern, problem);
  Interpreter interpreter(pattern, problem);
  NpyArray mask = NpyArray::zeros({problem.heads, problem.queries, problem.keys}, NpyType::Bool);
  auto *out = mask.data.data();
  try {
    for (int64_t h = 0; h < problem.heads; ++h)
      for (int64_t row = 0; row < problem.queries; ++row)
        for (int64_t column = 0; column < problem.keys; ++column)
          *out++ = interpreter.visible(0, h, row, column);
  } catch (const std::overflow_error
               &error) { // the pattern's: the compiler, which would have said so, is not asked here
    throw Error(ErrorKind::User, error.what());
  }
  writeNpy(path, mask);
}

/// Schema: docs/cli.md.
void printTiles(const Pattern &pattern, const Problem &problem, TileShape tile, bool json) {
  std::vector<uint8_t> classes = tileClasses(pattern, problem, tile);
  int64_t rows = ceilDiv(problem.queries, tile.queries), columns = ceilDiv(problem.keys, tile.keys);
  nlohmann::ordered_json heads = nlohmann::ordered_json::array();
  for (int64_t h = 0; h < problem.heads; ++h) {
    nlohmann::ordered_json lines = nlohmann::ordered_json::array();
    for (int64_t row = 0; row < rows; ++row) {
      std::string line;
      for (int64_t column = 0; column < columns; ++column)
        line += ".%#"[classes[(h * rows + row) * columns + column]];
      lines.push_back(line);
    }
    if (!json) {
      fmt::print("head {}\n", h);
      for (const auto &line : lines) fmt::print("  {}\n", line.get<std::string>());
    }
    heads.push_back(std::move(lines));
  }
  if (json) {
    nlohmann::ordered_json out{{"schema", 1},
                               {"pattern", pattern.name},
                               {"tile", {tile.queries, tile.keys}},
                               {"shape", {problem.heads, rows, columns}},
                               {"legend", {{".", "empty"}, {"%", "partial"}, {"#", "full"}}},
                               {"heads", std::move(heads)}};
    fmt::print("{}\n", out.dump());
  }
}

int writeMask(const MaskArguments &arguments) {
  Pattern pattern = arguments.pattern.load();
  Problem problem = arguments.problem.problem(pattern, arguments.pattern.values(pattern));
  if (!arguments.output.empty()) writeDenseMask(pattern, problem, arguments.output);
  if (!arguments.tiles.empty()) printTiles(pattern, problem, parseTileShape(arguments.tiles), arguments.json);
  return kExitOk;
}

} // namespace

void addMaskCommand(CLI::App &app, Action &action) {
  auto arguments = std::make_shared<MaskArguments>();
  CLI::App *command = app.add_subcommand(
      "mask",
      "The dense boolean mask [heads, queries, keys] by the interpreter, or tile classes by the compiler");
  arguments->pattern.add(*command);
  arguments->problem.add(*command);
  command->add_option("-o,--output", arguments->output, "Where to write the dense mask, .npy of bool");
  command->add_option("--tiles", arguments->tiles,
                      "Print the class of every tile of this shape: . empty, % partial, # full");
  command->add_flag("--json", arguments->json, "Tile classes as JSON (schema in docs/cli.md)");
  command->callback([arguments, &action] {
    if (arguments->output.empty() && arguments->tiles.empty())
      throw CLI::ValidationError(
          "mask: give -o FILE.npy for the dense mask, --tiles ROWSxCOLUMNS for tile classes, or both");
    if (arguments->json && arguments->tiles.empty())
      throw CLI::ValidationError("mask: --json is for tile classes: give --tiles ROWSxCOLUMNS too");
    action = [arguments] { return writeMask(*arguments); };
  });
}

} // namespace maskloom
