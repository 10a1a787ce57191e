// A lowered module as one CUDA C++ translation unit: docs/architecture.md, 'The emitted CUDA C++'.
#pragma once

#include "maskloom/codegen/Compile.h"
#include "maskloom/program/Program.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace maskloom {

/// Fills program.kernel: source, entry points, configuration, launch sizes and the layout of the parameter
/// block. `lowered` holds `func.func @visible_<group>` for each of program.groups and `@score` when
/// program.hasScore; schedules and predicates are read from `program`. On failure returns false and says why
/// (our fault).
bool emitCuda(mlir::ModuleOp lowered, const CodegenOptions &options, Program &program, std::string &error);

namespace emit {

/// What is special to the pattern: the structs Group0 .. and Pattern, to stand in namespace maskloom::kernel.
/// Plain C++: any host compiler takes it after templates/foundation.cuh.
bool emitPattern(mlir::ModuleOp lowered, const Program &program, std::string &text, std::string &error);
/// struct Config of the kernel template.
std::string emitConfig(const KernelConfig &config);

} // namespace emit
} // namespace maskloom
