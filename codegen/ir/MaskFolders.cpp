// Constant folding and algebra of the `mask` dialect. Folds compute in 64 bits and leave alone what would
// overflow: integers are mathematical, and range analysis reports what does not fit.
#include "maskloom/codegen/ir/MaskDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/PatternMatch.h"

#include <optional>

using namespace mlir;
using namespace maskloom::mask;

namespace {

std::optional<int64_t> intOf(Attribute attribute) {
  if (auto integer = dyn_cast_if_present<IntegerAttr>(attribute)) return integer.getInt();
  return std::nullopt;
}

std::optional<bool> boolOf(Attribute attribute) {
  if (auto truth = dyn_cast_if_present<BoolAttr>(attribute)) return truth.getValue();
  return std::nullopt;
}

OpFoldResult makeInt(Operation *op, int64_t value) {
  return Builder(op->getContext()).getI64IntegerAttr(value);
}
OpFoldResult makeBool(Operation *op, bool value) { return BoolAttr::get(op->getContext(), value); }

using CheckedFn = bool (*)(int64_t, int64_t, int64_t *);
bool addOverflows(int64_t a, int64_t b, int64_t *r) { return __builtin_add_overflow(a, b, r); }
bool subOverflows(int64_t a, int64_t b, int64_t *r) { return __builtin_sub_overflow(a, b, r); }
bool mulOverflows(int64_t a, int64_t b, int64_t *r) { return __builtin_mul_overflow(a, b, r); }

OpFoldResult foldChecked(Operation *op, Attribute lhs, Attribute rhs, CheckedFn compute) {
  std::optional<int64_t> a = intOf(lhs), b = intOf(rhs);
  int64_t result = 0;
  if (!a || !b || compute(*a, *b, &result)) return {};
  return makeInt(op, result);
}

int64_t floorQuotient(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

} // namespace

OpFoldResult ConstOp::fold(FoldAdaptor) { return getValueAttr(); }
OpFoldResult BoolOp::fold(FoldAdaptor) { return getValueAttr(); }

//===-- Integers
//------------------------------------------------------------------------------------------===//

// x + 0 = x
OpFoldResult AddOp::fold(FoldAdaptor adaptor) {
  if (intOf(adaptor.getRhs()) == 0) return getLhs();
  return foldChecked(*this, adaptor.getLhs(), adaptor.getRhs(), addOverflows);
}

// x - 0 = x, x - x = 0
OpFoldResult SubOp::fold(FoldAdaptor adaptor) {
  if (intOf(adaptor.getRhs()) == 0) return getLhs();
  if (getLhs() == getRhs()) return makeInt(*this, 0);
  return foldChecked(*this, adaptor.getLhs(), adaptor.getRhs(), subOverflows);
}

// x * 1 = x, x * 0 = 0
OpFoldResult MulOp::fold(FoldAdaptor adaptor) {
  std::optional<int64_t> factor = intOf(adaptor.getRhs());
  if (factor == 1) return getLhs();
  if (factor == 0) return makeInt(*this, 0);
  return foldChecked(*this, adaptor.getLhs(), adaptor.getRhs(), mulOverflows);
}

// min(x, x) = x
OpFoldResult MinOp::fold(FoldAdaptor adaptor) {
  if (getLhs() == getRhs()) return getLhs();
  return foldChecked(*this, adaptor.getLhs(), adaptor.getRhs(), [](int64_t a, int64_t b, int64_t *r) {
    *r = std::min(a, b);
    return false;
  });
}

// max(x, x) = x
OpFoldResult MaxOp::fold(FoldAdaptor adaptor) {
  if (getLhs() == getRhs()) return getLhs();
  return foldChecked(*this, adaptor.getLhs(), adaptor.getRhs(), [](int64_t a, int64_t b, int64_t *r) {
    *r = std::max(a, b);
    return false;
  });
}

// abs(abs(x)) = abs(x)
OpFoldResult AbsOp::fold(FoldAdaptor adaptor) {
  if (getValue().getDefiningOp<AbsOp>()) return getValue();
  std::optional<int64_t> value = intOf(adaptor.getValue());
  if (!value || *value == INT64_MIN) return {};
  return makeInt(*this, *value < 0 ? -*value : *value);
}

// -(-x) = x
OpFoldResult NegOp::fold(FoldAdaptor adaptor) {
  if (auto inner = getValue().getDefiningOp<NegOp>()) return inner.getValue();
  std::optional<int64_t> value = intOf(adaptor.getValue());
  if (!value || *value == INT64_MIN) return {};
  return makeInt(*this, -*value);
}

// floordiv(x, 1) = x
OpFoldResult FloorDivOp::fold(FoldAdaptor adaptor) {
  int64_t divisor = getDivisor();
  if (divisor == 1) return getValue();
  std::optional<int64_t> value = intOf(adaptor.getValue());
  if (!value || divisor <= 0) return {};
  return makeInt(*this, floorQuotient(*value, divisor));
}

// mod(x, 1) = 0, mod(mod(x, a), b) = mod(x, a) for a <= b
OpFoldResult ModOp::fold(FoldAdaptor adaptor) {
  int64_t divisor = getDivisor();
  if (divisor == 1) return makeInt(*this, 0);
  auto inner = getValue().getDefiningOp<ModOp>();
  if (inner && static_cast<int64_t>(inner.getDivisor()) <= divisor) return getValue();
  std::optional<int64_t> value = intOf(adaptor.getValue());
  if (!value || divisor <= 0) return {};
  int64_t remainder = *value % divisor;
  return makeInt(*this, remainder < 0 ? remainder + divisor : remainder);
}

OpFoldResult ToFloatOp::fold(FoldAdaptor adaptor) {
  std::optional<int64_t> value = intOf(adaptor.getValue());
  if (!value) return {};
  return FloatAttr::get(Float32Type::get(getContext()), static_cast<double>(static_cast<float>(*value)));
}

//===-- Truth values
//--------------------------------------------------------------------------------------===//

OpFoldResult CmpOp::fold(FoldAdaptor adaptor) {
  Comparison comparison = getComparison();
  if (getLhs() == getRhs())
    return makeBool(*this, comparison == Comparison::Eq || comparison == Comparison::Le ||
                               comparison == Comparison::Ge);
  std::optional<int64_t> a = intOf(adaptor.getLhs()), b = intOf(adaptor.getRhs());
  if (!a || !b) return {};
  switch (comparison) {
  case Comparison::Eq: return makeBool(*this, *a == *b);
  case Comparison::Ne: return makeBool(*this, *a != *b);
  case Comparison::Lt: return makeBool(*this, *a < *b);
  case Comparison::Le: return makeBool(*this, *a <= *b);
  case Comparison::Gt: return makeBool(*this, *a > *b);
  case Comparison::Ge: return makeBool(*this, *a >= *b);
  }
  return {};
}

// x && true = x, x && false = false, x && x = x
OpFoldResult AndOp::fold(FoldAdaptor adaptor) {
  if (getLhs() == getRhs()) return getLhs();
  for (auto [constant, other] :
       {std::pair(adaptor.getRhs(), getLhs()), std::pair(adaptor.getLhs(), getRhs())})
    if (std::optional<bool> value = boolOf(constant))
      return *value ? OpFoldResult(other) : makeBool(*this, false);
  return {};
}

// x || false = x, x || true = true, x || x = x
OpFoldResult OrOp::fold(FoldAdaptor adaptor) {
  if (getLhs() == getRhs()) return getLhs();
  for (auto [constant, other] :
       {std::pair(adaptor.getRhs(), getLhs()), std::pair(adaptor.getLhs(), getRhs())})
    if (std::optional<bool> value = boolOf(constant))
      return *value ? makeBool(*this, true) : OpFoldResult(other);
  return {};
}

// !!x = x
OpFoldResult NotOp::fold(FoldAdaptor adaptor) {
  if (auto inner = getValue().getDefiningOp<NotOp>()) return inner.getValue();
  std::optional<bool> value = boolOf(adaptor.getValue());
  return value ? makeBool(*this, !*value) : OpFoldResult();
}

// select(true, a, b) = a, select(c, a, a) = a
OpFoldResult SelectOp::fold(FoldAdaptor adaptor) {
  if (getYes() == getNo()) return getYes();
  std::optional<bool> condition = boolOf(adaptor.getCondition());
  if (!condition) return {};
  return *condition ? getYes() : getNo();
}

//===-- Rewriting: the table in MaskRules.td
//-------------------------------------------------------------===//

namespace {

std::optional<int64_t> sumOf(IntegerAttr a, IntegerAttr b) {
  int64_t sum = 0;
  return addOverflows(a.getInt(), b.getInt(), &sum) ? std::nullopt : std::optional(sum);
}

std::optional<int64_t> productOf(IntegerAttr a, IntegerAttr b) {
  int64_t product = 0;
  return mulOverflows(a.getInt(), b.getInt(), &product) ? std::nullopt : std::optional(product);
}

Comparison opposite(Comparison comparison) {
  switch (comparison) {
  case Comparison::Eq: return Comparison::Ne;
  case Comparison::Ne: return Comparison::Eq;
  case Comparison::Lt: return Comparison::Ge;
  case Comparison::Le: return Comparison::Gt;
  case Comparison::Gt: return Comparison::Le;
  case Comparison::Ge: return Comparison::Lt;
  }
  return comparison;
}

#include "maskloom-ir/MaskRules.h.inc"

} // namespace

void AddOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<CollectConstants>(context);
}
void SubOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<SubtractConstant>(context);
}
void FloorDivOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<CombineQuotients>(context);
}
void NotOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<NegateComparison>(context);
}
