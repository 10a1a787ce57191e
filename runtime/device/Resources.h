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
  /// Warning C7510: wgmma instructions were serialised, which costs most of their speed. One line each.
  std::vector<std::string> wgmmaWarnings;
};

CompileResources parseResources(const std::string &log);

} // namespace maskloom
