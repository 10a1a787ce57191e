// Writes SVG 1.1: vector pictures for a browser and for a paper, without scripts, style sheets or fonts of
// their own.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace maskloom {

/// Text as XML character data or an attribute's value; characters that XML does not know become '?'.
std::string escapeXml(std::string_view text);

struct Rgb {
  uint8_t red = 0, green = 0, blue = 0;
};
std::string toString(Rgb color);
/// (1 - share) * a + share * b.
Rgb mix(Rgb a, Rgb b, double share);

struct Box {
  double x = 0, y = 0, width = 0, height = 0;
};

enum class Anchor : uint8_t { Start, Middle, End };

struct TextStyle {
  double size = 11;
  Anchor anchor = Anchor::Start;
  bool bold = false;
  bool upwards = false; ///< turned by a quarter, to be read from below
  Rgb color{0x22, 0x22, 0x22};
};

/// Roughly how wide a text is in Helvetica or Arial.
double textWidth(std::string_view text, double size);
/// The text, or as much of its beginning as fits, with "...".
std::string shortened(std::string_view text, double width, double size);

class Svg {
public:
  /// In pixels; title and description are what a screen reader says.
  Svg(double width, double height, std::string_view title, std::string_view description);

  void text(double x, double y, std::string_view text, const TextStyle &style = {});
  void rectangle(const Box &box, Rgb fill);
  void frame(const Box &box, Rgb stroke, double width = 1);
  void line(double x1, double y1, double x2, double y2, Rgb stroke, double width = 1);
  /// What follows belongs together until endGroup; browsers show the title where the pointer rests.
  void beginGroup(std::string_view title);
  void endGroup();
  /// A grid stretched over a box: `columns` x `rows` cells, fractions allowed at the end. level(row, column)
  /// is a number that `colors` has a colour for; cells of other levels are left out. Equal neighbours become
  /// one rectangle.
  void cells(const Box &box, double rows, double columns,
             const std::function<int(int64_t row, int64_t column)> &level, const std::map<int, Rgb> &colors);

  /// The whole file; nothing may follow.
  std::string finish();

private:
  std::string out_;
};

} // namespace maskloom
