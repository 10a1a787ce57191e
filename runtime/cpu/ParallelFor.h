#pragma once

#include <cstdint>
#include <functional>

namespace maskloom::cpu {

/// Calls body(worker, item) for every item in 0 .. items - 1, handed out in ascending order by an atomic
/// counter, on `workers` threads of which the caller is one. worker < workers names the thread. When the
/// system refuses a thread, the others do its work. `body` must not throw.
void parallelFor(unsigned workers, int64_t items, const std::function<void(unsigned, int64_t)> &body);

} // namespace maskloom::cpu
