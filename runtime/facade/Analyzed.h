// A pattern's predicates and schedules, for whoever explains it; no kernel.
#pragma once

#include "maskloom/dsl/Pattern.h"
#include "maskloom/program/Program.h"

#include <map>

namespace maskloom {

/// Runs derived at a tile shape; `values` fixes the constant parameters. Throws Error.
Program analyzed(const Pattern &pattern, TileShape tile, const std::map<std::string, int64_t> &values);

} // namespace maskloom
