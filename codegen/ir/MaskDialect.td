// The `mask` dialect: a pattern as it was declared, over mathematical integers.
#ifndef MASKLOOM_CODEGEN_IR_MASK_DIALECT_TD
#define MASKLOOM_CODEGEN_IR_MASK_DIALECT_TD

include "mlir/IR/OpBase.td"

def Mask_Dialect : Dialect {
  let name = "mask";
  let cppNamespace = "::maskloom::mask";
  let summary = "Which keys each query of each head may see, over mathematical integers.";
  let description = [{
    A pattern is one `mask.pattern` with a `mask.group` per head group and, when it modifies scores, one
    `mask.score`. Integers have type `!mask.int`: they have no width and never overflow, and division rounds
    towards minus infinity. Truth values are `i1`; floats, which occur in scores only, are `f32` and are
    computed by the `arith` and `math` dialects.

    ```mlir
    mask.pattern @window params [#mask.param<"window", 0, 4096>] {
      mask.group all {
        %q = mask.index query
        %k = mask.index key
        %distance = mask.sub %q, %k
        %window = mask.param 0
        %causal = mask.cmp ge %q, %k
        %near = mask.cmp lt %distance, %window
        %visible = mask.and %causal, %near
        mask.yield %visible : i1
      }
    }
    ```
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

#endif
