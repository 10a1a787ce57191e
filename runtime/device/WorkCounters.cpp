#include "maskloom/device/WorkCounters.h"

namespace maskloom {

void WorkCounters::grow(const Driver &driver, Pool &pool) {
  void *memory = nullptr;
  pool.canGrow = driver.allocateZeroed(kCountersAtOnce * kBytes, memory).ok();
  if (!pool.canGrow) return;
  pool.allocations.push_back(memory);
  for (size_t i = kCountersAtOnce; i-- > 0;)
    pool.free.push_back(reinterpret_cast<unsigned *>(static_cast<char *>(memory) + i * kBytes));
}

unsigned *WorkCounters::take(const Driver &driver, void *context, void *stream, bool capturing) {
  std::lock_guard lock(mutex_);
  Pool &pool = pools_[context];
  unsigned *own = nullptr;
  unsigned *&counter = capturing ? own : streams_[StreamKey(context, stream)];
  if (counter) return counter;
  if (pool.free.empty() && pool.canGrow) grow(driver, pool);
  if (pool.free.empty()) return nullptr;
  counter = pool.free.back();
  pool.free.pop_back();
  return counter;
}

void WorkCounters::release(const Driver &driver, void *context) {
  std::lock_guard lock(mutex_);
  for (void *memory : pools_[context].allocations) driver.free(memory);
  pools_.erase(context);
  std::erase_if(streams_, [&](const auto &entry) { return entry.first.context == context; });
}

} // namespace maskloom
