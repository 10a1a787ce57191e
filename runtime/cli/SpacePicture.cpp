#include "maskloom/cli/SpacePicture.h"

#include "maskloom/cli/PictureParts.h"
#include "maskloom/facade/Error.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace maskloom {

namespace {

constexpr double kWidth = 1000, kLeft = 60, kRight = 20, kText = 10;
constexpr size_t kMostPlanes = 64;
constexpr int64_t kMostCells = int64_t{1} << 22; ///< of all planes
constexpr size_t kMostRuns = size_t{1} << 16;    ///< each may become a rectangle

/// The cells of one plane: 0 unseen, 1 .. 8 shades of heads.
struct Plane {
  int64_t number = 0; ///< the axes before the last two as one number, row-major
  std::vector<int> cells;
};

class Drawing {
public:
  Drawing(const Pattern &pattern, const Problem &problem, const std::vector<QueryWindow> &windows)
      : pattern_(pattern), problem_(problem), windows_(windows), space_(pattern.space) {
    columns_ = space_.back();
    rows_ = space_.size() > 1 ? space_[space_.size() - 2] : 1;
    cellsOfSpace_ = 1;
    for (int64_t extent : space_) cellsOfSpace_ *= extent;
  }

  std::string draw() {
    std::vector<std::vector<Plane>> planes;
    size_t most = 0;
    for (const QueryWindow &window : windows_) {
      planes.push_back(planesOf(window));
      most = std::max(most, planes.back().size());
    }
    layOut(most);
    std::vector<std::string> notes =
        wrapped(fmt::format("token space ({}); {}", fmt::join(space_, ", "), problemText(pattern_, problem_)),
                kWidth - 40, kNoteSize);
    std::string description = notes.front();
    std::vector<std::pair<double, double>> places; // left and top of each window
    double y = headingHeight(notes), below = y;
    for (size_t i = 0; i < windows_.size(); ++i) {
      if (i % windowsPerRow_ == 0) y = below;
      places.emplace_back(static_cast<double>(i % windowsPerRow_) * kWidth / 2, y);
      below = std::max(below, y + windowHeight(planes[i].size()));
      description += ". " + windowText(windows_[i]);
    }
    Svg svg(kWidth, below + kLegend, fmt::format("Windows of {}", pattern_.name), description);
    heading(svg, pattern_.name, 20, kWidth - 40, notes);
    for (size_t i = 0; i < windows_.size(); ++i)
      drawWindow(svg, places[i].first, places[i].second, windows_[i], planes[i]);
    legend(svg, below + 4);
    return svg.finish();
  }

private:
  static constexpr double kTitle = 26, kCaption = 16, kAxis = 22, kGap = 26, kLegend = 32;

  int64_t planeSize() const { return rows_ * columns_; }

  std::vector<Plane> planesOf(const QueryWindow &window) const {
    std::set<int64_t> numbers;
    if (inside(window.query)) numbers.insert(window.query / planeSize());
    for (const SeenKeys &keys : window.seen)
      for (int64_t plane = std::max<int64_t>(keys.first, 0) / planeSize();
           plane * planeSize() <= std::min(keys.last, cellsOfSpace_ - 1); ++plane) {
        numbers.insert(plane);
        if (numbers.size() > kMostPlanes)
          throw Error(ErrorKind::User,
                      fmt::format("query {} sees keys in more than {} planes of the space: too many to draw",
                                  window.query, kMostPlanes));
      }
    if (static_cast<double>(numbers.size()) * static_cast<double>(planeSize()) >
            static_cast<double>(kMostCells) ||
        window.seen.size() > kMostRuns)
      throw Error(ErrorKind::User,
                  fmt::format("the window of query {} lies in {} planes of {} x {} cells: too many "
                              "to draw",
                              window.query, numbers.size(), rows_, columns_));
    std::vector<Plane> planes;
    for (int64_t number : numbers) {
      Plane plane{number, std::vector<int>(planeSize(), 0)};
      int64_t begin = number * planeSize();
      for (const SeenKeys &keys : window.seen)
        for (int64_t key = std::max(keys.first, begin); key <= std::min(keys.last, begin + planeSize() - 1);
             ++key)
          plane.cells[key - begin] = headShade(keys.heads, problem_.heads);
      planes.push_back(std::move(plane));
    }
    return planes;
  }

  bool inside(int64_t position) const { return position >= 0 && position < cellsOfSpace_; }

  /// The same scale for all planes.
  void layOut(size_t planes) {
    double room = kWidth - kLeft - kRight, side = planes <= 2    ? 360
                                                  : planes <= 6  ? 260
                                                  : planes <= 12 ? 190
                                                                 : 140;
    if (space_.size() == 1) side = room;
    scale_ = side / static_cast<double>(std::max(rows_, columns_));
    scale_ = std::min(scale_, 24.0);
    if (scale_ >= 2) scale_ = std::floor(scale_); // equally many pixels for all cells
    panelWidth_ = scale_ * static_cast<double>(columns_);
    panelHeight_ = std::max(scale_ * static_cast<double>(rows_), 10.0);
    if (planes == 1 && space_.size() > 1) windowsPerRow_ = 2;
    // Captions of narrow panels need room too.
    step_ = std::max(panelWidth_, textWidth(planeText(0), kText)) + kGap;
    perRow_ = std::max<size_t>(1, static_cast<size_t>((room + kGap) / step_));
  }

  double windowHeight(size_t planes) const {
    return kTitle +
           static_cast<double>((planes + perRow_ - 1) / perRow_) * (kCaption + panelHeight_ + kAxis) + 8;
  }

  /// "k.0 = 7": the axes before the last two.
  std::string planeText(int64_t number) const {
    std::string names, values;
    int64_t rest = number;
    for (size_t axis = space_.size() - std::min<size_t>(space_.size(), 2); axis-- > 0;) {
      std::string comma = names.empty() ? "" : ", ";
      names = fmt::format("k.{}{}", axis, comma) + names;
      values = fmt::format("{}{}", axis == 0 ? rest : rest % space_[axis], comma) + values;
      rest /= space_[axis];
    }
    return names.empty() ? "" : names + " = " + values;
  }

  std::string windowText(const QueryWindow &window) const {
    int64_t seen = 0, outside = 0;
    for (const SeenKeys &keys : window.seen) {
      seen += keys.last - keys.first + 1;
      outside += std::max<int64_t>(0, keys.last - std::max(keys.first, cellsOfSpace_) + 1);
    }
    std::string text =
        fmt::format("query {}, position {}{}: {} seen", coordinatesText(window.query, space_), window.query,
                    inside(window.query) ? "" : ", outside the space", counted(seen, "key"));
    if (problem_.heads > 1) text += " by some head";
    if (outside > 0) text += fmt::format(", {} of them behind the space", outside);
    return text;
  }

  void drawWindow(Svg &svg, double left, double top, const QueryWindow &window,
                  const std::vector<Plane> &planes) const {
    svg.beginGroup(windowText(window));
    svg.text(left + 20, top + 14, windowText(window), {12, Anchor::Start, true, false, kInk});
    for (size_t i = 0; i < planes.size(); ++i) {
      Box panel{left + kLeft + static_cast<double>(i % perRow_) * step_,
                top + kTitle + kCaption +
                    static_cast<double>(i / perRow_) * (kCaption + panelHeight_ + kAxis),
                panelWidth_, panelHeight_};
      drawPlane(svg, panel, window, planes[i], i % perRow_ == 0);
    }
    svg.endGroup();
  }

  void drawPlane(Svg &svg, const Box &panel, const QueryWindow &window, const Plane &plane,
                 bool firstOfRow) const {
    svg.text(panel.x, panel.y - 5, planeText(plane.number), {kText, Anchor::Start, false, false, kInk});
    std::map<int, Rgb> colors;
    if (problem_.heads == 1)
      colors[kShades] = kFull;
    else
      for (int shade = 1; shade <= kShades; ++shade) colors[shade] = headColor(shade);
    svg.cells(
        panel, static_cast<double>(rows_), static_cast<double>(columns_),
        [&](int64_t row, int64_t column) { return plane.cells[row * columns_ + column]; }, colors);
    svg.frame(panel, kGrey);
    if (inside(window.query) && window.query / planeSize() == plane.number) {
      int64_t cell = window.query % planeSize();
      double width = panel.width / static_cast<double>(columns_),
             height = panel.height / static_cast<double>(rows_);
      Box at{panel.x + static_cast<double>(cell % columns_) * width,
             panel.y + static_cast<double>(cell / columns_) * height, width, height};
      svg.rectangle(at, kUncovered);
      svg.frame({at.x - 2, at.y - 2, at.width + 4, at.height + 4}, kUncovered, 1.5);
    }
    for (int64_t edge : {int64_t{0}, columns_})
      keyTick(svg, panel, panel.x + panel.width * static_cast<double>(edge) / static_cast<double>(columns_),
              fmt::format("{}", edge), kText);
    TextStyle name{kText, Anchor::Middle, false, false, kInk};
    svg.text(panel.x + panel.width / 2, panel.y + panel.height + 5 + kText,
             fmt::format("k.{}", space_.size() - 1), name);
    if (!firstOfRow || space_.size() < 2) return;
    for (int64_t edge : {int64_t{0}, rows_})
      queryTick(svg, panel, panel.y + panel.height * static_cast<double>(edge) / static_cast<double>(rows_),
                fmt::format("{}", edge), kText);
    name.upwards = true;
    svg.text(panel.x - 16, panel.y + panel.height / 2, fmt::format("k.{}", space_.size() - 2), name);
  }

  void legend(Svg &svg, double y) const {
    double next = swatch(svg, kLeft, y, kUncovered, "the query");
    if (problem_.heads > 1) return headLegend(svg, next, y, problem_.heads);
    next = swatch(svg, next, y, kFull, "a key that it sees");
    swatch(svg, next, y, kWhite, "a key that it does not see");
  }

  const Pattern &pattern_;
  const Problem &problem_;
  const std::vector<QueryWindow> &windows_;
  const std::vector<int64_t> &space_;
  int64_t rows_, columns_, cellsOfSpace_;
  double scale_ = 1, panelWidth_ = 0, panelHeight_ = 0, step_ = 0;
  size_t perRow_ = 1, windowsPerRow_ = 1;
};

} // namespace

std::string coordinatesText(int64_t position, const std::vector<int64_t> &space) {
  std::vector<int64_t> coordinates(space.size());
  for (size_t axis = space.size(); axis-- > 0;) {
    coordinates[axis] = axis == 0 ? position : position % space[axis];
    position /= space[axis];
  }
  return fmt::format("({})", fmt::join(coordinates, ", "));
}

std::string spacePicture(const Pattern &pattern, const Problem &problem,
                         const std::vector<QueryWindow> &windows) {
  return Drawing(pattern, problem, windows).draw();
}

} // namespace maskloom
