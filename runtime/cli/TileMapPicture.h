// Tile maps as an SVG picture: one panel for heads that visit the same tiles, one for what all heads cover.
#pragma once

#include "maskloom/facade/TileMaps.h"

#include <string>

namespace maskloom {

std::string tileMapPicture(const Pattern &pattern, const Problem &problem, const TileMaps &maps);

} // namespace maskloom
