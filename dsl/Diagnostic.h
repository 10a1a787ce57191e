// What the front end says about bad input: a place, what was expected, what was found, a hint.
#pragma once

#include "maskloom/dsl/Expr.h"

#include <string>
#include <vector>

namespace maskloom {

enum class Severity : uint8_t { Error, Warning, Remark, Note };

struct Diagnostic {
  Severity severity = Severity::Error;
  Location loc;
  std::string message;    ///< "expected ';' after the mask, found 'causal'"
  std::string hint;       ///< what to do; may be empty
  std::string sourceLine; ///< the text of the line, for the caret; empty when unknown
};

/// An error or a note at a place; the source line is filled in by whoever has the text.
Diagnostic makeError(Location loc, std::string message, std::string hint = {});
Diagnostic makeNote(Location loc, std::string message);

/// "file:3:14: error: ...", the source line, a caret, "hint: ...".
std::string render(const Diagnostic &diagnostic);
std::string render(const std::vector<Diagnostic> &diagnostics);
bool hasErrors(const std::vector<Diagnostic> &diagnostics);

} // namespace maskloom
