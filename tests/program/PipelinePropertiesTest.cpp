// The fuzzer's properties (tests/fuzz) on random bytes, in every run of the tests.
#include "tests/support/PipelineProperties.h"
#include "tests/support/ReadFile.h"
#include "tests/support/Seed.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <vector>

namespace maskloom::testing {
namespace {

TEST(PipelineProperties, RandomBytes) {
  const uint64_t seed = seedOfThisRun();
  std::mt19937_64 random(seed);
  for (int i = 0; i < casesOfThisRun(2000); ++i) {
    std::vector<uint8_t> bytes(random() % 160);
    for (uint8_t &byte : bytes) byte = static_cast<uint8_t>(random());
    ASSERT_EQ(brokenPipeline(bytes.data(), bytes.size()), "") << "case " << i << " of seed " << seed;
  }
}

/// What the fuzzer found hard.
TEST(PipelineProperties, KeptBytes) {
  size_t files = 0;
  for (const auto &entry : std::filesystem::directory_iterator(MASKLOOM_KEPT_BYTES)) {
    const std::string bytes = readFile(entry.path());
    EXPECT_EQ(brokenPipeline(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()), "")
        << entry.path();
    ++files;
  }
  EXPECT_GE(files, 3u);
}

} // namespace
} // namespace maskloom::testing
