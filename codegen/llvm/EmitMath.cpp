#include "maskloom/codegen/llvm/EmitMath.h"

#include "llvm/ADT/ArrayRef.h"

namespace maskloom {

namespace {

using Builder = llvm::IRBuilder<>;
using llvm::Value;

Value *number(Builder &b, double value) { return llvm::ConstantFP::get(b.getFloatTy(), value); }

/// c[0] + c[1] x + ... by Horner's rule.
Value *polynomial(Builder &b, Value *x, llvm::ArrayRef<double> coefficients) {
  Value *sum = number(b, coefficients.back());
  for (double coefficient : llvm::reverse(coefficients.drop_back()))
    sum = b.CreateFAdd(b.CreateFMul(sum, x), number(b, coefficient));
  return sum;
}

/// Keeps NaN: its comparisons are false.
Value *clamp(Builder &b, Value *x, double low, double high) {
  x = b.CreateSelect(b.CreateFCmpOLT(x, number(b, low)), number(b, low), x);
  return b.CreateSelect(b.CreateFCmpOGT(x, number(b, high)), number(b, high), x);
}

/// The nearest integer of |x| < 2^22, as a float and as an integer: adding 1.5 * 2^23 leaves it in the low
/// bits.
struct Rounded {
  Value *value, *integer;
};
Rounded roundToInteger(Builder &b, Value *x) {
  constexpr double kShift = 12582912.0;
  Value *shifted = b.CreateFAdd(x, number(b, kShift));
  Value *bits = b.CreateBitCast(shifted, b.getInt32Ty());
  return {b.CreateFSub(shifted, number(b, kShift)), b.CreateSub(bits, b.getInt32(0x4b400000))};
}

Value *powerOfTwo(Builder &b, Value *n) {
  return b.CreateBitCast(b.CreateShl(b.CreateAdd(n, b.getInt32(127)), 23), b.getFloatTy());
}

/// e^r 2^n for |r| <= ln(2) / 2, by the Taylor series (truncation below 3e-9). The factor 2^n comes in two
/// halves, so that results beyond the range of normal numbers round to subnormals or infinity.
Value *expOfParts(Builder &b, Value *r, Value *n) {
  Value *p = polynomial(b, r, {1, 1, 1 / 2.0, 1 / 6.0, 1 / 24.0, 1 / 120.0, 1 / 720.0, 1 / 5040.0});
  Value *half = b.CreateAShr(n, 1);
  return b.CreateFMul(b.CreateFMul(p, powerOfTwo(b, half)), powerOfTwo(b, b.CreateSub(n, half)));
}

} // namespace

Value *emitExp2(Builder &b, Value *x) {
  x = clamp(b, x, -160, 130);
  Rounded n = roundToInteger(b, x);
  Value *r = b.CreateFMul(b.CreateFSub(x, n.value), number(b, 0.693147180559945309));
  return expOfParts(b, r, n.integer);
}

Value *emitExp(Builder &b, Value *x) {
  x = clamp(b, x, -110, 90);
  Rounded n = roundToInteger(b, b.CreateFMul(x, number(b, 1.44269504088896341)));
  // ln 2 in two parts: the first has so few bits that its product with n is exact.
  constexpr double kHigh = 0x1.62ep-1, kLow = 0.693147180559945309 - kHigh;
  Value *r = b.CreateFSub(x, b.CreateFMul(n.value, number(b, kHigh)));
  r = b.CreateFSub(r, b.CreateFMul(n.value, number(b, kLow)));
  return expOfParts(b, r, n.integer);
}

Value *emitTanh(Builder &b, Value *x) {
  // Away from 0: (1 - t) / (1 + t) with t = e^(-2|x|).
  Value *magnitude = b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x);
  Value *t = emitExp(b, b.CreateFMul(magnitude, number(b, -2)));
  Value *far = b.CreateFDiv(b.CreateFSub(number(b, 1), t), b.CreateFAdd(number(b, 1), t));
  far = b.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, far, x);
  // Near 0, where 1 - t cancels: x + x^3 p(x^2), p interpolating (tanh(x) / x - 1) / x^2 at Chebyshev nodes.
  constexpr double kNear = 0.625;
  Value *square = b.CreateFMul(x, x);
  Value *p = polynomial(b, square, {-0.333333289, 0.133327697, -0.0538509096, 0.020997179, -0.00609671416});
  Value *near = b.CreateFAdd(x, b.CreateFMul(x, b.CreateFMul(square, p)));
  return b.CreateSelect(b.CreateFCmpOLT(magnitude, number(b, kNear)), near, far);
}

} // namespace maskloom
