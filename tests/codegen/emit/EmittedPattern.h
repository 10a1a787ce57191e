// The part of a kernel's source that was emitted for its pattern.
#pragma once

#include <string>

namespace maskloom {

/// From the source of a Program: the groups, Pattern and Config, in namespace maskloom::kernel::<space> so
/// that several patterns fit into one translation unit. Empty when the source has no such part.
inline std::string emittedPattern(const std::string &source, const std::string &space) {
  const std::string open = "// What is special to this pattern.\nnamespace maskloom::kernel {\n";
  const std::string close = "} // namespace maskloom::kernel\n";
  size_t first = source.find(open);
  if (first == std::string::npos) return {};
  first += open.size();
  return "namespace maskloom::kernel::" + space + " {\n" +
         source.substr(first, source.find(close, first) - first) + close;
}

} // namespace maskloom
