#include "maskloom/dsl/Names.h"

#include <algorithm>

namespace maskloom {

const std::vector<std::string> &itemKeywords() {
  static const std::vector<std::string> words = {"param", "aux",   "blocks",   "space", "let", "causal",
                                                 "mask",  "heads", "kv_heads", "score", "sink"};
  return words;
}

bool isItemKeyword(std::string_view name) {
  const auto &words = itemKeywords();
  return std::find(words.begin(), words.end(), name) != words.end();
}

const std::vector<std::string> &reservedWords() {
  static const std::vector<std::string> words = {

      "q",    "k",      "h",   "kvh", "b",   "s",   "Sq",   "Sk",  "H",    "Hkv",  "all",   "none", "bands",
      "rest", "select", "min", "max", "abs", "exp", "exp2", "log", "tanh", "sqrt", "float", "in"};
  return words;
}

bool isReserved(std::string_view name) {
  const auto &words = reservedWords();
  return std::find(words.begin(), words.end(), name) != words.end();
}

bool isIdentifier(std::string_view name) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (name.empty() || !letter(name[0])) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || digit(c); });
}

namespace {

// Edit distance with insertion, deletion, replacement and the swap of neighbours.
size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i)
    for (size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

} // namespace

std::string nearestName(std::string_view name, const std::vector<std::string> &candidates) {
  if (name.size() < 2 || name.size() > 64) return {};
  size_t best = name.size() <= 3 ? 1 : name.size() <= 6 ? 2 : 3;
  std::string nearest;
  for (const std::string &candidate : candidates) {
    if (candidate.size() < 2 || candidate.size() > 64) continue;
    size_t distance = editDistance(name, candidate);
    if (distance < best || (distance == best && nearest.empty())) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

} // namespace maskloom
