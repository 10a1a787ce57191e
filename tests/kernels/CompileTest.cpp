// The listed configurations compile by NVRTC for sm_80 and sm_90a, without a byte of spills. Needs no GPU.
#include "maskloom/device/Nvrtc.h"
#include "maskloom/program/Program.h"
#include "maskloom/templates/EmbeddedTemplates.h"
#include "tests/support/ReadFile.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace maskloom {
namespace {

struct Case {
  KernelConfig config;
  std::string pattern; ///< of policies.cuh, M and N standing for the tile shape
};

KernelConfig config(DType dtype, int d, int dv, int tileQueries, int tileKeys, int warps, int stages,
                    int align = 16) {
  KernelConfig c;
  c.dtype = dtype;
  c.headDim = d;
  c.valueDim = dv;
  c.tileQueries = tileQueries;
  c.tileKeys = tileKeys;
  c.warps = warps;
  c.stages = stages;
  c.alignBytes = align;
  return c;
}

/// The table of templates/README.md, both dtypes, and each kind of pattern at the head dim with the least
/// room.
std::vector<Case> cases() {
  std::vector<Case> all;
  const std::string causal = "Single<policies::Causal<M, N>>";
  for (DType dtype : {DType::bf16, DType::f16}) {
    for (int d : {8, 40, 64, 80, 96, 128})
      for (int stages : {1, 2}) all.push_back({config(dtype, d, d, 128, 64, 4, stages), causal});
    for (int d : {192, 256}) all.push_back({config(dtype, d, d, 128, 64, 8, 1), causal});
    all.push_back({config(dtype, 256, 256, 64, 32, 4, 1), causal});
    all.push_back({config(dtype, 192, 128, 128, 64, 8, 1), causal});
  }
  for (const char *pattern : {"Single<policies::SinkWindow<M, N>>",
                              "Alternating<policies::Strided<M, N>, policies::SinkWindow<M, N>>",
                              "Alternating<policies::Documents<M, N>, policies::Causal<M, N>>",
                              "BiasAndSink<policies::SinkWindow<M, N>>"})
    for (int stages : {1, 2}) all.push_back({config(DType::bf16, 128, 128, 128, 64, 4, stages), pattern});
  all.push_back({config(DType::bf16, 128, 128, 128, 64, 4, 1, 2), causal});
  all.push_back({config(DType::f16, 256, 256, 128, 64, 8, 1, 2), causal});
  return all;
}

/// The translation unit, put together as the code generator does, with a hand-written pattern in the middle.
std::string source(const Case &c) {
  std::string policies = readFile(MASKLOOM_KERNEL_POLICIES);
  const std::string guard = "#pragma once";
  policies.erase(policies.find(guard), guard.size());
  std::string emitted = fmt::format(
      "namespace maskloom::kernel {{\n"
      "struct Config {{\n"
      "  static constexpr int kTileHeads = 1, kHeadDim = {}, kValueDim = {}, kTileQueries = "
      "{}, kTileKeys = {}, kWarps = {}, kStages = {},\n"
      "                       kAlignBytes = {};\n"
      "  static constexpr bool kBf16 = {};\n"
      "}};\n"
      "constexpr int M = Config::kTileQueries, N = Config::kTileKeys;\n"
      "using Pattern = policies::{};\n"
      "}}\n",
      c.config.headDim, c.config.valueDim, c.config.tileQueries, c.config.tileKeys, c.config.warps,
      c.config.stages, c.config.alignBytes, c.config.dtype == DType::bf16, c.pattern);
  return std::string(templateText("foundation")) + policies + emitted + templateText("portable_forward") +
         templateText("plan") +
         "extern \"C\" __global__ void __launch_bounds__(maskloom::kernel::Config::kWarps * 32)\n"
         "forward(const __grid_constant__ maskloom::ForwardArgs args) {\n"
         "  maskloom::kernel::portable_forward<maskloom::kernel::Config, maskloom::kernel::Pattern>(args);\n"
         "}\n"
         "extern \"C\" __global__ void __launch_bounds__(maskloom::kernel::kPlanThreads, "
         "maskloom::kernel::kPlanBlocks)\n"
         "forward_plan(const __grid_constant__ maskloom::ForwardArgs args) {\n"
         "  maskloom::kernel::plan_tiles<maskloom::kernel::Config, maskloom::kernel::Pattern>(args);\n"
         "}\n"
         "extern \"C\" __global__ void __launch_bounds__(maskloom::kernel::kOrderThreads)\n"
         "forward_order(const __grid_constant__ maskloom::ForwardArgs args) {\n"
         "  maskloom::kernel::order_units<maskloom::kernel::Config, maskloom::kernel::Pattern>(args);\n"
         "}\n";
}

TEST(Compile, ListedConfigurationsWithoutSpills) {
  const Nvrtc *nvrtc = Nvrtc::get();
  if (!nvrtc) GTEST_SKIP() << Nvrtc::why();
  struct Job {
    Case c;
    std::string arch;
    NvrtcResult result;
  };
  std::vector<Job> jobs;
  for (const Case &c : cases())
    for (const char *arch : {"sm_80", "sm_90a"}) jobs.push_back({c, arch, {}});

  std::atomic<size_t> next{0};
  auto work = [&] {
    for (size_t i; (i = next++) < jobs.size();)
      jobs[i].result = nvrtc->compile(source(jobs[i].c), "forward.cu", jobs[i].arch, true, false);
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i) threads.emplace_back(work);
  for (std::thread &thread : threads) thread.join();

  for (const Job &job : jobs) {
    SCOPED_TRACE(toString(job.c.config) + " " + job.c.pattern + " " + job.arch);
    ASSERT_TRUE(job.result.ok) << job.result.log;
    ASSERT_EQ(job.result.resources.kernels.size(), 3u);
    for (const KernelResources &kernel : job.result.resources.kernels) {
      EXPECT_EQ(kernel.spillStoreBytes, 0) << kernel.entry;
      EXPECT_EQ(kernel.spillLoadBytes, 0) << kernel.entry;
      EXPECT_EQ(kernel.stackBytes, 0) << kernel.entry;
    }
  }
}

TEST(EmbeddedTemplates, TextsHaveNoIncludes) {
  for (const char *name : {"foundation", "portable_forward", "plan"}) {
    ASSERT_NE(templateText(name), nullptr) << name;
    EXPECT_EQ(std::string(templateText(name)).find("#include"), std::string::npos) << name;
  }
  EXPECT_EQ(templateText("no such text"), nullptr);
}

} // namespace
} // namespace maskloom
