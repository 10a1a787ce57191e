// The arguments that name a pattern and a problem, shared by the sub-commands.
#pragma once

#include "maskloom/cli/Commands.h"
#include "maskloom/dsl/Interpreter.h"

#include <map>

namespace maskloom {

/// FILE [--pattern NAME] [--set PARAM=VALUE ...]
struct PatternArguments {
  std::string file, name;
  std::vector<std::string> sets;

  void add(CLI::App &command);
  /// Reads the file and picks the pattern; throws Error(User) with every diagnostic.
  Pattern load() const;
  /// --set values, checked against the pattern's parameters.
  std::map<std::string, int64_t> values(const Pattern &pattern) const;
};

constexpr int64_t kMostTokens = int64_t{1} << 30; ///< that --seq takes

/// --seq N [--seq-q N] [--heads H] [--kv-heads H] [--aux NAME=FILE.npy ...]
struct ProblemArguments {
  int64_t keys = 0, queries = 0, heads = 0, kvHeads = 0;
  std::vector<std::string> auxFiles;

  void add(CLI::App &command);
  Problem problem(const Pattern &pattern, const std::map<std::string, int64_t> &values,
                  MissingAux missing = MissingAux::Wrong) const;
};

/// --aux NAME=FILE.npy: reads each file into a host array of the declared type.
std::map<std::string, AuxValue> loadAux(const Pattern &pattern, const std::vector<std::string> &auxFiles,
                                        MissingAux missing = MissingAux::Wrong);

/// The number of heads a pattern's groups ask for, 1 when it has none.
int64_t headsOf(const Pattern &pattern);

/// A whole text as an integer; `what` names the option in the error.
int64_t parseInteger(const std::string &text, const std::string &what);

/// "128x64".
TileShape parseTileShape(const std::string &text);

} // namespace maskloom
