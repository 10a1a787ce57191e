#include "FakeDriver.h"

#include "maskloom/device/Launcher.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <thread>

#include <gtest/gtest.h>

namespace maskloom {
namespace {

void *const kStreamA = reinterpret_cast<void *>(uintptr_t{0xa0});
void *const kStreamB = reinterpret_cast<void *>(uintptr_t{0xb0});

class LauncherTest : public testing::Test {
protected:
  void TearDown() override { FakeDriver::reset(); }
  void SetUp() override {
    FakeDriver::reset();
    FakeDriver::setContext(1);
  }
  static FakeDriver &fake() { return FakeDriver::state(); }

  static Program program(bool planned) {
    Program p;
    p.name = "test";
    p.params.resize(2);
    p.auxes.resize(1);
    p.kernel.entry = "forward";
    p.kernel.config.tileQueries = 64;
    p.kernel.config.tileKeys = 32;
    p.kernel.threads = 160;
    p.kernel.sharedBytes = 100'000;
    if (planned) p.kernel.planEntry = "forward_plan";
    return p;
  }
  static Launcher launcher(bool planned) { return {program(planned), "the cubin", &FakeDriver::driver()}; }

  static ForwardArgs args(int queries = 1000, int keys = 5000) {
    ForwardArgs a{};
    a.batch = 3;
    a.heads = 8;
    a.kv_heads = 2;
    a.queries = queries;
    a.keys = keys;
    a.scale = 0.125f;
    a.q.data = &fake();
    a.q.token_stride = int64_t{1} << 40;
    a.params[0] = 16;
    return a;
  }
  static std::vector<std::string> functions() {
    std::vector<std::string> names;
    for (const FakeLaunch &launch : fake().launches) names.push_back(launch.function);
    fake().launches.clear();
    return names;
  }
  using Names = std::vector<std::string>;
};

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

TEST_F(LauncherTest, PlansOnceForAShape) {
  Launcher l = launcher(true);
  // 3 * 8 heads, 16 Q tiles, two sets, ceil(157 KV tiles / 32) = 5 words of 4 bytes.
  EXPECT_EQ(l.workspaceBytes(args()), 3u * 8 * 16 * 2 * 5 * 4);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(l.forward(args(), {.stream = kStreamA}), "");
  ASSERT_EQ(fake().launches.size(), 4u);
  const FakeLaunch &plan = fake().launches[0], &forward = fake().launches[1];
  EXPECT_EQ(plan.grid, 3u * 8 * 16);
  EXPECT_EQ(plan.threads, 128u);
  EXPECT_EQ(plan.sharedBytes, 0u);
  EXPECT_EQ(plan.stream, kStreamA);
  EXPECT_NE(plan.args.plan, nullptr);
  EXPECT_EQ(forward.args.plan, plan.args.plan);
  EXPECT_EQ(functions(), (Names{"forward_plan", "forward", "forward", "forward"}));
  EXPECT_EQ(fake().calls, (Names{"attribute forward 8 100000", "allocate 15360"}));
  EXPECT_EQ(fake().synchronized, 0u);
}

TEST_F(LauncherTest, PlansAgainWhenWhatThePlanReadsChanges) {
  Launcher l = launcher(true);
  int data = 0;
  ForwardArgs a = args();
  l.forward(a, {});
  functions();
  auto plansAgain = [&](const Launcher::Options &options = {}) {
    EXPECT_EQ(l.forward(a, options), "");
    bool planned = functions() == Names{"forward_plan", "forward"};
    EXPECT_EQ(l.forward(a, {}), "");
    EXPECT_EQ(functions(), Names{"forward"}); // and then no more
    return planned;
  };
  a.params[1] = 5;
  EXPECT_TRUE(plansAgain());
  a.aux[0].data = &data;
  EXPECT_TRUE(plansAgain());
  a.aux[0].strides[2] = 3;
  EXPECT_TRUE(plansAgain());
  a.aux[0].extents[0] = 3;
  EXPECT_TRUE(plansAgain());
  a.key_offset = 9;
  EXPECT_TRUE(plansAgain());
  a.has_query_offset = 1;
  EXPECT_TRUE(plansAgain());
  a.query_offset = 4;
  EXPECT_TRUE(plansAgain());
  a.kv_heads = 4;
  EXPECT_TRUE(plansAgain());
  EXPECT_TRUE(plansAgain({.auxChanged = true}));
  EXPECT_EQ(fake().allocated, 1u);

  // What the plan does not read.
  a.has_query_offset = 0;
  EXPECT_TRUE(plansAgain());
  a.query_offset = 77; // unused without has_query_offset
  a.scale = 2;
  a.q.data = &data;
  a.params[2] = 1;       // the program has two parameters
  a.aux[1].data = &data; // and one aux tensor
  EXPECT_FALSE(plansAgain());
}

TEST_F(LauncherTest, LengthsMayChangeInPlaceSoTheirPlanIsNotKept) {
  Launcher l = launcher(true);
  int lengths = 0;
  for (bool queries : {false, true}) {
    ForwardArgs a = args();
    (queries ? a.query_lengths : a.key_lengths) = &lengths;
    for (int call = 0; call < 3; ++call) {
      functions();
      EXPECT_EQ(l.forward(a, {}), "");
      EXPECT_EQ(functions(), (Names{"forward_plan", "forward"}));
    }
  }
}

TEST_F(LauncherTest, StreamsAndShapesHaveTheirOwnBitmaps) {
  Launcher l = launcher(true);
  l.forward(args(), {.stream = kStreamA});
  l.forward(args(), {.stream = kStreamB});
  l.forward(args(500), {.stream = kStreamA});
  EXPECT_EQ(fake().allocated, 3u);
  const auto &launches = fake().launches;
  EXPECT_NE(launches[1].args.plan, launches[3].args.plan);
  EXPECT_NE(launches[1].args.plan, launches[5].args.plan);
  functions();
  l.forward(args(), {.stream = kStreamA});
  l.forward(args(500), {.stream = kStreamA});
  l.forward(args(), {.stream = kStreamB});
  EXPECT_EQ(functions(), (Names{"forward", "forward", "forward"}));
  EXPECT_EQ(fake().allocated, 3u);
}

TEST_F(LauncherTest, ThePerThreadStreamIsAnotherInEachThread) {
  Launcher l = launcher(true);
  void *perThread = reinterpret_cast<void *>(uintptr_t{2});
  l.forward(args(), {.stream = perThread});
  std::thread([&] {
    FakeDriver::setContext(1);
    l.forward(args(), {.stream = perThread});
  }).join();
  EXPECT_EQ(fake().allocated, 2u);
}

TEST_F(LauncherTest, TheNumberOfBitmapsIsBounded) {
  Launcher l = launcher(true);
  for (int i = 0; i < 100; ++i) {
    l.forward(args(1000), {}); // stays in use
    l.forward(args(1001 + i), {});
  }
  EXPECT_EQ(fake().allocated - fake().freed, Launcher::kMaxWorkspaces);
  fake().launches.clear();
  l.forward(args(1000), {});
  EXPECT_EQ(functions(), Names{"forward"});
}

TEST_F(LauncherTest, PrepareMakesTheFirstCallCheap) {
  Launcher l = launcher(true);
  EXPECT_EQ(l.prepare(args(), {.stream = kStreamA}), "");
  EXPECT_EQ(functions(), Names{"forward_plan"});
  EXPECT_EQ(fake().synchronized, 1u);
  size_t calls = fake().calls.size();
  EXPECT_EQ(l.forward(args(), {.stream = kStreamA}), "");
  EXPECT_EQ(functions(), Names{"forward"});
  EXPECT_EQ(fake().calls.size(), calls); // nothing allocated
}

TEST_F(LauncherTest, GraphsCarryTheirPlanner) {
  Launcher l = launcher(true);
  EXPECT_EQ(l.prepare(args(), {}), "");
  functions();
  for (int call = 0; call < 2; ++call) {
    fake().capturing = true;
    EXPECT_EQ(l.forward(args(), {}), "");
    EXPECT_EQ(functions(), (Names{"forward_plan", "forward"}));
    fake().capturing = false; // the plan of eager calls is another one
    EXPECT_EQ(l.forward(args(), {}), "");
    EXPECT_EQ(functions(), Names{"forward"});
  }
}

/// The bitmaps of `launches`, pairs of planner and kernel, which must agree.
std::vector<void *> bitmapsOf(const std::vector<FakeLaunch> &launches) {
  std::vector<void *> bitmaps;
  for (size_t i = 0; i + 1 < launches.size(); i += 2) {
    EXPECT_EQ(launches[i].function, "forward_plan");
    EXPECT_EQ(launches[i + 1].function, "forward");
    EXPECT_EQ(launches[i].args.plan, launches[i + 1].args.plan);
    bitmaps.push_back(launches[i].args.plan);
  }
  return bitmaps;
}

TEST_F(LauncherTest, GraphsHaveTheirOwnBitmaps) {
  Launcher l = launcher(true);
  EXPECT_EQ(l.forward(args(), {.stream = kStreamA}), "");
  fake().capturing = true;
  auto capture = [&](uintptr_t graph, void *stream, int tokens = 1000) {
    fake().graph = graph;
    EXPECT_EQ(l.forward(args(tokens), {.stream = stream}), "");
    EXPECT_EQ(FakeDriver::captureMode(), 0); // as it was
  };
  capture(1, kStreamA);
  capture(1, kStreamA); // ordered behind the one before
  capture(1, kStreamB); // a branch of the same graph
  capture(1, kStreamA, 500);
  capture(2, kStreamA);
  const std::vector<void *> bitmaps = bitmapsOf(fake().launches);
  EXPECT_EQ(bitmaps[1], bitmaps[2]);
  EXPECT_EQ(std::set<void *>(bitmaps.begin(), bitmaps.end()).size(), 5u);
  EXPECT_EQ(fake().allocated, 5u);
}

TEST_F(LauncherTest, BitmapsOfDestroyedGraphsAreUsedAgain) {
  {
    Launcher l = launcher(true);
    fake().capturing = true;
    for (uintptr_t graph = 1; graph <= 10; ++graph) {
      fake().graph = graph;
      EXPECT_EQ(l.forward(args(), {}), ""); // without prepare()
      if (graph > 2) FakeDriver::destroyGraph(graph - 2);
    }
    EXPECT_EQ(fake().allocated, 3u);
    FakeDriver::destroyGraph(9);
    FakeDriver::destroyGraph(10);
    EXPECT_EQ(fake().freed, 0u); // the driver's thread may not
    fake().capturing = false;
    EXPECT_EQ(l.forward(args(), {}), "");
    EXPECT_EQ(fake().freed, 3u); // graph 8 was destroyed before
    fake().capturing = true;
    fake().graph = 11;
    EXPECT_EQ(l.forward(args(), {}), "");
  }
  EXPECT_EQ(fake().allocated, fake().freed);
  FakeDriver::destroyGraph(11); // after the launcher
}

TEST_F(LauncherTest, BitmapsStayWhereTheDriverDoesNotKnowTheGraphsEnd) {
  for (const char *failing : {"object", "retain object"}) {
    FakeDriver::reset();
    {
      Launcher l = launcher(true);
      fake().capturing = true;
      fake().failing = failing;
      for (uintptr_t graph : {1, 2, 3}) {
        fake().graph = graph;
        EXPECT_EQ(l.forward(args(), {}), "");
        FakeDriver::destroyGraph(graph);
      }
      EXPECT_EQ(fake().allocated, 3u);
    }
    EXPECT_EQ(fake().freed, 3u);
  }
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

TEST_F(LauncherTest, AFailedPlanIsMadeAgain) {
  Launcher l = launcher(true);
  fake().failing = "launch";
  EXPECT_NE(l.forward(args(), {}), "");
  fake().failing = "";
  functions();
  EXPECT_EQ(l.forward(args(), {}), "");
  EXPECT_EQ(functions(), (Names{"forward_plan", "forward"}));
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
