// RUN: maskloom-opt --mask-lower-to-arith --mlir-use-nameloc-as-prefix -split-input-file %s | FileCheck %s

// CHECK: module attributes {tile.auxes = [#tile.aux<"doc", 2, i32>, #tile.aux<"slope", 1, f32>], tile.groups = [#tile.group<0, 3>, #tile.group<4, 7>], tile.groups_by_kv_head, tile.hash = "00ff", tile.params = [#tile.param<"local", 1, 4096>, #tile.param<"reach", 0, 8589934592>], tile.pattern = "s2"}
mask.pattern @s2 hash "00ff" params [#mask.param<"local", 1, 4096>, #mask.param<"reach", 0, 8589934592>]
    auxes [#mask.aux<"doc", [batch, query], i32>, #mask.aux<"slope", [head], f32>] by_kv_head {
  // CHECK: func.func @visible_0(%q: i32, %k: i32) -> i1 {
  mask.group 0 to 3 {
    %q = mask.index query
    %k = mask.index key
    %kvh = mask.index kv_head
    %zero = mask.const 0
    // CHECK: %kv_head = tile.symbol "kv_head" : i32
    // CHECK: %q_block = tile.floor_div %q, 64 : i32
    %qb = mask.floordiv %q, 64
    // CHECK: %k_block = tile.floor_div %k, 64 : i32
    %kb = mask.floordiv %k, 64
    // CHECK: %block_distance = arith.subi %q_block, %k_block : i32
    %d = mask.sub %qb, %kb
    // CHECK: %local = tile.param 0 : i32
    %local = mask.param 0
    // CHECK: %[[NEAR:.*]] = arith.cmpi slt, %block_distance, %local : i32
    %near = mask.cmp lt %d, %local
    // CHECK: %[[SUM:.*]] = arith.addi %k_block, %kv_head : i32
    %sum = mask.add %kb, %kvh
    // CHECK: %phase = tile.floor_mod %[[SUM]], 16 : i32
    %phase = mask.mod %sum, 16
    // CHECK: %[[FAR:.*]] = arith.cmpi eq, %phase, %{{.*}} : i32
    %far = mask.cmp eq %phase, %zero
    // CHECK: %[[EITHER:.*]] = arith.ori %[[NEAR]], %[[FAR]] : i1
    %v = mask.or %near, %far
    // CHECK: return %[[EITHER]] : i1
    mask.yield %v : i1
  }
  // CHECK: func.func @visible_1(%q: i32, %k: i32) -> i1 {
  mask.group 4 to 7 {
    %q = mask.index query
    %k = mask.index key
    %b = mask.index batch
    // CHECK: %doc_q = tile.aux_load 0[%batch, %q : i32, i32] : i32
    %doc_q = mask.aux_load 0[%b, %q] : !mask.int
    // CHECK: %doc_k = tile.aux_load 0[%batch, %k : i32, i32] : i32
    %doc_k = mask.aux_load 0[%b, %k] : !mask.int
    // q - k fits 32 bits; against a 64-bit parameter it is widened.
    // CHECK: %distance = arith.subi %q, %k : i32
    %d = mask.sub %q, %k
    // CHECK: %reach = tile.param 1 : i64
    %reach = mask.param 1
    // CHECK: %[[WIDE:.*]] = arith.extsi %distance : i32 to i64
    // CHECK: arith.cmpi slt, %[[WIDE]], %reach : i64
    %near = mask.cmp lt %d, %reach
    %same = mask.cmp eq %doc_q, %doc_k
    %both = mask.and %near, %same
    // CHECK: arith.xori
    %v = mask.not %both
    mask.yield %v : i1
  }
  // CHECK: func.func @score(%s: f32, %q: i32, %k: i32) -> f32 {
  mask.score (%s: f32) {
    %q = mask.index query
    %k = mask.index key
    %h = mask.index head
    // CHECK: %slope = tile.aux_load 1[%head : i32] : f32
    %slope = mask.aux_load 1[%h] : f32
    // CHECK: %[[D:.*]] = arith.subi %k, %q : i32
    %d = mask.sub %k, %q
    // CHECK: arith.sitofp %[[D]] : i32 to f32
    %f = mask.to_float %d
    %bias = arith.mulf %slope, %f : f32
    %r = arith.addf %s, %bias : f32
    // CHECK: return %{{.*}} : f32
    mask.yield %r : f32
  }
  // CHECK-NOT: mask.
}

// -----
// Sums of positions need 64 bits; what is small again is narrowed; large divisors widen the dividend.
// CHECK-LABEL: tile.pattern = "widths"
mask.pattern @widths {
  mask.group all {
    %q = mask.index query
    %k = mask.index key
    %c = mask.const 1000
    // CHECK: %[[Q:.*]] = arith.extsi %q : i32 to i64
    // CHECK: %[[K:.*]] = arith.constant 1000 : i64
    // CHECK: %[[P:.*]] = arith.muli %[[Q]], %[[K]] : i64
    %p = mask.mul %q, %c
    // CHECK: %[[M:.*]] = tile.floor_mod %[[P]], 7 : i64
    // CHECK: %[[N:.*]] = arith.trunci %[[M]] : i64 to i32
    %m = mask.mod %p, 7
    // CHECK: %[[A:.*]] = math.absi %k : i32
    %a = mask.abs %k
    // CHECK: arith.cmpi slt, %[[N]], %[[A]] : i32
    %u = mask.cmp lt %m, %a
    // CHECK: %[[KW:.*]] = arith.extsi %k : i32 to i64
    // CHECK: %[[D:.*]] = tile.floor_div %[[KW]], 68719476736 : i64
    // CHECK: arith.trunci %[[D]] : i64 to i32
    %d = mask.floordiv %k, 68719476736
    // CHECK: arith.subi %{{.*}}, %{{.*}} : i32
    %n = mask.neg %d
    // CHECK: arith.minsi
    %min = mask.min %n, %m
    // CHECK: arith.maxsi
    %max = mask.max %min, %d
    %w = mask.cmp gt %max, %d
    // CHECK: arith.select %{{.*}}, %{{.*}}, %{{.*}} : i1
    %v = mask.select %u, %w, %u : i1
    // CHECK: arith.select %{{.*}}, %{{.*}}, %{{.*}} : i64
    %t = mask.select %v, %q, %p : !mask.int
    // CHECK: arith.cmpi ne, %{{.*}}, %{{.*}} : i64
    %x = mask.cmp ne %t, %p
    mask.yield %x : i1
  }
}
