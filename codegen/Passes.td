// The passes of the pipeline, in the order in which they run.
#ifndef MASKLOOM_CODEGEN_PASSES_TD
#define MASKLOOM_CODEGEN_PASSES_TD

include "mlir/Pass/PassBase.td"

def MaskCanonicalize : Pass<"mask-canonicalize", "::mlir::ModuleOp"> {
  let summary = "Fold constants, simplify the algebra, drop repeated and unused operations.";
  let description = [{
    Applies the folders of all operations and the canonicalisation patterns of the `mask` dialect, then
    eliminates common subexpressions within each mask and score.
  }];
  let statistics = [Statistic<"removed", "removed-operations", "Operations removed">];
}

def MaskCheckRanges : Pass<"mask-check-ranges", "::mlir::ModuleOp"> {
  let summary = "Report every integer that may not fit 64 bits.";
  let description = [{
    Intervals of all integers, from the declared ranges of parameters, positions in [-2^30, 2^30), lengths in
    [0, 2^30], heads and batch entries in [0, 2^20] and full 32-bit auxiliary values. What may leave the 64-bit
    integers is an error at its place in the pattern.
  }];
}

def MaskDeriveSchedule : Pass<"mask-derive-schedule", "::mlir::ModuleOp"> {
  let summary = "Derive the closed-form runs of visible tiles of every head group.";
  let description = [{
    Adds `tile.schedule @forward_<group>` and `@transposed_<group>` after the pattern. Where a mask has no
    closed form the schedule says so in its remark.
  }];
  let options = [
    Option<"tileQueries", "tile-queries", "int64_t", "128", "Rows of a Q tile">,
    Option<"tileKeys", "tile-keys", "int64_t", "128", "Columns of a KV tile">,
    ListOption<"orientations", "orientations", "std::string", "forward, transposed or both (default)">,
  ];
  let statistics = [Statistic<"runs", "runs", "Runs derived">,
                    Statistic<"notClosed", "not-closed-form", "Schedules without a closed form">];
  let dependentDialects = ["::maskloom::tile::TileDialect"];
}

def MaskLowerToArith : Pass<"mask-lower-to-arith", "::mlir::ModuleOp"> {
  let summary = "Turn each mask and the score into a function over 32 and 64-bit integers.";
  let description = [{
    Replaces `mask.pattern` by `func.func @visible_<group>` and, with a score, `@score`: the lowered form that
    the `tile` dialect describes. Range analysis picks the width of every integer; an integer that may not fit
    64 bits is an error.
  }];
  let statistics = [Statistic<"wide", "wide-operations", "Integer operations that need 64 bits">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::math::MathDialect",
                           "::maskloom::tile::TileDialect"];
}

#endif
