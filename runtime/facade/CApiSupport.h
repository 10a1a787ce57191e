// What the files of the C API share: its handles, exceptions turned into a status, arguments checked.
#pragma once

#include "maskloom/c.h"
#include "maskloom/facade/Attention.h"

#include <functional>
#include <string>

struct maskloom_pattern {
  maskloom::Pattern pattern;
};
struct maskloom_attention {
  maskloom::Attention attention;
  std::string config; ///< what maskloom_config() hands out
};

namespace [[gnu::visibility("hidden")]] maskloom { // no part of the API, though this layer is

/// Runs `body`; turns what it throws into a status and the calling thread's last-error text.
maskloom_status guarded(const std::function<void()> &body) noexcept;

[[noreturn]] void failNull(const char *name);
template <typename T>
T &required(T *pointer, const char *name) {
  if (!pointer) failNull(name);
  return *pointer;
}

Tensor tensorOf(const maskloom_tensor *given, const char *name);

} // namespace maskloom
