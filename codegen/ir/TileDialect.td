// The `tile` dialect: schedules of tiles, and the leaves of the lowered mask and score functions.
#ifndef MASKLOOM_CODEGEN_IR_TILE_DIALECT_TD
#define MASKLOOM_CODEGEN_IR_TILE_DIALECT_TD

include "mlir/IR/OpBase.td"

def Tile_Dialect : Dialect {
  let name = "tile";
  let cppNamespace = "::maskloom::tile";
  let summary = "Schedules of visible tiles, and what lowered mask and score functions read.";
  let description = [{
    The lowered form of a pattern is one module:

    ```mlir
    module attributes {tile.pattern = "s2", tile.hash = "0f...", tile.groups = [#tile.group<all>],
                       tile.params = [#tile.param<"local", 1, 4096>], tile.auxes = [#tile.aux<"doc", 2, i32>]} {
      tile.schedule @forward_0 forward 128 x 64 closed_form { ... }
      tile.schedule @transposed_0 transposed 128 x 64 closed_form { ... }
      func.func @visible_0(%q: i32, %k: i32) -> i1 { ... }
      func.func @score(%s: f32, %q: i32, %k: i32) -> f32 { ... }
    }
    ```

    Function `visible_<g>` says whether query position `%q` of a head of group g may see key position `%k`;
    offsets are already added to positions. `score` exists only when the pattern modifies scores; it takes the
    scaled score. Both are one block that ends in `func.return`. Their bodies hold only:

    - integers, i32 or i64 (and i1): `arith.constant addi subi muli minsi maxsi cmpi select andi ori xori extsi
      trunci`, `math.absi`, `tile.floor_div`, `tile.floor_mod`. None overflows: the widths were chosen by range
      analysis. `cmpi` uses signed predicates on i32 and i64, `eq` and `ne` on i1 too;
    - floats, f32: `arith.constant addf subf mulf divf minimumf maximumf negf cmpf select sitofp`,
      `math.exp2 exp log tanh sqrt absf`. `cmpf` uses the ordered predicates (`oeq olt ole ogt oge`) and `une`;
    - leaves: `tile.symbol`, `tile.param`, `tile.aux_load`.

    A value may carry a readable name through a NameLoc, for example `loc("q_block"("s2.mask":3:8))`.

    Attributes of the module, all of them in this dialect:

    | attribute | type | meaning |
    |---|---|---|
    | `tile.pattern` | string | the pattern's name |
    | `tile.hash` | string | the pattern's hash, 32 hex digits |
    | `tile.groups` | array of `#tile.group` | head group g has functions and schedules with suffix `_g` |
    | `tile.groups_by_kv_head` | unit | groups count KV heads, not query heads |
    | `tile.params` | array of `#tile.param` | declared parameters by index |
    | `tile.auxes` | array of `#tile.aux` | auxiliary tensors by index |
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
}

#endif
