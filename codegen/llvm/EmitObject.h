// The CPU back end: lowered mask and score functions to a relocatable object for this machine.
#pragma once

#include "maskloom/program/Program.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace maskloom {

/// Compiles `visible_<g>` (one per head group, numbered from 0) and `score` of a lowered module to position-
/// independent object code for the host's processor and puts it into program.cpuObject; CpuAbi.h describes
/// the functions that it defines. The object holds no address of this process. False and `error` when an
/// operation is not part of the lowered form or LLVM fails; the program is then unchanged.
bool emitObject(mlir::ModuleOp lowered, Program &program, std::string &error);

} // namespace maskloom
