// RUN: maskloom-opt %s -split-input-file -verify-diagnostics -allow-unregistered-dialect

// expected-error @+1 {{expected a parameter name}}
#bad = #mask.param<"", 0, 1>

// -----
// expected-error @+1 {{expected low <= high, found 5, 2}}
#bad = #mask.param<"w", 5, 2>

// -----
// expected-error @+1 {{expected the name of an aux tensor}}
#bad = #mask.aux<"", [head], i32>

// -----
// expected-error @+1 {{expected one to three axes, found 4}}
#bad = #mask.aux<"t", [head, query, key, 2], i32>

// -----
// expected-error @+1 {{expected an axis (batch, head, kv_head, query, key or an extent), found 'row'}}
#bad = #mask.aux<"t", [row], i32>

// -----
// expected-error @+1 {{expected a positive block, found 0}}
#bad = #mask.aux<"t", [query by 0], i32>

// -----
// expected-error @+1 {{expected a positive extent, found 0}}
#bad = #mask.aux<"t", [0], i32>

// -----
// expected-error @+1 {{expected element type i32 or f32, found 'i64'}}
#bad = #mask.aux<"t", [head], i64>

// -----
// expected-error @+1 {{expected at least one group}}
mask.pattern @p {
}

// -----
mask.pattern @p {
  // expected-error @+1 {{expected mask.group or mask.score in a pattern}}
  %c = mask.const 1
}

// -----
mask.pattern @p {
  // expected-note @+1 {{the other group}}
  mask.group 0 to 3 {
    %true = mask.bool true
    mask.yield %true : i1
  }
  // expected-error @+1 {{expected heads that are in no other group}}
  mask.group 3 to 7 {
    %true = mask.bool true
    mask.yield %true : i1
  }
}

// -----
mask.pattern @p {
  mask.group all {
    %true = mask.bool true
    mask.yield %true : i1
  }
  // expected-note @+1 {{the first score}}
  mask.score (%s: f32) {
    mask.yield %s : f32
  }
  // expected-error @+1 {{expected one score in a pattern}}
  mask.score (%s: f32) {
    mask.yield %s : f32
  }
}

// -----
mask.pattern @p {
  // expected-error @+1 {{expected 0 <= first <= last, found 4 to 2}}
  mask.group 4 to 2 {
    %true = mask.bool true
    mask.yield %true : i1
  }
}

// -----
mask.pattern @p {
  // expected-error @+1 {{expected a region without arguments}}
  "mask.group"() <{first = 0 : i64, last = 1 : i64}> ({
  ^bb0(%s: f32):
    %true = mask.bool true
    mask.yield %true : i1
  }) : () -> ()
}

// -----
mask.pattern @p {
  mask.group all {
    // expected-error @+1 {{expected an operation of the mask dialect in a mask}}
    %true = arith.constant true
    mask.yield %true : i1
  }
}

// -----
mask.pattern @p {
  mask.group all {
    %q = mask.index query
    // expected-error @+1 {{expected no float in a mask}}
    %f = mask.to_float %q
    %true = mask.bool true
    mask.yield %true : i1
  }
}

// -----
mask.pattern @p {
  mask.group all {
    %true = mask.bool true
    mask.yield %true : i1
  }
  // expected-error @+1 {{expected a region that ends in mask.yield}}
  mask.score (%s: f32) {
    "test.end"() : () -> ()
  }
}

// -----
mask.pattern @p {
  mask.group all {
    %true = mask.bool true
    mask.yield %true : i1
  }
  // expected-error @+1 {{expected to yield 'f32'}}
  mask.score (%s: f32) {
    %true = mask.bool true
    // expected-note @+1 {{yields 'i1'}}
    mask.yield %true : i1
  }
}

// -----
mask.pattern @p {
  mask.group all {
    %true = mask.bool true
    mask.yield %true : i1
  }
  // expected-error @+1 {{expected one argument of type f32}}
  mask.score (%s: f32, %t: f32) {
    mask.yield %s : f32
  }
}

// -----
mask.pattern @p params [#mask.param<"w", 0, 1>] {
  mask.group all {
    // expected-error @+1 {{expected the index of a declared parameter, found 1}}
    %p = mask.param 1
    %true = mask.bool true
    mask.yield %true : i1
  }
}

// -----
mask.pattern @p {
  mask.group all {
    %b = mask.index batch
    // expected-error @+1 {{expected the index of a declared aux tensor, found 0}}
    %d = mask.aux_load 0[%b] : !mask.int
    %true = mask.bool true
    mask.yield %true : i1
  }
}

// -----
mask.pattern @p auxes [#mask.aux<"doc", [batch, query], i32>] {
  mask.group all {
    %b = mask.index batch
    // expected-error @+1 {{expected 2 indices for 'doc', found 1}}
    %d = mask.aux_load 0[%b] : !mask.int
    %true = mask.bool true
    mask.yield %true : i1
  }
}

// -----
mask.pattern @p auxes [#mask.aux<"slope", [head], f32>] {
  mask.group all {
    %h = mask.index head
    // expected-error @+1 {{expected a result for elements of type 'f32'}}
    %d = mask.aux_load 0[%h] : !mask.int
    %true = mask.bool true
    mask.yield %true : i1
  }
}

// -----
mask.pattern @p {
  mask.group all {
    %q = mask.index query
    // expected-error @+1 {{expected a positive divisor, found 0}}
    %d = mask.floordiv %q, 0
    %true = mask.bool true
    mask.yield %true : i1
  }
}

// -----
mask.pattern @p {
  mask.group all {
    %q = mask.index query
    // expected-error @+1 {{expected a positive divisor, found -16}}
    %d = mask.mod %q, -16
    %true = mask.bool true
    mask.yield %true : i1
  }
}
