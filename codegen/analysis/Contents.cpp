#include "maskloom/analysis/Contents.h"

#include "maskloom/program/Arithmetic.h"

#include <algorithm>

namespace maskloom::analysis {

constexpr int64_t kMaxEntries = 1 << 20;
/// Beyond every position that is looked at one by one.
constexpr int32_t kLarge = 1 << 20;

static uint64_t mix(uint64_t a, uint64_t b) {
  uint64_t mixed = (a ^ b) * 0x9E3779B97F4A7C15u;
  return mixed ^ mixed >> 29;
}

/// Pseudo-random of few values, constant, all different, equal in pairs, alternating, near the position.
enum class Rule : uint8_t { Zero, One, Sum, Pairs, Parity, Random2, Random5, Large, Near, Random16 };
constexpr int kRules = 10;

static int32_t entry(Rule rule, int64_t sum, uint64_t random) {
  switch (rule) {
  case Rule::Zero: return 0;
  case Rule::One: return 1;
  case Rule::Large: return kLarge;
  case Rule::Sum: return static_cast<int32_t>(sum);
  case Rule::Pairs: return static_cast<int32_t>(sum / 2);
  case Rule::Parity: return static_cast<int32_t>(sum % 2);
  case Rule::Near: return static_cast<int32_t>(sum + static_cast<int64_t>(random % 5) - 1);
  case Rule::Random2: return static_cast<int32_t>(random % 2);
  case Rule::Random5: return static_cast<int32_t>(random % 5);
  case Rule::Random16: return static_cast<int32_t>(random % 16);
  }
  return 0;
}

static std::vector<int64_t> extentsOf(const Statement &statement, const ProgramAux &aux,
                                      const Counterexample &point) {
  using Kind = ProgramAux::Axis::Kind;
  std::vector<int64_t> extents;
  for (const ProgramAux::Axis &axis : aux.axes)
    extents.push_back(axis.kind == Kind::Batch    ? point.batch + 1
                      : axis.kind == Kind::Head   ? statement.scope.heads
                      : axis.kind == Kind::KvHead ? statement.scope.kvHeads
                      : axis.kind == Kind::Fixed  ? axis.extent
                                                  : integer::ceilDiv(point.keyLength, axis.block));
  return extents;
}

bool fillContents(const Statement &statement, int kind, Counterexample &point) {
  point.aux.clear();
  for (const ProgramAux &aux : statement.program.auxes) {
    AuxContents contents{extentsOf(statement, aux, point), {}};
    int64_t total = 1;
    for (int64_t extent : contents.extents) {
      total *= extent;
      if (total > kMaxEntries) {
        point.aux.clear();
        return false;
      }
    }
    const uint64_t tensor = point.aux.size();
    const uint64_t seed = kind < kUniformContents ? 0 : mix(mix(kind, 0), tensor + 1);
    const auto rule = static_cast<Rule>(kind < kUniformContents ? kind : (seed >> 32) % kRules);
    for (int64_t i = 0; i < total && !aux.isFloat; ++i) {
      int64_t indices[3] = {0, 0, 0}, rest = i;
      for (size_t axis = contents.extents.size(); axis-- > 0;) {
        indices[axis] = rest % contents.extents[axis];
        rest /= contents.extents[axis];
      }
      uint64_t random = seed;
      for (int64_t index : indices) random = mix(random, static_cast<uint64_t>(index));
      contents.values.push_back(entry(rule, indices[0] + indices[1] + indices[2], random));
    }
    point.aux.push_back(std::move(contents));
  }
  return true;
}

int32_t &entryAt(AuxContents &contents, const std::vector<int64_t> &indices) {
  int64_t offset = 0;
  for (size_t axis = 0; axis < contents.extents.size(); ++axis)
    offset =
        offset * contents.extents[axis] + std::clamp<int64_t>(indices[axis], 0, contents.extents[axis] - 1);
  return contents.values[offset];
}

} // namespace maskloom::analysis
