// The lock of one entry between processes: flock on a file outside the entry, so that the kernel frees it
// when its holder dies.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

namespace maskloom {

class CacheLock {
public:
  enum class Outcome {
    Held,
    TimedOut, ///< another process holds it
    Skipped,  ///< `enough` became true while waiting
    Failed,   ///< the lock file cannot be made
  };
  /// Waits at most `wait`, and only until `enough`.
  CacheLock(const std::filesystem::path &file, std::chrono::milliseconds wait,
            const std::function<bool()> &enough);
  ~CacheLock();
  CacheLock(const CacheLock &) = delete;
  CacheLock &operator=(const CacheLock &) = delete;
  Outcome outcome() const { return outcome_; }

private:
  int fd_ = -1;
  Outcome outcome_ = Outcome::Failed;
};

} // namespace maskloom
