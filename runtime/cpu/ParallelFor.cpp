#include "maskloom/cpu/ParallelFor.h"

#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

namespace maskloom::cpu {

void parallelFor(unsigned workers, int64_t items, const std::function<void(unsigned, int64_t)> &body) {
  std::atomic<int64_t> next{0};
  auto work = [&](unsigned worker) {
    for (int64_t item; (item = next.fetch_add(1, std::memory_order_relaxed)) < items;) body(worker, item);
  };
  std::vector<std::jthread> threads;
  for (unsigned worker = 1; worker < workers && worker < items; ++worker) {
    try {
      threads.emplace_back(work, worker);
    } catch (const std::system_error &) {
      break;
    }
  }
  work(0);
}

} // namespace maskloom::cpu
