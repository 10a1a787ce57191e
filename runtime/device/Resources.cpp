#include "maskloom/device/Resources.h"

#include <cstdlib>
#include <sstream>

namespace maskloom {

namespace {

/// The number that stands before `unit` ("0 bytes spill stores"); -1 when `unit` is not there.
int32_t numberBefore(const std::string &line, const char *unit) {
  size_t end = line.find(unit);
  if (end == std::string::npos) return -1;
  size_t last = line.find_last_of("0123456789", end);
  if (last == std::string::npos) return -1;
  size_t first = line.find_last_not_of("0123456789", last);
  return std::atoi(line.c_str() + (first == std::string::npos ? 0 : first + 1));
}

/// ptxas says "(C7510) Potential Performance Loss: wgmma.mma_async instructions are serialized due to ...",
/// under a number for each reason, and "(C7508) Potential Performance Loss: 'setmaxnreg' ignored to ...".
bool isHopperWarning(const std::string &line) {
  for (const char *sign :
       {"C7508", "C7510", "C7514", "C7520", "instructions are serialized", "'setmaxnreg' ignored"})
    if (line.find(sign) != std::string::npos) return true;
  return false;
}

void assign(int32_t &field, int32_t found) {
  if (found >= 0) field = found;
}

} // namespace

CompileResources parseResources(const std::string &log) {
  CompileResources out;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    if (isHopperWarning(line)) out.hopperWarnings.push_back(line);
    if (size_t at = line.find("Compiling entry function '"); at != std::string::npos) {
      size_t first = line.find('\'', at) + 1;
      KernelResources kernel;
      kernel.entry = line.substr(first, line.find('\'', first) - first);
      out.kernels.push_back(std::move(kernel));
    }
    if (out.kernels.empty()) continue;
    KernelResources &kernel = out.kernels.back();
    // Each property stands on one line: "Used 40 registers, used 1 barriers, 1024 bytes smem".
    assign(kernel.stackBytes, numberBefore(line, " bytes stack frame"));
    assign(kernel.spillStoreBytes, numberBefore(line, " bytes spill stores"));
    assign(kernel.spillLoadBytes, numberBefore(line, " bytes spill loads"));
    assign(kernel.registers, numberBefore(line, " registers"));
    assign(kernel.barriers, numberBefore(line, " barriers"));
    assign(kernel.sharedBytes, numberBefore(line, " bytes smem"));
  }
  return out;
}

} // namespace maskloom
