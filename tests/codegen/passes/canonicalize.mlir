// RUN: maskloom-opt --mask-canonicalize -split-input-file %s | FileCheck %s

// Constants fold, with floor semantics for negative numbers: floor(-7 / 2) = -4, -7 mod 4 = 1.
// CHECK-LABEL: mask.pattern @constants
// CHECK-NEXT: mask.group all {
// CHECK-NEXT:   %[[C:.*]] = mask.const -8
// CHECK-NEXT:   %[[Q:.*]] = mask.index query
// CHECK-NEXT:   %[[V:.*]] = mask.cmp lt %[[Q]], %[[C]]
// CHECK-NEXT:   mask.yield %[[V]] : i1
mask.pattern @constants {
  mask.group all {
    %m7 = mask.const -7
    %four = mask.const 4
    %div = mask.floordiv %m7, 2
    %mod = mask.mod %m7, 4
    %mul = mask.mul %div, %four
    %abs = mask.abs %div
    %neg = mask.neg %abs
    %min = mask.min %neg, %mod
    %max = mask.max %min, %mul
    %sub = mask.sub %max, %m7
    %one = mask.const 1
    %sum = mask.add %sub, %mod
    %less = mask.sub %sum, %one
    %near = mask.sub %less, %m7
    %far = mask.add %near, %mul
    %c = mask.const -2
    %total = mask.add %far, %c
    %q = mask.index query
    %v = mask.cmp lt %q, %total
    mask.yield %v : i1
  }
}

// -----
// What would overflow 64 bits stays: integers are mathematical.
// CHECK-LABEL: mask.pattern @overflow
// CHECK: mask.add
// CHECK: mask.mul
// CHECK: mask.neg
// CHECK: mask.abs
mask.pattern @overflow {
  mask.group all {
    %big = mask.const 9223372036854775807
    %one = mask.const 1
    %two = mask.const 2
    %small = mask.const -9223372036854775808
    %a = mask.add %big, %one
    %b = mask.mul %big, %two
    %c = mask.neg %small
    %d = mask.abs %small
    %ab = mask.cmp lt %a, %b
    %cd = mask.cmp lt %c, %d
    %v = mask.and %ab, %cd
    mask.yield %v : i1
  }
}

// -----
// x + 0, x - 0, x * 1, x / 1, min(x, x), -(-x), abs(abs(x)), mod(mod(x, 4), 8)
// CHECK-LABEL: mask.pattern @algebra
// CHECK-NEXT: mask.group all {
// CHECK-NEXT:   %[[Q:.*]] = mask.index query
// CHECK-NEXT:   %[[K:.*]] = mask.index key
// CHECK-NEXT:   %[[A:.*]] = mask.abs %[[Q]]
// CHECK-NEXT:   %[[M:.*]] = mask.mod %[[A]], 4
// CHECK-NEXT:   %[[V:.*]] = mask.cmp ge %[[M]], %[[K]]
// CHECK-NEXT:   mask.yield %[[V]] : i1
mask.pattern @algebra {
  mask.group all {
    %q = mask.index query
    %k = mask.index key
    %zero = mask.const 0
    %one = mask.const 1
    %a = mask.add %q, %zero
    %b = mask.sub %a, %zero
    %c = mask.mul %b, %one
    %d = mask.floordiv %c, 1
    %e = mask.min %d, %d
    %f = mask.neg %e
    %g = mask.neg %f
    %h = mask.abs %g
    %i = mask.abs %h
    %j = mask.mod %i, 4
    %l = mask.mod %j, 8
    %v = mask.cmp ge %l, %k
    mask.yield %v : i1
  }
}

// -----
// (q + 3) - 5 = q + -2, (q / 4) / 16 = q / 64, !(a < b) = a >= b; equal operations are computed once.
// CHECK-LABEL: mask.pattern @patterns
// CHECK-NEXT: mask.group all {
// CHECK-NEXT:   %[[C:.*]] = mask.const -2
// CHECK-NEXT:   %[[Q:.*]] = mask.index query
// CHECK-NEXT:   %[[S:.*]] = mask.add %[[Q]], %[[C]]
// CHECK-NEXT:   %[[D:.*]] = mask.floordiv %[[Q]], 64
// CHECK-NEXT:   %[[V:.*]] = mask.cmp ge %[[S]], %[[D]]
// CHECK-NEXT:   mask.yield %[[V]] : i1
mask.pattern @patterns {
  mask.group all {
    %q = mask.index query
    %again = mask.index query
    %three = mask.const 3
    %five = mask.const 5
    %a = mask.add %three, %q
    %b = mask.sub %a, %five
    %c = mask.floordiv %again, 4
    %d = mask.floordiv %c, 16
    %less = mask.cmp lt %b, %d
    %v = mask.not %less
    mask.yield %v : i1
  }
}

// -----
// CHECK-LABEL: mask.pattern @logic
// CHECK-NEXT: mask.group 0 to 0 {
// CHECK-NEXT:   mask.bool false
// CHECK: mask.group 1 to 1 {
// CHECK-NEXT:   %[[Q:.*]] = mask.index query
// CHECK-NEXT:   %[[K:.*]] = mask.index key
// CHECK-NEXT:   %[[V:.*]] = mask.cmp ge %[[Q]], %[[K]]
// CHECK-NEXT:   mask.yield %[[V]] : i1
mask.pattern @logic {
  mask.group 0 to 0 {
    %q = mask.index query
    %self = mask.cmp ne %q, %q
    %true = mask.bool true
    %v = mask.and %self, %true
    mask.yield %v : i1
  }
  mask.group 1 to 1 {
    %q = mask.index query
    %k = mask.index key
    %true = mask.bool true
    %false = mask.bool false
    %a = mask.cmp ge %q, %k
    %b = mask.and %a, %true
    %c = mask.or %false, %b
    %d = mask.not %c
    %e = mask.not %d
    %f = mask.select %true, %e, %false : i1
    %g = mask.or %f, %f
    mask.yield %g : i1
  }
}

// -----
// Float constants of scores fold through to_float.
// CHECK-LABEL: mask.pattern @floats
// CHECK: mask.score (%[[S:.*]]: f32) {
// CHECK-NEXT: %[[C:.*]] = arith.constant 5.000000e+00 : f32
// CHECK-NEXT: arith.addf %[[S]], %[[C]]
mask.pattern @floats {
  mask.group all {
    %true = mask.bool true
    mask.yield %true : i1
  }
  mask.score (%s: f32) {
    %five = mask.const 5
    %f = mask.to_float %five
    %r = arith.addf %s, %f : f32
    mask.yield %r : f32
  }
}
