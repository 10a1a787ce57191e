// The arguments that choose a kernel: head dims, dtype, architecture.
#pragma once

#include "maskloom/cli/Commands.h"

namespace maskloom {

struct KernelArguments {
  int64_t headDim = 128, valueDim = 0;
  std::string dtype = "bf16", kernel = "auto", dumpIr;
  bool noCache = false;

  void addCache(CLI::App &command);
  void addDims(CLI::App &command);
  void addDtype(CLI::App &command, const char *help);
  void addKernel(CLI::App &command);
  KernelChoice kernelChoice() const;
};

DType parseDtype(const std::string &text);
/// Error(User) for an --arch that is none from sm_80 on. Needs no NVRTC, which alone knows all that exist.
void checkArch(const std::string &arch);
/// Writes a whole file; Error(Machine) says why when it cannot.
void writeFile(const std::string &path, const std::string &bytes);

} // namespace maskloom
