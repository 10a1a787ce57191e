// What tells streams apart when something is kept for each of them.
#pragma once

#include <compare>
#include <cstdint>
#include <thread>

namespace maskloom {

/// A stream of a context. The per-thread default stream has one handle, but is another stream in each thread.
struct StreamKey {
  void *context = nullptr, *stream = nullptr;
  std::thread::id thread = {}; ///< set for the per-thread default stream only

  /// Of the calling thread.
  StreamKey(void *context, void *stream) : context(context), stream(stream) {
    constexpr uintptr_t kPerThread = 2; // CU_STREAM_PER_THREAD
    if (reinterpret_cast<uintptr_t>(stream) == kPerThread) thread = std::this_thread::get_id();
  }
  bool operator==(const StreamKey &) const = default;
  auto operator<=>(const StreamKey &) const = default;
};

} // namespace maskloom
