#include "tests/support/Seed.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <random>

namespace maskloom::testing {

uint64_t seedOfThisRun() {
  static const uint64_t seed = [] {
    const char *given = std::getenv("MASKLOOM_RANDOM_SEED");
    uint64_t value = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    fmt::print("MASKLOOM_RANDOM_SEED={}\n", value);
    std::fflush(stdout); // a test that is killed has said it
    return value;
  }();
  return seed;
}

#if defined(__SANITIZE_ADDRESS__)
#define MASKLOOM_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MASKLOOM_SANITIZED 1
#endif
#endif

int casesOfThisRun(int usual) {
#ifdef MASKLOOM_SANITIZED
  usual = usual / 8 + 1; // about the same time
#endif
  const char *given = std::getenv("MASKLOOM_RANDOM_CASES");
  return given ? std::atoi(given) : usual;
}

} // namespace maskloom::testing
