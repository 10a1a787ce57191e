#include "maskloom/codegen/emit/DefaultConfig.h"

#include "maskloom/dsl/Patterns.h"

#include <gtest/gtest.h>

namespace maskloom {
namespace {

KernelConfig configFor(const Pattern &pattern, int32_t dim, const std::string &arch) {
  return portableConfig(pattern, {}, DType::bf16, dim, dim, arch);
}

KernelConfig hopperFor(const Pattern &pattern, int32_t dim) {
  return hopperConfig(pattern, {}, DType::bf16, dim, dim);
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

TEST(DefaultConfig, QueryGranularityIsOfRowsThatSeeKeysIndependently) {
  EXPECT_EQ(queryGranularity(patterns::causal()), 0);
  EXPECT_EQ(queryGranularity(patterns::documents()), 0);
  EXPECT_EQ(queryGranularity(patterns::localStride()), 0) << "a distance: neighbours see about the same";
  EXPECT_EQ(queryGranularity(blocks(64)), 0) << "blocks along the diagonal";
  EXPECT_EQ(queryGranularity(patterns::blockTable(64, 128)), 64);
  EXPECT_EQ(queryGranularity(patterns::blockTable(128, 64)), 128);
  AuxInt table("table", {axis::head(), axis::fixed(100), axis::fixed(100)});
  EXPECT_EQ(queryGranularity(Pattern("t", table(head(), floordiv(query(), 32), floordiv(key(), 64)) != 0)),
            32);
  const Index nested = floordiv(floordiv(query(), 8), 16);
  EXPECT_EQ(queryGranularity(Pattern("t", table(head(), nested, floordiv(key(), 64)) != 0)), 128);
  AuxInt ids("ids", {axis::query(64)});
  EXPECT_EQ(queryGranularity(Pattern("t", ids(floordiv(query(), 64)) >= key())), 0) << "no key selects it";
  const Index rows = floordiv(query(), 64), columns = floordiv(key(), 64);
  EXPECT_EQ(queryGranularity(Pattern("dilated", rows % 4 == columns % 4)), 64);
  EXPECT_EQ(queryGranularity(Pattern("dilated", columns % 4 != rows % 4)), 64);
  EXPECT_EQ(queryGranularity(Pattern("near", abs(rows % 4 - columns % 4) <= 1)), 0);
}

TEST(DefaultConfig, HopperQueryTilesFollowThePattern) {
  AuxInt table("table", {axis::kvHead(), axis::fixed(100), axis::fixed(100)});
  auto blocksOf = [&](int64_t size) {
    return Pattern("blocks", table(kvHead(), floordiv(query(), size), floordiv(key(), size)) != 0);
  };
  auto tile = [&](const Pattern &pattern, int32_t dim, int64_t headsOfKvHead = 1) {
    KernelConfig config = hopperConfig(pattern, {}, DType::bf16, dim, dim, headsOfKvHead);
    EXPECT_EQ(config.warps, config.tileRows() / 16);
    EXPECT_LE(sharedBytes(config), sharedLimit("sm_90a")) << toString(config);
    EXPECT_TRUE(!config.pingPong || config.tileRows() > 64);
    return std::pair(config.tileHeads, config.tileQueries);
  };
  using Tile = std::pair<int32_t, int32_t>;
  for (int32_t dim : {64, 128, 192, 256}) {
    EXPECT_EQ(tile(blocksOf(128), dim), Tile(1, 128));
    EXPECT_EQ(tile(blocksOf(64), dim), Tile(1, 64));
    EXPECT_EQ(tile(blocksOf(32), dim), Tile(1, 64));
    EXPECT_EQ(tile(blocksOf(64), dim, 8), Tile(2, 64)) << "two heads see the same keys";
    EXPECT_EQ(tile(blocksOf(64), dim, 3), Tile(1, 64)) << "three do not make pairs";
    EXPECT_EQ(tile(patterns::blockTable(64, 64), dim, 8), Tile(1, 64)) << "a table a query head";
  }
  EXPECT_EQ(tile(patterns::causal(), 64, 8), Tile(1, 192));
}

TEST(DefaultConfig, WhatTakesRegistersGetsSmallerTiles) {
  auto tile = [&](const Pattern &pattern, int32_t dim) {
    KernelConfig config = hopperFor(pattern, dim);
    EXPECT_LE(sharedBytes(config), sharedLimit("sm_90a")) << toString(config);
    return std::pair(config.tileQueries, config.tileKeys);
  };
  using Tile = std::pair<int32_t, int32_t>;
  EXPECT_EQ(tile(patterns::causal(), 64), Tile(192, 128));
  EXPECT_EQ(tile(patterns::documents(), 64), Tile(128, 128)) << "loads by positions";
  EXPECT_EQ(tile(blocks(128), 64), Tile(128, 128)) << "divides positions";
  EXPECT_EQ(tile(patterns::causal(), 256), Tile(128, 80));
  EXPECT_EQ(tile(patterns::documents(), 256), Tile(128, 64));
  EXPECT_FALSE(hopperFor(patterns::alibi(), 128).sharedP) << "a slope a head";
  AuxFloat bias("bias", {axis::fixed(100)});
  const Pattern biased = Pattern("biased", query() >= key()).modifyScore(score() + bias(query() - key()));
  for (int32_t dim : {64, 96, 128, 192}) EXPECT_EQ(tile(biased, dim), Tile(128, 96));
  EXPECT_EQ(tile(biased, 256), Tile(128, 64));
  EXPECT_TRUE(hopperFor(biased, 128).sharedP);
}

TEST(DefaultConfig, MasksByKvHead) {
  EXPECT_TRUE(masksByKvHead(patterns::causal()));
  EXPECT_FALSE(masksByKvHead(patterns::localStride()));
  EXPECT_TRUE(masksByKvHead(patterns::alibi())) << "scores may differ";
  const Mask causal = query() >= key();
  EXPECT_TRUE(masksByKvHead(Pattern("p", causal, Layout().kvHeads(0, 1, causal).kvHeads(2, 3, causal))));
  EXPECT_FALSE(masksByKvHead(Pattern("p", causal, Layout().heads(0, 1, causal).heads(2, 3, causal))));
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
        for (const KernelConfig &config :
             {defaultConfig(patterns::causal(), {}, DType::f16, dim, valueDim, arch),
              portableConfig(patterns::causal(), {}, DType::f16, dim, valueDim, arch)}) {
          EXPECT_LE(sharedBytes(config), sharedLimit(arch)) << arch << " " << toString(config);
          EXPECT_EQ(config.headDim, dim);
          EXPECT_EQ(config.valueDim, valueDim);
          EXPECT_TRUE(!config.isHopper() || hopperRunsOn(arch));
        }
      }
}

TEST(DefaultConfig, TheHopperKernelNeedsItsArchitecture) {
  EXPECT_TRUE(hopperRunsOn("sm_90a"));
  for (const char *arch : {"", "sm_80", "sm_89", "sm_90", "sm_100a", "sm_120"}) {
    EXPECT_FALSE(hopperRunsOn(arch)) << arch;
    EXPECT_EQ(defaultConfig(patterns::causal(), {}, DType::bf16, 128, 128, arch),
              portableConfig(patterns::causal(), {}, DType::bf16, 128, 128, arch));
  }
}

TEST(DefaultConfig, HopperShapesFitEveryHeadDim) {
  const Pattern dense("dense", Mask(makeBool(true)));
  for (const Pattern &pattern : {dense, patterns::causal(), patterns::localStride(), blocks(16)})
    for (int32_t dim = 8; dim <= 256; dim += 8)
      for (int32_t valueDim : {8, dim, 256}) {
        KernelConfig config = hopperConfig(pattern, {}, DType::f16, dim, valueDim);
        EXPECT_LE(sharedBytes(config), sharedLimit("sm_90a")) << toString(config);
        EXPECT_TRUE(config.isHopper());
        EXPECT_EQ(config.alignBytes, 16);
        EXPECT_EQ(config.warps, config.tileQueries / 16);
        EXPECT_EQ(config.threads(), config.warps * 32 + 128);
        EXPECT_TRUE(!config.pingPong || config.tileQueries > 64);
        EXPECT_LE(config.gather * config.tileKeys, 256);
      }
}

TEST(DefaultConfig, HopperTilesGatherWhatThePatternMarks) {
  auto tile = [](const Pattern &pattern, int32_t dim) {
    KernelConfig config = hopperFor(pattern, dim);
    return std::pair(config.gather, config.tileKeys);
  };
  using Tile = std::pair<int32_t, int32_t>;
  const int32_t width = hopperFor(patterns::causal(), 128).tileKeys;
  EXPECT_EQ(tile(patterns::causal(), 128), Tile(1, width)) << "any width fits";
  EXPECT_EQ(tile(blocks(2 * width), 128), Tile(1, width));
  EXPECT_EQ(tile(blocks(64), 128), Tile(width / 64, 64));
  EXPECT_EQ(tile(blocks(32), 128), Tile(width / 32, 32));
  EXPECT_EQ(tile(blocks(96), 128), Tile(width / 32, 32));
  EXPECT_EQ(tile(blocks(16), 128), Tile(width / 16, 16));
  EXPECT_EQ(tile(blocks(7), 128), Tile(1, width)) << "nothing divides 7";
  EXPECT_EQ(tile(blocks(8), 128), Tile(1, width)) << "too narrow for a load";
}

TEST(DefaultConfig, ConfigurationsPrint) {
  KernelConfig config;
  EXPECT_EQ(toString(config), "portable_forward bf16 d=128 dv=128 tile=128x64 warps=4 stages=2 align=16");
  config.kernel = kHopperKernel;
  config.warps = 8;
  config.gather = 2;
  config.pingPong = true;
  EXPECT_EQ(toString(config), "hopper_forward bf16 d=128 dv=128 tile=128x2x64 warps=8 stages=2 align=16 "
                              "ping-pong cluster=1");
  config.tileHeads = 2;
  config.tileQueries = 64;
  EXPECT_EQ(toString(config), "hopper_forward bf16 d=128 dv=128 tile=2x64x2x64 warps=8 stages=2 align=16 "
                              "ping-pong cluster=1");
  config.tileHeads = 1;
  config.tileQueries = 128;
  config.gather = 1;
  config.pingPong = false;
  config.cluster = 2;
  EXPECT_EQ(toString(config),
            "hopper_forward bf16 d=128 dv=128 tile=128x64 warps=8 stages=2 align=16 cluster=2");
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
