// Intervals of the integers of a pattern: which fit 32 bits, which 64, which neither.
#pragma once

#include "maskloom/codegen/ir/MaskDialect.h"
#include "maskloom/program/InputRanges.h"

#include "llvm/ADT/DenseMap.h"

namespace maskloom {

/// [low, high], both included. Wider than 64 bits, so that what does not fit is seen; saturates at 2^100.
struct Interval {
  __int128 low = 0, high = 0;
  bool fits(unsigned bits) const {
    return low >= -(__int128{1} << (bits - 1)) && high < (__int128{1} << (bits - 1));
  }
};

/// The intervals of every !mask.int of a pattern. Values must stay alive while it is used.
class RangeAnalysis {
public:
  explicit RangeAnalysis(mask::PatternOp pattern);

  Interval of(mlir::Value value) const { return intervals_.lookup(value); }
  /// 32 or 64 bits.
  unsigned widthOf(mlir::Value value) const { return of(value).fits(32) ? 32 : 64; }
  /// Emits an error at each value that may not fit 64 bits.
  mlir::LogicalResult check() const;

private:
  Interval compute(mlir::Operation &op) const;

  mutable mask::PatternOp pattern_; // a handle: its accessors are not const
  llvm::DenseMap<mlir::Value, Interval> intervals_;
};

} // namespace maskloom
