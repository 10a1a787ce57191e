// The kernel's parameter block for readers of the manifest: every field of ForwardArgs with its offset.
#pragma once

#include "maskloom/program/Program.h"

#include <vector>

namespace maskloom {

/// Fields in the order of their offsets. Nested structs are spelled out ("q.data", "aux[1].strides");
/// parameters and auxiliary tensors appear under their index, as many as the program has.
std::vector<KernelField> forwardFields(const Program &program);
/// sizeof(ForwardArgs).
int32_t forwardParameterBytes();

} // namespace maskloom
