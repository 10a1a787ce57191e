#include "tests/analysis/MaskTable.h"

#include <algorithm>
#include <cstdlib>

namespace maskloom::testing {

static int64_t mod(int64_t a, int64_t b) { return floorMod(a, b); }

std::vector<TableMask> tableMasks() {
  const Index q = query(), k = key(), h = head(), s = keyLength();
  const Param w("w", 4096, 0, 1 << 20), g("g", 64, 0, 1 << 20);
  const Mask causal = q >= k;
  const Index qb = floordiv(q, 64), kb = floordiv(k, 64);
  auto localStride = [&](int64_t local, int64_t stride) {
    return (qb - kb < local || (kb + h) % stride == 0) && causal;
  };
  const Index low = min(max(q - floordiv(w, 2), 0), s - w);
  const Index low65 = min(max(q - 32, 0), s - 65);
  auto floor = [](int64_t a, int64_t b) { return floorDiv(a, b); };
  using P = const Point &;

  std::vector<TableMask> masks;
  auto add = [&](std::string name, const Mask &mask, std::function<bool(P)> visible) -> TableMask & {
    return masks.emplace_back(
        TableMask{.name = std::move(name), .mask = mask, .visible = std::move(visible), .heads = {0}});
  };
  add("causal", causal, [](P p) { return p.k <= p.q; }).maxNotFull = 1;
  masks.back().maxTouched = 1;
  add("window_param", causal && q - k < w, [](P p) { return p.k <= p.q && p.q - p.k < p.w; }).usesParams =
      true;
  masks.back().maxTouched = 1, masks.back().maxNotFull = 2;
  add("window_300", causal && q - k < 300, [](P p) { return p.k <= p.q && p.q - p.k < 300; }).maxTouched = 1;
  add("sink_window", causal && (k < g || q - k < w), [](P p) {
    return p.k <= p.q && (p.k < p.g || p.q - p.k < p.w);
  }).usesParams = true;
  masks.back().maxTouched = 2, masks.back().maxNotFull = 2;
  add("prefix", k < g || causal, [](P p) { return p.k < p.g || p.k <= p.q; }).usesParams = true;
  add("block_causal", qb >= kb, [=](P p) { return floor(p.q, 64) >= floor(p.k, 64); });
  add("s2_16_16", localStride(16, 16), [=](P p) {
    return p.k <= p.q && (floor(p.q, 64) - floor(p.k, 64) < 16 || mod(floor(p.k, 64) + p.h, 16) == 0);
  }).heads = {0, 5, 15};
  masks.back().tokens = 2100, masks.back().maxTouched = 2, masks.back().maxNotFull = 2;
  add("s2_3_5", localStride(3, 5), [=](P p) {
    return p.k <= p.q && (floor(p.q, 64) - floor(p.k, 64) < 3 || mod(floor(p.k, 64) + p.h, 5) == 0);
  }).heads = {0, 1, 2, 3, 4};
  add("dilated_4", (q - k) % 4 == 0 && causal && q - k < w, [](P p) {
    return mod(p.q - p.k, 4) == 0 && p.k <= p.q && p.q - p.k < p.w;
  }).usesParams = true;
  add("two_range", causal && (qb - kb < 4 || (qb - kb < 16 && (kb + h) % 4 == 0) || (kb + h) % 8 == 0),
      [=](P p) {
        int64_t d = floor(p.q, 64) - floor(p.k, 64), b = floor(p.k, 64) + p.h;
        return p.k <= p.q && (d < 4 || (d < 16 && mod(b, 4) == 0) || mod(b, 8) == 0);
      })
      .heads = {0, 3, 7};
  masks.back().tokens = 1600;
  add("symmetric_window", abs(q - k) <= w, [](P p) { return std::abs(p.q - p.k) <= p.w; }).usesParams = true;
  add("neighbourhood_param", k >= low && k < low + w, [](P p) {
    int64_t low = std::min(std::max<int64_t>(p.q - p.w / 2, 0), p.length - p.w);
    return low <= p.k && p.k < low + p.w;
  }).usesParams = true;
  add("neighbourhood_65", k >= low65 && k < low65 + 65, [](P p) {
    int64_t low = std::min(std::max<int64_t>(p.q - 32, 0), p.length - 65);
    return low <= p.k && p.k < low + 65;
  });
  add("global_tokens", k < g || q < g || abs(q - k) < w, [](P p) {
    return p.k < p.g || p.q < p.g || std::abs(p.q - p.k) < p.w;
  }).usesParams = true;
  add("documents_300", floordiv(q, 300) == floordiv(k, 300),
      [=](P p) { return floor(p.q, 300) == floor(p.k, 300); });
  add("inverse_causal", k >= q, [](P p) { return p.k >= p.q; });
  add("negations", !((q - k < w && causal) || ((qb + kb) % 3 == 0 && !(k < g))) && !(q + 100 < k), [=](P p) {
    return !((p.q - p.k < p.w && p.k <= p.q) ||
             (mod(floor(p.q, 64) + floor(p.k, 64), 3) == 0 && !(p.k < p.g))) &&
           !(p.k > p.q + 100);
  }).usesParams = true;
  masks.back().closedForm = false, masks.back().maxInexact = 2;
  add("token_stride_window", causal && (q - k < w || (k + h) % 16 == 0), [](P p) {
    return p.k <= p.q && (p.q - p.k < p.w || mod(p.k + p.h, 16) == 0);
  }).heads = {0, 3};
  masks.back().usesParams = true;
  add("wide_block_stride", causal && (floordiv(k, 256) + h) % 4 == 0, [=](P p) {
    return p.k <= p.q && mod(floor(p.k, 256) + p.h, 4) == 0;
  }).heads = {0, 1, 2, 3};
  masks.back().tokens = 1100;
  add("relative_stride", causal && (qb - kb + h) % 8 == 0, [=](P p) {
    return p.k <= p.q && mod(floor(p.q, 64) - floor(p.k, 64) + p.h, 8) == 0;
  }).heads = {0, 1, 7};
  masks.back().tokens = 1100;
  add("space_64_wide", abs(qb - kb) <= 3 && abs(q % 64 - k % 64) <= 3, [=](P p) {
    return std::abs(floor(p.q, 64) - floor(p.k, 64)) <= 3 && std::abs(mod(p.q, 64) - mod(p.k, 64)) <= 3;
  });
  add("space_100_wide", abs(floordiv(q, 100) - floordiv(k, 100)) <= 3 && abs(q % 100 - k % 100) <= 3,
      [=](P p) {
        return std::abs(floor(p.q, 100) - floor(p.k, 100)) <= 3 &&
               std::abs(mod(p.q, 100) - mod(p.k, 100)) <= 3;
      });
  add("nasty", (floordiv(q, 3) + floordiv(k, 5)) % 7 == 0,
      [=](P p) { return mod(floor(p.q, 3) + floor(p.k, 5), 7) == 0; });
  add("odd_blocks", causal && (floordiv(q, 48) - floordiv(k, 48) < 3 || (floordiv(k, 80) + h) % 5 == 0),
      [=](P p) {
        return p.k <= p.q && (floor(p.q, 48) - floor(p.k, 48) < 3 || mod(floor(p.k, 80) + p.h, 5) == 0);
      })
      .heads = {0, 4};
  masks.back().closedForm = false;
  add("s2_grouped", causal && (qb - kb < 3 || (kb + floordiv(h, 4)) % 5 == 0), [=](P p) {
    return p.k <= p.q && (floor(p.q, 64) - floor(p.k, 64) < 3 || mod(floor(p.k, 64) + p.h / 4, 5) == 0);
  }).heads = {0, 3, 4, 7};
  add("checkerboard", !(qb % 2 == kb % 2),
      [=](P p) { return mod(floor(p.q, 64), 2) != mod(floor(p.k, 64), 2); });
  return masks;
}

} // namespace maskloom::testing
