// What a caller gives to Attention::forward, checked against what was compiled, as the arguments of a launch.
#pragma once

#include "maskloom/facade/Attention.h"

#include "maskloom/cpu/Executor.h"
#include "maskloom/dsl/Check.h"
#include "maskloom/templates/args.cuh"

#include <array>
#include <vector>

namespace [[gnu::visibility("hidden")]] maskloom { // no part of the API, though this layer is

/// How far each aux tensor is read, by aux index and axis.
using AuxAxesReach = std::vector<std::array<AuxReach, 3>>;
AuxAxesReach reachOf(const Pattern &pattern, const Program &program);

/// The arguments on a GPU. Throws on tensors, parameters, auxiliary tensors and offsets that do not fit.
ForwardArgs deviceArgs(const Program &program, const AuxAxesReach &reach, const CompileOptions &compiled,
                       const Tensor &q, const Tensor &k, const Tensor &v, const Tensor &o,
                       const ForwardOptions &options);
/// The same on the CPU.
CpuForwardArgs hostArgs(const Program &program, const AuxAxesReach &reach, const CompileOptions &compiled,
                        const Tensor &q, const Tensor &k, const Tensor &v, const Tensor &o,
                        const ForwardOptions &options);

/// May a kernel of 16-byte alignment read and write the tensor?
bool isAligned(const Tensor &t);

} // namespace maskloom
