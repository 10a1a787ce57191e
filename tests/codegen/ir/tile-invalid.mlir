// RUN: maskloom-opt %s -split-input-file -verify-diagnostics

// expected-error @+1 {{expected a positive denominator, found 0}}
#bad = #tile.bound<(outer) / 0>

// -----
// expected-error @+1 {{expected a symbol of schedules, found 'quary'}}
#bad = #tile.bound<quary>

// -----
// expected-error @+1 {{expected a symbol index that is not negative}}
#bad = #tile.bound<param[-1]>

// -----
// expected-error @+1 {{expected a 64-bit integer}}
#bad = #tile.bound<9223372036854775808>

// -----
// expected-error @+1 {{expected 0 after the relation}}
#bad = #tile.condition<outer ge 1>

// -----
// expected-error @+1 {{expected a positive period, found -4}}
#bad = #tile.congruence<1 * inner, 0, mod -4, width 0>

// -----
// expected-error @+1 {{expected an affine form free of inner}}
#bad = #tile.congruence<1 * inner, inner, mod 4, width 0>

// -----
// expected-error @+1 {{expected a positive denominator, found -2}}
#bad = #tile.gap<(inner) / -2, outer>

// -----
// expected-error @+1 {{expected 0 <= first <= last, found 4, 2}}
#bad = #tile.group<4, 2>

// -----
// expected-error @+1 {{expected a parameter name}}
#bad = #tile.param<"", 0, 1>

// -----
// expected-error @+1 {{expected low <= high, found 2, 1}}
#bad = #tile.param<"w", 2, 1>

// -----
// expected-error @+1 {{expected the name of an aux tensor}}
#bad = #tile.aux<"", 1, i32>

// -----
// expected-error @+1 {{expected a rank from 1 to 3, found 4}}
#bad = #tile.aux<"doc", 4, i32>

// -----
// expected-error @+1 {{expected element type i32 or f32, found 'f64'}}
#bad = #tile.aux<"doc", 1, f64>

// -----
// expected-error @+1 {{expected an attribute that the tile dialect knows, found 'tile.what'}}
module attributes {tile.what = 1} {}

// -----
// expected-error @+1 {{expected another type of attribute for 'tile.groups'}}
module attributes {tile.groups = []} {}

// -----
// expected-error @+1 {{expected 'tile.pattern' on a module only}}
func.func private @f() attributes {tile.pattern = "p"}

// -----
// expected-error @+1 {{expected positive tile extents, found 0 x 64}}
tile.schedule @forward_0 forward 0 x 64 {
}

// -----
tile.schedule @forward_0 forward 64 x 64 {
  tile.run touched
  // expected-error @+1 {{expected before the runs of the schedule}}
  tile.floor #tile.bound<(head) / 4>
}

// -----
tile.schedule @forward_0 forward 64 x 64 {
  // expected-error @+1 {{expected an earlier floor, found floor[0]}}
  tile.floor #tile.bound<(floor[0]) / 4>
}

// -----
tile.schedule @forward_0 forward 64 x 64 {
  // expected-error @+1 {{expected depends_on_inner exactly where the numerator uses inner}}
  tile.floor #tile.bound<(inner) / 4>
}

// -----
tile.schedule @forward_0 forward 64 x 64 {
  tile.floor #tile.bound<(inner) / 4> depends_on_inner
  // expected-error @+1 {{expected bounds free of inner}}
  tile.run touched lower [#tile.bound<floor[0]>]
}

// -----
tile.schedule @forward_0 forward 64 x 64 {
  // expected-error @+1 {{expected guards free of inner}}
  tile.run touched guards [#tile.condition<inner ge 0>]
}

// -----
tile.schedule @forward_0 forward 64 x 64 {
  tile.floor #tile.bound<(inner) / 4> depends_on_inner
  // expected-error @+1 {{expected phases free of inner}}
  tile.run touched congruences [#tile.congruence<1 * inner, floor[0], mod 4, width 0>]
}

// -----
tile.schedule @forward_0 forward 64 x 64 {
  tile.floor #tile.bound<(inner) / 4> depends_on_inner
  // expected-error @+1 {{expected widths free of inner}}
  tile.run touched congruences [#tile.congruence<1 * inner, 0, mod 4, width floor[0]>]
}

// -----
tile.schedule @forward_0 forward 64 x 64 {
  // expected-error @+1 {{expected tile.floor or tile.run in a schedule}}
  %c = arith.constant 1 : i32
}

// -----
func.func @visible_0(%q: i32, %k: i32) -> i32 {
  // expected-error @+1 {{expected one of batch, head, kv_head, heads, kv_heads, query_length, key_length, found 'row'}}
  %h = tile.symbol "row" : i32
  func.return %h : i32
}

// -----
module attributes {tile.params = []} {
  func.func @f() -> i32 {
    // expected-error @+1 {{expected the index of a declared parameter, found 0}}
    %p = tile.param 0 : i32
    func.return %p : i32
  }
}

// -----
module attributes {tile.params = [#tile.param<"w", 0, 4294967296>]} {
  func.func @f() -> i32 {
    // expected-error @+1 {{expected i64 for a range of 0 .. 4294967296}}
    %p = tile.param 0 : i32
    func.return %p : i32
  }
}

// -----
func.func @f() -> i32 {
  // expected-error @+1 {{expected one to three indices, found 0}}
  %v = "tile.aux_load"() <{aux = 0 : i32}> : () -> i32
  func.return %v : i32
}

// -----
module attributes {tile.auxes = [#tile.aux<"doc", 2, i32>]} {
  func.func @f(%i: i32) -> i32 {
    // expected-error @+1 {{expected the index of a declared aux tensor, found 1}}
    %v = tile.aux_load 1[%i : i32] : i32
    func.return %v : i32
  }
}

// -----
module attributes {tile.auxes = [#tile.aux<"doc", 2, i32>]} {
  func.func @f(%i: i32) -> i32 {
    // expected-error @+1 {{expected 2 indices for 'doc', found 1}}
    %v = tile.aux_load 0[%i : i32] : i32
    func.return %v : i32
  }
}

// -----
module attributes {tile.auxes = [#tile.aux<"slope", 1, f32>]} {
  func.func @f(%i: i32) -> i32 {
    // expected-error @+1 {{expected a result of type 'f32' for 'slope'}}
    %v = tile.aux_load 0[%i : i32] : i32
    func.return %v : i32
  }
}

// -----
func.func @f(%i: i32) -> i32 {
  // expected-error @+1 {{expected a positive divisor, found -2}}
  %v = tile.floor_div %i, -2 : i32
  func.return %v : i32
}

// -----
func.func @f(%i: i32) -> i32 {
  // expected-error @+1 {{expected a divisor that fits i32, found 4294967296}}
  %v = tile.floor_mod %i, 4294967296 : i32
  func.return %v : i32
}
