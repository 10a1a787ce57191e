// Names of the language: what is reserved, what is an identifier, and which known name a wrong one resembles.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace maskloom {

/// The words that begin the items of a pattern. They may be names all the same.
const std::vector<std::string> &itemKeywords();
bool isItemKeyword(std::string_view name);
/// Words that neither parameters, tensors nor `let` may be called: those that mean something inside an
/// expression.
const std::vector<std::string> &reservedWords();
bool isReserved(std::string_view name);
/// A letter or underscore, then letters, digits and underscores.
bool isIdentifier(std::string_view name);
/// The candidate nearest in edit distance, or "" when none is near enough to be meant.
std::string nearestName(std::string_view name, const std::vector<std::string> &candidates);

} // namespace maskloom
