// Launches of a portable kernel: grids, modules, threads, errors. Nothing runs: the driver is a fake.
#include "LauncherFixture.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <thread>

#include <gtest/gtest.h>

namespace maskloom {
namespace {

TEST_F(LauncherTest, LaunchesOneBlockAWorkUnit) {
  Launcher l = launcher(false);
  EXPECT_EQ(l.forward(args(), {.stream = kStreamA}), "");
  ASSERT_EQ(fake().launches.size(), 1u);
  const FakeLaunch &launch = fake().launches[0];
  EXPECT_EQ(launch.function, "forward");
  EXPECT_EQ(launch.grid, 3u * 8 * 16); // ceil(1000 / 64) = 16
  EXPECT_EQ(launch.threads, 160u);
  EXPECT_EQ(launch.sharedBytes, 100'000u);
  EXPECT_EQ(launch.stream, kStreamA);
  EXPECT_EQ(launch.args.q.token_stride, int64_t{1} << 40);
  EXPECT_EQ(launch.args.scale, 0.125f);
  EXPECT_EQ(launch.args.params[0], 16);
  EXPECT_EQ(launch.args.plan, nullptr);
  EXPECT_EQ(fake().calls, Names{"attribute forward 8 100000"}); // opt-in to more than 48 KiB
  EXPECT_EQ(l.workspaceBytes(args()), 0u);

  EXPECT_EQ(l.forward(args(), {.maxBlocks = 7}), "");
  EXPECT_EQ(fake().launches[1].grid, 7u);
  EXPECT_EQ(fake().calls.size(), 1u); // once a module
  EXPECT_EQ(fake().modulesLoaded, 1u);
  EXPECT_EQ(fake().synchronized, 0u);
}

TEST_F(LauncherTest, HugeGridsAreCapped) {
  Launcher l = launcher(false);
  ForwardArgs huge = args(1 << 30);
  huge.batch = 1000;
  EXPECT_EQ(l.forward(huge, {}), "");
  EXPECT_EQ(fake().launches[0].grid, 2147483647u);
}

TEST_F(LauncherTest, SmallKernelsAskForNoSharedMemory) {
  Program small = program(false);
  small.kernel.sharedBytes = 48 * 1024;
  Launcher l(small, "the cubin", &FakeDriver::driver());
  EXPECT_EQ(l.forward(args(), {}), "");
  EXPECT_TRUE(fake().calls.empty());
}

TEST_F(LauncherTest, OneModuleAContext) {
  {
    Launcher l = launcher(true);
    for (int context : {1, 2, 1, 2}) {
      FakeDriver::setContext(context);
      EXPECT_EQ(l.forward(args(), {}), "");
    }
    EXPECT_EQ(fake().modulesLoaded, 2u);
    EXPECT_EQ(fake().allocated, 2u); // a bitmap in each
    EXPECT_EQ(functions(),
              (Names{"forward_plan", "forward", "forward_plan", "forward", "forward", "forward"}));
    EXPECT_EQ(fake().modulesUnloaded, 0u);
  }
  EXPECT_EQ(fake().modulesUnloaded, 2u);
  EXPECT_EQ(fake().freed, 2u);
}

TEST_F(LauncherTest, AThreadWithoutContextGetsTheFirstDevice) {
  FakeDriver::setContext(0);
  Launcher l = launcher(false);
  EXPECT_EQ(l.forward(args(), {}), "");
  EXPECT_EQ(fake().calls.front(), "retain 0");
  EXPECT_EQ(fake().launches[0].context, reinterpret_cast<void *>(uintptr_t{1}));
}

TEST_F(LauncherTest, ThreadsShareALauncher) {
  Launcher l = launcher(true);
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      FakeDriver::setContext(1 + t % 2);
      for (int i = 0; i < 50; ++i) {
        ForwardArgs a = args();
        a.params[0] = (t + i) % 3;
        EXPECT_EQ(l.forward(a, {.stream = t & 2 ? kStreamA : kStreamB}), "");
      }
    });
  for (auto &thread : threads) thread.join();
  EXPECT_EQ(fake().modulesLoaded, 2u);
  EXPECT_EQ(fake().allocated, 4u);
  // On each bitmap, a forward launch reads the plan that was made last on it.
  std::map<void *, long long> lastPlanned;
  size_t forwards = 0;
  for (const FakeLaunch &launch : fake().launches) {
    if (launch.function == "forward_plan") {
      lastPlanned[launch.args.plan] = launch.args.params[0];
    } else {
      EXPECT_EQ(lastPlanned.at(launch.args.plan), launch.args.params[0]);
      ++forwards;
    }
  }
  EXPECT_EQ(forwards, 400u);
}

TEST_F(LauncherTest, ErrorsAreTexts) {
  ForwardArgs none = args(0);
  EXPECT_EQ(launcher(false).forward(none, {}),
            "batch 3, heads 8, KV heads 2, queries 0, keys 5000: each must be at least 1");
  ForwardArgs odd = args();
  odd.kv_heads = 3;
  EXPECT_EQ(launcher(false).forward(odd, {}), "8 heads are not divisible by 3 KV heads");
  fake().sharedPerBlock = 99'000;
  EXPECT_EQ(
      launcher(false).forward(args(), {}),
      "kernel 'forward' needs 100000 bytes of shared memory a block, Fake GPU has 99000: use smaller tiles "
      "or fewer stages");
  fake().sharedPerBlock = 200'000;
  EXPECT_EQ(
      Launcher(program(false), "another", &FakeDriver::driver()).forward(args(), {}),
      "cuModuleLoadData: CUDA_ERROR_FAKE (as the test wants) for kernel 'forward' on Fake GPU (sm_90a): was "
      "it compiled for this GPU?");
  fake().failing = "launch";
  EXPECT_EQ(launcher(false).forward(args(), {}), "cuLaunchKernel: CUDA_ERROR_FAKE (as the test wants)");
  fake().failing = "allocate";
  EXPECT_EQ(launcher(true).forward(args(), {}),
            "cuMemAlloc: CUDA_ERROR_FAKE (as the test wants) (15360 bytes for the plan bitmap)");
  fake().failing = "function";
  EXPECT_EQ(launcher(false).forward(args(), {}),
            "cuModuleGetFunction: CUDA_ERROR_FAKE (as the test wants) for 'forward'");
  EXPECT_EQ(fake().modulesLoaded, 4u);
  EXPECT_EQ(fake().modulesUnloaded, 3u); // the image that did not load has no module
}

TEST_F(LauncherTest, LaunchingCostsLittleHostTime) {
  fake().record = false;
  for (bool planned : {false, true}) {
    Launcher l = launcher(planned);
    ForwardArgs a = args();
    double best = 1e9;
    for (int round = 0; round < 20; ++round) {
      auto start = std::chrono::steady_clock::now();
      for (int i = 0; i < 100; ++i) l.forward(a, {});
      best = std::min(
          best,
          std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count() / 100);
    }
    RecordProperty(planned ? "planned_nanoseconds" : "closed_form_nanoseconds",
                   static_cast<int>(best * 1000));
    EXPECT_LT(best, 10);
  }
}

TEST(Driver, MissingIsExplained) {
  if (Driver::get()) GTEST_SKIP() << "this machine has a GPU";
  EXPECT_FALSE(Driver::why().empty());
  Launcher launcher({}, "");
  ForwardArgs args{};
  args.batch = args.heads = args.kv_heads = args.queries = args.keys = 1;
  EXPECT_EQ(launcher.forward(args, {}), Driver::why());
  EXPECT_EQ(launcher.prepare(args, {}), Driver::why());
}

TEST(Driver, NamesArchitecturesExactly) {
  GpuInfo info;
  info.major = 8, info.minor = 6;
  EXPECT_EQ(info.arch(), "sm_86");
  info.major = 9, info.minor = 0;
  EXPECT_EQ(info.arch(), "sm_90a");
  info.major = 10;
  EXPECT_EQ(info.arch(), "sm_100a");
}

} // namespace
} // namespace maskloom
