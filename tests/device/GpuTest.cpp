// The driver and the launcher on a real GPU, with kernels that only read their arguments.
#include "maskloom/device/Driver.h"
#include "maskloom/device/Launcher.h"
#include "maskloom/device/Nvrtc.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

namespace maskloom {
namespace {

// templates/args.cuh as text: the device side of the argument block.
constexpr const char *kArgs =
#include "ArgsText.inc"
    ;

// The planner marks every work unit with a parameter; the forward kernel writes mark, unit and token stride.
constexpr const char *kKernels = R"(
using namespace maskloom;
extern "C" __global__ void probe_plan(const __grid_constant__ ForwardArgs args) {
  const int units = args.batch * args.heads * ((args.queries + 63) / 64);
  if (blockDim.x != 128) return;
  for (int unit = blockIdx.x; unit < units; unit += gridDim.x)
    if (threadIdx.x < 2) args.plan[unit * 2 + threadIdx.x] = unsigned(args.params[0]) + threadIdx.x;
}
extern "C" __global__ void probe(const __grid_constant__ ForwardArgs args) {
  extern __shared__ long long shared[];
  const int units = args.batch * args.heads * ((args.queries + 63) / 64);
  for (int unit = blockIdx.x; unit < units; unit += gridDim.x) {
    shared[99 * 1024 / 8 + threadIdx.x] = args.plan ? (long long)args.plan[unit * 2 + 1] : -1; // beyond 48 KiB
    __syncthreads();
    if (threadIdx.x == 0) {
      long long *out = (long long *)args.o.data + unit * 3;
      out[0] = shared[99 * 1024 / 8 + 31];
      out[1] = unit;
      out[2] = args.o.token_stride;
    }
  }
}
)";

class GpuTest : public testing::Test {
protected:
  void SetUp() override {
    driver_ = Driver::get();
    if (!driver_) GTEST_SKIP() << Driver::why();
    if (!Nvrtc::get()) GTEST_SKIP() << Nvrtc::why();
    int device = 0;
    ASSERT_EQ(driver_->currentDevice(device).message, "");
    arch_ = driver_->info(device).arch();
  }

  std::unique_ptr<Launcher> launcher(bool planned, const std::string &arch = "") {
    NvrtcResult result = Nvrtc::get()->compile(std::string(kArgs) + kKernels, "probe.cu",
                                               arch.empty() ? arch_ : arch, true, false);
    EXPECT_TRUE(result.ok) << result.log;
    Program program;
    program.params.resize(1);
    program.kernel.entry = "probe";
    program.kernel.planEntry = planned ? "probe_plan" : "";
    program.kernel.config.tileQueries = 64;
    program.kernel.config.tileKeys = 64;
    program.kernel.threads = 32;
    program.kernel.sharedBytes = 99 * 1024 + 32 * 8;
    return std::make_unique<Launcher>(program, result.cubin);
  }

  /// Runs forward for 2 * 3 * 4 work units and checks what each wrote.
  void expectForward(Launcher &launcher, long long param, long long mark,
                     const Launcher::Options &options = {}) {
    constexpr int kUnits = 24;
    ForwardArgs args{};
    args.batch = 2;
    args.heads = 3;
    args.kv_heads = 1;
    args.queries = 250;
    args.keys = 100;
    args.params[0] = param;
    args.o.token_stride = (1ll << 40) + 1;
    ASSERT_EQ(driver_->allocate(kUnits * 3 * sizeof(long long), args.o.data).message, "");
    EXPECT_EQ(launcher.forward(args, options), "");
    EXPECT_EQ(driver_->synchronize(options.stream).message, "");
    std::vector<long long> out(kUnits * 3);
    EXPECT_EQ(driver_->copyToHost(out.data(), args.o.data, out.size() * sizeof out[0]).message, "");
    EXPECT_EQ(driver_->free(args.o.data).message, "");
    for (int unit = 0; unit < kUnits; ++unit) {
      EXPECT_EQ(out[unit * 3], mark);
      EXPECT_EQ(out[unit * 3 + 1], unit);
      EXPECT_EQ(out[unit * 3 + 2], (1ll << 40) + 1);
    }
  }

  const Driver *driver_ = nullptr;
  std::string arch_;
};

TEST_F(GpuTest, DescribesTheDevice) {
  GpuInfo info = driver_->info(0);
  EXPECT_FALSE(info.name.empty());
  EXPECT_GE(info.major, 8);
  EXPECT_GT(info.multiprocessors, 0);
  EXPECT_GE(info.sharedPerBlock, 99u * 1024);
  EXPECT_GT(info.memory, size_t{1} << 30);
  EXPECT_GE(driver_->driverVersion(), 12000);
}

TEST_F(GpuTest, ArgumentsArrive) { expectForward(*launcher(false), 5, -1); }

TEST_F(GpuTest, FewerBlocksThanWorkUnits) { expectForward(*launcher(false), 5, -1, {.maxBlocks = 5}); }

TEST_F(GpuTest, ThePlanIsReadAndRenewed) {
  auto l = launcher(true);
  expectForward(*l, 40, 41);
  expectForward(*l, 40, 41);
  expectForward(*l, 70, 71);
}

TEST_F(GpuTest, ThreadsAndTheirStreams) {
  auto l = launcher(true);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      int device;
      EXPECT_EQ(driver_->currentDevice(device).message, "");
      void *perThread = reinterpret_cast<void *>(uintptr_t{2});
      for (int i = 0; i < 20; ++i)
        expectForward(*l, 100 * t + i % 3, 100 * t + i % 3 + 1, {.stream = perThread});
    });
  for (auto &thread : threads) thread.join();
}

TEST_F(GpuTest, EveryDevice) {
  auto l = launcher(true);
  for (int device = 0; device < driver_->deviceCount(); ++device) {
    ASSERT_EQ(driver_->setDevice(device).message, "");
    expectForward(*l, device, device + 1);
  }
  ASSERT_EQ(driver_->setDevice(0).message, "");
}

TEST_F(GpuTest, LaunchingCostsLittleHostTime) {
  auto l = launcher(false);
  ForwardArgs args{};
  args.batch = args.heads = args.kv_heads = args.queries = args.keys = 1;
  ASSERT_EQ(driver_->allocate(3 * sizeof(long long), args.o.data).message, "");
  double best = 1e9; // microseconds
  for (int round = 0; round < 20; ++round) {
    ASSERT_EQ(l->prepare(args, {}), ""); // an empty queue
    auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 100; ++i) l->forward(args, {});
    auto stop = std::chrono::steady_clock::now();
    best = std::min(best, std::chrono::duration<double, std::micro>(stop - start).count() / 100);
  }
  ASSERT_EQ(driver_->synchronize(nullptr).message, "");
  EXPECT_EQ(driver_->free(args.o.data).message, "");
  RecordProperty("nanoseconds", static_cast<int>(best * 1000));
  EXPECT_LT(best, 10);
}

TEST_F(GpuTest, ACubinForAnotherGpuIsExplained) {
  auto l = launcher(false, arch_ == "sm_80" ? "sm_90" : "sm_80");
  ForwardArgs args{};
  args.batch = args.heads = args.kv_heads = args.queries = args.keys = 1;
  EXPECT_NE(l->forward(args, {}).find("was it compiled for this GPU?"), std::string::npos);
}

} // namespace
} // namespace maskloom
