#include "maskloom/cli/Svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

namespace maskloom {

namespace {

/// Up to two digits behind the point, none that say nothing.
std::string number(double value) {
  std::string text = fmt::format("{:.2f}", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string attributesOf(const Box &box) {
  return fmt::format("x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"", number(box.x), number(box.y),
                     number(box.width), number(box.height));
}

/// A rectangle of cells of one level that may still grow downwards.
struct Block {
  int64_t begin, end, top; ///< columns begin .. end - 1
  int level;
  bool operator<(const Block &other) const {
    return std::tie(begin, end, level) < std::tie(other.begin, other.end, other.level);
  }
};

/// Rectangles of equal cells as one path a level.
class Blocks {
public:
  void addRow(int64_t row, std::vector<Block> blocks) {
    std::sort(blocks.begin(), blocks.end());
    std::vector<Block> open;
    size_t old = 0;
    for (Block &block : blocks) {
      while (old < open_.size() && open_[old] < block) close(open_[old++], row);
      if (old < open_.size() && !(block < open_[old])) block.top = open_[old++].top;
      open.push_back(block);
    }
    while (old < open_.size()) close(open_[old++], row);
    open_ = std::move(open);
  }
  const std::map<int, std::string> &finish(int64_t rows) {
    addRow(rows, {});
    return paths_;
  }

private:
  void close(const Block &block, int64_t row) {
    int64_t width = block.end - block.begin;
    paths_[block.level] +=
        fmt::format("M{} {}h{}v{}h-{}z", block.begin, block.top, width, row - block.top, width);
  }

  std::vector<Block> open_;
  std::map<int, std::string> paths_;
};

} // namespace

std::string escapeXml(std::string_view text) {
  std::string out;
  for (char c : text) switch (c) {
    case '&': out += "&amp;"; break;
    case '<': out += "&lt;"; break;
    case '>': out += "&gt;"; break;
    case '"': out += "&quot;"; break;
    case '\n':
    case '\t': out += c; break;
    default: out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    }
  return out;
}

std::string toString(Rgb color) {
  return fmt::format("#{:02x}{:02x}{:02x}", color.red, color.green, color.blue);
}

Rgb mix(Rgb a, Rgb b, double share) {
  auto channel = [&](uint8_t from, uint8_t to) {
    return static_cast<uint8_t>(std::lround((1 - share) * from + share * to));
  };
  return {channel(a.red, b.red), channel(a.green, b.green), channel(a.blue, b.blue)};
}

double textWidth(std::string_view text, double size) {
  double width = 0;
  for (char c : text) // classes of Helvetica's widths, in thousandths of the size
    width += std::string_view("ijl.,:;|!'").find(c) != std::string_view::npos ? 270
             : std::string_view("mwMW%").find(c) != std::string_view::npos    ? 850
             : c == ' '                                                       ? 278
             : (c >= 'A' && c <= 'Z')                                         ? 690
                                                                              : 556;
  return width * size / 1000;
}

std::string shortened(std::string_view text, double width, double size) {
  if (textWidth(text, size) <= width) return std::string(text);
  while (!text.empty() && textWidth(text, size) + textWidth("...", size) > width) text.remove_suffix(1);
  return std::string(text) + "...";
}

Svg::Svg(double width, double height, std::string_view title, std::string_view description) {
  out_ = fmt::format(R"(<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}" role="img" aria-labelledby="title desc" font-family="Helvetica, Arial, sans-serif">
<title id="title">{2}</title>
<desc id="desc">{3}</desc>
<rect width="{0}" height="{1}" fill="#ffffff"/>
)",
                     number(width), number(height), escapeXml(title), escapeXml(description));
}

void Svg::text(double x, double y, std::string_view text, const TextStyle &style) {
  if (text.empty()) return;
  const char *anchors[] = {"start", "middle", "end"};
  out_ += fmt::format("<text x=\"{0}\" y=\"{1}\" font-size=\"{2}\" fill=\"{3}\"", number(x), number(y),
                      number(style.size), toString(style.color));
  if (style.anchor != Anchor::Start)
    out_ += fmt::format(" text-anchor=\"{}\"", anchors[static_cast<int>(style.anchor)]);
  if (style.bold) out_ += " font-weight=\"bold\"";
  if (style.upwards) out_ += fmt::format(" transform=\"rotate(-90 {} {})\"", number(x), number(y));
  out_ += fmt::format(">{}</text>\n", escapeXml(text));
}

void Svg::rectangle(const Box &box, Rgb fill) {
  out_ += fmt::format("<rect {} fill=\"{}\"/>\n", attributesOf(box), toString(fill));
}

void Svg::frame(const Box &box, Rgb stroke, double width) {
  out_ += fmt::format("<rect {} fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"/>\n", attributesOf(box),
                      toString(stroke), number(width));
}

void Svg::line(double x1, double y1, double x2, double y2, Rgb stroke, double width) {
  out_ += fmt::format("<path d=\"M{} {}L{} {}\" stroke=\"{}\" stroke-width=\"{}\"/>\n", number(x1),
                      number(y1), number(x2), number(y2), toString(stroke), number(width));
}

void Svg::beginGroup(std::string_view title) {
  out_ += fmt::format("<g><title>{}</title>\n", escapeXml(title));
}

void Svg::endGroup() { out_ += "</g>\n"; }

void Svg::cells(const Box &box, double rows, double columns,
                const std::function<int(int64_t, int64_t)> &level, const std::map<int, Rgb> &colors) {
  Blocks blocks;
  int64_t rowCount = static_cast<int64_t>(std::ceil(rows)),
          columnCount = static_cast<int64_t>(std::ceil(columns));
  for (int64_t row = 0; row < rowCount; ++row) {
    std::vector<Block> found;
    for (int64_t column = 0; column < columnCount; ++column) {
      int here = level(row, column);
      if (!colors.contains(here)) continue;
      if (!found.empty() && found.back().end == column && found.back().level == here)
        found.back().end = column + 1;
      else
        found.push_back({column, column + 1, row, here});
    }
    blocks.addRow(row, std::move(found));
  }
  // The inner view cuts off what the last cells reach beyond the box. Its cells are integers: short paths.
  out_ += fmt::format(
      "<svg {} viewBox=\"0 0 {} {}\" preserveAspectRatio=\"none\" shape-rendering=\"crispEdges\">\n",
      attributesOf(box), fmt::format("{:.6g}", columns), fmt::format("{:.6g}", rows));
  for (const auto &[here, path] : blocks.finish(rowCount))
    out_ += fmt::format("<path fill=\"{}\" d=\"{}\"/>\n", toString(colors.at(here)), path);
  out_ += "</svg>\n";
}

std::string Svg::finish() {
  out_ += "</svg>\n";
  return std::move(out_);
}

} // namespace maskloom
