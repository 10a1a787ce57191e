#include "maskloom/dsl/Diagnostic.h"

#include <fmt/format.h>

#include <algorithm>

namespace maskloom {

namespace {

const char *spelling(Severity severity) {
  switch (severity) {
  case Severity::Error: return "error";
  case Severity::Warning: return "warning";
  case Severity::Remark: return "remark";
  case Severity::Note: return "note";
  }
  return "?";
}

bool isContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; } // of UTF-8

// What is shown of a line, and the column in it.
struct Excerpt {
  std::string text;
  unsigned column;
};

// The whole line; of a long one what surrounds the column.
Excerpt excerptOf(const std::string &line, unsigned column) {
  constexpr size_t kLongestLine = 400, kAround = 60;
  if (line.size() <= kLongestLine) return {line, column};
  const auto characterAt = [&](size_t byte) { // where the character begins that holds the byte
    for (int i = 0; i < 3 && byte > 0 && byte < line.size() && isContinuation(line[byte]); ++i) --byte;
    return byte;
  };
  const size_t place = characterAt(std::min<size_t>(column ? column - 1 : 0, line.size()));
  const size_t begin = characterAt(place - std::min(place, kAround));
  const size_t end = characterAt(std::min(place + kAround, line.size()));
  const std::string before = begin > 0 ? "..." : "", after = end < line.size() ? "..." : "";
  return {before + line.substr(begin, end - begin) + after,
          column ? static_cast<unsigned>(before.size() + place - begin + 1) : 0};
}

// The line as one terminal row per character: control characters become '?', tabs stay.
std::string printable(const std::string &line) {
  std::string text = line;
  for (char &c : text)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) c = '?';
  return text;
}

// Spaces up to the column, tabs where the line has tabs, one for each UTF-8 character.
std::string indentation(const std::string &line, unsigned column) {
  std::string indent;
  for (size_t i = 0; i + 1 < column && i < line.size(); ++i) {
    if (!isContinuation(line[i])) indent += line[i] == '\t' ? '\t' : ' ';
  }
  return indent;
}

} // namespace

Diagnostic makeError(Location loc, std::string message, std::string hint) {
  Diagnostic diagnostic;
  diagnostic.loc = std::move(loc);
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  return diagnostic;
}

Diagnostic makeNote(Location loc, std::string message) {
  Diagnostic diagnostic = makeError(std::move(loc), std::move(message));
  diagnostic.severity = Severity::Note;
  return diagnostic;
}

std::string render(const Diagnostic &diagnostic) {
  const Location &loc = diagnostic.loc;
  std::string text = loc.file;
  if (loc.line) text += fmt::format("{}{}", text.empty() ? "" : ":", loc.line);
  if (loc.line && loc.column) text += fmt::format(":{}", loc.column);
  if (!text.empty()) text += ": ";
  text += fmt::format("{}: {}\n", spelling(diagnostic.severity), diagnostic.message);
  if (!diagnostic.sourceLine.empty()) {
    const Excerpt excerpt = excerptOf(diagnostic.sourceLine, loc.column);
    text += fmt::format("  {}\n", printable(excerpt.text));
    if (loc.column) text += fmt::format("  {}^\n", indentation(excerpt.text, excerpt.column));
  }
  if (!diagnostic.hint.empty()) text += fmt::format("  hint: {}\n", diagnostic.hint);
  return text;
}

std::string render(const std::vector<Diagnostic> &diagnostics) {
  std::string text;
  for (const Diagnostic &diagnostic : diagnostics) text += render(diagnostic);
  return text;
}

bool hasErrors(const std::vector<Diagnostic> &diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic &d) { return d.severity == Severity::Error; });
}

} // namespace maskloom
