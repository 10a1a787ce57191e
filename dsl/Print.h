/// @file
/// Expressions and patterns as text in the syntax of pattern files.
#pragma once

#include "maskloom/dsl/Pattern.h"

#include <string>

namespace maskloom {

/// The expression as a pattern file would have it, with as few parentheses as its tree allows. Parsing it
/// gives the same tree. Coordinates of a token space come out as the divisions they stand for.
std::string toText(const Expr &expr);
/// The whole pattern as a pattern file. Parsing it gives the same pattern: the same declarations and the same
/// trees. Library calls and `bands` come out as what they stand for; expressions that occur more than once
/// are written once, as 'let e1 = ...;'. The pattern must have passed checkPattern.
std::string toText(const Pattern &pattern);
/// The shortest decimal that reads back as the same double, always with a point or an exponent.
std::string floatText(double value);
/// One axis of an aux tensor as declared: "b", "q", "k/128", "16".
std::string toText(const AuxAxis &axis);

} // namespace maskloom
