#include "tests/support/TileClasses.h"

#include <fmt/format.h>

#include <algorithm>

namespace maskloom::testing {

void ClassComparison::add(const ClassComparison &other) {
  if (firstProblem.empty() || (sound() && !other.sound()))
    if (!other.firstProblem.empty()) firstProblem = other.firstProblem;
  tiles += other.tiles;
  missed += other.missed;
  falselyFull += other.falselyFull;
  inexact += other.inexact;
}

ClassComparison compareClasses(const Program &program, const Predicate &predicate, const Schedule &schedule,
                               const ScheduleContext &context, const Visible &visible) {
  const int64_t rows = context.queryLength, columns = context.keyLength;
  const int64_t m = schedule.tile.queries, n = schedule.tile.keys;
  const int64_t queryTiles = (rows + m - 1) / m, keyTiles = (columns + n - 1) / n;
  std::vector<char> touched(queryTiles * keyTiles), notFull(queryTiles * keyTiles);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      (visible(row, column) ? touched : notFull)[row / m * keyTiles + column / n] = 1;

  bool forward = schedule.orientation == Orientation::Forward;
  TileWalker walker(program, predicate, schedule, context);
  ClassComparison result;
  for (int64_t outer = 0; outer < walker.outerTiles(); ++outer) {
    std::vector<TileClass> classes(walker.innerTiles(), TileClass::Empty);
    int64_t end = -1;
    for (const Stretch &stretch : walker.stretches(outer)) {
      if (stretch.first <= end || stretch.last < stretch.first || stretch.last >= walker.innerTiles()) {
        ++result.missed;
        result.firstProblem =
            fmt::format("outer {}: stretch [{}, {}] after {}", outer, stretch.first, stretch.last, end);
        break;
      }
      end = stretch.last;
      std::fill(classes.begin() + stretch.first, classes.begin() + stretch.last + 1,
                stretch.partial ? TileClass::Partial : TileClass::Full);
    }
    for (int64_t inner = 0; inner < walker.innerTiles(); ++inner) {
      int64_t queryTile = forward ? outer : inner, keyTile = forward ? inner : outer;
      int64_t id = queryTile * keyTiles + keyTile;
      bool raggedRow = (queryTile + 1) * m > rows, raggedColumn = (keyTile + 1) * n > columns;
      TileClass got = classes[inner];
      TileClass expected = !touched[id]  ? TileClass::Empty
                           : notFull[id] ? TileClass::Partial
                                         : TileClass::Full;
      ++result.tiles;
      const char *problem = nullptr;
      if (expected != TileClass::Empty && got == TileClass::Empty) {
        ++result.missed;
        problem = "missed";
      } else if (got == TileClass::Full && (expected != TileClass::Full || raggedColumn)) {
        ++result.falselyFull;
        problem = "falsely full";
      } else if (got != expected && !raggedRow && !raggedColumn) {
        ++result.inexact;
        if (result.firstProblem.empty())
          problem = expected == TileClass::Empty ? "needless" : "needlessly partial";
      }
      if (problem)
        result.firstProblem = fmt::format("{} tile Q {} K {} (head {}, batch {})", problem, queryTile,
                                          keyTile, context.head, context.batch);
    }
  }
  return result;
}

} // namespace maskloom::testing
