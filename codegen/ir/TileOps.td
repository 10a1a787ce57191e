// Operations of the `tile` dialect.
#ifndef MASKLOOM_CODEGEN_IR_TILE_OPS_TD
#define MASKLOOM_CODEGEN_IR_TILE_OPS_TD

include "TileAttributes.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Tile_Op<string mnemonic, list<Trait> traits = []> : Op<Tile_Dialect, mnemonic, traits>;

//===-- Schedules ---------------------------------------------------------------------------------------===//

def Tile_ScheduleOp : Tile_Op<"schedule", [Symbol, SingleBlock, NoTerminator, IsolatedFromAbove]> {
  let summary = "which tiles a row (or column) of tiles visits";
  let description = [{
    The closed-form runs of one head group at one tile shape; the IR form of `maskloom::Schedule`, to which it
    converts exactly in both directions (ScheduleConversion.h). The body holds `tile.floor` operations first,
    then `tile.run` operations. Going `forward` the outer tile is a Q tile and the inner one a KV tile;
    `transposed` is the other way round. Without `closed_form` the runs are sound but must be intersected
    with the box evaluation of the mask; `remark` then says why.

    ```mlir
    tile.schedule @forward_0 forward 128 x 64 closed_form {
      tile.floor #tile.bound<(head) / 4>
      tile.run touched upper [#tile.bound<2 * outer + 1>]
        congruences [#tile.congruence<1 * inner, floor[0], mod 16, width 0>] exact
      tile.run not_full lower [#tile.bound<2 * outer>] exact
    }
    ```

    Constraints: tile extents are positive; floors stand before runs; a floor's numerator uses earlier floors
    only; indices of floors exist.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Tile_Orientation:$orientation, I64Attr:$tile_queries,
                       I64Attr:$tile_keys, UnitAttr:$closed_form, OptionalAttr<StrAttr>:$remark);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name $orientation $tile_queries `x` $tile_keys (`closed_form` $closed_form^)? (`remark` $remark^)?
    attr-dict-with-keyword $body
  }];
  let hasRegionVerifier = 1;
}

def Tile_FloorOp : Tile_Op<"floor", [HasParent<"ScheduleOp">]> {
  let summary = "a scalar floor(numerator / denominator) that runs name as floor[i]";
  let description = [{
    The i-th `tile.floor` of a schedule is what `floor[i]` means in affine forms. With `depends_on_inner` the
    numerator uses `inner`, directly or through an earlier floor; without, it must not.
  }];
  let arguments = (ins Tile_BoundAttr:$value, UnitAttr:$depends_on_inner);
  let assemblyFormat = "$value (`depends_on_inner` $depends_on_inner^)? attr-dict";
}

def Tile_RunOp : Tile_Op<"run", [HasParent<"ScheduleOp">]> {
  let summary = "inner tiles between bounds that obey guards, congruences, gaps and filters";
  let description = [{
    The inner tiles x with max(lower) <= x <= min(upper) for which every guard, congruence, gap and filter
    holds. No lower bound means 0, no upper bound means unbounded. Bounds, guards, phases and widths are free
    of `inner`, directly and through floors; filters and gaps may use it. `exact` says that the run holds no
    tile by over-approximation.
  }];
  let arguments = (ins Tile_RunSet:$set,
    DefaultValuedOptionalAttr<TypedArrayAttrBase<Tile_BoundAttr, "array of bounds">, "{}">:$lower,
    DefaultValuedOptionalAttr<TypedArrayAttrBase<Tile_BoundAttr, "array of bounds">, "{}">:$upper,
    DefaultValuedOptionalAttr<TypedArrayAttrBase<Tile_ConditionAttr, "array of conditions">, "{}">:$guards,
    DefaultValuedOptionalAttr<TypedArrayAttrBase<Tile_CongruenceAttr, "array of congruences">, "{}">:$congruences,
    DefaultValuedOptionalAttr<TypedArrayAttrBase<Tile_GapAttr, "array of gaps">, "{}">:$gaps,
    DefaultValuedOptionalAttr<TypedArrayAttrBase<Tile_ConditionAttr, "array of conditions">, "{}">:$filters,
    UnitAttr:$exact);
  let assemblyFormat = [{
    $set (`lower` $lower^)? (`upper` $upper^)? (`guards` $guards^)? (`congruences` $congruences^)?
    (`gaps` $gaps^)? (`filters` $filters^)? (`exact` $exact^)? attr-dict
  }];
}

//===-- Leaves and integer division of the lowered functions -----------------------------------------------===//

def Tile_SymbolOp : Tile_Op<"symbol", [Pure]> {
  let summary = "a scalar of the batch entry and head at hand";
  let description = [{
    `symbol` is one of "batch", "head", "kv_head", "heads", "kv_heads", "query_length", "key_length"; lengths are
    those of the batch entry.

    ```mlir
    %h = tile.symbol "head" : i32
    ```
  }];
  let arguments = (ins StrAttr:$symbol);
  let results = (outs I32:$result);
  let assemblyFormat = "$symbol attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Tile_ParamOp : Tile_Op<"param", [Pure]> {
  let summary = "the value of a run-time parameter, by its index in Program::params";
  let description = [{
    i32 where the declared range fits, else i64. Parameters inside divisors do not occur: their values have been
    compiled in.

    ```mlir
    %local = tile.param 2 : i64
    ```
    Constraints: the index is not negative, and below the number of `tile.params` of the module where it has
    them; the declared range fits the result.
  }];
  let arguments = (ins I32Attr:$index);
  let results = (outs AnyTypeOf<[I32, I64]>:$result);
  let assemblyFormat = "$index attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Tile_AuxLoadOp : Tile_Op<"aux_load", [Pure]> {
  let summary = "an entry of an auxiliary tensor, by the tensor's index in Program::auxes";
  let description = [{
    Indices are entries along the tensor's axes (already divided by an axis' block), i32 or i64 each. An index
    outside [0, extent) reads the nearest entry: whoever emits code clamps, because a mask is evaluated as a
    whole, also at positions beyond the length and behind a guard that is false. The contents are constant
    during a launch, so the operation is pure.

    ```mlir
    %d = tile.aux_load 1[%b, %q : i32, i32] : i32
    %slope = tile.aux_load 0[%h : i32] : f32
    ```
    Constraints: one to three indices; rank and element type as the module's `tile.auxes` say where it has them.
  }];
  let arguments = (ins I32Attr:$aux, Variadic<AnyTypeOf<[I32, I64]>>:$indices);
  let results = (outs AnyTypeOf<[I32, F32]>:$result);
  let assemblyFormat = "$aux `[` $indices `:` type($indices) `]` attr-dict `:` type($result)";
  let hasVerifier = 1;
}

class Tile_FloorDivision<string mnemonic> : Tile_Op<mnemonic, [Pure, SameOperandsAndResultType]> {
  let arguments = (ins AnyTypeOf<[I32, I64]>:$value, I64Attr:$divisor);
  let results = (outs AnyTypeOf<[I32, I64]>:$result);
  let assemblyFormat = "$value `,` $divisor attr-dict `:` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Tile_FloorDivOp : Tile_FloorDivision<"floor_div"> {
  let summary = "value / divisor rounded towards minus infinity";
  let description = [{
    ```mlir
    %q_block = tile.floor_div %q, 64 : i32
    ```
    Constraints: the divisor is a positive constant that fits the type.
  }];
}

def Tile_FloorModOp : Tile_FloorDivision<"floor_mod"> {
  let summary = "value - divisor * floor(value / divisor), in [0, divisor)";
  let description = [{
    ```mlir
    %phase = tile.floor_mod %sum, 16 : i32
    ```
    Constraints: the divisor is a positive constant that fits the type.
  }];
}

#endif
