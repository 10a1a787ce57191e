#include "maskloom/device/WorkCounters.h"

#include <algorithm>

namespace maskloom {

void WorkCounters::grow(const Driver &driver, Pool &pool) {
  // As many again as the captures so far took: the next model to be captured is probably like the last.
  const size_t count = std::max(kCountersAtOnce, pool.captured);
  void *memory = nullptr;
  pool.canGrow = driver.allocateZeroed(count * kBytes, memory).ok();
  if (!pool.canGrow) return;
  pool.allocations.push_back(memory);
  for (size_t i = count; i-- > 0;)
    pool.free.push_back(reinterpret_cast<unsigned *>(static_cast<char *>(memory) + i * kBytes));
}

unsigned *WorkCounters::take(const Driver &driver, void *context, void *stream, bool capturing) {
  std::lock_guard lock(mutex_);
  Pool &pool = pools_[context];
  const bool isLow = pool.free.size() < std::max(kCountersAtOnce / 2, pool.captured);
  if (isLow && pool.canGrow && !capturing) grow(driver, pool);
  unsigned *known = nullptr;
  unsigned *&counter = capturing ? known : streams_[StreamKey(context, stream)];
  if (counter || pool.free.empty()) return counter;
  counter = pool.free.back();
  pool.free.pop_back();
  pool.captured += capturing;
  return counter;
}

void WorkCounters::release(const Driver &driver, void *context) {
  std::lock_guard lock(mutex_);
  for (void *memory : pools_[context].allocations) driver.free(memory);
  pools_.erase(context);
  std::erase_if(streams_, [&](const auto &entry) { return entry.first.context == context; });
}

} // namespace maskloom
