// What a cached kernel depends on.
#pragma once

#include <string>
#include <vector>

namespace maskloom {

/// Everything a cached kernel depends on. Hashed in a fixed order; PTX and absolute paths never take part.
struct CacheKey {
  std::string pattern;   ///< canonical text
  std::string config;    ///< toString(KernelConfig), number of heads where it matters, target ("cuda", "cpu")
  std::string generator; ///< generatorId(): build and template digest
  std::string compiler;  ///< NVRTC full version, or the LLVM version for the CPU
  std::string arch;      ///< exact suffix, "sm_90a"; "cpu" + host CPU name for the CPU
  std::vector<std::string> options;
  bool operator==(const CacheKey &) const = default;
  std::string digest() const; ///< 32 hex digits: the entry's directory name
};

} // namespace maskloom
