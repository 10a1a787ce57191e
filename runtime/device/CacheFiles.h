// One cache entry on disk: its files, their digests, and how they are written so that a reader sees all or
// nothing.
#pragma once

#include "maskloom/device/KernelCache.h"

#include <string>

namespace maskloom {

/// Format of the files below an entry's directory; part of the key, so that versions live side by side.
inline constexpr int kCacheSchema = 1;

struct EntryRead {
  std::optional<CacheEntry> entry;
  CacheEntryInfo info;
  bool missing = false; ///< no such entry (any more)
  std::string problem;  ///< with neither: what is wrong with it
};

/// Reads and verifies the entry in `directory`. With `key`, the entry must also be the one of that key.
/// Without `contents`, only meta.json is read and checked, and `entry` stays empty.
EntryRead readEntry(const std::filesystem::path &directory, const CacheKey *key, bool contents);

/// Writes all files into `directory`, which must not exist, and syncs them. Empty, or what went wrong.
std::string writeEntry(const std::filesystem::path &directory, const CacheKey &key, const CacheEntry &entry);

/// Makes a rename inside the directory durable; failing is not an error.
void syncDirectory(const std::filesystem::path &directory);

} // namespace maskloom
