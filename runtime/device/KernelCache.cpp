#include "maskloom/device/KernelCache.h"

#include "maskloom/device/CacheDirectory.h"
#include "maskloom/device/CacheFiles.h"
#include "maskloom/device/CacheInventory.h"
#include "maskloom/device/CacheLock.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <list>
#include <mutex>
#include <set>
#include <unordered_map>

#include <unistd.h>

#include <fmt/format.h>

namespace maskloom {

namespace {

namespace fs = std::filesystem;

constexpr size_t kMemoryEntries = 128;
/// Stores between two looks at what other processes have added.
constexpr int kStoresPerScan = 32;

void warnOnce(const std::string &message) {
  static std::mutex mutex;
  static std::set<std::string> said;
  std::lock_guard lock(mutex);
  if (said.insert(message).second) std::fprintf(stderr, "maskloom: warning: %s\n", message.c_str());
}

/// A name no other process, thread or call uses.
std::string uniqueName(const std::string &base) {
  static std::atomic<unsigned> counter{0};
  return fmt::format("{}-{}-{}", base, ::getpid(), counter++);
}

bool isSet(const char *name) {
  const char *value = std::getenv(name);
  return value && *value && std::strcmp(value, "0") != 0;
}

} // namespace

struct KernelCache::State {
  std::mutex mutex;
  /// Entries of this process, most recently used first.
  std::list<std::pair<std::string, std::shared_ptr<const CacheEntry>>> memory;
  /// One mutex a key that is being made.
  std::unordered_map<std::string, std::weak_ptr<std::mutex>> making;
  uint64_t diskBytes = 0;
  int storesUntilScan = 0;
  bool canStore = true;

  std::shared_ptr<const CacheEntry> find(const std::string &digest) {
    std::lock_guard lock(mutex);
    for (auto it = memory.begin(); it != memory.end(); ++it)
      if (it->first == digest) {
        memory.splice(memory.begin(), memory, it);
        return it->second;
      }
    return nullptr;
  }
  void keep(const std::string &digest, const CacheEntry &entry) {
    auto shared = std::make_shared<const CacheEntry>(entry);
    std::lock_guard lock(mutex);
    memory.remove_if([&](const auto &known) { return known.first == digest; });
    memory.emplace_front(digest, std::move(shared));
    if (memory.size() > kMemoryEntries) memory.pop_back();
  }
  std::shared_ptr<std::mutex> makerOf(const std::string &digest) {
    std::lock_guard lock(mutex);
    std::erase_if(making, [](const auto &item) { return item.second.expired(); });
    auto maker = making[digest].lock();
    if (!maker) making[digest] = maker = std::make_shared<std::mutex>();
    return maker;
  }
};

KernelCache::KernelCache(CacheOptions options) : options_(std::move(options)), state_(new State) { open(); }
KernelCache::~KernelCache() = default;

void KernelCache::open() {
  directory_ = options_.directory.empty() ? defaultCacheDirectory() : options_.directory;
  std::error_code ignored;
  if (!directory_.empty()) directory_ = fs::absolute(directory_, ignored).lexically_normal();
  if (!directory_.has_filename()) directory_ = directory_.parent_path(); // "dir/"
  why_ = openCacheDirectory(directory_, options_.trustDirectory || isSet("MASKLOOM_CACHE_TRUST"));
  usable_ = why_.empty();
  if (!usable_) warn(fmt::format("kernels are not kept on disk: {}", why_));
}

void KernelCache::warn(const std::string &message) const {
  if (options_.warn)
    options_.warn(message);
  else
    warnOnce(message);
}

std::optional<CacheEntry> KernelCache::load(const CacheKey &key) {
  const std::string digest = key.digest();
  if (auto known = state_->find(digest)) return *known;
  return fromDisk(key, digest);
}

std::optional<CacheEntry> KernelCache::fromDisk(const CacheKey &key, const std::string &digest) {
  if (!usable_) return std::nullopt;
  EntryRead read = readEntry(directory_ / digest, &key, true);
  if (!read.problem.empty()) quarantine(digest, read.problem);
  if (read.entry) state_->keep(digest, *read.entry);
  return std::move(read.entry);
}

void KernelCache::quarantine(const std::string &digest, const std::string &problem) {
  fs::path place = directory_ / kQuarantineFolder;
  std::error_code failed;
  fs::create_directory(place, failed);
  fs::path moved = place / uniqueName(digest);
  fs::rename(directory_ / digest, moved, failed);
  warn(fmt::format("damaged entry in the kernel cache, {}: {} ({})",
                   failed ? "left where it is" : "moved away", problem,
                   (failed ? directory_ / digest : moved).string()));
}

void KernelCache::store(const CacheKey &key, const CacheEntry &entry) {
  const std::string digest = key.digest();
  state_->keep(digest, entry);
  toDisk(key, digest, entry);
}

void KernelCache::toDisk(const CacheKey &key, const std::string &digest, const CacheEntry &entry) {
  {
    std::lock_guard lock(state_->mutex);
    if (!usable_ || !state_->canStore) return;
  }
  fs::path temporary = directory_ / uniqueName(kTemporaryPrefix + digest);
  std::string problem = writeEntry(temporary, key, entry);
  std::error_code ignored;
  if (problem.empty() && ::rename(temporary.c_str(), (directory_ / digest).c_str()) != 0 && errno != EEXIST &&
      errno != ENOTEMPTY)
    problem = fmt::format("{}: {}", (directory_ / digest).string(), std::strerror(errno));
  uint64_t bytes = problem.empty() ? directoryBytes(directory_ / digest) : 0;
  fs::remove_all(temporary, ignored); // left behind when the write failed or the race was lost
  if (!problem.empty()) {
    warn(fmt::format("a kernel could not be kept on disk: {}", problem));
    std::lock_guard lock(state_->mutex);
    state_->canStore = false; // a read-only or full disk: one warning, not one a kernel
    return;
  }
  syncDirectory(directory_);

  bool tooBig;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->storesUntilScan-- <= 0) {
      state_->storesUntilScan = kStoresPerScan;
      state_->diskBytes = 0;
      for (const InventoryItem &item : inventory(directory_)) state_->diskBytes += item.bytes;
    } else {
      state_->diskBytes += bytes;
    }
    tooBig = state_->diskBytes > options_.maxBytes;
    if (tooBig) state_->storesUntilScan = 0;
  }
  if (tooBig) gc(options_.maxBytes - options_.maxBytes / 10); // room for the next ones
}

CacheEntry KernelCache::getOrMake(const CacheKey &key, const std::function<CacheEntry()> &make, bool *hit,
                                  CacheSource *source) {
  const std::string digest = key.digest();
  auto from = [&](CacheSource where) {
    if (hit) *hit = where != CacheSource::Made;
    if (source) *source = where;
  };
  auto known = [&]() -> std::optional<CacheEntry> {
    if (auto entry = state_->find(digest)) {
      from(CacheSource::Memory);
      return *entry;
    }
    auto entry = fromDisk(key, digest);
    if (entry) from(CacheSource::Disk);
    return entry;
  };
  if (auto entry = known()) return std::move(*entry);

  auto maker = state_->makerOf(digest);
  std::lock_guard making(*maker);
  if (auto entry = known()) return std::move(*entry); // another thread made it meanwhile

  std::optional<CacheLock> lock;
  bool mayStore = usable_;
  if (usable_) {
    std::error_code ignored;
    lock.emplace(directory_ / kLockFolder / digest, options_.lockWait,
                 [&] { return fs::exists(directory_ / digest, ignored); });
    if (lock->outcome() == CacheLock::Outcome::TimedOut) {
      warn(fmt::format("another process has been making kernel {} for more than {} ms: not waiting, and not "
                       "keeping this one on disk",
                       digest, options_.lockWait.count()));
      mayStore = false;
    } else if (auto entry = known()) { // another process made it meanwhile
      return std::move(*entry);
    }
  }
  CacheEntry entry = make();
  from(CacheSource::Made);
  state_->keep(digest, entry);
  if (mayStore) toDisk(key, digest, entry);
  return entry;
}

std::vector<CacheEntryInfo> KernelCache::list() const {
  std::vector<CacheEntryInfo> out;
  for (const InventoryItem &item : inventory(directory_)) {
    if (item.kind != InventoryItem::Kind::Entry) continue;
    EntryRead read = readEntry(item.path, nullptr, false);
    if (read.missing) continue;
    read.info.bytes = item.bytes;
    read.info.digest = item.path.filename();
    read.info.lastUse = item.lastUse;
    read.info.problem = read.problem;
    out.push_back(std::move(read.info));
  }
  return out;
}

std::vector<CacheEntryInfo> KernelCache::verify() {
  std::vector<CacheEntryInfo> out = list();
  for (CacheEntryInfo &info : out) {
    EntryRead read = readEntry(directory_ / info.digest, nullptr, true);
    std::error_code ignored;
    fs::last_write_time(directory_ / info.digest, info.lastUse, ignored); // checking is no use
    info.problem = read.problem;
    if (!info.problem.empty()) quarantine(info.digest, info.problem);
  }
  return out;
}

uint64_t KernelCache::gc(uint64_t maxBytes) {
  if (!usable_) return 0;
  std::vector<InventoryItem> items = inventory(directory_); // newest use first
  uint64_t freed = 0, kept = 0;
  bool full = false;
  for (const InventoryItem &item : items) {
    bool isEntry = item.kind == InventoryItem::Kind::Entry;
    full |= isEntry && kept + item.bytes > maxBytes; // this one and all that were used less recently
    bool remove = isEntry ? full : item.stale;
    if (!remove) {
      kept += item.bytes;
      continue;
    }
    // Out of the way in one step first: a reader must never see half an entry.
    fs::path doomed = directory_ / uniqueName(std::string(kTemporaryPrefix) + "gc");
    std::error_code failed;
    fs::rename(item.path, doomed, failed);
    if (failed) continue;
    fs::remove_all(doomed, failed);
    freed += item.bytes;
  }
  std::lock_guard lock(state_->mutex);
  state_->diskBytes = kept;
  state_->canStore = true; // there may be room again
  return freed;
}

} // namespace maskloom
