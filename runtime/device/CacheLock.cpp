#include "maskloom/device/CacheLock.h"

#include <algorithm>
#include <cerrno>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace maskloom {

CacheLock::CacheLock(const std::filesystem::path &file, std::chrono::milliseconds wait,
                     const std::function<bool()> &enough) {
  using Clock = std::chrono::steady_clock;
  std::error_code ignored;
  std::filesystem::create_directory(file.parent_path(), ignored);
  fd_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd_ < 0) return;
  const auto deadline = Clock::now() + wait;
  std::chrono::milliseconds pause{2};
  while (true) {
    if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) {
      outcome_ = Outcome::Held;
      return;
    }
    if (errno != EWOULDBLOCK && errno != EINTR) return; // no locks on this file system
    if (enough()) {
      outcome_ = Outcome::Skipped;
      return;
    }
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) {
      outcome_ = Outcome::TimedOut;
      return;
    }
    std::this_thread::sleep_for(std::min(pause, left));
    pause = std::min(pause * 2, std::chrono::milliseconds{50});
  }
}

CacheLock::~CacheLock() {
  if (fd_ >= 0) ::close(fd_); // frees the lock
}

} // namespace maskloom
