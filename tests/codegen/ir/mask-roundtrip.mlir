// RUN: maskloom-opt %s | maskloom-opt | FileCheck %s
// RUN: maskloom-opt --mlir-print-op-generic %s | maskloom-opt | FileCheck %s

// CHECK: mask.pattern @everything hash "00ff" params [#mask.param<"local", 1, 4096>] auxes [#mask.aux<"doc", [batch, query], i32>, #mask.aux<"table", [head, query by 64, 16], i32>, #mask.aux<"slope", [head], f32>] by_kv_head {
mask.pattern @everything hash "00ff" params [#mask.param<"local", 1, 4096>]
    auxes [#mask.aux<"doc", [batch, query], i32>, #mask.aux<"table", [head, query by 64, 16], i32>,
           #mask.aux<"slope", [head], f32>] by_kv_head {
  // CHECK: mask.group 0 to 7 {
  mask.group 0 to 7 {
    // CHECK-NEXT: %[[Q:.*]] = mask.index query
    %q = mask.index query
    // CHECK-NEXT: %[[K:.*]] = mask.index key
    %k = mask.index key
    %b = mask.index batch
    %h = mask.index head
    // CHECK: mask.const -3
    %c = mask.const -3
    // CHECK-NEXT: mask.param 0
    %p = mask.param 0
    // CHECK-NEXT: mask.aux_load 0[%{{.*}}, %[[Q]]] : !mask.int
    %doc = mask.aux_load 0[%b, %q] : !mask.int
    // CHECK-NEXT: mask.add %[[Q]], %{{.*}}
    %add = mask.add %q, %c
    // CHECK-NEXT: mask.sub
    %sub = mask.sub %add, %p
    // CHECK-NEXT: mask.mul
    %mul = mask.mul %sub, %c
    // CHECK-NEXT: mask.min
    %min = mask.min %mul, %doc
    // CHECK-NEXT: mask.max
    %max = mask.max %min, %h
    // CHECK-NEXT: mask.abs
    %abs = mask.abs %max
    // CHECK-NEXT: mask.neg
    %neg = mask.neg %abs
    // CHECK-NEXT: mask.floordiv %{{.*}}, 64
    %div = mask.floordiv %neg, 64
    // CHECK-NEXT: mask.mod %{{.*}}, 16
    %mod = mask.mod %div, 16
    // CHECK-NEXT: mask.cmp lt %{{.*}}, %[[K]]
    %cmp = mask.cmp lt %mod, %k
    // CHECK-NEXT: mask.bool true
    %true = mask.bool true
    // CHECK-NEXT: mask.and
    %and = mask.and %cmp, %true
    // CHECK-NEXT: mask.or
    %or = mask.or %and, %cmp
    // CHECK-NEXT: mask.not
    %not = mask.not %or
    // CHECK-NEXT: mask.select %{{.*}}, %{{.*}}, %{{.*}} : i1
    %visible = mask.select %not, %cmp, %true : i1
    // CHECK-NEXT: mask.yield %{{.*}} : i1
    mask.yield %visible : i1
  }
  // CHECK: mask.group 8 to 31 {
  mask.group 8 to 31 {
    %true = mask.bool true
    mask.yield %true : i1
  }
  // CHECK: mask.score (%[[S:.*]]: f32) {
  mask.score (%s: f32) {
    %h = mask.index head
    %slope = mask.aux_load 2[%h] : f32
    // CHECK: mask.to_float
    %f = mask.to_float %h
    %a = arith.mulf %f, %slope : f32
    // CHECK: arith.addf %[[S]]
    %r = arith.addf %s, %a : f32
    // CHECK: mask.yield %{{.*}} : f32
    mask.yield %r : f32
  }
}

// CHECK: mask.pattern @dense {
mask.pattern @dense {
  // CHECK: mask.group all {
  mask.group all {
    %true = mask.bool true
    mask.yield %true : i1
  }
}
