// What lies in a cache directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace maskloom {

inline constexpr const char *kTemporaryPrefix = ".tmp-";
inline constexpr const char *kQuarantineFolder = ".quarantine";
inline constexpr const char *kLockFolder = ".locks";

struct InventoryItem {
  enum class Kind : uint8_t { Entry, Temporary, Quarantined, Lock } kind = Kind::Entry;
  std::filesystem::path path;
  uint64_t bytes = 0;
  std::filesystem::file_time_type lastUse;
  /// Quarantined; or temporary or a lock, and so old that whoever made it is gone.
  bool stale = false;
};

/// Most recently used first. A directory that cannot be read has nothing in it.
std::vector<InventoryItem> inventory(const std::filesystem::path &directory);

/// Bytes of the files directly in a directory.
uint64_t directoryBytes(const std::filesystem::path &directory);

} // namespace maskloom
