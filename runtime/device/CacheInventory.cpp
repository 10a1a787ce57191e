#include "maskloom/device/CacheInventory.h"

#include <algorithm>
#include <chrono>
#include <string>

namespace maskloom {

namespace fs = std::filesystem;

uint64_t directoryBytes(const fs::path &directory) {
  uint64_t bytes = 0;
  std::error_code failed;
  for (fs::directory_iterator it(directory, failed), end; !failed && it != end; it.increment(failed)) {
    std::error_code ignored;
    uintmax_t size = it->file_size(ignored);
    if (!ignored) bytes += size;
  }
  return bytes;
}

namespace {

bool isDigest(const std::string &name) {
  return name.size() == 32 && name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

void collect(const fs::path &folder, InventoryItem::Kind kind, std::vector<InventoryItem> &items) {
  constexpr std::chrono::hours kTemporaryLife{1}, kLockLife{24};
  const auto now = fs::file_time_type::clock::now();
  std::error_code failed;
  for (fs::directory_iterator it(folder, failed), end; !failed && it != end; it.increment(failed)) {
    InventoryItem item;
    item.path = it->path();
    item.kind = kind;
    const std::string name = item.path.filename();
    if (kind == InventoryItem::Kind::Entry && !isDigest(name)) {
      if (name.rfind(kTemporaryPrefix, 0) != 0) continue;
      item.kind = InventoryItem::Kind::Temporary;
    }
    std::error_code gone;
    item.lastUse = fs::last_write_time(item.path, gone);
    if (gone) continue;
    if (item.kind != InventoryItem::Kind::Lock) item.bytes = directoryBytes(item.path);
    const auto age = now - item.lastUse;
    item.stale = item.kind == InventoryItem::Kind::Quarantined ||
                 (item.kind == InventoryItem::Kind::Temporary && age > kTemporaryLife) ||
                 (item.kind == InventoryItem::Kind::Lock && age > kLockLife);
    items.push_back(std::move(item));
  }
}

} // namespace

std::vector<InventoryItem> inventory(const fs::path &directory) {
  std::vector<InventoryItem> items;
  collect(directory, InventoryItem::Kind::Entry, items);
  collect(directory / kQuarantineFolder, InventoryItem::Kind::Quarantined, items);
  collect(directory / kLockFolder, InventoryItem::Kind::Lock, items);
  std::stable_sort(items.begin(), items.end(), [](const InventoryItem &a, const InventoryItem &b) {
    return a.lastUse != b.lastUse ? a.lastUse > b.lastUse : a.path < b.path;
  });
  return items;
}

} // namespace maskloom
