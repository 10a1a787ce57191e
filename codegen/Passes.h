// The passes; Passes.td is their documentation.
#pragma once

#include "mlir/Pass/Pass.h"

namespace maskloom {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "maskloom-ir/Passes.h.inc"

} // namespace maskloom
