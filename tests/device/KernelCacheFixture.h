// A kernel cache in a temporary directory, and entries for it.
#pragma once

#include "RandomProgram.h"

#include "maskloom/device/KernelCache.h"
#include "tests/support/ReadFile.h"
#include "tests/support/TemporaryDirectory.h"

#include <fstream>
#include <mutex>

#include <gtest/gtest.h>

namespace maskloom {

namespace fs = std::filesystem;

inline CacheKey keyOf(const std::string &pattern) {
  return {pattern, "portable_forward", "generator", "nvrtc 13.0.88", "sm_90a", {"-v"}};
}

inline CacheEntry entryOf(unsigned seed, size_t imageBytes = 1000) {
  CacheEntry entry{randomProgram(seed), std::string(imageBytes, 'x')};
  entry.image[0] = '\0';
  return entry;
}

class KernelCacheFixture : public testing::Test {
protected:
  TemporaryDirectory temporary_;
  fs::path directory_ = temporary_.path() / "cache";
  std::vector<std::string> warnings_;
  std::mutex warningsMutex_;

  CacheOptions options() {
    CacheOptions options;
    options.directory = directory_;
    options.warn = [this](const std::string &message) {
      std::lock_guard lock(warningsMutex_);
      warnings_.push_back(message);
    };
    return options;
  }
  fs::path entryPath(const CacheKey &key) const { return directory_ / key.digest(); }
  void expectOneWarning(const std::string &part) {
    ASSERT_EQ(warnings_.size(), 1u);
    EXPECT_NE(warnings_[0].find(part), std::string::npos) << warnings_[0];
  }
};

} // namespace maskloom
