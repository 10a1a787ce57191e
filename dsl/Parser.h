/// @file
/// Pattern files to patterns. The grammar stands in docs/language.md.
#pragma once

#include "maskloom/dsl/Diagnostic.h"
#include "maskloom/dsl/Pattern.h"

#include <string_view>

namespace maskloom {

/// What a file holds, and what is wrong with it.
struct ParseResult {
  std::vector<Pattern> patterns;       ///< those without errors
  std::vector<Diagnostic> diagnostics; ///< in the order of the text
  /// Is there no error?
  bool ok() const { return !hasErrors(diagnostics); }
};

/// Parses the text of a pattern file; `file` is used in diagnostics and to resolve includes. Recovers at the
/// next item, so several errors are reported at once.
ParseResult parsePatterns(std::string_view text, std::string file);
/// Reads and parses; an unreadable file is a diagnostic.
ParseResult parsePatternFile(const std::string &path);

} // namespace maskloom
