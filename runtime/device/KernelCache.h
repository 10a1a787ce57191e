// The kernel cache: one directory an entry, written under a temporary name and renamed once; digests checked
// on load; bounded locking; a size cap; entries of this process kept in memory. Failing to read or write it
// costs a warning, never a result. docs/cache.md describes the format on disk.
#pragma once

#include "maskloom/device/CacheKey.h"
#include "maskloom/program/Program.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace maskloom {

struct CacheEntry {
  Program program;
  std::string image; ///< the cubin; empty for the CPU
};

struct CacheOptions {
  std::filesystem::path
      directory; ///< empty: MASKLOOM_CACHE_DIR, else $XDG_CACHE_HOME/maskloom, else ~/.cache/maskloom
  uint64_t maxBytes = 2ull << 30;
  std::chrono::milliseconds lockWait{10000};
  bool trustDirectory = false; ///< accept a directory that others can write; so does MASKLOOM_CACHE_TRUST=1
  std::function<void(const std::string &)> warn; ///< default: stderr, once per message
};

struct CacheEntryInfo {
  std::string digest, name, arch, config;
  uint64_t bytes = 0;
  std::filesystem::file_time_type lastUse;
  std::string problem; ///< what is wrong; empty when sound, and when nothing was checked
};

enum class CacheSource : uint8_t { Made, Memory, Disk };

class KernelCache {
public:
  explicit KernelCache(CacheOptions options = {});
  ~KernelCache();
  /// A verified entry, or nothing. A damaged one is quarantined with a warning.
  std::optional<CacheEntry> load(const CacheKey &key);
  /// Keeps the entry; losing the race to another process is success.
  void store(const CacheKey &key, const CacheEntry &entry);
  /// load, else under the entry's lock (bounded wait) load again, else make and store. What `make` throws
  /// passes through. Thread-safe: threads that ask for the same key wait for one of them.
  CacheEntry getOrMake(const CacheKey &key, const std::function<CacheEntry()> &make, bool *hit = nullptr,
                       CacheSource *source = nullptr);

  /// What meta.json says of each entry, newest use first.
  std::vector<CacheEntryInfo> list() const;
  /// list(), with every file read and checked; damaged entries are quarantined and reported.
  std::vector<CacheEntryInfo> verify();
  /// Removes quarantined and stale temporary ones, then least recently used entries until at most maxBytes
  /// remain. Returns bytes freed.
  uint64_t gc(uint64_t maxBytes);
  const std::filesystem::path &directory() const { return directory_; }
  /// False when the disk part is switched off: why() says why. The part in memory works regardless.
  bool usable() const { return usable_; }
  const std::string &why() const { return why_; }

private:
  struct State;
  void open();
  void warn(const std::string &message) const;
  std::optional<CacheEntry> fromDisk(const CacheKey &key, const std::string &digest);
  void toDisk(const CacheKey &key, const std::string &digest, const CacheEntry &entry);
  void quarantine(const std::string &digest, const std::string &problem);

  CacheOptions options_;
  std::filesystem::path directory_;
  bool usable_ = false;
  std::string why_;
  std::unique_ptr<State> state_;
};

} // namespace maskloom
