#include "maskloom/dsl/Parser.h"

#include "maskloom/dsl/Limits.h"
#include "maskloom/dsl/PatternParser.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <tuple>

namespace maskloom {

namespace {

std::string normalised(const std::string &path) {
  std::error_code ignored;
  auto canonical = std::filesystem::weakly_canonical(path, ignored);
  return ignored ? path : canonical.string();
}

void parseText(ParseSession &session, std::string text, const std::string &file) {
  if (text.size() > kLargestFile) {
    session.diagnostics.push_back(makeError({file, 0, 0}, "a pattern file may have at most 1 MiB"));
    return;
  }
  const auto entry = session.texts.emplace(file, std::move(text)).first;
  PatternParser(session, entry->second, entry->first).parseFile();
}

std::string lineOf(const std::string &text, unsigned number) {
  std::istringstream stream(text);
  std::string line;
  for (unsigned i = 0; i < number; ++i)
    if (!std::getline(stream, line)) return {};
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

// By place within a file, a note behind its error. The lexer and the parser report one after the other.
void sortByPlace(std::vector<Diagnostic> &diagnostics) {
  std::vector<std::vector<Diagnostic>> groups;
  for (Diagnostic &diagnostic : diagnostics) {
    if (diagnostic.severity == Severity::Note && !groups.empty())
      groups.back().push_back(std::move(diagnostic));
    else
      groups.emplace_back().push_back(std::move(diagnostic));
  }
  std::map<std::string, size_t> fileOrder;
  for (const auto &group : groups) fileOrder.emplace(group[0].loc.file, fileOrder.size());
  std::stable_sort(groups.begin(), groups.end(), [&](const auto &a, const auto &b) {
    const Location &x = a[0].loc, &y = b[0].loc;
    return std::tuple(fileOrder[x.file], x.line, x.column) < std::tuple(fileOrder[y.file], y.line, y.column);
  });
  diagnostics.clear();
  for (auto &group : groups)
    for (Diagnostic &diagnostic : group) diagnostics.push_back(std::move(diagnostic));
}

ParseResult finish(ParseSession &session) {
  sortByPlace(session.diagnostics);
  if (session.diagnostics.size() > kMostErrors) {
    session.diagnostics.resize(kMostErrors);
    session.diagnostics.push_back(makeError({}, "too many errors; the rest is not shown"));
  }
  for (Diagnostic &diagnostic : session.diagnostics) {
    auto text = session.texts.find(diagnostic.loc.file);
    if (diagnostic.sourceLine.empty() && text != session.texts.end() && diagnostic.loc.line)
      diagnostic.sourceLine = lineOf(text->second, diagnostic.loc.line);
  }
  return {std::move(session.patterns), std::move(session.diagnostics)};
}

} // namespace

bool readText(const std::string &path, std::string &text, std::string &reason) {
  std::error_code code;
  if (std::filesystem::is_directory(path, code)) {
    reason = "it is a folder";
    return false;
  }
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    reason = std::strerror(errno);
    return false;
  }
  char chunk[16384];
  while (text.size() <= kLargestFile && (stream.read(chunk, sizeof chunk), stream.gcount() > 0))
    text.append(chunk, static_cast<size_t>(stream.gcount()));
  return true;
}

void PatternParser::parseInclude() {
  Token name = token();
  if (name.kind != Token::Kind::String) failExpected("a file name in quotes after 'include'");
  take();
  expect(";", "after the include");
  std::string path =
      (std::filesystem::path(file_).parent_path() / std::string(name.text)).lexically_normal().string();
  std::string identity = normalised(path);
  auto open = std::find(session_.includeStack.begin(), session_.includeStack.end(), identity);
  if (open != session_.includeStack.end()) {
    std::string way; // the files between
    for (auto file = open + 1; file != session_.includeStack.end(); ++file)
      way += fmt::format("{}\"{}\"", way.empty() ? ", by way of " : ", ",
                         std::filesystem::path(*file).filename().string());
    return error(locationOf(name), fmt::format("\"{}\" includes itself{}", name.text, way),
                 "remove one include of the cycle");
  }
  if (session_.included.count(identity)) return;
  if (session_.includeStack.size() > kDeepestInclude)
    return error(locationOf(name),
                 fmt::format("files may include each other {} levels deep", kDeepestInclude));
  std::string text, reason;
  if (!readText(path, text, reason))
    return error(locationOf(name), fmt::format("cannot read \"{}\": {}", path, reason),
                 "paths are relative to the file that includes them");
  session_.included.insert(identity);
  session_.includeStack.push_back(identity);
  parseText(session_, std::move(text), path);
  session_.includeStack.pop_back();
}

ParseResult parsePatterns(std::string_view text, std::string file) {
  ParseSession session;
  session.includeStack.push_back(normalised(file));
  session.included.insert(session.includeStack.back());
  parseText(session, std::string(text), file);
  return finish(session);
}

ParseResult parsePatternFile(const std::string &path) {
  std::string text, reason;
  if (readText(path, text, reason)) return parsePatterns(text, path);
  return {{}, {makeError({}, fmt::format("cannot read \"{}\": {}", path, reason))}};
}

} // namespace maskloom
