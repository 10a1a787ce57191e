#include "IntervalPattern.h"

#include <random>
#include <string>

namespace maskloom::testing {
namespace {

constexpr int64_t kFarthest = int64_t{1} << 30; // positions lie below, in magnitude

class Generator {
public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  IntervalCase make() {
    Mask mask = formula(static_cast<int>(pick(0, 3)));
    if (chance(30)) mask = q_ >= k_ && mask;
    IntervalCase result{Pattern("intervals", mask), {}};
    Problem &p = result.problem;
    p.batch = 2, p.heads = 2, p.kvHeads = 1;
    p.queries = pick(1, 70), p.keys = pick(1, 150);
    p.queryLengths = {p.queries, pick(0, p.queries)};
    p.keyLengths = {pick(1, p.keys), p.keys};
    if (chance(50)) {
      const int64_t near = kFarthest - 400;
      const int64_t offsets[][2] = {{0, 0},       {50, 20},       {-90, -100},
                                    {near, near}, {-near, -near}, {near, -near}};
      const auto &[query, key] = offsets[pick(0, 5)];
      p.queryOffset = query, p.keyOffset = key;
    }
    for (const auto &param : result.pattern.params) {
      const int64_t values[] = {param->low, param->high, param->defaultValue, 0, 1, pick(0, 100)};
      p.params[param->name] = std::min(std::max(values[pick(0, 5)], param->low), param->high);
    }
    for (const auto &aux : result.pattern.auxes) {
      AuxValue &value = p.aux[aux->name];
      value.extents = {p.batch};
      if (aux->axes.size() == 2) value.extents.push_back(std::max(p.queries, p.keys));
      const int64_t size = p.batch * (aux->axes.size() == 2 ? value.extents[1] : 1);
      for (int64_t i = 0; i < size; i++) {
        const int64_t values[] = {INT32_MIN,    INT32_MAX,      0,
                                  pick(0, 150), pick(-20, 150), p.keyOffset + pick(-9, 150)};
        value.ints.push_back(static_cast<int32_t>(values[pick(0, 5)]));
      }
    }
    return result;
  }

private:
  int64_t pick(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random_() % static_cast<uint64_t>(high - low + 1));
  }
  bool chance(int percent) { return pick(0, 99) < percent; }

  Index number() {
    const int64_t values[] = {0,         1,         -1,        pick(-40, 120), pick(-40, 120),
                              INT32_MAX, INT32_MIN, kFarthest, -kFarthest};
    return Index(makeInt(values[pick(0, 8)]));
  }

  /// An expression that is free of k.
  Index free(int depth = 2) {
    const int64_t most = depth > 0 ? 11 : 5;
    switch (pick(0, most)) {
    case 0:
    case 1: return q_;
    case 2: return number();
    case 3: return chance(50) ? Index(width_) : Index(shift_);
    case 4: return start_(batch(), q_);
    case 5: return length_(batch());
    case 6: return free(depth - 1) + free(depth - 1);
    case 7: return free(depth - 1) - free(depth - 1);
    case 8: return floordiv(free(depth - 1), pick(1, 70));
    case 9: return free(depth - 1) % pick(1, 70);
    case 10:
      return chance(50) ? min(free(depth - 1), free(depth - 1)) : max(free(depth - 1), free(depth - 1));
    default: return chance(50) ? abs(free(depth - 1)) : free(depth - 1) * pick(-3, 64);
    }
  }

  /// An expression that grows or falls with k, or is the minimum, maximum or magnitude of such.
  Index ofKey(int depth = 2) {
    switch (pick(0, depth > 0 ? 10 : 1)) {
    case 0: return k_;
    case 1: return q_ - k_;
    case 2: return ofKey(depth - 1) + free(1);
    case 3: return free(1) - ofKey(depth - 1);
    case 4:
    case 5: return floordiv(ofKey(depth - 1), pick(1, 40));
    case 6: return ofKey(depth - 1) * pick(-5, 5);
    case 7: return min(ofKey(depth - 1), free(1));
    case 8: return max(ofKey(depth - 1), free(1));
    case 9: return abs(ofKey(depth - 1));
    default: return select(free(1) < free(1), ofKey(depth - 1), ofKey(depth - 1));
    }
  }

  Mask compared(const Index &a, const Index &b) {
    switch (pick(0, 5)) {
    case 0: return a < b;
    case 1: return a <= b;
    case 2: return a > b;
    case 3: return a >= b;
    case 4: return a == b;
    default: return a != b;
    }
  }

  Mask formula(int depth) {
    if (depth == 0) {
      if (chance(8)) return (floordiv(k_, pick(1, 20)) + head()) % pick(2, 5) == 0; // a condition on k alone
      if (chance(15)) return compared(free(), free());
      return chance(50) ? compared(ofKey(), free()) : compared(free(), ofKey());
    }
    switch (pick(0, 9)) {
    case 0: return !formula(depth - 1);
    case 1: return select(formula(depth - 1), formula(0), formula(0));
    case 2: return select(compared(free(), free()), formula(depth - 1), formula(0));
    case 3:
    case 4:
    case 5: return formula(depth - 1) || formula(depth - 1);
    default: return formula(depth - 1) && formula(depth - 1);
    }
  }

  std::mt19937_64 random_;
  Index q_ = query(), k_ = key();
  Param width_{"width", 30}, shift_{"shift", 3, -2147483647, 2147483647};
  AuxInt start_{"start", {axis::batch(), axis::query()}}, length_{"length", {axis::batch()}};
};

} // namespace

IntervalCase intervalCase(uint64_t seed, uint64_t index) { return Generator(seed * 1000003 + index).make(); }

} // namespace maskloom::testing
