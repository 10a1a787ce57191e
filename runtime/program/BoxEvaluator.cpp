#include "maskloom/program/BoxEvaluator.h"

#include "maskloom/program/Arithmetic.h"
#include "maskloom/program/PredicateEvaluation.h"

#include <algorithm>
#include <numeric>

namespace maskloom {

using integer::floorDiv;
using integer::floorMod;
using Value = BoxEvaluator::Value;

namespace {

constexpr int64_t kFanOut = 64;
/// Lines of a multi-dimensional range that are looked at one by one; beyond that the load may be anything.
constexpr int64_t kMaxLines = 1024;
constexpr size_t kMaxPyramids = 4096;
/// Bounds beyond this are as good as none; keeps every sum of two inside 64 bits.
constexpr int64_t kInfinity = int64_t(1) << 61;

Value constant(int64_t value) { return {value, value, 0, value}; }
Value anyOf(int64_t low, int64_t high) { return low == high ? constant(low) : Value{low, high, 1, 0}; }
const Value kUnknownEntry = anyOf(INT32_MIN, INT32_MAX);

int64_t clamp(__int128 value) {
  return static_cast<int64_t>(std::clamp<__int128>(value, -kInfinity, kInfinity));
}

/// Clamped bounds, bounds moved to the nearest members of the residue class, constants recognised.
Value make(__int128 low, __int128 high, __int128 modulus, __int128 residue) {
  if (low < -kInfinity || high > kInfinity || modulus > kInfinity) modulus = 1, residue = 0;
  Value v{clamp(low), clamp(high), static_cast<int64_t>(modulus), 0};
  if (v.low == v.high) return constant(v.low);
  if (v.modulus > 1) {
    __int128 m = modulus;
    v.residue = static_cast<int64_t>(((residue % m) + m) % m);
    v.low += floorMod(v.residue - floorMod(v.low, v.modulus), v.modulus);
    v.high -= floorMod(floorMod(v.high, v.modulus) - v.residue, v.modulus);
    if (v.low == v.high) return constant(v.low);
  }
  return v;
}

Value add(const Value &a, const Value &b) {
  return make(static_cast<__int128>(a.low) + b.low, static_cast<__int128>(a.high) + b.high,
              std::gcd(a.modulus, b.modulus), static_cast<__int128>(a.residue) + b.residue);
}

Value scale(const Value &a, int64_t factor) {
  if (factor == 0) return constant(0);
  __int128 low = static_cast<__int128>(a.low) * factor, high = static_cast<__int128>(a.high) * factor;
  if (factor < 0) std::swap(low, high);
  __int128 modulus = static_cast<__int128>(a.modulus) * factor;
  return make(low, high, modulus < 0 ? -modulus : modulus, static_cast<__int128>(a.residue) * factor);
}

Value multiply(const Value &a, const Value &b) {
  if (b.modulus == 0) return scale(a, b.residue);
  if (a.modulus == 0) return scale(b, a.residue);
  __int128 corners[4] = {static_cast<__int128>(a.low) * b.low, static_cast<__int128>(a.low) * b.high,
                         static_cast<__int128>(a.high) * b.low, static_cast<__int128>(a.high) * b.high};
  return make(*std::min_element(corners, corners + 4), *std::max_element(corners, corners + 4), 1, 0);
}

Value floorDivide(const Value &a, const Value &divisor) {
  int64_t d = divisor.residue;
  if (divisor.modulus != 0 || d <= 0) return anyOf(-kInfinity, kInfinity);
  if (a.modulus == 0) return constant(floorDiv(a.residue, d));
  bool keeps = a.modulus % d == 0;
  return make(floorDiv(a.low, d), floorDiv(a.high, d), keeps ? a.modulus / d : 1,
              keeps ? floorDiv(a.residue, d) : 0);
}

Value modulo(const Value &a, const Value &divisor) {
  int64_t d = divisor.residue;
  if (divisor.modulus != 0 || d <= 0) return anyOf(-kInfinity, kInfinity);
  if (a.modulus == 0) return constant(floorMod(a.residue, d));
  int64_t quotient = floorDiv(a.low, d);
  if (quotient == floorDiv(a.high, d)) // the box stays within one period
    return make(a.low - quotient * d, a.high - quotient * d, a.modulus, a.residue - quotient * d);
  return make(0, d - 1, std::gcd(a.modulus, d), a.residue);
}

Value join(const Value &a, const Value &b) {
  int64_t modulus = std::gcd(std::gcd(a.modulus, b.modulus), a.residue - b.residue);
  return make(std::min(a.low, b.low), std::max(a.high, b.high), modulus, a.residue);
}

/// Interval of the smaller (or larger) of two; the operand itself when one is always that.
Value minimum(const Value &a, const Value &b) {
  if (a.high <= b.low) return a;
  if (b.high <= a.low) return b;
  return anyOf(std::min(a.low, b.low), std::min(a.high, b.high));
}
Value maximum(const Value &a, const Value &b) {
  if (a.low >= b.high) return a;
  if (b.low >= a.high) return b;
  return anyOf(std::max(a.low, b.low), std::max(a.high, b.high));
}

Value truth(bool mayBeFalse, bool mayBeTrue) { return anyOf(mayBeFalse ? 0 : 1, mayBeTrue ? 1 : 0); }

Value equal(const Value &a, const Value &b) {
  Value difference = add(a, scale(b, -1));
  if (difference.modulus == 0) return constant(difference.residue == 0);
  bool possible = difference.low <= 0 && difference.high >= 0 && difference.residue == 0;
  return truth(true, possible);
}

Value lessEqual(const Value &a, const Value &b) {
  Value difference = add(b, scale(a, -1));
  return truth(difference.low < 0, difference.high >= 0);
}

Value negate(const Value &a) { return anyOf(1 - a.high, 1 - a.low); }

} // namespace

BoxEvaluator::BoxEvaluator(const Program &program, const Predicate &predicate, const ScheduleContext &context)
    : program_(program), predicate_(predicate), context_(context), symbols_(predicate.nodes.size()),
      values_(predicate.nodes.size()) {
  for (size_t i = 0; i < predicate.nodes.size(); ++i) {
    const PredicateNode &node = predicate.nodes[i];
    if (node.op == PredicateNode::Op::Symbol && node.symbol != Symbol::QueryPosition &&
        node.symbol != Symbol::KeyPosition)
      symbols_[i] = constant(symbolValue(program, context, node.symbol, node.value));
  }
}

TileClass BoxEvaluator::classify(int64_t q0, int64_t q1, int64_t k0, int64_t k1) {
  using Op = PredicateNode::Op;
  for (size_t i = 0; i < predicate_.nodes.size(); ++i) {
    const PredicateNode &node = predicate_.nodes[i];
    auto operand = [&](int n) -> const Value & { return values_[node.operands[n]]; };
    Value &out = values_[i];
    switch (node.op) {
    case Op::Const:
    case Op::Bool: out = constant(node.value); break;
    case Op::Symbol:
      out = node.symbol == Symbol::QueryPosition ? anyOf(q0, q1)
            : node.symbol == Symbol::KeyPosition ? anyOf(k0, k1)
                                                 : symbols_[i];
      break;
    case Op::AuxLoad: {
      Value indices[3] = {constant(0), constant(0), constant(0)};
      for (int axis = 0; axis < 3; ++axis)
        if (node.operands[axis] >= 0) indices[axis] = operand(axis);
      out = load(static_cast<int32_t>(node.value), indices);
      break;
    }
    case Op::Add: out = add(operand(0), operand(1)); break;
    case Op::Sub: out = add(operand(0), scale(operand(1), -1)); break;
    case Op::Mul: out = multiply(operand(0), operand(1)); break;
    case Op::Min: out = minimum(operand(0), operand(1)); break;
    case Op::Max: out = maximum(operand(0), operand(1)); break;
    case Op::Abs: {
      const Value &a = operand(0);
      out = a.low >= 0 ? a : a.high <= 0 ? scale(a, -1) : anyOf(0, std::max(a.high, -a.low));
      break;
    }
    case Op::Neg: out = scale(operand(0), -1); break;
    case Op::FloorDiv: out = floorDivide(operand(0), operand(1)); break;
    case Op::Mod: out = modulo(operand(0), operand(1)); break;
    case Op::Eq: out = equal(operand(0), operand(1)); break;
    case Op::Ne: out = negate(equal(operand(0), operand(1))); break;
    case Op::Le: out = lessEqual(operand(0), operand(1)); break;
    case Op::Ge: out = lessEqual(operand(1), operand(0)); break;
    case Op::Gt: out = negate(lessEqual(operand(0), operand(1))); break;
    case Op::Lt: out = negate(lessEqual(operand(1), operand(0))); break;
    case Op::And: out = minimum(operand(0), operand(1)); break;
    case Op::Or: out = maximum(operand(0), operand(1)); break;
    case Op::Not: out = negate(operand(0)); break;
    case Op::Select:
      out = operand(0).low == 1    ? operand(1)
            : operand(0).high == 0 ? operand(2)
                                   : join(operand(1), operand(2));
      break;
    }
  }
  const Value &result = values_.back();
  return result.high == 0 ? TileClass::Empty : result.low == 1 ? TileClass::Full : TileClass::Partial;
}

Predicate BoxEvaluator::remaining() const {
  using Op = PredicateNode::Op;
  const std::vector<PredicateNode> &nodes = predicate_.nodes;
  const auto decided = [&](size_t node) { return values_[node].modulus == 0; };
  std::vector<int32_t> same(nodes.size()); // the node that has this one's values in the box
  for (size_t i = 0; i < nodes.size(); ++i) {
    const auto [x, y, z] = nodes[i].operands;
    same[i] = static_cast<int32_t>(i);
    if (decided(i)) continue;
    if (nodes[i].op == Op::And ||
        nodes[i].op == Op::Or) { // a decided operand does not decide: the other does
      if (decided(x)) same[i] = same[y];
      if (decided(y)) same[i] = same[x];
    }
    if (nodes[i].op == Op::Select && decided(x)) same[i] = same[values_[x].residue ? y : z];
  }
  std::vector<bool> needed(nodes.size(), false);
  needed[same.back()] = true;
  for (size_t i = nodes.size(); i-- > 0;)
    for (int32_t operand : nodes[i].operands)
      if (needed[i] && !decided(i) && operand >= 0) needed[same[operand]] = true;
  Predicate rest;
  std::vector<int32_t> place(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!needed[i]) continue;
    place[i] = static_cast<int32_t>(rest.nodes.size());
    PredicateNode &node = rest.nodes.emplace_back();
    if (decided(i)) {
      node.value = values_[i].residue;
      continue;
    }
    node = nodes[i];
    for (int32_t &operand : node.operands)
      if (operand >= 0) operand = place[same[operand]];
  }
  return rest;
}

BoxEvaluator::Value BoxEvaluator::load(int32_t aux, const Value (&indices)[3]) {
  const AuxView &view = context_.aux[aux];
  if (program_.auxes[aux].isFloat) return anyOf(-kInfinity, kInfinity);
  int longest = 0;
  int64_t lines = 1;
  for (int axis = 0; axis < 3; ++axis) {
    // Entries outside exist for points that another part of the predicate excludes: unknown, not an error.
    if (indices[axis].low < 0 || indices[axis].high >= view.extents[axis]) return kUnknownEntry;
    if (indices[axis].high - indices[axis].low > indices[longest].high - indices[longest].low) longest = axis;
  }
  for (int axis = 0; axis < 3; ++axis)
    if (axis != longest) lines *= indices[axis].high - indices[axis].low + 1;
  if (lines > kMaxLines) return kUnknownEntry;
  int i = longest == 0 ? 1 : 0, j = longest == 2 ? 1 : 2;
  int64_t low = INT64_MAX, high = INT64_MIN;
  for (int64_t x = indices[i].low; x <= indices[i].high; ++x)
    for (int64_t y = indices[j].low; y <= indices[j].high; ++y) {
      Value line = rangeOfLine(aux, longest, x * view.strides[i] + y * view.strides[j], indices[longest].low,
                               indices[longest].high);
      low = std::min(low, line.low);
      high = std::max(high, line.high);
    }
  return anyOf(low, high);
}

const BoxEvaluator::Pyramid &BoxEvaluator::pyramid(int32_t aux, int axis, int64_t offset) {
  if (pyramids_.size() >= kMaxPyramids) pyramids_.clear();
  auto [position, inserted] = pyramids_.try_emplace({aux, axis, offset});
  Pyramid &result = position->second;
  if (!inserted) return result;
  const AuxView &view = context_.aux[aux];
  const int32_t *data = static_cast<const int32_t *>(view.data) + offset;
  int64_t size = view.extents[axis], stride = view.strides[axis];
  auto &base = result.levels.emplace_back((size + kFanOut - 1) / kFanOut, std::pair(INT32_MAX, INT32_MIN));
  for (int64_t i = 0; i < size; ++i) {
    auto &[low, high] = base[i / kFanOut];
    low = std::min(low, data[i * stride]);
    high = std::max(high, data[i * stride]);
  }
  while (result.levels.back().size() > kFanOut) {
    const auto &below = result.levels.back();
    std::vector<std::pair<int32_t, int32_t>> level((below.size() + kFanOut - 1) / kFanOut,
                                                   std::pair(INT32_MAX, INT32_MIN));
    for (size_t i = 0; i < below.size(); ++i) {
      level[i / kFanOut].first = std::min(level[i / kFanOut].first, below[i].first);
      level[i / kFanOut].second = std::max(level[i / kFanOut].second, below[i].second);
    }
    result.levels.push_back(std::move(level));
  }
  return result;
}

BoxEvaluator::Value BoxEvaluator::rangeOfLine(int32_t aux, int axis, int64_t offset, int64_t first,
                                              int64_t last) {
  const AuxView &view = context_.aux[aux];
  const int32_t *data = static_cast<const int32_t *>(view.data) + offset;
  int32_t low = INT32_MAX, high = INT32_MIN;
  auto entries = [&](int64_t from, int64_t to) { // [from, to)
    for (int64_t i = from; i < to; ++i) {
      int32_t entry = data[i * view.strides[axis]];
      low = std::min(low, entry);
      high = std::max(high, entry);
    }
  };
  int64_t end = last + 1;
  if (end - first <= 4 * kFanOut) {
    entries(first, end);
    return anyOf(low, high);
  }
  const Pyramid &summary = pyramid(aux, axis, offset);
  int64_t from = (first + kFanOut - 1) / kFanOut, to = end / kFanOut;
  entries(first, from * kFanOut);
  entries(to * kFanOut, end);
  for (size_t level = 0; from < to; ++level) {
    auto blocks = [&](int64_t a, int64_t b) {
      for (int64_t i = a; i < b; ++i) {
        low = std::min(low, summary.levels[level][i].first);
        high = std::max(high, summary.levels[level][i].second);
      }
    };
    int64_t upFrom = (from + kFanOut - 1) / kFanOut, upTo = to / kFanOut;
    if (level + 1 == summary.levels.size() || upFrom >= upTo) {
      blocks(from, to);
      break;
    }
    blocks(from, upFrom * kFanOut);
    blocks(upTo * kFanOut, to);
    from = upFrom, to = upTo;
  }
  return anyOf(low, high);
}

TileClass classifyBox(const Program &program, const Predicate &predicate, const ScheduleContext &context,
                      int64_t q0, int64_t q1, int64_t k0, int64_t k1) {
  return BoxEvaluator(program, predicate, context).classify(q0, q1, k0, k1);
}

} // namespace maskloom
