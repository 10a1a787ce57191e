#include "maskloom/cli/KernelArguments.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <regex>

#include <fmt/format.h>

namespace maskloom {

void KernelArguments::addCache(CLI::App &command) {
  command.add_option("--dump-ir", dumpIr, "Folder for the IR after each step, numbered (compiles afresh)");
  command.add_flag("--no-cache", noCache, "Neither read nor write the kernel cache");
}

void KernelArguments::addDims(CLI::App &command) {
  command.add_option("--head-dim", headDim, "Dim of q and k, a multiple of 8 up to 256")
      ->capture_default_str();
  command.add_option("--value-dim", valueDim, "Dim of v and o (default: the head dim)");
}

void KernelArguments::addDtype(CLI::App &command, const char *help) {
  command.add_option("--dtype", dtype, help)
      ->check(CLI::IsMember({"bf16", "f16", "f32"}))
      ->capture_default_str();
}

void KernelArguments::addKernel(CLI::App &command) {
  command
      .add_option("--kernel", kernel,
                  "portable (sm_80 and later), hopper (sm_90a), or auto: what is the default there")
      ->check(CLI::IsMember({"auto", "portable", "hopper"}))
      ->capture_default_str();
}

KernelChoice KernelArguments::kernelChoice() const {
  return kernel == "portable" ? KernelChoice::Portable
         : kernel == "hopper" ? KernelChoice::Hopper
                              : KernelChoice::Auto;
}

DType parseDtype(const std::string &text) {
  if (text == "bf16") return DType::bf16;
  if (text == "f16") return DType::f16;
  if (text == "f32") return DType::f32;
  throw Error(ErrorKind::User, fmt::format("unknown dtype '{}': expected bf16, f16 or f32", text));
}

void checkArch(const std::string &arch) {
  static const std::regex kArch("sm_(8[0-9]|9[0-9]a?|1[0-9][0-9][af]?)");
  if (!std::regex_match(arch, kArch))
    throw Error(ErrorKind::User, fmt::format("--arch {}: expected sm_80 or later, for example sm_90a", arch));
}

void writeFile(const std::string &path, const std::string &bytes) {
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file)
    throw Error(ErrorKind::Machine,
                fmt::format("{}: cannot be written: {}", path, std::strerror(errno ? errno : EIO)));
}

} // namespace maskloom
