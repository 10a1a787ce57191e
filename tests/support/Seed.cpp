#include "tests/support/Seed.h"

#include <fmt/format.h>

#include <cstdlib>
#include <random>

namespace maskloom::testing {

uint64_t seedOfThisRun() {
  static const uint64_t seed = [] {
    const char *given = std::getenv("MASKLOOM_RANDOM_SEED");
    uint64_t value = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    fmt::print("MASKLOOM_RANDOM_SEED={}\n", value);
    return value;
  }();
  return seed;
}

int casesOfThisRun(int usual) {
  const char *given = std::getenv("MASKLOOM_RANDOM_CASES");
  return given ? std::atoi(given) : usual;
}

} // namespace maskloom::testing
