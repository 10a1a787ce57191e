// Included by one file per instruction-set level with MASKLOOM_LEVEL defined. Everything lives in an unnamed
// namespace and calls no inline function of a library: code compiled for one level must never be picked by
// the linker for another.
#include "maskloom/cpu/BlockKernels.h"

#include <cstdint>

namespace maskloom::cpu {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
constexpr int kMicroRows = 12;
#elif defined(__AVX__)
constexpr int kLanes = 8;
constexpr int kMicroRows = 6;
#else
constexpr int kLanes = 4;
constexpr int kMicroRows = 6;
#endif
typedef float Vec __attribute__((vector_size(kLanes * 4), may_alias));
typedef int32_t IVec __attribute__((vector_size(kLanes * 4), may_alias));

constexpr float kNegInf = -__builtin_inff();
constexpr float kLog2e = 1.44269504088896340736f;

inline uint32_t bitsOf(float x) { return __builtin_bit_cast(uint32_t, x); }
inline float floatOf(uint32_t x) { return __builtin_bit_cast(float, x); }

inline float fromF16(uint16_t h) {
  // The exponent of a half, moved to its place in a float, is 112 too small; the product also normalises
  // subnormals.
  uint32_t magnitude = static_cast<uint32_t>(h & 0x7fff) << 13;
  float scaled = floatOf(magnitude) * 0x1p112f;
  uint32_t bits = magnitude >= 0x0f800000u ? magnitude | 0x7f800000u : bitsOf(scaled);
  return floatOf(bits | static_cast<uint32_t>(h & 0x8000) << 16);
}

inline uint16_t toF16(float x) {
  uint32_t bits = bitsOf(x), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u); // rounds to 65536 or more
  if (magnitude < 0x38800000u) {
    // Subnormal: adding 0.5 leaves the result, rounded to units of 2^-24, in the low bits.
    float shifted = floatOf(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (bitsOf(shifted) - 0x3f000000u));
  }
  uint32_t rounded = magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u);
  return static_cast<uint16_t>(sign | rounded >> 13);
}

inline uint16_t toBf16(float x) {
  uint32_t bits = bitsOf(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>(bits >> 16 | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

bool load(const void *in, Element element, float *out, int64_t count) {
  switch (element) {
  case Element::F32:
    for (int64_t i = 0; i < count; ++i) out[i] = static_cast<const float *>(in)[i];
    break;
  case Element::F16:
    for (int64_t i = 0; i < count; ++i) out[i] = fromF16(static_cast<const uint16_t *>(in)[i]);
    break;
  case Element::Bf16:
    for (int64_t i = 0; i < count; ++i)
      out[i] = floatOf(static_cast<uint32_t>(static_cast<const uint16_t *>(in)[i]) << 16);
    break;
  }
  uint32_t bad = 0;
  for (int64_t i = 0; i < count; ++i) bad |= (bitsOf(out[i]) & 0x7f800000u) == 0x7f800000u ? 1u : 0u;
  return bad == 0;
}

void store(const float *in, Element element, void *out, int64_t count) {
  switch (element) {
  case Element::F32:
    for (int64_t i = 0; i < count; ++i) static_cast<float *>(out)[i] = in[i];
    break;
  case Element::F16:
    for (int64_t i = 0; i < count; ++i) static_cast<uint16_t *>(out)[i] = toF16(in[i]);
    break;
  case Element::Bf16:
    for (int64_t i = 0; i < count; ++i) static_cast<uint16_t *>(out)[i] = toBf16(in[i]);
    break;
  }
}

/// c[Rows][Vectors * kLanes] (+)= a[Rows][depth] * b[depth][Vectors * kLanes], the sum held in registers.
template <int Rows, int Vectors>
inline void microKernel(const float *a, int64_t aRow, int64_t aDepth, const float *b, int64_t ldb, float *c,
                        int64_t ldc, int64_t depth, bool accumulate) {
  Vec sum[Rows][Vectors];
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v)
      sum[r][v] = accumulate ? *reinterpret_cast<const Vec *>(c + r * ldc + v * kLanes) : Vec{};
  for (int64_t d = 0; d < depth; ++d) {
    Vec right[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) right[v] = *reinterpret_cast<const Vec *>(b + d * ldb + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      float left = a[r * aRow + d * aDepth];
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) sum[r][v] += left * right[v];
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) *reinterpret_cast<Vec *>(c + r * ldc + v * kLanes) = sum[r][v];
}

template <int Rows, int Vectors>
inline void rowsOf(const float *a, int64_t aRow, int64_t aDepth, const float *b, int64_t ldb, float *c,
                   int64_t ldc, int64_t rows, int64_t depth, bool accumulate) {
  for (; rows >= Rows; rows -= Rows, a += Rows * aRow, c += Rows * ldc)
    microKernel<Rows, Vectors>(a, aRow, aDepth, b, ldb, c, ldc, depth, accumulate);
  if constexpr (Rows > 1)
    if (rows > 0)
      rowsOf<(Rows > 2 ? Rows / 2 : 1), Vectors>(a, aRow, aDepth, b, ldb, c, ldc, rows, depth, accumulate);
}

void multiply(const float *a, int64_t aRow, int64_t aDepth, const float *b, int64_t ldb, float *c,
              int64_t ldc, int64_t rows, int64_t depth, int64_t columns, bool accumulate) {
  int64_t end = padded(columns), column = 0;
  for (; column + 2 * kLanes <= end; column += 2 * kLanes)
    rowsOf<kMicroRows, 2>(a, aRow, aDepth, b + column, ldb, c + column, ldc, rows, depth, accumulate);
  for (; column < end; column += kLanes)
    rowsOf<kMicroRows, 1>(a, aRow, aDepth, b + column, ldb, c + column, ldc, rows, depth, accumulate);
}

inline Vec broadcast(float x) { return Vec{} + x; }

/// 2^x for x <= 0 to about 1 ulp: 0 below 2^-126, NaN for NaN. The polynomial is the Taylor series of
/// 2^f = e^(f ln 2) on [-1/2, 1/2]; its degree leaves a truncation error of 2e-9.
inline Vec exp2(Vec x) {
  Vec clamped = x < broadcast(-126.0f) ? broadcast(-126.0f) : x;
  // Adding 1.5 * 2^23 rounds to the nearest integer, which then stands in the low bits.
  Vec shifted = clamped + broadcast(12582912.0f);
  Vec fraction = clamped - (shifted - broadcast(12582912.0f));
  IVec exponent = ((IVec)shifted << 23) + 0x3f800000;
  Vec p = broadcast(1.525273380405984e-5f);
  p = p * fraction + 1.540353039338161e-4f;
  p = p * fraction + 1.333355814642844e-3f;
  p = p * fraction + 9.618129107628477e-3f;
  p = p * fraction + 5.550410866482158e-2f;
  p = p * fraction + 2.402265069591007e-1f;
  p = p * fraction + 6.931471805599453e-1f;
  p = p * fraction + 1.0f;
  Vec result = p * (Vec)exponent;
  return x < broadcast(-126.0f) ? Vec{} : result;
}

bool softmax(float *scores, int64_t ld, int64_t keys, int64_t queries, float *rowMax, float *rowSum,
             float *rescale) {
  IVec changed{};
  for (int64_t lane = 0; lane < padded(queries); lane += kLanes) {
    Vec *maximum = reinterpret_cast<Vec *>(rowMax + lane);
    Vec old = *maximum, top = old;
    for (int64_t j = 0; j < keys; ++j) {
      Vec s = *reinterpret_cast<const Vec *>(scores + j * ld + lane);
      top = s > top ? s : top;
    }
    // A row that has seen nothing but -inf is measured from 0: exp(-inf) = 0, where -inf - -inf is NaN.
    Vec base = top == broadcast(kNegInf) ? Vec{} : top;
    Vec factor = exp2((old - base) * kLog2e);
    Vec sum{};
    for (int64_t j = 0; j < keys; ++j) {
      Vec *s = reinterpret_cast<Vec *>(scores + j * ld + lane);
      Vec p = exp2((*s - base) * kLog2e);
      *s = p;
      sum += p;
    }
    *maximum = top;
    Vec *total = reinterpret_cast<Vec *>(rowSum + lane);
    *total = *total * factor + sum;
    *reinterpret_cast<Vec *>(rescale + lane) = factor;
    changed |= factor != broadcast(1.0f);
  }
  int32_t any = 0;
  for (int i = 0; i < kLanes; ++i) any |= changed[i];
  return any != 0;
}

void transpose(const float *in, int64_t ldIn, float *out, int64_t ldOut, int64_t rows, int64_t columns) {
  constexpr int64_t kBlock = 16;
  for (int64_t r0 = 0; r0 < rows; r0 += kBlock)
    for (int64_t c0 = 0; c0 < columns; c0 += kBlock) {
      int64_t r1 = r0 + kBlock < rows ? r0 + kBlock : rows,
              c1 = c0 + kBlock < columns ? c0 + kBlock : columns;
      for (int64_t c = c0; c < c1; ++c)
        for (int64_t r = r0; r < r1; ++r) out[c * ldOut + r] = in[r * ldIn + c];
    }
}

void hide(const uint8_t *visible, int64_t ldVisible, float *scores, int64_t ld, int64_t queries,
          int64_t keys) {
  constexpr int64_t kBlock = 16;
  for (int64_t i0 = 0; i0 < queries; i0 += kBlock) {
    int64_t i1 = i0 + kBlock < queries ? i0 + kBlock : queries;
    for (int64_t j = 0; j < keys; ++j)
      for (int64_t i = i0; i < i1; ++i)
        scores[j * ld + i] = visible[i * ldVisible + j] ? scores[j * ld + i] : kNegInf;
  }
}

} // namespace

#define MASKLOOM_JOIN2(a, b) a##b
#define MASKLOOM_JOIN(a, b) MASKLOOM_JOIN2(a, b)
#define MASKLOOM_TEXT2(a) #a
#define MASKLOOM_TEXT(a) MASKLOOM_TEXT2(a)
extern const BlockKernels MASKLOOM_JOIN(blockKernels_, MASKLOOM_LEVEL);
const BlockKernels MASKLOOM_JOIN(blockKernels_, MASKLOOM_LEVEL) = {
    MASKLOOM_TEXT(MASKLOOM_LEVEL), load, store, multiply, softmax, transpose, hide};

} // namespace maskloom::cpu
