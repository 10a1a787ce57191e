#include "maskloom/codegen/emit/DefaultConfig.h"

#include "maskloom/dsl/Patterns.h"

#include <gtest/gtest.h>

namespace maskloom {
namespace {

KernelConfig configFor(const Pattern &pattern, int32_t dim, const std::string &arch) {
  return defaultConfig(pattern, {}, DType::bf16, dim, dim, arch);
}

Pattern blocks(int64_t size) { return Pattern("blocks", floordiv(query(), size) == floordiv(key(), size)); }

TEST(DefaultConfig, GranularityIsTheDivisorsOfKeys) {
  EXPECT_EQ(keyGranularity(patterns::causal()), 0);
  EXPECT_EQ(keyGranularity(patterns::localStride()), 64);
  EXPECT_EQ(keyGranularity(patterns::blockTable(128, 32)), 32);
  EXPECT_EQ(keyGranularity(blocks(48)), 48);
  // Divided queries do not count.
  EXPECT_EQ(keyGranularity(Pattern("rows", floordiv(query(), 32) * 32 >= key())), 0);
  // Parameters inside divisors count with their value.
  Param size("size", 64, 1, 4096);
  Pattern byParam("by_param", floordiv(query(), size) == floordiv(key(), size));
  EXPECT_EQ(keyGranularity(byParam), 64);
  EXPECT_EQ(keyGranularity(byParam, {{"size", 96}}), 96);
}

TEST(DefaultConfig, KvWidthFollowsThePattern) {
  EXPECT_EQ(configFor(patterns::causal(), 128, "sm_90a").tileKeys, 64);
  EXPECT_EQ(configFor(patterns::localStride(), 128, "sm_90a").tileKeys, 64);
  EXPECT_EQ(configFor(blocks(128), 128, "sm_90a").tileKeys, 64);
  EXPECT_EQ(configFor(blocks(48), 128, "sm_90a").tileKeys, 48);
  EXPECT_EQ(configFor(blocks(32), 128, "sm_90a").tileKeys, 32);
  EXPECT_EQ(configFor(blocks(7), 128, "sm_90a").tileKeys, 64) << "nothing of 32 or more divides 7";
}

TEST(DefaultConfig, EveryHeadDimFitsEveryArchitecture) {
  for (const char *arch : {"", "sm_80", "sm_86", "sm_87", "sm_88", "sm_89", "sm_90", "sm_90a", "sm_100f",
                           "sm_110a", "sm_120", "sm_121a", "sm_999"})
    for (int32_t dim = 8; dim <= 256; dim += 8)
      for (int32_t valueDim : {8, dim, 256}) {
        KernelConfig config = defaultConfig(patterns::causal(), {}, DType::f16, dim, valueDim, arch);
        EXPECT_LE(sharedBytes(config), sharedLimit(arch)) << arch << " " << toString(config);
        EXPECT_EQ(config.headDim, dim);
        EXPECT_EQ(config.valueDim, valueDim);
      }
}

TEST(DefaultConfig, TheTable) {
  auto shape = [](int32_t dim, const std::string &arch) {
    KernelConfig c = configFor(patterns::causal(), dim, arch);
    return std::vector<int32_t>{c.tileQueries, c.tileKeys, c.warps, c.stages};
  };
  using Shape = std::vector<int32_t>;
  EXPECT_EQ(shape(64, "sm_90a"), (Shape{128, 64, 4, 2}));
  EXPECT_EQ(shape(112, "sm_86"), (Shape{128, 64, 4, 1}));
  EXPECT_EQ(shape(96, "sm_80"), (Shape{128, 64, 4, 2}));
  EXPECT_EQ(shape(128, "sm_80"), (Shape{128, 64, 4, 1}));
  EXPECT_EQ(shape(128, "sm_90a"), (Shape{128, 64, 4, 2}));
  EXPECT_EQ(shape(128, "sm_89"), (Shape{128, 64, 4, 1}));
  EXPECT_EQ(shape(192, "sm_80"), (Shape{128, 64, 8, 1}));
  EXPECT_EQ(shape(192, "sm_120"), (Shape{64, 64, 4, 1}));
  EXPECT_EQ(shape(256, "sm_90a"), (Shape{128, 64, 8, 1}));
  EXPECT_EQ(shape(256, "sm_80"), (Shape{128, 64, 8, 1}));
  EXPECT_EQ(shape(256, "sm_86"), (Shape{64, 32, 4, 1}));
}

} // namespace
} // namespace maskloom
