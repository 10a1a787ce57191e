// What the pictures of `maskloom show` share: colours, axes, headings.
#pragma once

#include "maskloom/cli/Svg.h"
#include "maskloom/dsl/Interpreter.h"

#include <string>
#include <vector>

namespace maskloom {

// Blue, orange and vermilion of the palette of Okabe and Ito (2008): kept apart by people with each of the
// usual kinds of colour blindness, and of different brightness, so that prints in grey stay readable.
constexpr Rgb kWhite{0xff, 0xff, 0xff}, kInk{0x22, 0x22, 0x22}, kGrey{0x77, 0x77, 0x77};
constexpr Rgb kFull{0x00, 0x72, 0xb2}, kPartial{0xe6, 0x9f, 0x00}, kUncovered{0xd5, 0x5e, 0x00};
// From few heads to all of them: lighter and darker than `kFull`.
constexpr Rgb kFewHeads{0xc9, 0xdf, 0xef}, kAllHeads{0x00, 0x2f, 0x4f};

/// Shares are drawn in eighths: more shades than that are hard to tell apart.
constexpr int kShades = 8;
/// Parts of a whole as eighths that sum to 8; what is not 0 gets at least one, so that nothing disappears.
std::vector<int> eighths(const std::vector<int64_t> &parts);

/// How strongly a part of a whole colours it: more than its share, so that the eye finds what is thinly
/// spread; the more so, the smaller the exponent.
double weight(int part, int whole, double exponent = 0.65);

/// The colour of `shade` eighths of the heads, 1 .. 8; and how many eighths `some` of `all` are, rounded up.
Rgb headColor(int shade);
int headShade(int64_t some, int64_t all);
/// The shades in a row with a text beside them.
void headLegend(Svg &svg, double x, double y, int64_t heads);

/// "6.91 %", "100 %", "0.00012 %"
std::string percent(double share);
/// "1 tile", "2 tiles"
std::string counted(int64_t count, const std::string &what);
/// "head 3", "heads 0..11", "heads 0, 16, .. 48"; heads are ascending.
std::string headsText(const std::vector<int64_t> &heads);

/// Positions of an axis from `first`, `length` of them, that get a label, at most `most` and one more:
/// multiples of a power of two where both are multiples of 128, else of 1, 2 or 5 times a power of ten.
std::vector<int64_t> ticks(int64_t first, int64_t length, int most);

/// A number below (key axis) or left (query axis) of a panel, with a short stroke.
void keyTick(Svg &svg, const Box &panel, double x, const std::string &label, double size,
             Anchor anchor = Anchor::Middle);
void queryTick(Svg &svg, const Box &panel, double y, const std::string &label, double size);

/// Lines of a text that are at most `width` wide, cut between words.
std::vector<std::string> wrapped(const std::string &text, double width, double size);

/// "4096 queries, 4096 keys, 16 heads on 16 KV heads; local = 16, stride = 8"
std::string problemText(const Pattern &pattern, const Problem &problem);

/// The pattern's name and lines below it; returns where they end.
constexpr double kHeadingSize = 18, kNoteSize = 12;
double headingHeight(const std::vector<std::string> &notes);
void heading(Svg &svg, const std::string &title, double x, double width,
             const std::vector<std::string> &notes);

/// A swatch with a text beside it; returns where the text ends.
double swatch(Svg &svg, double x, double y, Rgb color, const std::string &label);

} // namespace maskloom
