#include "maskloom/cli/Cli.h"
#include "maskloom/cli/Commands.h"
#include "maskloom/cli/KernelArguments.h"
#include "maskloom/cli/PatternArguments.h"
#include "maskloom/cli/PictureParts.h"
#include "maskloom/cli/SpacePicture.h"
#include "maskloom/cli/TileMapPicture.h"
#include "maskloom/dsl/Walk.h"

#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace maskloom {

namespace {

struct ShowArguments {
  PatternArguments pattern;
  ProblemArguments problem;
  std::string output, tiles, heads, queryRange, keyRange;
  int64_t tileQueries = 0, tileKeys = 0;
  bool coords = false, json = false;
  std::vector<std::string> queries;
};

/// As in kernels; smaller where that gives fewer than 64 tiles, larger where it gives more than 2048.
int64_t defaultTile(int64_t length) {
  int64_t tile = 128;
  while (tile > 1 && length / tile < 64) tile /= 2;
  while (length / tile > 2048) tile *= 2;
  return tile;
}

TileShape tileOf(const ShowArguments &arguments, const Problem &problem) {
  if (!arguments.tiles.empty()) return parseTileShape(arguments.tiles);
  return {arguments.tileQueries ? arguments.tileQueries : defaultTile(problem.queryLength(0)),
          arguments.tileKeys ? arguments.tileKeys : defaultTile(problem.keyLength(0))};
}

/// "3" or "0..7", both ends included.
std::pair<int64_t, int64_t> parseRange(const std::string &text, const char *option) {
  size_t dots = text.find("..");
  int64_t first = parseInteger(text.substr(0, dots), option);
  return {first, dots == std::string::npos ? first : parseInteger(text.substr(dots + 2), option)};
}

HeadRange headsToShow(const std::string &text) {
  if (text.empty()) return {};
  auto [first, last] = parseRange(text, "--show-heads");
  return {first, last};
}

/// The positions of `text`, which must be among first .. first + length - 1; all of them when there is no
/// text.
std::pair<int64_t, int64_t> positionsOf(const std::string &text, const char *option, int64_t first,
                                        int64_t length) {
  int64_t last = first + length - 1;
  if (text.empty()) return {first, last};
  std::pair<int64_t, int64_t> range = parseRange(text, option);
  if (range.first > range.second || range.first < first || range.second > last)
    throw Error(ErrorKind::User, fmt::format("{} {}: the positions are {}..{}", option, text, first, last));
  return range;
}

bool namesLengths(const Pattern &pattern) {
  auto isLength = [](const ExprNode &node) {
    return node.op == Op::Index && (node.index == IndexVar::QueryLength || node.index == IndexVar::KeyLength);
  };
  for (size_t group = 0; group < pattern.groupCount(); ++group)
    if (anyNode(pattern.maskOfGroup(group), isLength)) return true;
  return false;
}

/// The part of the plane that is looked at, as a problem of its own: positions stay what they are by the
/// offsets.
Problem partOf(const Pattern &pattern, const Problem &whole, const ShowArguments &arguments) {
  if (arguments.queryRange.empty() && arguments.keyRange.empty()) return whole;
  if (namesLengths(pattern))
    throw Error(ErrorKind::User,
                fmt::format("--query-range, --key-range: the mask of '{}' depends on the lengths, of "
                            "which a part has others",
                            pattern.name));
  auto [firstQuery, lastQuery] =
      positionsOf(arguments.queryRange, "--query-range", whole.queryOffsetOf(0), whole.queries);
  auto [firstKey, lastKey] = positionsOf(arguments.keyRange, "--key-range", 0, whole.keys);
  Problem part = whole;
  part.queries = lastQuery - firstQuery + 1;
  part.queryOffset = firstQuery;
  part.keys = lastKey - firstKey + 1;
  part.keyOffset = firstKey;
  return part;
}

/// "1234", a position, or "7,24,40", coordinates.
int64_t queryOf(const std::string &text, const std::vector<int64_t> &space) {
  if (text.find(',') == std::string::npos) return parseInteger(text, "--query");
  std::vector<int64_t> coordinates;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find(',', begin), text.size());
    coordinates.push_back(parseInteger(text.substr(begin, end - begin), "--query"));
    begin = end + 1;
  }
  if (coordinates.size() != space.size())
    throw Error(ErrorKind::User, fmt::format("--query {}: has {} coordinates, the token space has {}", text,
                                             coordinates.size(), space.size()));
  int64_t position = 0;
  for (size_t axis = 0; axis < space.size(); ++axis) {
    if (coordinates[axis] < 0 || coordinates[axis] >= space[axis])
      throw Error(ErrorKind::User, fmt::format("--query {}: coordinate {} is {}, must be in 0..{}", text,
                                               axis, coordinates[axis], space[axis] - 1));
    position = position * space[axis] + coordinates[axis];
  }
  return position;
}

/// Those asked for, else the first cell and the middle one, as far as they are queries.
std::vector<int64_t> queriesOf(const ShowArguments &arguments, const Pattern &pattern,
                               const Problem &problem) {
  std::vector<int64_t> queries;
  for (const std::string &text : arguments.queries) queries.push_back(queryOf(text, pattern.space));
  if (!queries.empty()) return queries;
  int64_t first = problem.queryOffsetOf(0), last = first + problem.queryLength(0) - 1, middle = 0;
  for (int64_t extent : pattern.space) middle = middle * extent + extent / 2;
  return middle > first && middle <= last ? std::vector<int64_t>{first, middle} : std::vector<int64_t>{first};
}

/// The number of cells, when it is a length that --seq could have.
int64_t tokensOf(const std::vector<int64_t> &space) {
  int64_t tokens = space.empty() ? 0 : 1;
  for (int64_t extent : space)
    if (__builtin_mul_overflow(tokens, extent, &tokens)) return 0;
  return tokens <= kMostTokens ? tokens : 0;
}

/// Schema: docs/cli.md.
nlohmann::ordered_json jsonOf(const TileMaps &maps) {
  nlohmann::ordered_json heads = nlohmann::ordered_json::array();
  for (const HeadTileMap &map : maps.maps)
    heads.push_back(
        {{"heads", map.heads},
         {"tiles", {{"empty", map.tiles.empty}, {"partial", map.tiles.partial}, {"full", map.tiles.full}}},
         {"visible_pairs", map.visiblePairs ? nlohmann::ordered_json(*map.visiblePairs) : nullptr}});
  const CoverMap &cover = maps.cover;
  return {{"tile", {maps.tile.queries, maps.tile.keys}},
          {"cell", {maps.grid.cellQueries, maps.grid.cellKeys}},
          {"cells", {maps.grid.rows(), maps.grid.columns()}},
          {"maps", std::move(heads)},
          {"cover",
           {{"context", cover.causal ? "k <= q" : "every k"},
            {"columns", cover.total.context},
            {"uncovered", cover.total.uncovered},
            {"by_tiles", cover.byTiles}}}};
}

nlohmann::ordered_json jsonOf(const std::vector<QueryWindow> &windows, const std::vector<int64_t> &space) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const QueryWindow &window : windows) {
    int64_t keys = 0;
    for (const SeenKeys &seen : window.seen) keys += seen.last - seen.first + 1;
    out.push_back(
        {{"query", window.query}, {"coordinates", coordinatesText(window.query, space)}, {"keys", keys}});
  }
  return {{"space", space}, {"windows", std::move(out)}};
}

int show(const ShowArguments &arguments) {
  if (std::filesystem::path(arguments.output).extension() != ".svg")
    throw Error(ErrorKind::User, fmt::format("-o {}: expected a name that ends in .svg", arguments.output));
  Pattern pattern = arguments.pattern.load();
  ProblemArguments given = arguments.problem;
  if (!given.keys) given.keys = tokensOf(pattern.space);
  if (!given.keys)
    throw Error(ErrorKind::User,
                "show: give --seq N, the number of keys (only a pattern with a token space of at "
                "most 2^30 cells has one of its own)");
  Problem problem = given.problem(pattern, arguments.pattern.values(pattern));
  std::string picture, summary;
  nlohmann::ordered_json json{{"schema", 1}, {"pattern", pattern.name}, {"output", arguments.output}};
  if (arguments.coords) {
    if (pattern.space.empty())
      throw Error(ErrorKind::User,
                  fmt::format("--coords: pattern '{}' declares no token space", pattern.name));
    std::vector<QueryWindow> windows = queryWindows(pattern, problem, queriesOf(arguments, pattern, problem));
    picture = spacePicture(pattern, problem, windows);
    json.update(jsonOf(windows, pattern.space));
    summary = fmt::format("windows of {} quer{}", windows.size(), windows.size() == 1 ? "y" : "ies");
  } else {
    TileMapOptions options;
    Problem part = partOf(pattern, problem, arguments);
    options.tile = tileOf(arguments, part);
    options.heads = headsToShow(arguments.heads);
    TileMaps maps = tileMaps(pattern, part, options);
    picture = tileMapPicture(pattern, part, maps, problem);
    int64_t firstQuery = part.queryOffsetOf(0);
    json["queries"] = {firstQuery, firstQuery + part.queries - 1};
    json["keys"] = {part.keyOffset, part.keyOffset + part.keys - 1};
    json.update(jsonOf(maps));
    summary = fmt::format("{} and what all heads cover",
                          counted(static_cast<int64_t>(maps.maps.size()), "tile map"));
  }
  writeFile(arguments.output, picture);
  if (arguments.json)
    fmt::print("{}\n", json.dump(2));
  else
    fmt::print("{}: {}\n", arguments.output, summary);
  return kExitOk;
}

} // namespace

void addShowCommand(CLI::App &app, Action &action) {
  auto arguments = std::make_shared<ShowArguments>();
  CLI::App *command = app.add_subcommand(
      "show",
      "A pattern as an SVG picture: the tiles that each head visits and what all heads cover, or windows "
      "of queries in the coordinates of a token space");
  arguments->pattern.add(*command);
  arguments->problem.add(*command);
  command->get_option("--seq")->required(false)->description(
      "Number of keys, and of queries unless --seq-q is given (default: the cells of the token space)");
  command->add_option("-o,--output", arguments->output, "Where to write the picture, .svg")->required();
  CLI::Option *tiles =
      command->add_option("--tiles", arguments->tiles,
                          "Tile shape, queries x keys (default: 128, less for short sequences "
                          "and more for very long ones)");
  command->add_option("--tile-queries", arguments->tileQueries, "Queries of a tile")
      ->check(CLI::Range(1, 65536))
      ->excludes(tiles);
  command->add_option("--tile-keys", arguments->tileKeys, "Keys of a tile")
      ->check(CLI::Range(1, 65536))
      ->excludes(tiles);
  command->add_option(
      "--show-heads", arguments->heads,
      "Heads that get a map, FIRST..LAST (default: all; heads that visit the same tiles share one)");
  command->add_option("--query-range", arguments->queryRange,
                      "Draw these queries only, positions FIRST..LAST");
  command->add_option("--key-range", arguments->keyRange, "Draw these keys only, positions FIRST..LAST");
  CLI::Option *coords = command->add_flag("--coords", arguments->coords,
                                          "Draw windows of queries in the coordinates of the token space");
  command
      ->add_option(
          "--query", arguments->queries,
          "With --coords: a query, as a position or as coordinates, 7,24,40; may be repeated (default: the "
          "first one and the one in the middle)")
      ->needs(coords);
  for (const char *other :
       {"--tiles", "--tile-queries", "--tile-keys", "--show-heads", "--query-range", "--key-range"})
    coords->excludes(command->get_option(other));
  command->add_flag("--json", arguments->json, "Print what was drawn (schema in docs/cli.md)");
  command->callback([arguments, &action] { action = [arguments] { return show(*arguments); }; });
}

} // namespace maskloom
