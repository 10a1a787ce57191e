// Rewriting rules of the `mask` dialect, one each. What they build folds further (MaskFolders.cpp).
#ifndef MASKLOOM_MASK_RULES
#define MASKLOOM_MASK_RULES

include "MaskOps.td"
include "mlir/IR/PatternBase.td"

// Integers are mathematical: a rule does not apply where a number would leave 64 bits.
def SumFits : Constraint<CPred<"sumOf($0, $1).has_value()">>;
def ProductFits : Constraint<CPred<"productOf($0, $1).has_value()">>;
def HasNegative : Constraint<CPred<"$0.getInt() != INT64_MIN">>;
def SumOf : NativeCodeCall<"$_builder.getI64IntegerAttr(*sumOf($0, $1))">;
def ProductOf : NativeCodeCall<"$_builder.getI64IntegerAttr(*productOf($0, $1))">;
def NegativeOf : NativeCodeCall<"$_builder.getI64IntegerAttr(-$0.getInt())">;
def OppositeOf : NativeCodeCall<"ComparisonAttr::get($_builder.getContext(), opposite($0.getValue()))">;

// (x + a) + b = x + (a + b)
def CollectConstants : Pat<(Mask_AddOp (Mask_AddOp $x, (Mask_ConstOp $a)), (Mask_ConstOp $b)),
                           (Mask_AddOp $x, (Mask_ConstOp (SumOf $a, $b))), [(SumFits $a, $b)]>;
// x - a = x + (-a)
def SubtractConstant : Pat<(Mask_SubOp $x, (Mask_ConstOp $a)),
                           (Mask_AddOp $x, (Mask_ConstOp (NegativeOf $a))), [(HasNegative $a)]>;
// floordiv(floordiv(x, a), b) = floordiv(x, a * b)
def CombineQuotients : Pat<(Mask_FloorDivOp (Mask_FloorDivOp $x, $a), $b),
                           (Mask_FloorDivOp $x, (ProductOf $a, $b)), [(ProductFits $a, $b)]>;
// !(x < y) = x >= y, and so on
def NegateComparison : Pat<(Mask_NotOp (Mask_CmpOp $comparison, $x, $y)),
                           (Mask_CmpOp (OppositeOf $comparison), $x, $y)>;

#endif
