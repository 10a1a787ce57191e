// How pictures are written: text as XML, cells as rectangles, numbers as ticks and shares.
#include "maskloom/cli/Svg.h"
#include "maskloom/cli/PictureParts.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <random>

namespace maskloom {
namespace {

TEST(Svg, TextIsEscaped) {
  EXPECT_EQ(escapeXml("a < b && \"c\" > d"), "a &lt; b &amp;&amp; &quot;c&quot; &gt; d");
  EXPECT_EQ(escapeXml(std::string_view("\0\x1b\n\t\x7f", 5)), "??\n\t?");
  Svg svg(10, 10, "<t>", "&d");
  svg.beginGroup("</g>");
  svg.text(1, 9, "<script>");
  svg.endGroup();
  std::string file = svg.finish();
  EXPECT_NE(file.find("<title id=\"title\">&lt;t&gt;</title>"), std::string::npos) << file;
  EXPECT_NE(file.find("<desc id=\"desc\">&amp;d</desc>"), std::string::npos);
  EXPECT_NE(file.find("<title>&lt;/g&gt;</title>"), std::string::npos);
  EXPECT_NE(file.find(">&lt;script&gt;</text>"), std::string::npos);
}

/// What the rectangles of a file paint, by their path's colour; none twice.
std::vector<std::string> painted(const std::string &file, int64_t rows, int64_t columns) {
  std::vector<std::string> grid(rows * columns);
  const std::string begin = "<path fill=\"";
  for (size_t path = file.find(begin); path != std::string::npos; path = file.find(begin, path + 1)) {
    std::string color = file.substr(path + begin.size(), 7);
    size_t at = file.find(" d=\"", path) + 4;
    int x = 0, y = 0, width = 0, height = 0, back = 0, read = 0;
    while (std::sscanf(file.c_str() + at, "M%d %dh%dv%dh-%dz%n", &x, &y, &width, &height, &back, &read) ==
           5) {
      EXPECT_EQ(width, back);
      for (int row = y; row < y + height; ++row)
        for (int column = x; column < x + width; ++column) {
          std::string &cell = grid.at(row * columns + column);
          EXPECT_EQ(cell, "") << row << " " << column << " is painted twice";
          cell = color;
        }
      at += read;
    }
    EXPECT_EQ(file[at], '"');
  }
  return grid;
}

TEST(Svg, EqualCellsBecomeRectangles) {
  std::map<int, Rgb> colors = {{1, {1, 1, 1}}, {2, {2, 2, 2}}, {3, {3, 3, 3}}};
  std::mt19937 engine(3);
  for (int round = 0; round < 60; ++round) {
    int64_t rows = 1 + engine() % 12, columns = 1 + engine() % 12;
    std::vector<int> levels(rows * columns);
    unsigned kinds = 2 + round % 4; // 0 and, in some rounds, 4 have no colour
    for (int &level : levels) level = engine() % kinds;
    Svg svg(100, 100, "t", "d");
    svg.cells(
        {0, 0, 100, 100}, static_cast<double>(rows), static_cast<double>(columns),
        [&](int64_t row, int64_t column) { return levels[row * columns + column]; }, colors);
    std::vector<std::string> grid = painted(svg.finish(), rows, columns);
    for (size_t i = 0; i < levels.size(); ++i)
      EXPECT_EQ(grid[i], colors.contains(levels[i]) ? toString(colors.at(levels[i])) : "") << "cell " << i;
  }
  Svg svg(100, 100, "t", "d");
  svg.cells({0, 0, 9, 9}, 2.5, 7.25, [](int64_t, int64_t) { return 1; }, colors);
  std::string file = svg.finish();
  EXPECT_NE(file.find("M0 0h8v3h-8z\""), std::string::npos) << "one rectangle: " << file;
  EXPECT_NE(file.find("viewBox=\"0 0 7.25 2.5\""), std::string::npos) << file;
}

TEST(PictureParts, SharesAreEighths) {
  EXPECT_EQ(eighths({0, 0, 0}), (std::vector<int>{0, 0, 0}));
  EXPECT_EQ(eighths({0, 64, 0}), (std::vector<int>{0, 8, 0}));
  EXPECT_EQ(eighths({63, 1, 0}), (std::vector<int>{7, 1, 0})) << "nothing disappears";
  EXPECT_EQ(eighths({1, 1000000, 1}), (std::vector<int>{1, 6, 1}));
  EXPECT_EQ(eighths({32, 16, 16}), (std::vector<int>{4, 2, 2}));
  for (int64_t a = 0; a < 20; ++a)
    for (int64_t b = 0; b < 20; ++b) {
      std::vector<int> shares = eighths({a, b, 20});
      EXPECT_EQ(shares[0] + shares[1] + shares[2], 8);
      EXPECT_EQ(shares[0] > 0, a > 0);
      EXPECT_EQ(shares[1] > 0, b > 0);
    }
  EXPECT_EQ(headShade(1, 16), 1);
  EXPECT_EQ(headShade(16, 16), 8);
  EXPECT_EQ(headShade(15, 16), 8);
}

TEST(PictureParts, TicksAreRound) {
  EXPECT_EQ(ticks(0, 131072, 4), (std::vector<int64_t>{0, 32768, 65536, 98304, 131072}));
  EXPECT_EQ(ticks(256, 384, 4), (std::vector<int64_t>{256, 384, 512, 640}));
  EXPECT_EQ(ticks(0, 100000, 4), (std::vector<int64_t>{0, 50000, 100000}));
  EXPECT_EQ(ticks(0, 5, 4), (std::vector<int64_t>{0, 2, 4}));
  EXPECT_EQ(ticks(4095, 1, 4), (std::vector<int64_t>{4095, 4096}));
  EXPECT_EQ(ticks(-30, 100, 5), (std::vector<int64_t>{-20, 0, 20, 40, 60}));
  for (int64_t length : {1, 7, 99, 1000, 1024, 3072, 123456789})
    for (int most : {1, 3, 4}) {
      std::vector<int64_t> found = ticks(17, length, most);
      EXPECT_LE(found.size(), static_cast<size_t>(most) + 1) << length;
      for (int64_t tick : found) EXPECT_TRUE(tick >= 17 && tick <= 17 + length);
    }
}

TEST(PictureParts, NamesOfHeads) {
  EXPECT_EQ(headsText({3}), "head 3");
  EXPECT_EQ(headsText({0, 1, 2}), "heads 0..2");
  EXPECT_EQ(headsText({0, 16, 32, 48}), "heads 0, 16, .. 48");
  EXPECT_EQ(headsText({0, 2}), "heads 0, 2");
  EXPECT_EQ(headsText({0, 1, 4, 6, 7}), "heads 0..1, 4, 6..7");
}

TEST(PictureParts, LongTextsAreCut) {
  EXPECT_EQ(shortened("short", 100, 10), "short");
  std::string cut = shortened(std::string(300, 'x'), 100, 10);
  EXPECT_LE(textWidth(cut, 10), 100);
  EXPECT_EQ(cut.substr(cut.size() - 3), "...");
  std::vector<std::string> lines = wrapped("one two three four five", 60, 10);
  EXPECT_GT(lines.size(), 1u);
  for (const std::string &line : lines) EXPECT_LE(textWidth(line, 10), 60) << line;
}

} // namespace
} // namespace maskloom
