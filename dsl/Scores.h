/// @file
/// The score modifications of the library as expressions of the scaled score: `scores::softCap(50.0)`.
/// Patterns.h has each as a whole pattern; a pattern file calls them by name.
#pragma once

#include "maskloom/dsl/Index.h"

namespace maskloom::scores {

/// s + slope[h] * (k - q) (ALiBi, Press et al., 2022). slope: f32 over h or kvh.
Score alibi(const AuxFloat &slope, At at = At::current());
/// cap * tanh(s / cap) (Gemma 2, 2024).
Score softCap(double cap, At at = At::current());
/// s + bias[h, k - q + (n - 1) / 2] for a table of n (odd) entries a head: one for each distance, those
/// beyond the ends read the last entry (T5, Raffel et al., 2020: give each distance its bucket's bias). bias:
/// f32, the last axis of fixed extent.
Score relativeBias(const AuxFloat &bias, At at = At::current());
/// s + bias[h, k.0 - q.0 + (n - 1) / 2, k.1 - q.1 + (m - 1) / 2] over a 2-D space (Swin, Liu et al., 2021).
/// bias: f32 over h or kvh, n and m (odd).
Score relativeBias2d(const AuxFloat &bias, const Space &space, At at = At::current());
/// s + cosines[|q - k|] / ratio[h] (Sandwich, Chi et al., 2023): cosines[m] is the sum of cos(m /
/// 10000^(2i/d)) over i = 0 .. d/2 - 1, ratio[h] is 8 (h + 1) / H. Distances beyond the table read its last
/// entry.
Score sandwich(const AuxFloat &cosines, const AuxFloat &ratio, At at = At::current());
/// s + bias[h, distance[b, q, k]], the distance of two nodes of a graph (Graphormer, Ying et al., 2021).
/// distance: i32 over q and k and possibly b; bias: f32, the last axis of fixed extent.
Score graphBias(const AuxInt &distance, const AuxFloat &bias, At at = At::current());

} // namespace maskloom::scores
