#include "ScorePattern.h"

#include <fmt/format.h>

#include <random>

namespace maskloom::testing {
namespace {

class Generator {
public:
  Generator(uint64_t seed, uint64_t index) : random_(seed * 1000003 + index) {}

  std::string pattern() {
    std::string items;
    for (uint64_t i = 0; i <= below(2); i++) items += fmt::format("  score {};\n", score(3));
    return fmt::format("pattern p {{\n"
                       "  param cap in 1..100 = 50, near in 0..1000 = 64;\n"
                       "  aux slope[h]: f32;\n  aux weight[b, q]: f32;\n  aux bias[b, k]: f32;\n"
                       "  mask k <= q || k < near;\n"
                       "{}}}\n",
                       items);
  }

private:
  uint64_t below(uint64_t n) { return random_() % n; }
  template <size_t n>
  std::string one(const char *const (&of)[n]) {
    return of[below(n)];
  }

  /// Depends on s, and not wildly.
  std::string score(int depth) {
    if (depth == 0) return "s";
    switch (below(9)) {
    case 0:
    case 1: return fmt::format("({} + {})", score(depth - 1), bias());
    case 2: return fmt::format("({} - {})", score(depth - 1), bias());
    case 3: return fmt::format("{} * {}", scalar(), score(depth - 1));
    case 4: return fmt::format("{} / {}", score(depth - 1), one({"8.0", "cap", "(1.5 + slope[h])"}));
    case 5: return fmt::format("{0} * tanh({1} / {0})", one({"50.0", "cap", "30.0"}), score(depth - 1));
    case 6: return fmt::format("select({}, {}, {})", condition(), score(depth - 1), score(depth - 1));
    case 7: return fmt::format("-{}", score(depth - 1));
    default: return fmt::format("max({}, -60.0)", score(depth - 1));
    }
  }

  std::string bias() {
    switch (below(6)) {
    case 0: return fmt::format("{} * {}", scalar(), integer());
    case 1: return fmt::format("{} / 64.0", integer());
    case 2: return fmt::format("weight[b, q] * {}", integer());
    case 3: return "bias[b, k]";
    case 4: return fmt::format("exp({} / 100.0) * bias[b, k]", one({"-abs(q - k)", "min(k - q, 0)"}));
    default: return fmt::format("log(1.0 + float({}))", one({"abs(q - k)", "k % 7", "h"}));
    }
  }

  std::string integer() {
    return one({"(k - q)", "(q - k)", "k", "(2*k - q + h)", "-abs(q - k)", "min(q - k, 9)", "(k/16 - q/16)",
                "(Sk - k)", "(q - 3*k)", "select(q < k, q - k, k - q)"});
  }
  std::string scalar() {
    return one({"0.5", "slope[h]", "(0.1 * float(h))", "2.0", "exp2(-0.5 * float(h + 1))"});
  }
  std::string condition() {
    return one({"h < 2", "q - k < near", "q % 3 == 0", "k < 5 && h == 1", "near < 40"});
  }

  std::mt19937_64 random_;
};

} // namespace

std::string scorePattern(uint64_t seed, uint64_t index) { return Generator(seed, index).pattern(); }

} // namespace maskloom::testing
