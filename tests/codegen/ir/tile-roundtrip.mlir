// RUN: maskloom-opt %s | maskloom-opt | FileCheck %s
// RUN: maskloom-opt --mlir-print-op-generic %s | maskloom-opt | FileCheck %s

// CHECK: module attributes {tile.auxes = [#tile.aux<"doc", 2, i32>, #tile.aux<"slope", 1, f32>], tile.groups = [#tile.group<0, 7>, #tile.group<8, 31>], tile.groups_by_kv_head, tile.hash = "00ff", tile.params = [#tile.param<"local", 1, 4096>], tile.pattern = "s2"}
module attributes {tile.pattern = "s2", tile.hash = "00ff", tile.groups_by_kv_head,
                   tile.groups = [#tile.group<0, 7>, #tile.group<8, 31>],
                   tile.params = [#tile.param<"local", 1, 4096>],
                   tile.auxes = [#tile.aux<"doc", 2, i32>, #tile.aux<"slope", 1, f32>]} {
  // CHECK: tile.schedule @forward_0 forward 128 x 64 closed_form {
  tile.schedule @forward_0 forward 128 x 64 closed_form {
    // CHECK-NEXT: tile.floor <(head + 3) / 4>
    tile.floor #tile.bound<(head + 3) / 4>
    // CHECK-NEXT: tile.floor <(inner + floor[0]) / 2> depends_on_inner
    tile.floor #tile.bound<(floor[0] + inner) / 2> depends_on_inner
    // CHECK-NEXT: tile.run touched lower [#tile.bound<0>, #tile.bound<2 * outer - param[0] + 1>] upper [#tile.bound<(128 * outer + query_offset + 127) / 64>] exact
    tile.run touched lower [#tile.bound<0>, #tile.bound<2 * outer - param[0] + 1>]
      upper [#tile.bound<(128 * outer + query_offset + 127) / 64>] exact
    // CHECK-NEXT: tile.run touched guards [#tile.condition<outer - 4 ge 0>, #tile.condition<head - 1 eq 0>] congruences [#tile.congruence<1 * inner, floor[0] + 1, mod 16, width 0>]
    tile.run touched guards [#tile.condition<outer - 4 ge 0>, #tile.condition<head - 1 eq 0>]
      congruences [#tile.congruence<1 * inner, floor[0] + 1, mod 16, width 0>]
    // CHECK-NEXT: tile.run not_full gaps [#tile.gap<(inner) / 3, 2 * outer>] filters [#tile.condition<floor[1] - aux_scalar[0] ge 0>]
    tile.run not_full gaps [#tile.gap<(inner) / 3, 2 * outer>]
      filters [#tile.condition<floor[1] - aux_scalar[0] ge 0>]
  }
  // CHECK: tile.schedule @transposed_0 transposed 64 x 32 remark "aux tensor" {
  tile.schedule @transposed_0 transposed 64 x 32 remark "aux tensor" {
    // The smallest integer survives the text.
    // CHECK-NEXT: tile.run touched lower [#tile.bound<-9223372036854775808 * outer + 9223372036854775807>]
    tile.run touched lower [#tile.bound<-9223372036854775808 * outer + 9223372036854775807>]
  }
  // CHECK: func.func @visible_0
  func.func @visible_0(%q: i32, %k: i32) -> i1 {
    // CHECK-NEXT: tile.symbol "kv_head" : i32
    %h = tile.symbol "kv_head" : i32
    // CHECK-NEXT: tile.param 0 : i64
    %local = tile.param 0 : i64
    // CHECK-NEXT: tile.floor_div %{{.*}}, 64 : i32
    %q_block = tile.floor_div %q, 64 : i32
    // CHECK-NEXT: tile.floor_mod %{{.*}}, 16 : i32
    %phase = tile.floor_mod %q_block, 16 : i32
    // CHECK-NEXT: tile.aux_load 0[%{{.*}}, %{{.*}} : i32, i64] : i32
    %doc = tile.aux_load 0[%h, %local : i32, i64] : i32
    %visible = arith.cmpi sge, %doc, %phase : i32
    func.return %visible : i1
  }
  func.func @score(%s: f32, %q: i32, %k: i32) -> f32 {
    %h = tile.symbol "head" : i32
    // CHECK: tile.aux_load 1[%{{.*}} : i32] : f32
    %slope = tile.aux_load 1[%h : i32] : f32
    %result = arith.addf %s, %slope : f32
    func.return %result : f32
  }
}
