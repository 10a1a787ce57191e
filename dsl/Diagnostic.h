/// @file
/// What the front end says about bad input: a place, what was expected, what was found, a hint.
#pragma once

#include "maskloom/dsl/Expr.h"

#include <string>
#include <vector>

namespace maskloom {

/// How grave a diagnostic is. Errors alone make a pattern unusable.
enum class Severity : uint8_t {
  Error,   ///< the pattern is wrong
  Warning, ///< it is probably not what was meant
  Remark,  ///< worth knowing
  Note     ///< belongs to the diagnostic before it
};

/// One message about a pattern.
struct Diagnostic {
  Severity severity = Severity::Error; ///< how grave
  Location loc;                        ///< where
  std::string message;                 ///< "expected ';' after the mask, found 'causal'"
  std::string hint;                    ///< what to do; may be empty
  std::string sourceLine;              ///< the text of the line, for the caret; empty when unknown
};

/// An error at a place; the source line is filled in by whoever has the text.
Diagnostic makeError(Location loc, std::string message, std::string hint = {});
/// A note that belongs to the diagnostic before it.
Diagnostic makeNote(Location loc, std::string message);

/// "file:3:14: error: ...", the source line (of more than 400 characters those around the column, with "..."
/// where it is cut), a caret, "hint: ...".
std::string render(const Diagnostic &diagnostic);
/// All of them, one after the other.
std::string render(const std::vector<Diagnostic> &diagnostics);
/// Is there one of severity Error?
bool hasErrors(const std::vector<Diagnostic> &diagnostics);

} // namespace maskloom
