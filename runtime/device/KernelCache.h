// The kernel cache: one directory an entry, written under a temporary name and renamed once; digests checked
// on load; bounded locking; a size cap. Failing to read or write it costs a warning, never a result.
#pragma once

#include "maskloom/program/Program.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
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
  std::string digest() const; ///< 32 hex digits: the entry's directory name
};

struct CacheEntry {
  Program program;
  std::string image; ///< the cubin; empty for the CPU
};

struct CacheOptions {
  std::filesystem::path
      directory; ///< empty: MASKLOOM_CACHE_DIR, else $XDG_CACHE_HOME/maskloom, else ~/.cache/maskloom
  uint64_t maxBytes = 2ull << 30;
  std::chrono::milliseconds lockWait{10000};
  bool trustDirectory = false;                   ///< accept a directory that others can write
  std::function<void(const std::string &)> warn; ///< default: stderr, once per message
};

struct CacheEntryInfo {
  std::string digest, name, arch, config;
  uint64_t bytes = 0;
  std::filesystem::file_time_type lastUse;
  std::string problem; ///< verify(): what is wrong; empty when sound
};

class KernelCache {
public:
  explicit KernelCache(CacheOptions options = {});
  /// A verified entry, or nothing. A damaged one is quarantined with a warning.
  std::optional<CacheEntry> load(const CacheKey &key);
  /// Keeps the entry; losing the race to another process is success.
  void store(const CacheKey &key, const CacheEntry &entry);
  /// load, else under the entry's lock (bounded wait) load again, else make and store.
  CacheEntry getOrMake(const CacheKey &key, const std::function<CacheEntry()> &make, bool *hit = nullptr);

  std::vector<CacheEntryInfo> list() const;
  std::vector<CacheEntryInfo> verify();
  /// Removes least recently used entries until at most maxBytes remain, and stale temporary and quarantined
  /// ones. Returns bytes freed.
  uint64_t gc(uint64_t maxBytes);
  const std::filesystem::path &directory() const { return directory_; }
  bool usable() const { return usable_; }

private:
  CacheOptions options_;
  std::filesystem::path directory_;
  bool usable_ = false;
};

} // namespace maskloom
