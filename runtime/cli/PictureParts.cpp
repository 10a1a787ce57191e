#include "maskloom/cli/PictureParts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sstream>

namespace maskloom {

std::vector<int> eighths(const std::vector<int64_t> &parts) {
  int64_t whole = 0;
  for (int64_t part : parts) whole += part;
  std::vector<int> shares(parts.size(), 0);
  if (whole == 0) return shares;
  int sum = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    double exact = static_cast<double>(parts[i]) / static_cast<double>(whole) * kShades;
    shares[i] = parts[i] ? std::max(1, static_cast<int>(std::lround(exact))) : 0;
    sum += shares[i];
  }
  // The largest part takes what rounding added or left.
  *std::max_element(shares.begin(), shares.end()) += kShades - sum;
  return shares;
}

double weight(int part, int whole, double exponent) {
  return std::pow(static_cast<double>(part) / whole, exponent);
}

Rgb headColor(int shade) { return mix(kFewHeads, kAllHeads, (shade - 1.0) / (kShades - 1)); }

int headShade(int64_t some, int64_t all) { return static_cast<int>((some * kShades + all - 1) / all); }

void headLegend(Svg &svg, double x, double y, int64_t heads) {
  constexpr double kSide = 14;
  for (int shade = 1; shade <= kShades; ++shade)
    svg.rectangle({x + kSide * (shade - 1), y, kSide, 12}, headColor(shade));
  svg.frame({x, y, kSide * kShades, 12}, kGrey);
  svg.text(x + kSide * kShades + 6, y + 10, fmt::format("1 of {} heads .. all of them", heads));
}

std::string percent(double share) { return fmt::format("{:.3g} %", 100 * share); }

std::string counted(int64_t count, const std::string &what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string headsText(const std::vector<int64_t> &heads) {
  if (heads.size() == 1) return fmt::format("head {}", heads[0]);
  int64_t step = heads[1] - heads[0];
  bool even = true;
  for (size_t i = 2; i < heads.size(); ++i) even &= heads[i] - heads[i - 1] == step;
  if (even && step == 1) return fmt::format("heads {}..{}", heads.front(), heads.back());
  if (even && heads.size() > 3) return fmt::format("heads {}, {}, .. {}", heads[0], heads[1], heads.back());
  std::string text = "heads";
  for (size_t i = 0; i < heads.size();) {
    size_t end = i + 1;
    while (end < heads.size() && heads[end] == heads[end - 1] + 1) ++end;
    text += fmt::format("{} {}", i ? "," : "", heads[i]);
    if (end - i > 1) text += fmt::format("..{}", heads[end - 1]);
    i = end;
  }
  return text;
}

std::vector<int64_t> ticks(int64_t first, int64_t length, int most) {
  int64_t step = 1;
  if (length % 128 == 0 && first % 128 == 0) {
    while (length / step > most) step *= 2;
  } else {
    while (length / step > most) { // 1, 2, 5, 10, ..
      int64_t digit = step;
      while (digit % 10 == 0) digit /= 10;
      step = digit == 2 ? step / 2 * 5 : step * 2;
    }
  }
  std::vector<int64_t> found;
  int64_t tick = first >= 0 ? (first + step - 1) / step * step : -(-first / step * step);
  for (; tick <= first + length; tick += step) found.push_back(tick);
  return found;
}

void keyTick(Svg &svg, const Box &panel, double x, const std::string &label, double size, Anchor anchor) {
  double bottom = panel.y + panel.height;
  svg.line(x, bottom, x, bottom + 4, kGrey);
  svg.text(x, bottom + 5 + size, label, {size, anchor, false, false, kInk});
}

void queryTick(Svg &svg, const Box &panel, double y, const std::string &label, double size) {
  svg.line(panel.x - 4, y, panel.x, y, kGrey);
  svg.text(panel.x - 6, y + size * 0.35, label, {size, Anchor::End, false, false, kInk});
}

std::vector<std::string> wrapped(const std::string &text, double width, double size) {
  std::vector<std::string> lines;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!lines.empty() && textWidth(lines.back() + " " + word, size) <= width)
      lines.back() += " " + word;
    else
      lines.push_back(shortened(word, width, size));
  }
  return lines;
}

std::string problemText(const Pattern &pattern, const Problem &problem) {
  std::string text =
      fmt::format("{}, {}, {}", problem.queries == 1 ? "1 query" : fmt::format("{} queries", problem.queries),
                  counted(problem.keys, "key"), counted(problem.heads, "head"));
  if (problem.kvHeads != problem.heads) text += fmt::format(" on {}", counted(problem.kvHeads, "KV head"));
  const char *separator = "; ";
  for (const auto &param : pattern.params) {
    auto given = problem.params.find(param->name);
    text += fmt::format("{}{} = {}", separator, param->name,
                        given == problem.params.end() ? param->defaultValue : given->second);
    separator = ", ";
  }
  return text;
}

namespace {
constexpr double kTop = 16, kNoteStep = kNoteSize + 4;
}

double headingHeight(const std::vector<std::string> &notes) {
  return kTop + kHeadingSize + kNoteStep * static_cast<double>(notes.size()) + 8;
}

void heading(Svg &svg, const std::string &title, double x, double width,
             const std::vector<std::string> &notes) {
  double y = kTop + kHeadingSize - 4;
  svg.text(x, y, shortened(title, width, kHeadingSize), {kHeadingSize, Anchor::Start, true, false, kInk});
  for (const std::string &note : notes)
    svg.text(x, y += kNoteStep, note, {kNoteSize, Anchor::Start, false, false, kInk});
}

double swatch(Svg &svg, double x, double y, Rgb color, const std::string &label) {
  constexpr double kSide = 12;
  Box box{x, y, kSide, kSide};
  svg.rectangle(box, color);
  svg.frame(box, kGrey);
  svg.text(x + kSide + 6, y + kSide - 2, label, {11, Anchor::Start, false, false, kInk});
  return x + kSide + 6 + textWidth(label, 11) + 16;
}

} // namespace maskloom
