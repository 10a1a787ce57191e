// Integer division towards minus infinity, and arithmetic that reports overflow instead of wrapping.
#pragma once

#include <cstdint>

namespace maskloom::integer {

constexpr int64_t floorDiv(int64_t a, int64_t b) {
  int64_t quotient = a / b;
  return quotient - ((a % b != 0) && ((a < 0) != (b < 0)));
}
constexpr int64_t ceilDiv(int64_t a, int64_t b) {
  int64_t quotient = a / b;
  return quotient + ((a % b != 0) && ((a < 0) == (b < 0)));
}
constexpr int64_t floorMod(int64_t a, int64_t b) {
  int64_t remainder = a % b; // b * floorDiv(a, b) may lie beyond 64 bits
  return remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder;
}

/// target += a * b; false when that does not fit.
[[nodiscard]] inline bool addProduct(int64_t &target, int64_t a, int64_t b) {
  int64_t product;
  return !__builtin_mul_overflow(a, b, &product) && !__builtin_add_overflow(target, product, &target);
}

} // namespace maskloom::integer
