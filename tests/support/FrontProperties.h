// What must hold of the front end for any text at all: what damaged files, noise and the fuzzer are checked
// against.
#pragma once

#include <string>
#include <string_view>

namespace maskloom::testing {

/// Parses, formats, prints and canonicalizes. Returns what is wrong, "" when nothing is:
///   - errors have a message and a place inside the text; there are at most a hundred and one;
///   - a pattern that parsed without errors passes its check, has a canonical form that is its own, and
///   printed and
///     parsed again is the same pattern;
///   - formatted text has the same patterns and formatted again does not change.
std::string brokenProperty(std::string_view text);

} // namespace maskloom::testing
