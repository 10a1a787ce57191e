// The masks that random patterns are made of.
#pragma once

#include "tests/support/RandomPattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <random>

namespace maskloom::testing {

// The standard's distributions differ between libraries; the engine does not.
class Random {
public:
  Random(uint64_t seed, uint64_t index, uint64_t attempt)
      : engine_(seed * 0x9E3779B97F4A7C15ull + index * 0xD1B54A32D192ED03ull + attempt) {
    engine_.discard(8);
  }
  int64_t uniform(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(engine_() % static_cast<uint64_t>(high - low + 1));
  }
  bool chance(int percent) { return uniform(0, 99) < percent; }
  template <size_t N>
  int64_t pick(const int64_t (&list)[N]) {
    return list[static_cast<size_t>(uniform(0, N - 1))];
  }

private:
  std::mt19937_64 engine_;
};

/// Draws masks for a problem and a tile shape, and notes the features they have.
class RandomMasks {
protected:
  RandomMasks(const Random &random, const RandomOptions &options, Feature forced)
      : random_(random), options_(options), forced_(forced) {}

  void mark(Feature feature) { result_.features[static_cast<size_t>(feature)] = true; }
  bool wants(Feature feature, int percent) { return forced_ == feature || random_.chance(percent); }

  // ---- numbers ----

  int64_t positions() const { return problem_.keys + problem_.keyOffset; }

  // A constant, or a run-time parameter whose value in the problem is drawn from the same range.
  Index amount(int64_t low, int64_t high) {
    bool parameter = wants(Feature::Parameter, 15) && params_ < 4;
    if (!parameter) return Index(makeInt(random_.uniform(low, high)));
    mark(Feature::Parameter);
    std::string parameterName = fmt::format("p{}", params_++);
    Param param(parameterName, random_.uniform(low, high), low, random_.chance(50) ? high : 2147483647);
    problem_.params[parameterName] = random_.uniform(low, high);
    return param;
  }

  int64_t divisorValue() {
    static constexpr int64_t aligned[] = {2, 4, 8, 16, 16, 32, 32, 64};
    static constexpr int64_t odd[] = {3, 5, 6, 7, 9, 10, 11, 12, 13, 20, 24, 28, 40, 48};
    int64_t value = wants(Feature::UnalignedDivisor, 30) ? random_.pick(odd) : random_.pick(aligned);
    auto unaligned = [&](int64_t tile) { return tile % value != 0 && value % tile != 0; };
    if (unaligned(result_.tileQueries) || unaligned(result_.tileKeys)) mark(Feature::UnalignedDivisor);
    return value;
  }

  Index divisor() {
    int64_t value = divisorValue();
    if (!(wants(Feature::ConstantParameter, 10) && params_ < 4)) return Index(makeInt(value));
    mark(Feature::ConstantParameter);
    std::string parameterName = fmt::format("p{}", params_++);
    Param param(parameterName, value, 1, 4096);
    problem_.params[parameterName] = value;
    return param;
  }

  // A (KV) head, to be put into a modulus.
  Index shard() {
    mark(Feature::HeadInModulus);
    if (!wants(Feature::KvHead, 25)) return head();
    mark(Feature::KvHead);
    return kvHead();
  }

  // ---- atoms: the masks people write ----

  Mask causalMask() {
    switch (random_.uniform(0, 4)) {
    case 0: return q_ > k_;
    case 1: return k_ <= q_ + amount(0, 8);
    default: return q_ >= k_;
    }
  }

  Mask window() {
    int64_t most = std::max<int64_t>(positions() / 2, 2);
    switch (random_.uniform(0, 3)) {
    case 0: mark(Feature::MinMaxAbs); return abs(q_ - k_) <= amount(0, most);
    case 1: return q_ - k_ < 4 * (head() + 1) + random_.uniform(0, most);
    default: return q_ - k_ < amount(0, most);
    }
  }

  Mask sink() {
    Index first = amount(0, std::max<int64_t>(positions() / 4, 1));
    return random_.chance(50) ? k_ < first : k_ < first || q_ < first;
  }

  // A position, sometimes shifted, so that blocks begin elsewhere than at 0.
  Index shifted(const Index &position) {
    return random_.chance(20) ? position - random_.uniform(-20, 20) : position;
  }

  Mask localBlocks() {
    Index block = divisor();
    Index q = shifted(q_);
    Index k = shifted(k_);
    return floordiv(q, block) - floordiv(k, block) < amount(1, 4);
  }

  Mask strided() {
    Index block = divisor();
    int64_t stride = random_.uniform(2, 9);
    Index phase = floordiv(k_, block);
    if (wants(Feature::HeadInModulus, 60) || forced_ == Feature::KvHead) {
      Index x = shard();
      phase = random_.chance(60) ? phase + x : phase + x * random_.uniform(2, 3) + 1;
    }
    return random_.chance(70) ? phase % stride == 0 : phase % stride < random_.uniform(1, stride - 1);
  }

  Mask dilated() {
    int64_t step = random_.uniform(2, 7);
    Index distance = random_.chance(50) ? q_ - k_ : k_ - q_;
    return random_.chance(70) ? distance % step == 0 : distance % step != random_.uniform(0, step - 1);
  }

  Mask sameBlock() {
    Index block = divisor();
    Index q = floordiv(shifted(q_), block);
    Index k = floordiv(shifted(k_), block);
    return random_.chance(60) ? q == k : q > k;
  }

  Mask spaceWindow() {
    mark(Feature::Space);
    mark(Feature::MinMaxAbs);
    std::vector<int64_t> extents;
    if (random_.chance(50))
      extents = {random_.uniform(3, 20), random_.uniform(3, 16)};
    else
      extents = {random_.uniform(2, 8), random_.uniform(2, 8), random_.uniform(2, 8)};
    Space space(extents);
    std::optional<Mask> mask;
    for (size_t i = 0; i < extents.size(); ++i) {
      Index distance = space.query(i) - space.key(i);
      Mask near = random_.chance(70) ? abs(distance) <= random_.uniform(0, 3)
                                     : distance >= 0 && distance <= random_.uniform(0, 4);
      mask = mask ? *mask && near : near;
    }
    return *mask;
  }

  Mask documentsByConstants() {
    int64_t end = random_.uniform(1, std::max<int64_t>(positions() / 2, 1));
    Mask mask = q_ < end && k_ < end;
    for (int64_t i = random_.uniform(1, 2); i > 0; --i) {
      int64_t begin = end;
      end += random_.uniform(1, std::max<int64_t>(positions() / 2, 1));
      mask = mask || (q_ >= begin && q_ < end && k_ >= begin && k_ < end);
    }
    return mask;
  }

  Mask bandsMask() {
    mark(Feature::Bands);
    Index distance = q_ - k_;
    if (random_.chance(50)) {
      Index block = divisor();
      distance = floordiv(q_, block) - floordiv(k_, block);
    }
    int64_t near = random_.uniform(1, 8), far = near + random_.uniform(1, 24);
    std::vector<Band> ranges = {{near, all()}};
    if (random_.chance(70)) ranges.push_back({far, random_.chance(60) ? strided() : dilated()});
    return bands(distance, ranges, random_.chance(60) ? strided() : none());
  }

  // A window that is shifted at the ends of the sequence instead of shrinking.
  Mask neighbourhood() {
    mark(Feature::MinMaxAbs);
    mark(Feature::Lengths);
    int64_t width = random_.uniform(1, 24);
    Index low = max(min(q_ - width / 2, keyLength() - width), 0);
    return k_ >= low && k_ < low + width;
  }

  Mask lengths() {
    mark(Feature::Lengths);
    switch (random_.uniform(0, 2)) {
    case 0: return k_ >= keyLength() - random_.uniform(1, 16);
    case 1: return q_ - k_ < floordiv(keyLength(), random_.uniform(2, 4));
    default: return q_ + random_.uniform(0, 8) >= keyLength() - queryLength();
    }
  }

  Mask selected() {
    mark(Feature::Select);
    Mask condition = random_.chance(50) ? head() % 2 == 0 : q_ % 16 < random_.uniform(1, 15);
    Mask chosen = random_.chance(50) ? window() : strided();
    return select(condition, chosen, sink());
  }

  Mask minMax() {
    mark(Feature::MinMaxAbs);
    int64_t most = std::max<int64_t>(positions() / 2, 1);
    switch (random_.uniform(0, 2)) {
    case 0: return max(q_ - k_, k_ - q_ * 2) < random_.uniform(1, most);
    case 1: {
      int64_t shift = random_.uniform(0, 20);
      return min(q_, k_ + shift) < amount(0, most);
    }
    default: return abs(q_ - 2 * k_) <= random_.uniform(0, most);
    }
  }

  // ---- trees of random operators ----

  Index nastyInt(int depth) {
    if (depth == 0 || random_.chance(15)) {
      switch (random_.uniform(0, 6)) {
      case 0:
      case 1: return q_;
      case 2:
      case 3: return k_;
      case 4: return head();
      case 5: mark(Feature::Lengths); return keyLength();
      default: return amount(0, 40);
      }
    }
    // One statement for each draw: the order in which operands are evaluated differs between compilers.
    int64_t kind = random_.uniform(0, 8);
    Index a = nastyInt(depth - 1);
    if (kind == 2) return random_.uniform(-3, 3) * a;
    if (kind == 3) return floordiv(a, divisorValue());
    if (kind == 4) return a % divisorValue();
    if (kind >= 5) mark(kind == 8 ? Feature::Select : Feature::MinMaxAbs);
    if (kind == 7) return abs(a);
    Index b = nastyInt(depth - 1);
    switch (kind) {
    case 0: return a + b;
    case 1: return a - b;
    case 5: return min(a, b);
    case 6: return max(a, b);
    default: return select(nastyCompare(depth - 1), a, b);
    }
  }

  Mask nastyCompare(int depth) {
    Index a = nastyInt(depth);
    Index b = nastyInt(depth > 0 ? depth - 1 : 0);
    switch (random_.uniform(0, 7)) {
    case 0: return a == b;
    case 1: return a != b;
    case 2:
    case 3: return a < b;
    case 4: return a <= b;
    case 5: return a > b;
    default: return a >= b;
    }
  }

  Mask nastyMask() {
    mark(Feature::Nasty);
    Mask mask = nastyCompare(2);
    return random_.chance(50) ? mask : mask || nastyCompare(1);
  }

  Random random_;
  RandomOptions options_;
  Feature forced_; ///< always present
  RandomCase result_;
  Problem problem_;

  Index q_ = query(), k_ = key();

private:
  int params_ = 0;
};

} // namespace maskloom::testing
