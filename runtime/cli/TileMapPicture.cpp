#include "maskloom/cli/TileMapPicture.h"

#include "maskloom/cli/PictureParts.h"

#include <fmt/format.h>

#include <algorithm>

namespace maskloom {

namespace {

constexpr double kWidth = 1000, kLeft = 76, kRight = 20;
constexpr double kLabel = 11; ///< size of labels in large panels

/// How panels of one kind are laid out.
struct PanelStyle {
  double side, gap, text;
  int ticks; ///< labels of an axis, at most; 1: the ends only
};

/// Sides are multiples of the usual numbers of cells: all cells of a panel get equally many pixels.
PanelStyle styleFor(size_t panels) {
  if (panels <= 2) return {384, 60, kLabel, 4};
  if (panels <= 6 && panels != 4) return {256, 40, kLabel, 3}; // three in a row
  if (panels <= 16) return {192, 28, 10, 1};
  if (panels <= 36) return {128, 20, 9, 1};
  return {96, 16, 8, 1};
}
constexpr PanelStyle kCoverStyle{384, 60, kLabel, 4};

class Drawing {
public:
  Drawing(const Pattern &pattern, const Problem &problem, const TileMaps &maps, const Problem &whole)
      : pattern_(pattern), problem_(problem), whole_(whole), maps_(maps), style_(styleFor(maps.maps.size())) {
    rows_ = static_cast<double>(problem.queryLength(0)) /
            static_cast<double>(maps.tile.queries * maps.grid.cellQueries);
    columns_ =
        static_cast<double>(problem.keyLength(0)) / static_cast<double>(maps.tile.keys * maps.grid.cellKeys);
    perRow_ = static_cast<size_t>((kWidth - kLeft - kRight + style_.gap) / (style_.side + style_.gap));
  }

  std::string draw() {
    std::vector<std::string> notes = wrapped(problemText(pattern_, whole_), kWidth - 40, kNoteSize);
    for (const std::string &line : wrapped(cellText(), kWidth - 40, kNoteSize)) notes.push_back(line);
    bool single = maps_.maps.size() == 1; // its cover stands beside it
    double mapsTop = headingHeight(notes) + captionHeight(style_);
    size_t mapRows = (maps_.maps.size() + perRow_ - 1) / perRow_;
    double coverTop = single ? mapsTop
                             : mapsTop + static_cast<double>(mapRows) * rowStep() - captionHeight(style_) +
                                   captionHeight(kCoverStyle) + 10;
    double coverLeft = single ? kLeft + style_.side + style_.gap + 40 : kLeft;
    double coverEnd = coverTop + height(kCoverStyle) + kAxisRoom;
    double legendTop = single ? coverEnd + 14 : coverTop;
    double legendEnd = legendTop + (single ? kLegendHeight : 2 * kLegendHeight + 20);

    Svg svg(kWidth, std::max(coverEnd, legendEnd) + 12, fmt::format("Tile maps of {}", pattern_.name),
            description());
    heading(svg, pattern_.name, 20, kWidth - 40, notes);
    for (size_t i = 0; i < maps_.maps.size(); ++i) {
      Box panel{kLeft + static_cast<double>(i % perRow_) * (style_.side + style_.gap),
                mapsTop + static_cast<double>(i / perRow_) * rowStep(), style_.side, height(style_)};
      headPanel(svg, panel, maps_.maps[i], i % perRow_ == 0, i + perRow_ >= maps_.maps.size());
    }
    coverPanel(svg, {coverLeft, coverTop, kCoverStyle.side, height(kCoverStyle)});
    double legendLeft = single ? kLeft : kLeft + kCoverStyle.side + 50;
    mapLegend(svg, legendLeft, legendTop);
    coverLegend(svg, single ? coverLeft : legendLeft, single ? legendTop : legendTop + kLegendHeight + 20);
    return svg.finish();
  }

private:
  static constexpr double kAxisRoom = 38, kLegendHeight = 62;

  double height(const PanelStyle &style) const {
    double ratio = static_cast<double>(problem_.queryLength(0)) / static_cast<double>(problem_.keyLength(0));
    return style.side * std::clamp(ratio, 0.12, 1.5);
  }
  static double captionHeight(const PanelStyle &style) { return 3 * (style.text + 3) + 4; }
  double rowStep() const {
    return captionHeight(style_) + height(style_) + (style_.ticks > 1 ? kAxisRoom : style_.text + 16);
  }

  /// "queries 4096..8191 and keys 0..4095 of them; "
  std::string partText() const {
    if (problem_.queries == whole_.queries && problem_.keys == whole_.keys) return "";
    int64_t firstQuery = problem_.queryOffsetOf(0);
    return fmt::format("queries {}..{} and keys {}..{} of them; ", firstQuery,
                       firstQuery + problem_.queries - 1, problem_.keyOffset,
                       problem_.keyOffset + problem_.keys - 1);
  }

  std::string cellText() const {
    const CellGrid &grid = maps_.grid;
    std::string text =
        partText() + fmt::format("tiles of {} x {} (queries x keys), {} x {} of them", maps_.tile.queries,
                                 maps_.tile.keys, grid.queryTiles, grid.keyTiles);
    if (grid.cellQueries > 1 || grid.cellKeys > 1)
      text +=
          fmt::format("; each cell of the picture stands for {} x {} tiles", grid.cellQueries, grid.cellKeys);
    return text;
  }

  double planeTiles() const {
    return static_cast<double>(maps_.grid.queryTiles) * static_cast<double>(maps_.grid.keyTiles);
  }
  std::string tilesText(const HeadTileMap &map) const {
    return "tiles " + percent(static_cast<double>(map.tiles.partial + map.tiles.full) / planeTiles());
  }
  std::string pairsText(const HeadTileMap &map) const {
    if (!map.visiblePairs) return "pairs not counted";
    double plane = static_cast<double>(problem_.queryLength(0)) * static_cast<double>(problem_.keyLength(0)) *
                   static_cast<double>(map.heads.size());
    return "pairs " + percent(static_cast<double>(*map.visiblePairs) / plane);
  }
  std::string coverText() const {
    const CoverCell &total = maps_.cover.total;
    const char *context = maps_.cover.causal ? "the causal context" : "the plane";
    if (total.uncovered == 0)
      return maps_.cover.byTiles ? fmt::format("every tile of {} is visited by some head", context)
                                 : fmt::format("all of {} is covered", context);
    return fmt::format("{} of {} is not covered",
                       percent(static_cast<double>(total.uncovered) / static_cast<double>(total.context)),
                       context);
  }
  std::string coverUnit() const {
    if (maps_.cover.byTiles) return "counted tile by tile";
    return fmt::format("counted key by key, for {} at a time",
                       maps_.tile.queries == 1 ? "1 query" : fmt::format("{} queries", maps_.tile.queries));
  }

  std::string description() const {
    std::string text = fmt::format("{}; {}. ", problemText(pattern_, whole_), cellText());
    for (const HeadTileMap &map : maps_.maps)
      text += fmt::format("{}: {}, {}. ", headsText(map.heads), tilesText(map), pairsText(map));
    return text + "All heads together: " + coverText() + ".";
  }

  void headPanel(Svg &svg, const Box &panel, const HeadTileMap &map, bool firstOfRow, bool lowest) const {
    std::string heads = headsText(map.heads);
    svg.beginGroup(fmt::format("{}: {} full, {} partial, {} empty tiles{}", heads, map.tiles.full,
                               map.tiles.partial, map.tiles.empty, map.heads.size() > 1 ? " each" : ""));
    caption(svg, panel, style_, {heads, tilesText(map), pairsText(map)});
    std::map<int, Rgb> colors;
    for (int partial = 0; partial <= kShades; ++partial)
      for (int full = 0; full + partial <= kShades; ++full)
        if (partial + full > 0) colors[level(partial, full)] = colorOf(partial, full);
    svg.cells(
        panel, rows_, columns_,
        [&](int64_t row, int64_t column) {
          const MapCell &cell = map.cells[row * maps_.grid.columns() + column];
          int64_t empty = maps_.grid.tilesIn(row, column) - cell.partial - cell.full;
          std::vector<int> shares = eighths({empty, cell.partial, cell.full});
          return level(shares[1], shares[2]);
        },
        colors);
    axes(svg, panel, style_, firstOfRow || style_.ticks > 1, firstOfRow, lowest || style_.ticks > 1);
    svg.endGroup();
  }

  static int level(int a, int b) { return a * (kShades + 1) + b; }
  static Rgb colorOf(int partial, int full) {
    int touched = partial + full;
    return mix(kWhite, mix(kPartial, kFull, static_cast<double>(full) / touched), weight(touched, kShades));
  }

  /// Of one head there is nothing to tell apart.
  Rgb coveredColor(int shade) const { return problem_.heads == 1 ? kFull : headColor(std::max(shade, 1)); }

  /// Of a cell whose context is so much uncovered and covered.
  Rgb coverColor(int uncovered, int covered, int heads) const {
    return mix(coveredColor(heads), kUncovered, weight(uncovered, uncovered + covered, 0.4));
  }

  void coverPanel(Svg &svg, const Box &panel) const {
    svg.beginGroup("All heads together: " + coverText());
    std::string all =
        problem_.heads == 1 ? "the only head" : fmt::format("all {} heads together", problem_.heads);
    caption(svg, panel, kCoverStyle, {all, coverText(), coverUnit()});
    std::map<int, Rgb> colors;
    for (int uncovered = 0; uncovered <= kShades; ++uncovered)
      for (int covered = 0; covered + uncovered <= kShades; ++covered)
        for (int heads = 0; heads <= kShades; ++heads)
          if (uncovered + covered > 0)
            colors[level(level(uncovered, covered), heads)] =
                mix(kWhite, coverColor(uncovered, covered, heads), weight(uncovered + covered, kShades));
    svg.cells(
        panel, rows_, columns_,
        [&](int64_t row, int64_t column) {
          const CoverCell &cell = maps_.cover.cells[row * maps_.grid.columns() + column];
          int64_t covered = cell.context - cell.uncovered;
          int64_t beyond = columnsIn(row, column) - cell.context;
          std::vector<int> shares = eighths({beyond, cell.uncovered, covered});
          int heads = covered == 0 ? 0 : headShade(cell.seen, covered * problem_.heads);
          return level(level(shares[1], shares[2]), heads);
        },
        colors);
    axes(svg, panel, kCoverStyle, true, true, true);
    svg.endGroup();
  }

  /// Tile rows of a cell, times its keys.
  int64_t columnsIn(int64_t row, int64_t column) const {
    const CellGrid &grid = maps_.grid;
    int64_t keys = grid.cellKeys * maps_.tile.keys;
    return std::min(grid.cellQueries, grid.queryTiles - row * grid.cellQueries) *
           std::min(keys, problem_.keyLength(0) - column * keys);
  }

  static void caption(Svg &svg, const Box &panel, const PanelStyle &style,
                      const std::vector<std::string> &lines) {
    double y = panel.y - 5 - 2 * (style.text + 3);
    bool bold = true;
    for (const std::string &line : lines) {
      svg.text(panel.x, y, shortened(line, panel.width, style.text),
               {style.text, Anchor::Start, bold, false, kInk});
      y += style.text + 3;
      bold = false;
    }
  }

  void axes(Svg &svg, const Box &panel, const PanelStyle &style, bool queryLabels, bool queryName,
            bool keyName) const {
    svg.frame(panel, kGrey);
    int64_t firstQuery = problem_.queryOffsetOf(0), queries = problem_.queryLength(0);
    int64_t firstKey = problem_.keyOffset, keys = problem_.keyLength(0);
    auto labels = [&](int64_t first, int64_t length, double pixels) {
      if (style.ticks == 1) return std::vector<int64_t>{first, first + length};
      int room = std::max(1, static_cast<int>(pixels / 30)); // lines of text
      return ticks(first, length, std::min(style.ticks, room));
    };
    for (int64_t key : labels(firstKey, keys, 1e9)) {
      double share = static_cast<double>(key - firstKey) / static_cast<double>(keys);
      // Neighbouring small panels leave no room for what sticks out.
      Anchor anchor = style.ticks > 1 ? Anchor::Middle : share > 0 ? Anchor::End : Anchor::Start;
      keyTick(svg, panel, panel.x + panel.width * share, fmt::format("{}", key), style.text, anchor);
    }
    if (queryLabels)
      for (int64_t query : labels(firstQuery, queries, panel.height))
        queryTick(svg, panel,
                  panel.y +
                      panel.height * static_cast<double>(query - firstQuery) / static_cast<double>(queries),
                  fmt::format("{}", query), style.text);
    TextStyle name{style.text, Anchor::Middle, false, false, kInk};
    if (keyName && style.ticks > 1)
      svg.text(panel.x + panel.width / 2, panel.y + panel.height + 2 * style.text + 11, "key position", name);
    name.upwards = true;
    if (queryName && panel.height > 70)
      svg.text(panel.x - kLeft + 14, panel.y + panel.height / 2, "query position", name);
  }

  void mapLegend(Svg &svg, double x, double y) const {
    TextStyle bold{kLabel, Anchor::Start, true, false, kInk};
    svg.text(x, y + 10, maps_.maps.size() == 1 ? "Tiles" : "Tiles of each head", bold);
    double next = swatch(svg, x, y + 20, kFull, "full: every pair is visible");
    swatch(svg, next, y + 20, kWhite, "empty: not visited");
    next = swatch(svg, x, y + 40, kPartial, "partial: the mask is evaluated");
    if (maps_.grid.cellQueries > 1 || maps_.grid.cellKeys > 1) {
      for (auto [partial, full] : {std::pair(2, 0), std::pair(0, 2), std::pair(4, 4)}) {
        svg.rectangle({next, y + 40, 12, 12}, colorOf(partial, full));
        svg.frame({next, y + 40, 12, 12}, kGrey);
        next += 16;
      }
      svg.text(next + 2, y + 50, "lighter, mixed: several kinds",
               {kLabel, Anchor::Start, false, false, kInk});
    }
  }

  void coverLegend(Svg &svg, double x, double y) const {
    svg.text(x, y + 10, "Heads that see a key", {kLabel, Anchor::Start, true, false, kInk});
    std::string none = maps_.cover.causal ? "no head, though it is up to the query" : "no head";
    double next = swatch(svg, x, y + 20, kUncovered, none);
    if (maps_.cover.total.uncovered > 0) {
      svg.rectangle({next, y + 20, 12, 12}, coverColor(1, kShades - 1, 1));
      svg.rectangle({next + 12, y + 20, 12, 12}, coverColor(kShades / 2, kShades / 2, 1));
      svg.frame({next, y + 20, 24, 12}, kGrey);
      svg.text(next + 30, y + 30, "in part", {kLabel, Anchor::Start, false, false, kInk});
    }
    if (problem_.heads == 1) {
      swatch(svg, x, y + 40, coveredColor(kShades), "seen");
      return;
    }
    headLegend(svg, x, y + 40, problem_.heads);
  }

  const Pattern &pattern_;
  const Problem &problem_, &whole_;
  const TileMaps &maps_;
  PanelStyle style_;
  double rows_, columns_; ///< cells, of the last ones what exists
  size_t perRow_;
};

} // namespace

std::string tileMapPicture(const Pattern &pattern, const Problem &problem, const TileMaps &maps,
                           const Problem &whole) {
  return Drawing(pattern, problem, maps, whole).draw();
}

} // namespace maskloom
