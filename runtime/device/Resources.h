// What ptxas says a kernel needs, read from the log of a compile with -Xptxas -v.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace maskloom {

struct KernelResources {
  std::string entry;
  int32_t registers = 0, barriers = 0;
  int32_t stackBytes = 0, spillStoreBytes = 0, spillLoadBytes = 0;
  int32_t sharedBytes = 0; ///< static shared memory; dynamic shared memory is a launch argument
  bool spills() const { return spillStoreBytes > 0 || spillLoadBytes > 0; }
};

struct CompileResources {
  std::vector<KernelResources> kernels;
  /// wgmma instructions were serialised (C7510, C7514, C7520), which costs most of their speed, or setmaxnreg
  /// was ignored (C7508). One line each.
  std::vector<std::string> hopperWarnings;
};

CompileResources parseResources(const std::string &log);

} // namespace maskloom
