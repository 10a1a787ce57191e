// Pattern to Program: the compiler's front door. The list of steps stands in Pipeline.cpp.
#pragma once

#include "maskloom/dsl/Diagnostic.h"
#include "maskloom/dsl/Pattern.h"
#include "maskloom/program/Program.h"

#include <map>
#include <optional>
#include <string>

namespace maskloom {

struct CodegenOptions {
  KernelConfig config;                      ///< tile shape, head dims, dtype of the GPU kernel
  std::map<std::string, int64_t> constants; ///< values of parameters inside divisors; defaults otherwise
  bool cuda = true;                         ///< emit the CUDA source
  bool cpu = false;                         ///< emit the CPU object
  std::string dumpDir;                      ///< write numbered IR files after each step; empty: do not
};

struct CodegenResult {
  std::optional<Program> program;
  std::vector<Diagnostic> diagnostics; ///< errors when there is no program; remarks otherwise
  std::string machineError;            ///< a file of dumpDir that cannot be written; empty otherwise
  std::string internalError;           ///< our fault: what failed; empty otherwise
  std::string
      reproducer; ///< with internalError: the IR before the failing step, and the pipeline, as a .mlir text
};

CodegenResult generate(const Pattern &pattern, const CodegenOptions &options);

/// The schedule of every head group at any tile shape, without emitting code (no source, no object): for
/// `explain`, `mask --tiles` and the CPU.
CodegenResult analyze(const Pattern &pattern, TileShape tile,
                      const std::map<std::string, int64_t> &constants = {});

/// Identifies this build of the generator and its templates: part of the cache key.
std::string generatorId();

} // namespace maskloom
