// RUN: maskloom-opt --mask-check-ranges -split-input-file -verify-diagnostics %s

// Reported once, where it starts.
mask.pattern @product params [#mask.param<"w", 0, 17179869183>] {
  mask.group all {
    %q = mask.index query
    %w = mask.param 0
    // expected-error @+2 {{expected an integer that fits 64 bits; this one may reach 2^64}}
    // expected-note @+1 {{declare narrower parameter ranges, or make the constants smaller}}
    %p = mask.mul %q, %w
    %s = mask.add %p, %w
    %v = mask.cmp lt %s, %w
    mask.yield %v : i1
  }
}

// -----
mask.pattern @sum params [#mask.param<"w", 0, 17179869183>] {
  mask.group all {
    %q = mask.index query
    %c = mask.const 9223372036854775807
    %w = mask.param 0
    // expected-error @+2 {{this one may reach 2^64}}
    // expected-note @+1 {{declare narrower}}
    %s = mask.add %c, %w
    %v = mask.cmp lt %s, %q
    mask.yield %v : i1
  }
}

// -----
mask.pattern @huge params [#mask.param<"w", 0, 17179869183>] {
  mask.group all {
    %w = mask.param 0
    // expected-error @+2 {{this one may reach 2^68}}
    // expected-note @+1 {{declare narrower}}
    %s = mask.mul %w, %w
    %v = mask.cmp lt %s, %w
    mask.yield %v : i1
  }
}

// -----
// The ends of the 64-bit integers fit.
mask.pattern @fits params [#mask.param<"w", -17179869184, 17179869183>] {
  mask.group all {
    %w = mask.param 0
    %m = mask.mod %w, 4611686018427387904
    %d = mask.floordiv %w, 2
    %v = mask.cmp lt %m, %d
    mask.yield %v : i1
  }
}

// -----
// A parameter is too wide by itself; what is computed from it is not reported on top.
mask.pattern @wide params [#mask.param<"w", -17179869185, 0>] {
  mask.group all {
    // expected-error @+2 {{expected a parameter that stays below 2^34 in size; this one may reach 2^35}}
    // expected-note @+1 {{declare narrower}}
    %w = mask.param 0
    %d = mask.floordiv %w, 2
    %v = mask.cmp lt %w, %d
    mask.yield %v : i1
  }
}
