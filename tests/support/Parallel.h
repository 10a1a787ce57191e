// Independent random cases on all cores.
#pragma once

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace maskloom::testing {

/// body(i) for 0 <= i < count, in any order, several at a time.
template <typename Body>
void forEachCase(int count, const Body &body) {
  std::atomic<int> next = 0;
  auto work = [&] {
    for (int i = next++; i < count; i = next++) body(i);
  };
  std::vector<std::thread> threads;
  for (unsigned i = std::max(1u, std::thread::hardware_concurrency()); i > 1; --i) threads.emplace_back(work);
  work();
  for (std::thread &thread : threads) thread.join();
}

} // namespace maskloom::testing
