#include "maskloom/analysis/Contents.h"

#include "maskloom/program/Arithmetic.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <span>

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

namespace {

class Simplifier {
public:
  static constexpr int64_t kOverhead = 16; ///< of one look, in points

  Simplifier(const Statement &statement, Counterexample &point, int64_t points)
      : statement_(statement), point_(point), pointsLeft_(points) {}

  void simplify(std::vector<int32_t> &entries) {
    clear(entries);
    std::map<int32_t, std::vector<int32_t *>> alike; // often what counts is that they are
    for (int32_t &entry : entries)
      if (entry != 0) alike[entry].push_back(&entry);
    for (const auto &[value, places] : alike) lower(value, places);
  }

private:
  bool remains() {
    const bool row = statement_.property == Property::RowsNonempty;
    pointsLeft_ -= kOverhead + (row ? point_.keyLength : point_.head ? 1 : statement_.scope.heads);
    return pointsLeft_ >= 0 && refutes(statement_, point_, point_.keyLength);
  }

  /// Sets as many entries to 0 as halving finds.
  void clear(std::span<int32_t> entries) {
    const bool done = std::ranges::all_of(entries, [](int32_t entry) { return entry == 0; });
    if (done || pointsLeft_ <= 0) return;
    const std::vector<int32_t> before(entries.begin(), entries.end());
    std::ranges::fill(entries, 0);
    if (remains()) return;
    std::ranges::copy(before, entries.begin());
    if (entries.size() == 1) return;
    const size_t half = entries.size() / 2;
    clear(entries.first(half));
    clear(entries.subspan(half));
  }

  /// Most entries are compared with something: 1 will do, or a number between 0 and theirs.
  void lower(int32_t value, const std::vector<int32_t *> &places) {
    const auto set = [&](int64_t number) {
      for (int32_t *place : places) *place = static_cast<int32_t>(number);
    };
    set(1);
    if (remains()) return;
    int64_t fails = 0, does = value;
    while (std::abs(does - fails) > 1) {
      const int64_t middle = fails + (does - fails) / 2;
      set(middle);
      (remains() ? does : fails) = middle;
    }
    set(does);
  }

  const Statement &statement_;
  Counterexample &point_;
  int64_t pointsLeft_;
};

} // namespace

void simplifyContents(const Statement &statement, Counterexample &point, int64_t points) {
  Simplifier simplifier(statement, point, points);
  for (AuxContents &contents : point.aux) simplifier.simplify(contents.values);
}

} // namespace maskloom::analysis
