// Attributes of the `tile` dialect: affine forms over schedule symbols and the parts of a run.
#ifndef MASKLOOM_CODEGEN_IR_TILE_ATTRIBUTES_TD
#define MASKLOOM_CODEGEN_IR_TILE_ATTRIBUTES_TD

include "TileDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def Tile_Orientation : I32EnumAttr<"ScheduleOrientation", "what an outer tile is", [
    I32EnumAttrCase<"Forward", 0, "forward">, I32EnumAttrCase<"Transposed", 1, "transposed">]> {
  let cppNamespace = "::maskloom::tile";
}

def Tile_RunSet : I32EnumAttr<"RunSet", "the set of tiles a run belongs to", [
    I32EnumAttrCase<"Touched", 0, "touched">, I32EnumAttrCase<"NotFull", 1, "not_full">]> {
  let cppNamespace = "::maskloom::tile";
}

class Tile_Attr<string name, string mnemonicText> : AttrDef<Tile_Dialect, name> {
  let mnemonic = mnemonicText;
  let genVerifyDecl = 1;
}

// An affine form is stored flat: the constant, then (symbol, index, coefficient) per term, in the order of
// maskloom::Affine. Written: `2 * outer + 3 * param[1] - 15`.
class Tile_AffineParameter<string what> : ArrayRefParameter<"int64_t", what>;

def Tile_BoundAttr : Tile_Attr<"Bound", "bound"> {
  let summary = "numerator / denominator, rounded towards the inside of the run";
  let description = [{
    `#tile.bound<(2 * outer + 63) / 64>`: its ceiling as a lower bound of the inner tile, its floor as an upper
    bound and in `tile.floor`. `#tile.bound<2 * outer + 1>` has denominator 1. Symbols of affine forms: `outer inner head kv_head batch
    query_length key_length heads kv_heads query_offset key_offset param[i] floor[i] aux_scalar[i]`. The
    denominator is positive.
  }];
  let parameters = (ins Tile_AffineParameter<"numerator">:$numerator, "int64_t":$denominator);
  let assemblyFormat = "`<` custom<Quotient>($numerator, $denominator) `>`";
}

def Tile_ConditionAttr : Tile_Attr<"Condition", "condition"> {
  let summary = "affine >= 0, or affine == 0";
  let description = [{ `#tile.condition<outer - 4 ge 0>` or `#tile.condition<outer - 4 eq 0>`. }];
  let parameters = (ins Tile_AffineParameter<"affine">:$affine, "bool":$equality);
  let assemblyFormat = "`<` custom<AffineForm>($affine) custom<Relation>($equality) `>`";
}

def Tile_CongruenceAttr : Tile_Attr<"Congruence", "congruence"> {
  let summary = "(a * inner + phase) mod period <= width";
  let description = [{
    `#tile.congruence<1 * inner, head + 1, mod 16, width 0>`: the inner tile x with (x + head + 1) mod 16 <= 0.
    Phase and width are free of `inner`; the period is positive.
  }];
  let parameters = (ins "int64_t":$a, Tile_AffineParameter<"phase">:$phase, "int64_t":$period,
                        Tile_AffineParameter<"width">:$width);
  let assemblyFormat = [{
    `<` $a `*` `inner` `,` custom<AffineForm>($phase) `,` `mod` $period `,` `width` custom<AffineForm>($width) `>`
  }];
}

def Tile_GapAttr : Tile_Attr<"Gap", "gap"> {
  let summary = "an integer exists between lower / a and upper / b";
  let description = [{ `#tile.gap<(lower) / a, (upper) / b>` holds iff floor(upper / b) >= ceil(lower / a); a and b are positive. }];
  let parameters = (ins Tile_AffineParameter<"lower">:$lower, "int64_t":$a,
                        Tile_AffineParameter<"upper">:$upper, "int64_t":$b);
  let assemblyFormat = [{
    `<` custom<Quotient>($lower, $a) `,` custom<Quotient>($upper, $b) `>`
  }];
}

def Tile_GroupAttr : Tile_Attr<"Group", "group"> {
  let summary = "the heads of a head group, both ends included";
  let description = [{ `#tile.group<0, 7>`, or `#tile.group<all>` for a pattern without groups. }];
  let parameters = (ins "int64_t":$first, "int64_t":$last);
  let assemblyFormat = "`<` custom<HeadRange>($first, $last) `>`";
}

def Tile_ParamAttr : Tile_Attr<"Param", "param"> {
  let summary = "a run-time integer parameter and its declared range, both ends included";
  let description = [{ `#tile.param<"local", 1, 4096>`; low <= high. }];
  let parameters = (ins StringRefParameter<"name">:$name, "int64_t":$low, "int64_t":$high);
  let assemblyFormat = "`<` $name `,` $low `,` $high `>`";
}

def Tile_AuxAttr : Tile_Attr<"Aux", "aux"> {
  let summary = "an auxiliary tensor: name, rank 1 to 3, element type i32 or f32";
  let description = [{ `#tile.aux<"doc", 2, i32>`. }];
  let parameters = (ins StringRefParameter<"name">:$name, "int64_t":$rank, "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $name `,` $rank `,` $elementType `>`";
}

#endif
