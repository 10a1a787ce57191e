// RUN: maskloom-opt --run-reproducer %s | FileCheck %s

// What an internal failure leaves behind: the IR before the failing step, and the step.
// CHECK-NOT: mask.pattern
// CHECK: func.func @visible_0
mask.pattern @dense {
  mask.group all {
    %true = mask.bool true
    mask.yield %true : i1
  }
}

{-#
  external_resources: {
    mlir_reproducer: {
      pipeline: "builtin.module(mask-lower-to-arith)",
      disable_threading: true,
      verify_each: true
    }
  }
#-}
