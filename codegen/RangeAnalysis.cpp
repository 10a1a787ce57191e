#include "maskloom/codegen/RangeAnalysis.h"

#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <string>

using namespace mlir;

namespace maskloom {

namespace {

using Wide = __int128;
constexpr Wide kLimit = Wide{1} << 100;

Wide saturate(Wide value) { return std::clamp(value, -kLimit, kLimit); }

/// Factors are within 2^100, so a product may leave 128 bits.
Wide product(Wide a, Wide b) {
  Wide result = 0;
  if (__builtin_mul_overflow(a, b, &result)) return (a < 0) == (b < 0) ? kLimit : -kLimit;
  return saturate(result);
}

Wide floorQuotient(Wide a, Wide b) { return a / b - (a % b != 0 && a < 0); }

Interval hull(Interval a, Interval b) { return {std::min(a.low, b.low), std::max(a.high, b.high)}; }

Interval times(Interval a, Interval b) {
  auto [low, high] = std::minmax(
      {product(a.low, b.low), product(a.low, b.high), product(a.high, b.low), product(a.high, b.high)});
  return {low, high};
}

Interval absolute(Interval a) {
  if (a.low >= 0) return a;
  if (a.high <= 0) return {-a.high, -a.low};
  return {0, std::max(-a.low, a.high)};
}

/// All of [0, d) unless the interval lies within one period.
Interval modulo(Interval a, Wide d) {
  Wide quotient = floorQuotient(a.low, d);
  if (quotient != floorQuotient(a.high, d)) return {0, d - 1};
  return {a.low - quotient * d, a.high - quotient * d};
}

Interval rangeOf(mask::IndexVariable variable) {
  switch (variable) {
  case mask::IndexVariable::Query:
  case mask::IndexVariable::Key: return {InputRanges::kPositionLow, InputRanges::kPositionHigh};
  case mask::IndexVariable::QueryLength:
  case mask::IndexVariable::KeyLength: return {0, InputRanges::kLongest};
  case mask::IndexVariable::Head:
  case mask::IndexVariable::KvHead:
  case mask::IndexVariable::Batch:
  case mask::IndexVariable::Heads:
  case mask::IndexVariable::KvHeads: return {0, InputRanges::kMostHeads};
  }
  return {INT64_MIN, INT64_MAX};
}

/// "-2^70 .. 2^70" in short: the exponent of the larger end.
std::string magnitude(Interval a) {
  Wide largest = std::max(-a.low, a.high);
  int bits = 0;
  while (bits < 100 && (Wide{1} << bits) < largest) ++bits;
  return (bits == 100 ? "at least 2^" : "2^") + std::to_string(bits);
}

} // namespace

RangeAnalysis::RangeAnalysis(mask::PatternOp pattern) : pattern_(pattern) {
  for (Operation &part : pattern.getBody().front())
    for (Operation &op : part.getRegion(0).front())
      if (op.getNumResults() == 1 && isa<mask::IntType>(op.getResult(0).getType()))
        intervals_[op.getResult(0)] = compute(op);
}

Interval RangeAnalysis::compute(Operation &op) const {
  auto in = [&](unsigned i) { return of(op.getOperand(i)); };
  auto param = [&](mask::ParamOp p) {
    auto declared = cast<mask::ParamAttr>(pattern_.getParams()[p.getIndex()]);
    return Interval{declared.getLow(), declared.getHigh()};
  };
  return llvm::TypeSwitch<Operation *, Interval>(&op)
      .Case([&](mask::ConstOp c) {
        return Interval{static_cast<int64_t>(c.getValue()), static_cast<int64_t>(c.getValue())};
      })
      .Case([&](mask::IndexOp i) { return rangeOf(i.getVariable()); })
      .Case(param)
      .Case([&](mask::AuxLoadOp) { return Interval{INT32_MIN, INT32_MAX}; })
      .Case([&](mask::AddOp) {
        return Interval{saturate(in(0).low + in(1).low), saturate(in(0).high + in(1).high)};
      })
      .Case([&](mask::SubOp) {
        return Interval{saturate(in(0).low - in(1).high), saturate(in(0).high - in(1).low)};
      })
      .Case([&](mask::MulOp) { return times(in(0), in(1)); })
      .Case([&](mask::MinOp) {
        return Interval{std::min(in(0).low, in(1).low), std::min(in(0).high, in(1).high)};
      })
      .Case([&](mask::MaxOp) {
        return Interval{std::max(in(0).low, in(1).low), std::max(in(0).high, in(1).high)};
      })
      .Case([&](mask::AbsOp) { return absolute(in(0)); })
      .Case([&](mask::NegOp) { return Interval{-in(0).high, -in(0).low}; })
      .Case([&](mask::FloorDivOp d) {
        Wide divisor = static_cast<int64_t>(d.getDivisor());
        return Interval{floorQuotient(in(0).low, divisor), floorQuotient(in(0).high, divisor)};
      })
      .Case([&](mask::ModOp d) { return modulo(in(0), static_cast<int64_t>(d.getDivisor())); })
      .Case([&](mask::SelectOp) { return hull(in(1), in(2)); })
      .Default([](Operation *) { return Interval{INT64_MIN, INT64_MAX}; });
}

static constexpr const char *kNarrower = "declare narrower parameter ranges, or make the constants smaller";

LogicalResult RangeAnalysis::check() const {
  LogicalResult result = success();
  for (Operation &part : pattern_.getBody().front())
    for (Operation &op : part.getRegion(0).front()) {
      if (op.getNumResults() != 1 || !isa<mask::IntType>(op.getResult(0).getType())) continue;
      Interval interval = of(op.getResult(0));
      if (isa<mask::ParamOp>(op) && !interval.fits(InputRanges::kParamBits)) {
        static_assert(InputRanges::kParamBits == 35);
        InFlightDiagnostic error =
            emitError(op.getLoc())
            << "expected a parameter that stays below 2^34 in size; this one may reach "
            << magnitude(interval);
        error.attachNote() << kNarrower;
        result = error;
        continue;
      }
      if (interval.fits(64)) continue;
      // Report where it starts; what is computed from it would only repeat the message.
      if (llvm::any_of(op.getOperands(),
                       [&](Value v) { return isa<mask::IntType>(v.getType()) && !of(v).fits(64); }))
        continue;
      InFlightDiagnostic error = emitError(op.getLoc())
                                 << "expected an integer that fits 64 bits; this one may reach "
                                 << magnitude(interval);
      error.attachNote() << kNarrower;
      result = error;
    }
  return result;
}

} // namespace maskloom
