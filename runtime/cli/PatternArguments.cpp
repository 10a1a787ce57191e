#include "maskloom/cli/PatternArguments.h"

#include "maskloom/cli/NpyConvert.h"
#include "maskloom/dsl/Names.h"
#include "maskloom/dsl/Print.h"

#include <charconv>
#include <cstring>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace maskloom {

namespace {

/// "NAME=VALUE" into its parts.
std::pair<std::string, std::string> splitAssignment(const std::string &text, const char *option) {
  size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos || equals + 1 == text.size())
    throw Error(ErrorKind::User, fmt::format("{} '{}': expected NAME=VALUE", option, text));
  return {text.substr(0, equals), text.substr(equals + 1)};
}

[[noreturn]] void givenTwice(const char *option, const std::string &name) {
  throw Error(ErrorKind::User, fmt::format("{}: '{}' is given twice", option, name));
}

/// What a wrong name should have been: "did you mean 'window'?" or all names that there are.
std::string suggestion(const std::string &name, const std::vector<std::string> &names) {
  if (names.empty()) return "it has none";
  const std::string nearest = nearestName(name, names);
  return nearest.empty() ? fmt::format("it declares {}", fmt::join(names, ", "))
                         : fmt::format("did you mean '{}'?", nearest);
}

/// Names of the parameters or aux tensors.
std::vector<std::string> namesOf(const auto &declarations) {
  std::vector<std::string> names;
  for (const auto &declaration : declarations) names.push_back(declaration->name);
  return names;
}

/// CLI::Range, but for '--seq 1e3', of which it would say that it is out of range.
CLI::Validator integerWithin(int64_t low, int64_t high) {
  const CLI::Range range(low, high);
  const auto check = [range](std::string &text) {
    int64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = end == text.data() + text.size() && error != std::errc::invalid_argument;
    return whole ? range(text) : fmt::format("expected an integer, found '{}'", text);
  };
  return CLI::Validator(check, range.get_description(), "");
}

} // namespace

int64_t parseInteger(const std::string &text, const std::string &what) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw Error(ErrorKind::User, fmt::format("{}: expected an integer, found '{}'", what, text));
  return value;
}

void PatternArguments::add(CLI::App &command) {
  command.add_option("file", file, "Pattern file")->required();
  command.add_option("--pattern", name, "Which pattern of the file (default: the only one)");
  command.add_option("--set", sets, "Value of a parameter, PARAM=VALUE; may be repeated");
}

Pattern PatternArguments::load() const {
  ParseResult parsed = parsePatternFile(file);
  if (!parsed.ok()) throw Error(ErrorKind::User, render(parsed.diagnostics));
  if (parsed.patterns.empty()) throw Error(ErrorKind::User, fmt::format("{} declares no pattern", file));
  std::vector<std::string> names;
  for (Pattern &pattern : parsed.patterns) {
    if (pattern.name == name || (name.empty() && parsed.patterns.size() == 1)) return std::move(pattern);
    names.push_back(pattern.name);
  }
  if (name.empty())
    throw Error(ErrorKind::User, fmt::format("{} declares several patterns: choose one with --pattern ({})",
                                             file, fmt::join(names, ", ")));
  throw Error(ErrorKind::User,
              fmt::format("{} has no pattern '{}': {}", file, name, suggestion(name, names)));
}

std::map<std::string, int64_t> PatternArguments::values(const Pattern &pattern) const {
  std::map<std::string, int64_t> values;
  for (const std::string &set : sets) {
    auto [key, text] = splitAssignment(set, "--set");
    const ParamDecl *param = pattern.findParam(key);
    if (!param)
      throw Error(ErrorKind::User, fmt::format("--set: pattern '{}' has no parameter '{}': {}", pattern.name,
                                               key, suggestion(key, namesOf(pattern.params))));
    int64_t value = parseInteger(text, "--set " + key);
    if (value < param->low || value > param->high)
      throw Error(ErrorKind::User, fmt::format("--set {}={}: the declared range is {}..{}", key, value,
                                               param->low, param->high));
    if (!values.emplace(key, value).second) givenTwice("--set", key);
  }
  return values;
}

void ProblemArguments::add(CLI::App &command) {
  command.add_option("--seq", keys, "Number of keys, and of queries unless --seq-q is given")
      ->required()
      ->check(integerWithin(1, kMostTokens));
  command
      .add_option("--seq-q", queries, "Number of queries; they are the last ones (q_offset = keys - queries)")
      ->check(integerWithin(1, kMostTokens));
  command.add_option("--heads", heads, "Query heads (default: as many as the pattern's groups need, else 1)")
      ->check(integerWithin(1, int64_t{1} << 20));
  command.add_option("--kv-heads", kvHeads, "KV heads (default: as many as heads)")
      ->check(integerWithin(1, int64_t{1} << 20));
  command.add_option("--aux", auxFiles, "Contents of an aux tensor, NAME=FILE.npy; may be repeated");
}

Problem ProblemArguments::problem(const Pattern &pattern, const std::map<std::string, int64_t> &values,
                                  MissingAux missing) const {
  Problem problem;
  problem.keys = keys;
  problem.queries = queries ? queries : keys;
  problem.heads = heads ? heads : pattern.layout.byKvHead && kvHeads ? kvHeads : headsOf(pattern);
  problem.kvHeads = kvHeads ? kvHeads : problem.heads;
  problem.params = values;
  problem.aux = loadAux(pattern, auxFiles, missing);
  return problem;
}

std::map<std::string, AuxValue> loadAux(const Pattern &pattern, const std::vector<std::string> &auxFiles,
                                        MissingAux missing) {
  std::map<std::string, AuxValue> values;
  for (const std::string &text : auxFiles) {
    auto [key, path] = splitAssignment(text, "--aux");
    const AuxDecl *aux = pattern.findAux(key);
    if (!aux)
      throw Error(ErrorKind::User, fmt::format("--aux: pattern '{}' has no aux tensor '{}': {}", pattern.name,
                                               key, suggestion(key, namesOf(pattern.auxes))));
    if (values.contains(key)) givenTwice("--aux", key);
    NpyArray array = readNpy(path);
    AuxValue value;
    value.extents = array.shape;
    if (array.shape.size() != aux->axes.size())
      throw Error(ErrorKind::User, fmt::format("{}: has rank {}, aux tensor '{}' has {}", path,
                                               array.shape.size(), key, aux->axes.size()));
    if (aux->type == AuxType::F32) {
      value.floats = floatsOf(array, path);
    } else {
      value.ints = intsOf(array, path);
    }
    values[key] = std::move(value);
  }
  for (const auto &aux : pattern.auxes) {
    if (values.contains(aux->name) || missing == MissingAux::Allowed) continue;
    std::string axes;
    for (const AuxAxis &axis : aux->axes) axes += (axes.empty() ? "" : ", ") + toText(axis);
    throw Error(ErrorKind::User,
                fmt::format("aux tensor '{}' is missing: give --aux {}=FILE.npy, an array [{}] of {}",
                            aux->name, aux->name, axes, aux->type == AuxType::F32 ? "f32" : "i32"));
  }
  return values;
}

int64_t headsOf(const Pattern &pattern) {
  int64_t heads = 1;
  for (const HeadGroup &group : pattern.layout.groups) heads = std::max(heads, group.last + 1);
  return heads;
}

TileShape parseTileShape(const std::string &text) {
  size_t cross = text.find('x');
  if (cross == std::string::npos)
    throw Error(ErrorKind::User,
                fmt::format("--tiles '{}': expected ROWSxCOLUMNS, for example 128x64", text));
  TileShape tile{parseInteger(text.substr(0, cross), "--tiles"),
                 parseInteger(text.substr(cross + 1), "--tiles")};
  for (int64_t extent : {tile.queries, tile.keys})
    if (extent < 1 || extent > 65536)
      throw Error(ErrorKind::User, fmt::format("--tiles '{}': extents go from 1 to 65536", text));
  return tile;
}

} // namespace maskloom
