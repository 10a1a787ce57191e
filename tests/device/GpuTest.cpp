// The driver and the launcher on a real GPU, with kernels that only read their arguments.
#include "maskloom/device/Driver.h"
#include "maskloom/device/Launcher.h"
#include "maskloom/device/Nvrtc.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include <dlfcn.h>

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
// Hands units out as the Hopper kernel does, and counts how often each was taken; behind the counts, what the
// maps look like.
extern "C" __global__ void probe_hopper(const __grid_constant__ ForwardArgs args,
                                        const __grid_constant__ TensorMaps maps) {
  const unsigned units = args.batch * args.heads * ((args.queries + 63) / 64);
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents; griddepcontrol.wait;" ::: "memory"); // it may start early
#endif
  if (threadIdx.x != 0) return;
  unsigned *taken = (unsigned *)args.o.data;
  for (unsigned unit; (unit = atomicAdd(args.work_counter, 1u)) < units;) atomicAdd(taken + unit, 1u);
  if (atomicAdd(args.work_counter + 1, 1u) == gridDim.x - 1) args.work_counter[0] = args.work_counter[1] = 0;
  if (blockIdx.x == 0) {
    taken[units] = ((unsigned long long)&maps.q % 64 == 0) + (maps.q.words[0] != 0) + (maps.v.words[0] != 0);
    taken[units + 1] = args.section_heads;
  }
}
)";

/// What the product never calls: a program's streams and graphs.
class Graphs {
public:
  static void *stream() {
    void *stream = nullptr;
    EXPECT_EQ(call<int(void **, unsigned)>("cuStreamCreate")(&stream, 1), 0);
    return stream;
  }
  static void destroyStream(void *stream) { call<int(void *)>("cuStreamDestroy_v2")(stream); }
  /// What `launches` puts into `stream`, as an executable graph. Captured as strictly as there is.
  static void *capture(void *stream, const auto &launches) {
    void *graph = nullptr, *executable = nullptr;
    EXPECT_EQ(call<int(void *, int)>("cuStreamBeginCapture_v2")(stream, 0), 0);
    launches();
    EXPECT_EQ(call<int(void *, void **)>("cuStreamEndCapture")(stream, &graph), 0);
    EXPECT_EQ(
        call<int(void **, void *, unsigned long long)>("cuGraphInstantiateWithFlags")(&executable, graph, 0),
        0);
    EXPECT_EQ(call<int(void *)>("cuGraphDestroy")(graph), 0);
    return executable;
  }
  static void replay(void *executable, void *stream) {
    EXPECT_EQ(call<int(void *, void *)>("cuGraphLaunch")(executable, stream), 0);
  }
  static void destroy(void *executable) { call<int(void *)>("cuGraphExecDestroy")(executable); }
  static size_t freeMemory() {
    size_t free = 0, total = 0;
    EXPECT_EQ(call<int(size_t *, size_t *)>("cuMemGetInfo_v2")(&free, &total), 0);
    return free;
  }

private:
  template <class Function>
  static Function *call(const char *name) {
    return reinterpret_cast<Function *>(dlsym(dlopen("libcuda.so.1", RTLD_NOW), name));
  }
};

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

  std::unique_ptr<Launcher> hopperLauncher() {
    NvrtcResult result = Nvrtc::get()->compile(std::string(kArgs) + kKernels, "probe.cu", arch_, true, false);
    EXPECT_TRUE(result.ok) << result.log;
    Program program;
    program.kernel.entry = "probe_hopper";
    program.kernel.config.kernel = kHopperKernel;
    program.kernel.config.tileQueries = 64;
    program.kernel.config.tileKeys = 64;
    program.kernel.config.warps = 4;
    program.kernel.threads = 32;
    return std::make_unique<Launcher>(program, result.cubin);
  }

  /// [1, heads, tokens, 128] as [tokens, heads, dim] in memory.
  static ForwardArgs hopperArgs(void *memory, int heads, int kvHeads, int tokens) {
    ForwardArgs args{};
    args.scale = 1;
    args.batch = 1;
    args.heads = heads;
    args.kv_heads = kvHeads;
    args.queries = args.keys = tokens;
    args.q = {memory, 0, 128, heads * 128};
    args.k = args.v = {memory, 0, 128, kvHeads * 128};
    return args;
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

TEST_F(GpuTest, GraphsOfOneStreamAreReplayedSideBySide) {
  constexpr int kGraphs = 3, kLaunches = 60, kUnits = 24, kReplays = 40;
  auto l = launcher(true); // nothing is prepared
  void *capturing = Graphs::stream();
  const size_t bytes = kLaunches * kUnits * 3 * sizeof(long long);
  std::vector<void *> outputs(kGraphs), graphs(kGraphs), streams(kGraphs);
  ForwardArgs args{};
  args.batch = 2;
  args.heads = 3;
  args.kv_heads = 1;
  args.queries = 250;
  args.keys = 100;
  for (int g = 0; g < kGraphs; ++g) {
    streams[g] = Graphs::stream();
    ASSERT_EQ(driver_->allocate(bytes, outputs[g]).message, "");
    graphs[g] = Graphs::capture(capturing, [&] {
      for (int i = 0; i < kLaunches; ++i) {
        args.params[0] = 1000 * g + i;
        args.o.data = static_cast<long long *>(outputs[g]) + i * kUnits * 3;
        EXPECT_EQ(l->forward(args, {.stream = capturing}), "");
      }
    });
  }
  for (int replay = 0; replay < kReplays; ++replay) {
    for (int g = 0; g < kGraphs; ++g) Graphs::replay(graphs[g], streams[g]);
    for (int g = 0; g < kGraphs; ++g) {
      std::vector<long long> out(bytes / sizeof(long long));
      ASSERT_EQ(driver_->synchronize(streams[g]).message, "");
      ASSERT_EQ(driver_->copyToHost(out.data(), outputs[g], bytes).message, "");
      for (int i = 0; i < kLaunches; ++i)
        for (int unit = 0; unit < kUnits; ++unit)
          ASSERT_EQ(out[(i * kUnits + unit) * 3], 1000 * g + i + 1) << "graph " << g << ", launch " << i;
    }
  }
  for (int g = 0; g < kGraphs; ++g) {
    Graphs::destroy(graphs[g]);
    Graphs::destroyStream(streams[g]);
    EXPECT_EQ(driver_->free(outputs[g]).message, "");
  }
  // The bitmaps of destroyed graphs serve the next ones: captured again and again, memory does not grow.
  args.queries = 64 << 10;
  args.keys = 64 << 10;
  args.params[0] = 5;
  ASSERT_EQ(driver_->allocate(int64_t{6} * 1024 * 3 * 8, args.o.data).message, "");
  const size_t before = Graphs::freeMemory();
  for (int i = 0; i < 300; ++i) // 1.5 MiB each
    Graphs::destroy(
        Graphs::capture(capturing, [&] { ASSERT_EQ(l->forward(args, {.stream = capturing}), "") << i; }));
  EXPECT_LT(before - std::min(before, Graphs::freeMemory()), size_t{100} << 20);
  ASSERT_EQ(driver_->free(args.o.data).message, "");
  Graphs::destroyStream(capturing);
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
  void *memory = nullptr;
  ASSERT_EQ(driver_->allocate(1 << 20, memory).message, "");
  /// Host time of one launch in microseconds, the best of many rounds.
  auto measure = [&](Launcher &l, ForwardArgs args) {
    args.o.data = memory;
    double best = 1e9;
    for (int round = 0; round < 20; ++round) {
      EXPECT_EQ(l.prepare(args, {}), ""); // an empty queue
      auto start = std::chrono::steady_clock::now();
      for (int i = 0; i < 100; ++i) l.forward(args, {});
      auto stop = std::chrono::steady_clock::now();
      best = std::min(best, std::chrono::duration<double, std::micro>(stop - start).count() / 100);
    }
    return best;
  };
  ForwardArgs args{};
  args.batch = args.heads = args.kv_heads = args.queries = args.keys = 1;
  const double portable = measure(*launcher(false), args);
  std::printf("a launch costs %.2f us of host time", portable);
  EXPECT_LT(portable, 10);
  if (driver_->hasTensorMaps() && driver_->info(0).major >= 9) {
    const double hopper = measure(*hopperLauncher(), hopperArgs(memory, 1, 1, 64));
    std::printf(", %.2f us with tensor maps", hopper);
    EXPECT_LT(hopper, 10);
  }
  std::printf("\n");
  ASSERT_EQ(driver_->synchronize(nullptr).message, "");
  EXPECT_EQ(driver_->free(memory).message, "");
}

TEST_F(GpuTest, WorkCountersHandEveryUnitOutOnce) {
  if (!driver_->hasTensorMaps() || driver_->info(0).major < 9) GTEST_SKIP() << "needs TMA";
  auto l = hopperLauncher();
  constexpr int kUnits = 8 * 100, kThreads = 4, kLaunches = 25;
  std::vector<unsigned> counts(kUnits + 2, 0);
  const size_t bytes = counts.size() * sizeof counts[0];
  void *tensors = nullptr;
  ASSERT_EQ(driver_->allocate(6400 * 8 * 128 * 2, tensors).message, "");
  ForwardArgs args = hopperArgs(tensors, 8, 2, 6400);
  ASSERT_EQ(driver_->allocate(bytes, args.o.data).message, "");
  ASSERT_EQ(driver_->copyToDevice(args.o.data, counts.data(), bytes).message, "");
  void *capturing = Graphs::stream(); // the launcher's first call is captured
  void *graph = Graphs::capture(capturing, [&] { EXPECT_EQ(l->forward(args, {.stream = capturing}), ""); });
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&] {
      int device;
      EXPECT_EQ(driver_->currentDevice(device).message, "");
      void *perThread = reinterpret_cast<void *>(uintptr_t{2});
      for (int i = 0; i < kLaunches; ++i) EXPECT_EQ(l->forward(args, {.stream = perThread}), "");
      EXPECT_EQ(driver_->synchronize(perThread).message, "");
    });
  for (int i = 0; i < kLaunches; ++i) Graphs::replay(graph, capturing); // beside the threads
  EXPECT_EQ(driver_->synchronize(capturing).message, "");
  for (auto &thread : threads) thread.join();
  Graphs::destroy(graph);
  Graphs::destroyStream(capturing);
  ASSERT_EQ(driver_->copyToHost(counts.data(), args.o.data, bytes).message, "");
  for (int unit = 0; unit < kUnits; ++unit)
    ASSERT_EQ(counts[unit], unsigned{(kThreads + 1) * kLaunches}) << unit;
  EXPECT_EQ(counts[kUnits], 3u);     // aligned, and encoded
  EXPECT_EQ(counts[kUnits + 1], 4u); // the heads of one KV head, whose K and V are all that fits a section
  EXPECT_EQ(driver_->free(args.o.data).message, "");
  EXPECT_EQ(driver_->free(tensors).message, "");
}

TEST_F(GpuTest, TheDriverEncodesEveryLegalLayout) {
  if (!driver_->hasTensorMaps() || driver_->info(0).major < 9) GTEST_SKIP() << "needs TMA";
  auto l = hopperLauncher();
  void *memory = nullptr;
  ASSERT_EQ(driver_->allocate(1 << 20, memory).message, "");
  const ForwardArgs usual = hopperArgs(memory, 8, 2, 333);
  auto problem = [&](auto change) {
    ForwardArgs args = usual;
    change(args);
    return l->hopperProblem(args);
  };
  EXPECT_EQ(problem([](ForwardArgs &) {}), "");
  EXPECT_EQ(problem([](ForwardArgs &a) { a.batch = a.queries = a.keys = a.heads = a.kv_heads = 1; }), "");
  EXPECT_EQ(problem([](ForwardArgs &a) { a.q.head_stride = 1ll << 38; }), "");
  EXPECT_EQ(problem([](ForwardArgs &a) { a.keys = 1 << 30; }), "");
  EXPECT_NE(problem([](ForwardArgs &a) { a.q.head_stride = 1ll << 39; }), "");
  // One KV head for all: whatever the driver says, forward() or the portable kernel takes it.
  RecordProperty("zero_stride", problem([](ForwardArgs &a) { a.k.head_stride = 0; }));

  constexpr int kRounds = 1000;
  auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kRounds; ++i) {
    ForwardArgs args = usual;
    args.queries = 1 + i; // never the same
    ASSERT_EQ(l->hopperProblem(args), "");
  }
  auto stop = std::chrono::steady_clock::now();
  double microseconds = std::chrono::duration<double, std::micro>(stop - start).count() / kRounds;
  RecordProperty("nanoseconds_for_three_maps", static_cast<int>(microseconds * 1000));
  EXPECT_LT(microseconds, 5);
  EXPECT_EQ(driver_->free(memory).message, "");
}

TEST_F(GpuTest, ACubinForAnotherGpuIsExplained) {
  auto l = launcher(false, arch_ == "sm_80" ? "sm_90" : "sm_80");
  ForwardArgs args{};
  args.batch = args.heads = args.kv_heads = args.queries = args.keys = 1;
  EXPECT_NE(l->forward(args, {}).find("was it compiled for this GPU?"), std::string::npos);
}

} // namespace
} // namespace maskloom
