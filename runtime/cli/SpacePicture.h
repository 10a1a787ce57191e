// The windows of single queries in the coordinates of their token space, as an SVG picture: the last two axes
// are a plane, the axes before them give one panel for each plane that holds the query or a key it sees.
#pragma once

#include "maskloom/facade/SpaceWindows.h"

#include <string>

namespace maskloom {

/// Throws Error(User) when there are too many planes or cells to draw.
std::string spacePicture(const Pattern &pattern, const Problem &problem,
                         const std::vector<QueryWindow> &windows);

/// "(7, 24, 40)"
std::string coordinatesText(int64_t position, const std::vector<int64_t> &space);

} // namespace maskloom
