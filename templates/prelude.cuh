// What every device file stands on: no CUDA or C++ header is included anywhere, so that NVRTC's front end has
// nothing to read. Everything here is plain C++ and also compiles with a host compiler.
#pragma once

#if defined(__CUDACC__) || defined(__CUDACC_RTC__)
#define MASKLOOM_DEVICE __device__ __forceinline__
#define MASKLOOM_UNROLL _Pragma("unroll")
#define MASKLOOM_PRAGMA(text) _Pragma(#text)
#define MASKLOOM_UNROLL_BY(n) MASKLOOM_PRAGMA(unroll n)
#else
#define MASKLOOM_DEVICE inline
#define MASKLOOM_UNROLL
#define MASKLOOM_UNROLL_BY(n)
#endif

namespace maskloom::kernel {

/// Quotient rounded towards minus infinity; divisor > 0.
template <class T>
constexpr MASKLOOM_DEVICE T floor_div(T value, T divisor) {
  T quotient = value / divisor;
  return quotient - (value % divisor < 0 ? 1 : 0);
}

/// Remainder in [0, divisor); divisor > 0.
template <class T>
constexpr MASKLOOM_DEVICE T floor_mod(T value, T divisor) {
  T remainder = value % divisor;
  return remainder < 0 ? remainder + divisor : remainder;
}

/// Quotient rounded up; value >= 0, divisor > 0.
template <class T>
constexpr MASKLOOM_DEVICE T ceil_div(T value, T divisor) {
  return value / divisor + (value % divisor != 0 ? 1 : 0);
}

constexpr MASKLOOM_DEVICE int min(int a, int b) { return a < b ? a : b; }
constexpr MASKLOOM_DEVICE int max(int a, int b) { return a > b ? a : b; }
constexpr MASKLOOM_DEVICE int abs(int a) { return a < 0 ? -a : a; }
constexpr MASKLOOM_DEVICE long long min(long long a, long long b) { return a < b ? a : b; }
constexpr MASKLOOM_DEVICE long long max(long long a, long long b) { return a > b ? a : b; }
constexpr MASKLOOM_DEVICE long long abs(long long a) { return a < 0 ? -a : a; }

} // namespace maskloom::kernel
