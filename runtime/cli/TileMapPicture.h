// Tile maps as an SVG picture: one panel for heads that visit the same tiles, one for what all heads cover.
#pragma once

#include "maskloom/facade/TileMaps.h"

#include <string>

namespace maskloom {

/// `maps` are those of `problem`, which is all or a part of `whole`.
std::string tileMapPicture(const Pattern &pattern, const Problem &problem, const TileMaps &maps,
                           const Problem &whole);

} // namespace maskloom
