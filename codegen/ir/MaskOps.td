// Operations of the `mask` dialect.
#ifndef MASKLOOM_CODEGEN_IR_MASK_OPS_TD
#define MASKLOOM_CODEGEN_IR_MASK_OPS_TD

include "MaskAttributes.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Mask_Op<string mnemonic, list<Trait> traits = []> : Op<Mask_Dialect, mnemonic, traits>;

//===-- Structure -----------------------------------------------------------------------------------------===//

def Mask_PatternOp : Mask_Op<"pattern", [Symbol, SingleBlock, NoTerminator, IsolatedFromAbove]> {
  let summary = "a declared pattern: parameters, auxiliary tensors, head groups, score";
  let description = [{
    Parameters and auxiliary tensors are named by index in the body. `hash` is that of the canonical pattern. With `by_kv_head` groups count KV heads.

    Constraints: the body holds `mask.group` and `mask.score` operations only; at least one group; no head
    is in two groups; at most one score.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
    DefaultValuedOptionalAttr<TypedArrayAttrBase<Mask_ParamAttr, "array of parameters">, "{}">:$params,
    DefaultValuedOptionalAttr<TypedArrayAttrBase<Mask_AuxAttr, "array of aux tensors">, "{}">:$auxes,
    UnitAttr:$by_kv_head, OptionalAttr<StrAttr>:$hash);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name (`hash` $hash^)? (`params` $params^)? (`auxes` $auxes^)? (`by_kv_head` $by_kv_head^)? attr-dict-with-keyword $body
  }];
  let hasRegionVerifier = 1;
}

def Mask_GroupOp : Mask_Op<"group", [HasParent<"PatternOp">, SingleBlock, IsolatedFromAbove]> {
  let summary = "heads that share a mask, and that mask";
  let description = [{
    `mask.group 0 to 7 { ... }` (both ends included) or `mask.group all { ... }`. The region computes whether
    query position `mask.index query` may see key position `mask.index key` and yields it as i1.

    Constraints: 0 <= first <= last; the region yields one i1 and computes no float.
  }];
  let arguments = (ins I64Attr:$first, I64Attr:$last);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "custom<Heads>($first, $last) attr-dict-with-keyword $body";
  let hasRegionVerifier = 1;
}

def Mask_ScoreOp : Mask_Op<"score", [HasParent<"PatternOp">, SingleBlock, IsolatedFromAbove]> {
  let summary = "the modified score of a visible pair";
  let description = [{
    The region takes the scaled score and yields the modified one, both f32.

    ```mlir
    mask.score (%s: f32) {
      %cap = arith.constant 5.0e+01 : f32
      %scaled = arith.divf %s, %cap : f32
      %bent = math.tanh %scaled : f32
      %result = arith.mulf %bent, %cap : f32
      mask.yield %result : f32
    }
    ```
    Constraints: one argument of type f32; the region yields one f32.
  }];
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasRegionVerifier = 1;
}

def Mask_YieldOp : Mask_Op<"yield", [Pure, Terminator, ReturnLike, ParentOneOf<["GroupOp", "ScoreOp"]>]> {
  let summary = "the result of a mask or score";
  let arguments = (ins AnyTypeOf<[I1, F32]>:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

//===-- Leaves --------------------------------------------------------------------------------------------===//

def Mask_ConstOp : Mask_Op<"const", [Pure, ConstantLike]> {
  let summary = "an integer";
  let description = [{ `mask.const 64`. }];
  let arguments = (ins I64Attr:$value);
  let results = (outs Mask_IntType:$result);
  let assemblyFormat = "$value attr-dict";
  let hasFolder = 1;
}

def Mask_BoolOp : Mask_Op<"bool", [Pure, ConstantLike]> {
  let summary = "true or false";
  let description = [{ `mask.bool true`: the mask of a dense head. }];
  let arguments = (ins BoolAttr:$value);
  let results = (outs I1:$result);
  let assemblyFormat = "$value attr-dict";
  let hasFolder = 1;
}

def Mask_IndexOp : Mask_Op<"index", [Pure]> {
  let summary = "an index or extent";
  let description = [{
    `query` and `key` are absolute positions (row + query offset, column + key offset), `kv_head` is head /
    (heads / kv_heads); lengths are those of the batch entry.
  }];
  let arguments = (ins Mask_IndexVar:$variable);
  let results = (outs Mask_IntType:$result);
  let assemblyFormat = "$variable attr-dict";
}

def Mask_ParamOp : Mask_Op<"param", [Pure]> {
  let summary = "a run-time parameter, by its index in the pattern";
  let description = [{
    Parameters inside divisors do not occur: import substitutes their values.

    Constraint: the index is that of a declared parameter.
  }];
  let arguments = (ins I32Attr:$index);
  let results = (outs Mask_IntType:$result);
  let assemblyFormat = "$index attr-dict";
  let hasVerifier = 1;
}

def Mask_AuxLoadOp : Mask_Op<"aux_load", [Pure]> {
  let summary = "an entry of an auxiliary tensor, by its index in the pattern";
  let description = [{
    `mask.aux_load 0[%b, %q] : !mask.int`, or `: f32` for a tensor of floats. An index outside the tensor reads
    the nearest entry.

    Constraints: the index is that of a declared tensor; one operand per axis; the result fits the element type.
  }];
  let arguments = (ins I32Attr:$aux, Variadic<Mask_IntType>:$indices);
  let results = (outs AnyTypeOf<[Mask_IntType, F32]>:$result);
  let assemblyFormat = "$aux `[` $indices `]` attr-dict `:` type($result)";
  let hasVerifier = 1;
}

//===-- Integers ------------------------------------------------------------------------------------------===//

class Mask_Binary<string mnemonic, string text, list<Trait> traits = []> : Mask_Op<mnemonic, !listconcat([Pure], traits)> {
  let summary = text;
  let arguments = (ins Mask_IntType:$lhs, Mask_IntType:$rhs);
  let results = (outs Mask_IntType:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict";
  let hasFolder = 1;
}

def Mask_AddOp : Mask_Binary<"add", "sum", [Commutative]> { let hasCanonicalizer = 1; }
def Mask_SubOp : Mask_Binary<"sub", "difference"> { let hasCanonicalizer = 1; }
def Mask_MulOp : Mask_Binary<"mul", "product", [Commutative]>;
def Mask_MinOp : Mask_Binary<"min", "the smaller one", [Commutative]>;
def Mask_MaxOp : Mask_Binary<"max", "the larger one", [Commutative]>;

class Mask_Unary<string mnemonic, string text> : Mask_Op<mnemonic, [Pure]> {
  let summary = text;
  let arguments = (ins Mask_IntType:$value);
  let results = (outs Mask_IntType:$result);
  let assemblyFormat = "$value attr-dict";
  let hasFolder = 1;
}

def Mask_AbsOp : Mask_Unary<"abs", "absolute value">;
def Mask_NegOp : Mask_Unary<"neg", "negation">;

class Mask_Division<string mnemonic, string text> : Mask_Op<mnemonic, [Pure]> {
  let summary = text;
  let description = [{ `%b = mask.}] # mnemonic # [{ %q, 64`. Constraint: the divisor is a positive constant. }];
  let arguments = (ins Mask_IntType:$value, I64Attr:$divisor);
  let results = (outs Mask_IntType:$result);
  let assemblyFormat = "$value `,` $divisor attr-dict";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Mask_FloorDivOp : Mask_Division<"floordiv", "quotient rounded towards minus infinity"> {
  let hasCanonicalizer = 1;
}
def Mask_ModOp : Mask_Division<"mod", "value - divisor * floor(value / divisor), in [0, divisor)">;

def Mask_ToFloatOp : Mask_Op<"to_float", [Pure]> {
  let summary = "the nearest f32 of an integer";
  let arguments = (ins Mask_IntType:$value);
  let results = (outs F32:$result);
  let assemblyFormat = "$value attr-dict";
  let hasFolder = 1;
}

//===-- Truth values --------------------------------------------------------------------------------------===//

def Mask_CmpOp : Mask_Op<"cmp", [Pure]> {
  let summary = "comparison of two integers";
  let description = [{ `mask.cmp ge %q, %k`: one of `eq ne lt le gt ge`. }];
  let arguments = (ins Mask_Comparison:$comparison, Mask_IntType:$lhs, Mask_IntType:$rhs);
  let results = (outs I1:$result);
  let assemblyFormat = "$comparison $lhs `,` $rhs attr-dict";
  let hasFolder = 1;
}

class Mask_Logic<string mnemonic, string text> : Mask_Op<mnemonic, [Pure, Commutative]> {
  let summary = text;
  let arguments = (ins I1:$lhs, I1:$rhs);
  let results = (outs I1:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict";
  let hasFolder = 1;
}

def Mask_AndOp : Mask_Logic<"and", "both">;
def Mask_OrOp : Mask_Logic<"or", "either">;

def Mask_NotOp : Mask_Op<"not", [Pure]> {
  let summary = "the opposite";
  let arguments = (ins I1:$value);
  let results = (outs I1:$result);
  let assemblyFormat = "$value attr-dict";
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Mask_SelectOp : Mask_Op<"select", [Pure, AllTypesMatch<["yes", "no", "result"]>]> {
  let summary = "one of two integers or truth values";
  let description = [{ `mask.select %c, %a, %b : !mask.int`: %a where %c holds, else %b. }];
  let arguments = (ins I1:$condition, AnyTypeOf<[Mask_IntType, I1]>:$yes, AnyTypeOf<[Mask_IntType, I1]>:$no);
  let results = (outs AnyTypeOf<[Mask_IntType, I1]>:$result);
  let assemblyFormat = "$condition `,` $yes `,` $no attr-dict `:` type($result)";
  let hasFolder = 1;
}

#endif
