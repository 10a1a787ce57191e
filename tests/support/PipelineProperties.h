// What holds of any pattern on its way from the AST to predicates, for patterns that bytes spell: a fuzzer
// changes the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace maskloom::testing {

/// Builds a pattern of the bytes (any bytes make one, not always a legal one), and returns what is wrong, ""
/// when nothing is:
///   - it prints as a file that parses to the same pattern, with the same hash,
///   - its canonical form is its own, and the interpreter gives both the same masks and scores,
///   - its predicates evaluate as the interpreter says, and no box of positions is classified wrongly.
std::string brokenPipeline(const uint8_t *data, size_t size);

} // namespace maskloom::testing
