#include "tests/support/FrontProperties.h"

#include "maskloom/dsl/Canonical.h"
#include "maskloom/dsl/Check.h"
#include "maskloom/dsl/Format.h"
#include "maskloom/dsl/Limits.h"
#include "maskloom/dsl/Parser.h"
#include "maskloom/dsl/Print.h"
#include "tests/support/SamePattern.h"

#include <algorithm>

namespace maskloom::testing {

namespace {

std::string brokenDiagnostic(const Diagnostic &diagnostic, size_t lines) {
  if (diagnostic.message.empty()) return "a diagnostic without a message";
  if (diagnostic.loc.file == "any.mask" && diagnostic.loc.line > lines)
    return "a place behind the end of the file: " + render(diagnostic);
  return "";
}

std::string brokenPattern(const Pattern &pattern) {
  if (hasErrors(checkPattern(pattern))) return "a parsed pattern fails its check:\n" + toText(pattern);
  Pattern canonical = canonicalize(pattern);
  if (patternHash(canonicalize(canonical)) != patternHash(canonical))
    return "the canonical form is not its own:\n" + toText(pattern);
  std::string text = toText(pattern);
  ParseResult again = parsePatterns(text, "printed.mask");
  if (!again.ok() || again.patterns.size() != 1)
    return "printed text does not parse:\n" + text + "\n" + render(again.diagnostics);
  std::string differs = difference(again.patterns[0], pattern);
  return differs.empty() ? "" : "printed text differs in " + differs + ":\n" + text;
}

} // namespace

std::string brokenProperty(std::string_view text) {
  size_t lines = 1 + static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  ParseResult parsed = parsePatterns(text, "any.mask");
  if (parsed.diagnostics.size() > 101) return "more than a hundred diagnostics";
  for (const Diagnostic &diagnostic : parsed.diagnostics)
    if (std::string broken = brokenDiagnostic(diagnostic, lines); !broken.empty()) return broken;
  (void)render(parsed.diagnostics);
  for (const Pattern &pattern : parsed.patterns)
    if (std::string broken = brokenPattern(pattern); !broken.empty()) return broken;

  FormatResult formatted = formatPatterns(text, "any.mask");
  bool grown = text.size() > kLargestFile / 8; // what is laid out may be too large
  if (!formatted.ok()) return parsed.ok() && !grown ? "a file that parses is not formatted" : "";
  if (formatPatterns(formatted.text, "any.mask").text != formatted.text)
    return "formatting twice is not formatting once:\n" + formatted.text;
  ParseResult again = parsePatterns(formatted.text, "any.mask");
  if (again.ok() != parsed.ok() || again.patterns.size() != parsed.patterns.size())
    return "formatting changes what parses:\n" + formatted.text;
  for (size_t i = 0; i < again.patterns.size(); ++i)
    if (!difference(again.patterns[i], parsed.patterns[i]).empty())
      return "formatting changes a pattern:\n" + formatted.text;
  return "";
}

} // namespace maskloom::testing
