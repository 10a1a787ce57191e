// The layout of pattern files: `maskloom fmt`. Tokens and comments are kept, all of them and in their order;
// what changes is the white space between them.
#pragma once

#include "maskloom/dsl/Diagnostic.h"

#include <string>
#include <string_view>

namespace maskloom {

struct FormatResult {
  std::string text;     ///< laid out anew; empty when there are errors
  bool changed = false; ///< is it another text than the one given?
  std::vector<Diagnostic> diagnostics;
  bool ok() const { return !hasErrors(diagnostics); }
};

/// One item a line, two spaces an indentation, one space around operators ('*' and '/' stay tight where they
/// were written tight), one empty line between patterns. Line breaks inside an item and single empty lines
/// are the writer's; the space before a comment behind code too. Lines end in '\n'. Formatting twice is
/// formatting once. The file need not be a correct one, but what is no token at all is an error.
FormatResult formatPatterns(std::string_view text, const std::string &file);
/// Reads and formats; an unreadable file is a diagnostic.
FormatResult formatPatternFile(const std::string &path);

} // namespace maskloom
