// Types and attributes of the `mask` dialect.
#ifndef MASKLOOM_CODEGEN_IR_MASK_ATTRIBUTES_TD
#define MASKLOOM_CODEGEN_IR_MASK_ATTRIBUTES_TD

include "MaskDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def Mask_Int : TypeDef<Mask_Dialect, "Int"> {
  let mnemonic = "int";
  let summary = "a mathematical integer";
  let description = [{ Has no width: range analysis picks 32 or 64 bits when a pattern is lowered. }];
}
def Mask_IntType : DialectType<Mask_Dialect, CPred<"::llvm::isa<::maskloom::mask::IntType>($_self)">,
    "mathematical integer">, BuildableType<"$_builder.getType<::maskloom::mask::IntType>()">;

def Mask_IndexVar : I32EnumAttr<"IndexVariable", "an index or extent that expressions may name", [
    I32EnumAttrCase<"Query", 0, "query">, I32EnumAttrCase<"Key", 1, "key">, I32EnumAttrCase<"Head", 2, "head">,
    I32EnumAttrCase<"KvHead", 3, "kv_head">, I32EnumAttrCase<"Batch", 4, "batch">,
    I32EnumAttrCase<"QueryLength", 5, "query_length">, I32EnumAttrCase<"KeyLength", 6, "key_length">,
    I32EnumAttrCase<"Heads", 7, "heads">, I32EnumAttrCase<"KvHeads", 8, "kv_heads">]> {
  let cppNamespace = "::maskloom::mask";
}

def Mask_Comparison : I32EnumAttr<"Comparison", "an order relation", [
    I32EnumAttrCase<"Eq", 0, "eq">, I32EnumAttrCase<"Ne", 1, "ne">, I32EnumAttrCase<"Lt", 2, "lt">,
    I32EnumAttrCase<"Le", 3, "le">, I32EnumAttrCase<"Gt", 4, "gt">, I32EnumAttrCase<"Ge", 5, "ge">]> {
  let cppNamespace = "::maskloom::mask";
}

def Mask_ParamAttr : AttrDef<Mask_Dialect, "Param"> {
  let mnemonic = "param";
  let summary = "a run-time integer parameter and its declared range, both ends included";
  let description = [{ `#mask.param<"local", 1, 4096>`. Constraint: low <= high. }];
  let parameters = (ins StringRefParameter<"name">:$name, "int64_t":$low, "int64_t":$high);
  let assemblyFormat = "`<` $name `,` $low `,` $high `>`";
  let genVerifyDecl = 1;
}

def Mask_AuxAttr : AttrDef<Mask_Dialect, "Aux"> {
  let mnemonic = "aux";
  let summary = "an auxiliary tensor given at run time";
  let description = [{
    `#mask.aux<"doc", [batch, query], i32>`, `#mask.aux<"table", [head, query by 64, 16], i32>`: one to three
    axes, each an index (`batch head kv_head query key`; positions in blocks of `by` tokens) or a fixed extent.
    Stored flat: (kind, block, extent) per axis, kinds as in maskloom::ProgramAux. Elements are i32 or f32.
  }];
  let parameters = (ins StringRefParameter<"name">:$name, ArrayRefParameter<"int64_t">:$axes, "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $name `,` `[` custom<Axes>($axes) `]` `,` $elementType `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{ int64_t getRank() const { return getAxes().size() / 3; } }];
}

#endif
