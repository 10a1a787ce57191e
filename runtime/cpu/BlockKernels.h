// The inner loops of the CPU executor, compiled once per instruction-set level (x86-64, x86-64-v3, x86-64-v4)
// and chosen at run time. All work on packed fp32 tiles; score tiles are key-major, [keys][queries], so that
// the softmax runs down the keys with one query a lane and never reduces across a vector.
#pragma once

#include <cstdint>

namespace maskloom::cpu {

/// Leading dimensions and widths of packed tiles are multiples of this many floats (one cache line).
constexpr int64_t kPackFloats = 16;
constexpr int64_t padded(int64_t n) { return (n + kPackFloats - 1) / kPackFloats * kPackFloats; }
/// A leading dimension for tiles read down their columns: an odd number of cache lines, so that consecutive
/// rows fall into different sets of the first-level cache.
constexpr int64_t leading(int64_t n) {
  return padded(n) / kPackFloats % 2 ? padded(n) : padded(n) + kPackFloats;
}

enum class Element : uint8_t { F32, F16, Bf16 };

struct BlockKernels {
  const char *name;
  /// out[i] = float(in[i]), i < count. Returns whether every element is finite.
  bool (*load)(const void *in, Element element, float *out, int64_t count);
  /// out[i] = in[i] rounded to nearest even, i < count.
  void (*store)(const float *in, Element element, void *out, int64_t count);
  /// c[rows][columns] (+)= a[rows][depth] * b[depth][columns]. `a` has any two strides; b and c are
  /// row-major, aligned to a cache line, and hold padded(columns) floats a row.
  void (*multiply)(const float *a, int64_t aRow, int64_t aDepth, const float *b, int64_t ldb, float *c,
                   int64_t ldc, int64_t rows, int64_t depth, int64_t columns, bool accumulate);
  /// One step of the online softmax over scores[keys][queries] (-inf: invisible): raises rowMax[queries],
  /// replaces the scores by exp(score - rowMax), folds their sum into rowSum, and writes to rescale[queries]
  /// what the accumulated output must be multiplied by. Returns whether any rescale differs from 1. Works on
  /// padded(queries) lanes.
  bool (*softmax)(float *scores, int64_t ld, int64_t keys, int64_t queries, float *rowMax, float *rowSum,
                  float *rescale);
  /// out[columns][rows] = in[rows][columns].
  void (*transpose)(const float *in, int64_t ldIn, float *out, int64_t ldOut, int64_t rows, int64_t columns);
  /// scores[key][query] = -inf where visible[query][key] is 0.
  void (*hide)(const uint8_t *visible, int64_t ldVisible, float *scores, int64_t ld, int64_t queries,
               int64_t keys);
};

/// The best level that this processor runs.
const BlockKernels &blockKernels();
/// Every level this processor runs, the plainest first; for tests.
int blockKernelLevels(const BlockKernels *levels[3]);

} // namespace maskloom::cpu
