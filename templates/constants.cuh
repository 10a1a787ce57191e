// Constants of the softmax: what the forward kernels share.
#pragma once

#include "prelude.cuh"

namespace maskloom::kernel {

constexpr float kLog2e = 1.4426950408889634f;
constexpr float kLn2 = 0.6931471805599453f;
MASKLOOM_DEVICE float infinity() { return __int_as_float(0x7f800000); }

} // namespace maskloom::kernel
