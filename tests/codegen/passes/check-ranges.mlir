// RUN: maskloom-opt --mask-check-ranges -split-input-file -verify-diagnostics %s

// Reported once, where it starts.
mask.pattern @product params [#mask.param<"w", 0, 9223372036854775807>] {
  mask.group all {
    %q = mask.index query
    %w = mask.param 0
    // expected-error @+2 {{expected an integer that fits 64 bits; this one may reach 2^93}}
    // expected-note @+1 {{declare narrower parameter ranges, or make the constants smaller}}
    %p = mask.mul %q, %w
    %s = mask.add %p, %w
    %v = mask.cmp lt %s, %w
    mask.yield %v : i1
  }
}

// -----
mask.pattern @sum params [#mask.param<"w", 0, 9223372036854775807>] {
  mask.group all {
    %q = mask.index query
    %w = mask.param 0
    // expected-error @+2 {{this one may reach 2^64}}
    // expected-note @+1 {{declare narrower}}
    %s = mask.add %q, %w
    %v = mask.cmp lt %s, %w
    mask.yield %v : i1
  }
}

// -----
mask.pattern @huge params [#mask.param<"w", 0, 9223372036854775807>] {
  mask.group all {
    %w = mask.param 0
    // expected-error @+2 {{this one may reach at least 2^100}}
    // expected-note @+1 {{declare narrower}}
    %s = mask.mul %w, %w
    %v = mask.cmp lt %s, %w
    mask.yield %v : i1
  }
}

// -----
// The ends of the 64-bit integers fit.
mask.pattern @fits params [#mask.param<"w", -9223372036854775808, 9223372036854775807>] {
  mask.group all {
    %w = mask.param 0
    %m = mask.mod %w, 4611686018427387904
    %d = mask.floordiv %w, 2
    %v = mask.cmp lt %m, %d
    mask.yield %v : i1
  }
}
