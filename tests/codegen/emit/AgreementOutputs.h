// What a module of emitted patterns computes for PatternAgreementTest. Read by the test and by the module.
#pragma once

namespace maskloom::testing {

/// Of one batch entry and head. [row][column] but for the tiles, which are [Q tile][KV tile].
struct AgreementOutputs {
  static constexpr float kScores[] = {-3.25f, 0.5f, 40.0f};

  unsigned char *visible;
  unsigned char *intervals; ///< from intervals and conditions; all 2 when the mask is not made of those
  unsigned char *words;     ///< from visible_words over tiles of 64 columns
  unsigned char *tiles;     ///< 0 not visited, 1 visited and partial, 2 visited and full
  unsigned char *boxes;     ///< TileClass of the planner
  float *scores;            ///< of each of kScores
  float *rowScores;         ///< the same as kernels modify them; left alone where there is nothing to modify
};

} // namespace maskloom::testing
