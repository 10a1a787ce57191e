// Device memory for the work counters of the Hopper kernel, which hands out its units through two words that
// are 0 between launches. Two launches that run at the same time must not share a counter:
//
// - Launches on one stream are ordered: a stream has one counter for all its eager launches. A stream must be
//   idle when it is destroyed, since the driver may give its handle to the next one.
// - A captured launch runs whenever its graph does: it has a counter of its own, never handed out again.
//   Graphs may be replayed beside each other and beside eager launches. CUDA orders the launches of one
//   executable graph; two executable graphs instantiated from one captured graph share counters and must not
//   run at the same time.
#pragma once

#include "maskloom/device/Driver.h"
#include "maskloom/device/StreamKey.h"

#include <cstddef>
#include <map>
#include <mutex>
#include <vector>

namespace maskloom {

class WorkCounters {
public:
  static constexpr size_t kBytes = 128;          ///< a counter, alone in its cache line
  static constexpr size_t kCountersAtOnce = 512; ///< are allocated together

  /// The counter of a launch on `stream`; null when there is none: the launch then takes its units in a
  /// static order. Allocates when all are taken. `context` must be current; `capturing`: the stream is being
  /// captured. Thread-safe.
  unsigned *take(const Driver &driver, void *context, void *stream, bool capturing);
  /// Frees what belongs to a context, which must be current.
  void release(const Driver &driver, void *context);

private:
  struct Pool {
    std::vector<void *> allocations;
    std::vector<unsigned *> free;
    bool canGrow = true; ///< false once the memory was not there: launches do without rather than fail
  };
  static void grow(const Driver &driver, Pool &pool);

  std::mutex mutex_;
  std::map<void *, Pool> pools_; ///< by context
  std::map<StreamKey, unsigned *> streams_;
};

} // namespace maskloom
