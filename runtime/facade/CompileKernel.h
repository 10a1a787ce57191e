// From a checked pattern to a compiled Program: the cache in front of codegen and NVRTC. Shared by the C++
// API and the CLI.
#pragma once

#include "maskloom/device/KernelCache.h"
#include "maskloom/facade/Attention.h"

namespace maskloom {

struct CompiledKernel {
  Program program;
  std::string image; ///< the cubin; empty for the CPU
  CompileReport report;
  std::string log; ///< NVRTC's resource lines when it was compiled now
};

/// Options must have kv_heads and value_dim filled in. Throws Error.
CompiledKernel compileKernel(const Pattern &pattern, const CompileOptions &options, const std::string &arch);
CompiledKernel compileForCpu(const Pattern &pattern, const CompileOptions &options);

/// Throws Error(User) when the pattern, the heads, the dims or the constants are not sound.
void checkCompileOptions(const Pattern &pattern, const CompileOptions &options);

/// Codegen alone, with its diagnostics turned into Error. Remarks stay in the Program, the time it took in
/// the report.
Program generateProgram(const Pattern &pattern, const CompileOptions &options, const KernelConfig &config,
                        bool cuda, bool cpu, CompileReport &report);

/// The cache of this process.
KernelCache &processCache();

} // namespace maskloom
