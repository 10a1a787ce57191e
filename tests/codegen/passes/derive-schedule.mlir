// RUN: maskloom-opt --mask-derive-schedule="tile-queries=128 tile-keys=64" %s | FileCheck %s
// RUN: maskloom-opt --mask-derive-schedule="tile-queries=64 tile-keys=32 orientations=transposed" %s | FileCheck %s --check-prefix=TRANSPOSED
// RUN: not maskloom-opt --mask-derive-schedule="orientations=sideways" %s 2>&1 | FileCheck %s --check-prefix=SIDEWAYS
// RUN: not maskloom-opt --mask-derive-schedule="tile-keys=0" %s 2>&1 | FileCheck %s --check-prefix=ZERO

// SIDEWAYS: error: expected orientations forward or transposed, found 'sideways'
// ZERO: error: expected positive tile extents, found 128 x 0

// The pattern stays, its schedules follow.
// CHECK-LABEL: mask.pattern @causal
// CHECK: tile.schedule @forward_0 forward 128 x 64 closed_form {
// CHECK-NEXT: tile.run touched upper [#tile.bound<(128 * outer + query_offset - key_offset + 127) / 64>] exact
// CHECK-NEXT: tile.run not_full lower [#tile.bound<(128 * outer + query_offset - key_offset - 62) / 64>] exact
// CHECK-NEXT: }
// CHECK: tile.schedule @transposed_0 transposed 128 x 64 closed_form {
// CHECK: tile.schedule @forward_1 forward 128 x 64 remark
// CHECK: tile.schedule @transposed_1 transposed 128 x 64 remark

// TRANSPOSED-NOT: @forward
// TRANSPOSED: tile.schedule @transposed_0 transposed 64 x 32 closed_form
mask.pattern @causal auxes [#mask.aux<"doc", [batch, query], i32>] {
  mask.group 0 to 3 {
    %q = mask.index query
    %k = mask.index key
    %v = mask.cmp ge %q, %k
    mask.yield %v : i1
  }
  mask.group 4 to 7 {
    %q = mask.index query
    %k = mask.index key
    %b = mask.index batch
    %doc_q = mask.aux_load 0[%b, %q] : !mask.int
    %doc_k = mask.aux_load 0[%b, %k] : !mask.int
    %v = mask.cmp eq %doc_q, %doc_k
    mask.yield %v : i1
  }
}
