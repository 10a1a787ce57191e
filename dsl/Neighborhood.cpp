#include "maskloom/dsl/Neighborhood.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace maskloom::masks {

namespace {

Mask placed(const Mask &mask, const At &at) {
  return Mask(relocated(mask.expr(), At::current().file_name(), here(at)));
}

std::optional<Mask> conjunction(const std::optional<Mask> &a, const Mask &b) { return a ? *a && b : b; }

// Collects what is wrong with the arguments of one call; the mask that stands for all of it is their AND.
class Legality {
public:
  explicit Legality(size_t axes) : axes_(axes) {}

  // One entry for every axis, from a list with one entry, one for each axis, or none.
  template <typename T>
  std::vector<T> perAxis(const char *argument, const std::vector<T> &given, std::optional<T> absent) {
    if (given.size() == axes_) return given;
    if (given.size() == 1) return std::vector<T>(axes_, given[0]);
    if (given.empty() && absent) return std::vector<T>(axes_, *absent);
    add(argument, 0,
        fmt::format("'{}' has {} entries, the token space has {} ax{}s", argument, given.size(), axes_,
                    axes_ == 1 ? "i" : "e"),
        "give one entry for each axis, or one for all");
    return std::vector<T>(axes_, absent.value_or(T(1)));
  }

  void add(const char *argument, size_t entry, std::string message, std::string hint) {
    Fault fault{std::move(message), std::move(hint), argument, entry};
    faults_ = conjunction(faults_, Mask(makeFault(Type::Bool, std::move(fault), here(At::current()))));
  }
  const std::optional<Mask> &faults() const { return faults_; }

private:
  size_t axes_;
  std::optional<Mask> faults_;
};

// A sequence may turn out to be shorter than a window; more than this it never is.
constexpr int64_t kLongestSequence = 2147483647;

struct Axis {
  int64_t window, stride, dilation;
  bool causal;
};

void checkAxis(const Axis &a, size_t axis, int64_t extent, Legality &legality) {
  if (a.window < 2)
    legality.add("window", axis, fmt::format("axis {}: the window is {}, must be at least 2", axis, a.window),
                 "a window counts the query's own position too");
  if (a.dilation < 1)
    legality.add("dilation", axis,
                 fmt::format("axis {}: the dilation is {}, must be at least 1", axis, a.dilation),
                 "1 is no dilation");
  if (a.stride < 1 || (a.window >= 2 && a.stride > a.window))
    legality.add("stride", axis,
                 fmt::format("axis {}: the stride is {}, must be in 1..{}, the window", axis, a.stride,
                             std::max<int64_t>(a.window, 2)),
                 "with a larger stride some queries would not see themselves");
  if (a.window >= 2 && a.dilation >= 1 && a.window > extent / a.dilation)
    legality.add("window", axis,
                 fmt::format("axis {}: a window of {} with dilation {} does not fit in {} positions", axis,
                             a.window, a.dilation, extent),
                 "window * dilation must be at most the extent of the axis");
}

Mask axisMask(const Index &q, const Index &k, const Index &extent, const Axis &a) {
  bool dilated = a.dilation > 1;
  Index row = dilated ? floordiv(q, a.dilation) : q, column = dilated ? floordiv(k, a.dilation) : k;
  Index count = dilated ? floordiv(extent - q % a.dilation + (a.dilation - 1), a.dilation) : extent;
  Index strideBegin = a.stride > 1 ? floordiv(row, a.stride) * a.stride : row;
  Mask seen = none();
  if (a.causal) {
    Index leader = a.stride > 1 ? min(strideBegin + (a.stride - 1), count - 1) : row;
    seen = column > leader - a.window && column <= row;
  } else {
    // The leader's bound count - 1 needs no term: first is at most count - window.
    Index first = max(min(strideBegin + (a.stride / 2 - a.window / 2), count - a.window), 0);
    seen = column >= first && column < first + a.window;
  }
  return dilated ? q % a.dilation == k % a.dilation && seen : seen;
}

std::vector<Axis> axesOf(const Neighborhood &options, size_t axes, Legality &legality) {
  auto window = legality.perAxis<int64_t>("window", options.window, std::nullopt);
  auto stride = legality.perAxis<int64_t>("stride", options.stride, 1);
  auto dilation = legality.perAxis<int64_t>("dilation", options.dilation, 1);
  auto causal = legality.perAxis<bool>("causal", options.causal, false);
  std::vector<Axis> result;
  for (size_t i = 0; i < axes; ++i) result.push_back({window[i], stride[i], dilation[i], causal[i]});
  return result;
}

} // namespace

Mask neighborhood(const Space &space, const Neighborhood &options, At at) {
  const auto &extents = space.extents();
  Legality legality(extents.size());
  std::vector<Axis> axes = axesOf(options, extents.size(), legality);
  if (!legality.faults()) // the entries are those of the axes
    for (size_t i = 0; i < axes.size(); ++i) checkAxis(axes[i], i, extents[i], legality);
  if (legality.faults()) return placed(*legality.faults(), at);
  std::optional<Mask> mask;
  for (size_t i = 0; i < axes.size(); ++i)
    mask = conjunction(mask,
                       axisMask(space.query(i), space.key(i), Index(makeInt(extents[i], here(at))), axes[i]));
  return placed(mask ? *mask : all(), at);
}

Mask neighborhood(const Neighborhood &options, At at) {
  Legality legality(1);
  std::vector<Axis> axes = axesOf(options, 1, legality);
  if (!legality.faults()) checkAxis(axes[0], 0, kLongestSequence, legality);
  return placed(legality.faults() ? *legality.faults() : axisMask(query(), key(), keyLength(), axes[0]), at);
}

Mask slidingTile(const Space &space, const SlidingTile &options, At at) {
  const auto &extents = space.extents();
  Legality legality(extents.size());
  auto window = legality.perAxis<int64_t>("window", options.window, std::nullopt);
  auto tile = legality.perAxis<int64_t>("tile", options.tile, std::nullopt);
  if (legality.faults()) return placed(*legality.faults(), at);
  std::vector<int64_t> tiles; // along each axis
  for (size_t i = 0; i < extents.size(); ++i) {
    bool divides = tile[i] >= 1 && extents[i] % tile[i] == 0;
    tiles.push_back(divides ? extents[i] / tile[i] : 1);
    if (!divides)
      legality.add(
          "tile", i,
          fmt::format("axis {}: {} positions cannot be cut into tiles of {}", i, extents[i], tile[i]),
          "the tile must divide the extent of the axis");
    else if (window[i] < 1 || window[i] % 2 == 0 || window[i] > tiles[i])
      legality.add(
          "window", i,
          fmt::format("axis {}: a window of {} tiles, must be odd and in 1..{}", i, window[i], tiles[i]),
          "a window is the query's tile and as many on each side; it counts tiles, not positions");
  }
  if (legality.faults()) return placed(*legality.faults(), at);

  int64_t tokensOfTile = 1, tokens = 1;
  for (size_t i = 0; i < extents.size(); ++i)
    if (__builtin_mul_overflow(tokens, extents[i], &tokens) ||
        __builtin_mul_overflow(tokensOfTile, tile[i], &tokensOfTile))
      return placed(
          Mask(makeFault(Type::Bool, {"the token space holds more than 2^63 tokens", "", "", 0}, here(at))),
          at);

  // Stored tile after tile, the position inside the tile is one more axis of a space of tiles.
  std::vector<int64_t> stored = tiles;
  stored.push_back(tokensOfTile);
  Space storedTiles(stored);
  std::optional<Mask> mask;
  for (size_t i = 0; i < tiles.size(); ++i) {
    Index q = options.tileOrdered ? storedTiles.query(i) : floordiv(space.query(i), tile[i]);
    Index k = options.tileOrdered ? storedTiles.key(i) : floordiv(space.key(i), tile[i]);
    int64_t half = window[i] / 2;
    mask = conjunction(mask, abs(min(max(q, half), tiles[i] - 1 - half) - k) <= half);
  }
  Mask seen = mask ? *mask : all();
  return placed(options.text ? query() >= tokens || key() >= tokens || seen : seen, at);
}

} // namespace maskloom::masks
