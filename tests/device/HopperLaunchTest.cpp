// What the Hopper kernel is launched with: tensor maps, work counters, the grid. No GPU.
#include "FakeDriver.h"

#include "maskloom/device/LauncherSet.h"
#include "maskloom/device/TensorMaps.h"
#include "maskloom/device/WorkCounters.h"

#include <chrono>
#include <set>
#include <thread>

#include <gtest/gtest.h>

namespace maskloom {
namespace {

void *const kStreamA = reinterpret_cast<void *>(uintptr_t{0xa0});
void *const kStreamB = reinterpret_cast<void *>(uintptr_t{0xb0});
constexpr int kMultiprocessors = 132; // the fake GPU's

class HopperLaunch : public testing::Test {
protected:
  void SetUp() override {
    FakeDriver::reset();
    FakeDriver::setContext(1);
  }
  static FakeDriver &fake() { return FakeDriver::state(); }

  static Program program() {
    Program p;
    p.kernel.entry = "hopper";
    KernelConfig &config = p.kernel.config;
    config.kernel = kHopperKernel;
    config.headDim = 80;
    config.valueDim = 96;
    config.tileQueries = 128;
    config.tileKeys = 64;
    config.gather = 2;
    config.warps = 8;
    p.kernel.threads = config.threads();
    p.kernel.sharedBytes = 150'000;
    return p;
  }
  static Launcher launcher() { return {program(), "the cubin", &FakeDriver::driver()}; }

  /// [2, 8 or 4, 1000 or 3000, 80 or 96] as [batch, tokens, heads, dim] in memory.
  ForwardArgs args() {
    // Maps are kept from test to test: other addresses make other maps.
    static uintptr_t next = 0;
    base_ = next += 0x1000000;
    ForwardArgs a{};
    a.scale = 0.125f;
    a.batch = 2;
    a.heads = 8;
    a.kv_heads = 4;
    a.queries = 1000;
    a.keys = 3000;
    a.q = {reinterpret_cast<void *>(base_), 1000 * 8 * 80, 80, 8 * 80};
    a.k = {reinterpret_cast<void *>(base_ + 0x100000), 3000 * 4 * 80, 80, 4 * 80};
    a.v = {reinterpret_cast<void *>(base_ + 0x200000), 3000 * 4 * 96, 96, 4 * 96};
    a.o = {reinterpret_cast<void *>(base_ + 0x300000), 1000 * 8 * 96, 96, 8 * 96};
    return a;
  }
  static const FakeLaunch &lastLaunch() { return fake().launches.back(); }
  static size_t counterOf(const FakeLaunch &launch) {
    return reinterpret_cast<uintptr_t>(launch.args.work_counter);
  }
  static bool isZeroed(uintptr_t address) {
    auto it = fake().zeroed.upper_bound(address);
    return it != fake().zeroed.begin() && address + 8 <= std::prev(it)->first + std::prev(it)->second;
  }

  uintptr_t base_ = 0;
};

TEST_F(HopperLaunch, EncodesWhatTheKernelReads) {
  Launcher l = launcher();
  ForwardArgs a = args();
  ASSERT_EQ(l.forward(a, {.stream = kStreamA}), "");
  ASSERT_EQ(fake().encoded.size(), 4u);
  auto pointer = [&](uintptr_t offset) { return reinterpret_cast<void *>(base_ + offset); };
  EXPECT_EQ(fake().encoded[0],
            (TensorMapLayout{true, pointer(0), {80, 1000, 8, 2}, {1280, 160, 1280000}, {64, 128, 1, 1}}));
  EXPECT_EQ(fake().encoded[1], (TensorMapLayout{true,
                                                pointer(0x100000),
                                                {80, 3000, 4, 2},
                                                {640, 160, 1920000},
                                                {64, 64, 1, 1}})); // one schedule tile
  EXPECT_EQ(
      fake().encoded[2],
      (TensorMapLayout{true, pointer(0x200000), {96, 3000, 4, 2}, {768, 192, 2304000}, {64, 64, 1, 1}}));
  EXPECT_EQ(
      fake().encoded[3],
      (TensorMapLayout{true, pointer(0x300000), {96, 1000, 8, 2}, {1536, 192, 1536000}, {64, 128, 1, 1}}));
  EXPECT_EQ(lastLaunch().maps.q.words[0], 1u);
  EXPECT_EQ(lastLaunch().maps.k.words[0], 2u);
  EXPECT_EQ(lastLaunch().maps.v.words[0], 3u);
  EXPECT_EQ(lastLaunch().maps.o.words[0], 4u);
  EXPECT_EQ(lastLaunch().threads, 8u * 32 + 128);

  Program half = program();
  half.kernel.config.dtype = DType::f16;
  Launcher f16(half, "the cubin", &FakeDriver::driver());
  ASSERT_EQ(f16.forward(a, {}), "");
  EXPECT_FALSE(fake().encoded.back().isBf16);
}

TEST_F(HopperLaunch, ClustersLoadTheirTilesInParts) {
  Program p = program();
  p.kernel.config.cluster = 2;
  auto boxRows = [&](int gather) {
    p.kernel.config.gather = gather;
    Launcher l(p, "the cubin", &FakeDriver::driver());
    EXPECT_EQ(l.forward(args(), {}), "");
    const auto end = fake().encoded.end();
    EXPECT_EQ((end - 4)->box[1], 128u); // Q
    EXPECT_EQ((end - 3)->box[1], (end - 2)->box[1]);
    EXPECT_EQ((end - 1)->box[1], 128u); // O
    return (end - 3)->box[1];
  };
  EXPECT_EQ(boxRows(1), 32u); // half a KV tile of 64
  EXPECT_EQ(boxRows(2), 64u); // a schedule tile
}

TEST_F(HopperLaunch, HeadsOfOneTile) {
  Program p = program();
  p.kernel.config.tileHeads = 2;
  p.kernel.config.tileQueries = 64;
  Launcher l(p, "the cubin", &FakeDriver::driver());
  ForwardArgs a = args();
  a.queries = 128;
  EXPECT_EQ(l.forward(a, {}), "");
  const std::array<uint32_t, 4> tile{64, 64, 2, 1};
  EXPECT_EQ(fake().encoded[0].box, tile);
  EXPECT_EQ(fake().encoded[3].box, tile);
  EXPECT_EQ(lastLaunch().grid, 2u * 4 * 2) << "batch entries, pairs of heads, Q tiles";

  p.kernel.planEntry = "plan";
  p.kernel.orderEntry = "order";
  Launcher planned(p, "the cubin", &FakeDriver::driver());
  const size_t bitmap = 2u * 8 * 2 * 2 * 2, order = 2u * 4 * 2 * 2; // 3000 keys are two words
  EXPECT_EQ(planned.workspaceBytes(a), (bitmap + order) * 4);
  EXPECT_EQ(planned.forward(a, {}), "");
  EXPECT_EQ(lastLaunch().args.unit_order, lastLaunch().args.plan + bitmap);

  a.heads = 12; // three of a KV head
  EXPECT_EQ(planned.forward(a, {}), "3 query heads of a KV head do not fill Q tiles of 2");
}

TEST_F(HopperLaunch, StridesOfSingleEntriesDoNotMatter) {
  ForwardArgs a = args();
  a.batch = a.heads = a.kv_heads = a.queries = 1;
  a.q = {a.q.data, -3, 7, 1ll << 50};
  a.k.batch_stride = 1;
  a.v.head_stride = 1ll << 60;
  Launcher l = launcher();
  ASSERT_EQ(l.forward(a, {}), "");
  EXPECT_EQ(fake().encoded[0].strides, (std::array<uint64_t, 3>{160, 160, 160}));
  EXPECT_EQ(fake().encoded[1].strides, (std::array<uint64_t, 3>{640, 160, 160}));
  EXPECT_EQ(fake().encoded[2].strides, (std::array<uint64_t, 3>{768, 192, 192}));
}

TEST_F(HopperLaunch, SaysWhatItCannotTake) {
  Launcher l = launcher();
  auto problem = [&](auto change) {
    ForwardArgs a = args();
    change(a);
    std::string found = l.hopperProblem(a);
    EXPECT_EQ(l.forward(a, {}), found);
    return found;
  };
  EXPECT_EQ(problem([](ForwardArgs &) {}), "");
  EXPECT_EQ(problem([](ForwardArgs &a) { a.k.data = reinterpret_cast<void *>(0x1008); }),
            "k: address 0x1008 is not 16-byte aligned");
  EXPECT_EQ(problem([](ForwardArgs &a) { a.q.token_stride = 644; }),
            "q: the token stride of 1288 bytes is no multiple of 16");
  EXPECT_EQ(problem([](ForwardArgs &a) { a.v.batch_stride = 1ll << 39; }),
            "v: the batch stride of 1099511627776 bytes is not within 0 .. 2^40 - 1");
  EXPECT_EQ(problem([](ForwardArgs &a) { a.v.head_stride = -96; }),
            "v: the head stride of -192 bytes is not within 0 .. 2^40 - 1");
  EXPECT_EQ(problem([](ForwardArgs &a) { a.k.head_stride = 0; }), ""); // one KV head for all
  EXPECT_EQ(problem([](ForwardArgs &a) { a.batch = 1 << 25; }),
            "2147483648 work units, hopper_forward counts fewer than 2^31");
  EXPECT_EQ(problem([](ForwardArgs &a) { a.scale = -0.5f; }), "scale -0.5: hopper_forward needs one above 0");
  EXPECT_EQ(problem([](ForwardArgs &a) { a.scale = 0; }), "scale 0: hopper_forward needs one above 0");
  fake().failing = "encode";
  EXPECT_EQ(problem([](ForwardArgs &) {}), "q: cuTensorMapEncodeTiled: CUDA_ERROR_FAKE (as the test wants)");

  Launcher old(program(), "the cubin", &FakeDriver::driverWithoutTensorMaps());
  EXPECT_EQ(old.hopperProblem(args()),
            "q: the NVIDIA driver is too old: libcuda.so.1 has no cuTensorMapEncodeTiled");
  Program portable = program();
  portable.kernel.config.kernel = kPortableKernel;
  portable.kernel.entry = "portable";
  Launcher other(portable, "the cubin", &FakeDriver::driverWithoutTensorMaps());
  EXPECT_EQ(other.hopperProblem(args()), "");
  EXPECT_EQ(other.forward(args(), {}), "");
  EXPECT_EQ(lastLaunch().args.work_counter, nullptr);
}

TEST_F(HopperLaunch, OtherTensorsTakeAPortableKernel) {
  std::vector<int32_t> compiled;
  auto compilePortable = [&](int32_t alignBytes) {
    compiled.push_back(alignBytes);
    Program portable = program();
    portable.kernel.entry = "portable";
    portable.kernel.config.kernel = kPortableKernel;
    portable.kernel.config.alignBytes = alignBytes;
    return std::make_unique<Launcher>(portable, "the cubin", &FakeDriver::driver());
  };
  auto set = [&](const Driver &driver) {
    compiled.clear();
    return std::make_unique<LauncherSet>(std::make_unique<Launcher>(program(), "the cubin", &driver),
                                         compilePortable);
  };
  auto launchers = set(FakeDriver::driver());
  EXPECT_EQ(&launchers->forTensors(args(), true), &launchers->main());
  EXPECT_TRUE(compiled.empty());
  ForwardArgs far = args();
  far.k.batch_stride = 1ll << 39;
  Launcher &aligned = launchers->forTensors(far, true);
  EXPECT_EQ(aligned.program().kernel.config.alignBytes, 16);
  EXPECT_EQ(&launchers->forTensors(far, true), &aligned);
  Launcher &unaligned = launchers->forTensors(args(), false);
  EXPECT_EQ(unaligned.program().kernel.config.alignBytes, 2);
  EXPECT_EQ(&launchers->forTensors(far, false), &unaligned);
  EXPECT_EQ(compiled, (std::vector<int32_t>{16, 2})); // each once
  EXPECT_EQ(&launchers->forTensors(args(), true), &launchers->main());
  EXPECT_EQ(aligned.forward(far, {}), "");
  EXPECT_EQ(lastLaunch().function, "portable");

  auto old = set(FakeDriver::driverWithoutTensorMaps());
  EXPECT_NE(&old->forTensors(args(), true), &old->main());
  EXPECT_EQ(compiled, std::vector<int32_t>{16});

  auto half = set(FakeDriver::driver());
  fake().failing = "encode"; // the driver refuses what its documentation allows
  EXPECT_NE(&half->forTensors(args(), true), &half->main());
}

TEST_F(HopperLaunch, MapsAreEncodedOnceForTheSameTensors) {
  Launcher l = launcher();
  std::vector<ForwardArgs> layers;
  for (size_t i = 0; i < TensorMapCache::kEntries; ++i) layers.push_back(args());
  for (int round = 0; round < 3; ++round)
    for (size_t i = 0; i < layers.size(); ++i) {
      EXPECT_EQ(l.hopperProblem(layers[i]), "");
      EXPECT_EQ(l.forward(layers[i], {}), "");
      EXPECT_EQ(lastLaunch().maps.q.words[0], 4 * i + 1);
    }
  EXPECT_EQ(fake().encoded.size(), 4 * layers.size());

  // Everything that a map holds makes another one.
  const ForwardArgs same = layers.back();
  auto encodesAgain = [&](auto change) {
    ForwardArgs changed = same;
    change(changed);
    size_t before = fake().encoded.size();
    EXPECT_EQ(l.forward(changed, {}), "");
    return fake().encoded.size() != before;
  };
  EXPECT_FALSE(encodesAgain([](ForwardArgs &a) { a.scale = 3; }));
  EXPECT_TRUE(encodesAgain([](ForwardArgs &a) { a.o.token_stride += 8; }));
  EXPECT_TRUE(encodesAgain([](ForwardArgs &a) { a.q.token_stride += 8; }));
  EXPECT_TRUE(encodesAgain([](ForwardArgs &a) { a.k.head_stride += 8; }));
  EXPECT_TRUE(encodesAgain([](ForwardArgs &a) { a.v.batch_stride += 8; }));
  EXPECT_TRUE(encodesAgain([](ForwardArgs &a) { a.keys -= 1; }));
  EXPECT_TRUE(encodesAgain([](ForwardArgs &a) { a.queries -= 1; }));
  EXPECT_TRUE(encodesAgain([](ForwardArgs &a) { a.batch = 1; }));
  EXPECT_TRUE(encodesAgain([](ForwardArgs &a) { a.heads = 4; }));
  Program wide = program();
  wide.kernel.config.tileKeys = 128;
  Launcher other(wide, "the cubin", &FakeDriver::driver());
  size_t before = fake().encoded.size();
  EXPECT_EQ(other.forward(same, {}), "");
  EXPECT_EQ(fake().encoded.size(), before + 4);
}

TEST_F(HopperLaunch, OneBlockAMultiprocessor) {
  auto grid = [&](int cluster, int queries, int64_t maxBlocks) {
    Program p = program();
    p.kernel.config.cluster = cluster;
    Launcher l(p, "the cubin", &FakeDriver::driver());
    ForwardArgs a = args();
    a.queries = queries;
    EXPECT_EQ(l.forward(a, {.maxBlocks = maxBlocks}), "");
    return static_cast<int>(lastLaunch().grid);
  };
  EXPECT_EQ(grid(1, 100'000, 0), kMultiprocessors);
  EXPECT_EQ(grid(1, 128, 0), 16); // units
  EXPECT_EQ(grid(1, 100'000, 5), 5);
  EXPECT_EQ(grid(2, 100'000, 0), kMultiprocessors);
  EXPECT_EQ(grid(2, 100'000, 5), 4);
  EXPECT_EQ(grid(2, 100'000, 1), 2); // a cluster is whole
  EXPECT_EQ(grid(8, 100'000, 0), 128);
}

TEST_F(HopperLaunch, TheOrderFollowsTheRuns) {
  Program program = this->program();
  program.groups.resize(1);
  Schedule &schedule = program.groups[0].forward;
  const Affine outer{{{Symbol::OuterTile, 0, 1}}, 0};
  for (bool firstAreLonger : {false, true}) {
    schedule.touched = {{}};
    (firstAreLonger ? schedule.touched[0].lower : schedule.touched[0].upper).push_back({outer, 1});
    Launcher l(program, "the cubin", &FakeDriver::driver());
    EXPECT_EQ(l.forward(args(), {}), "");
    EXPECT_EQ(lastLaunch().args.first_tiles_first, firstAreLonger);
  }
}

TEST_F(HopperLaunch, SectionsFitTheCacheAndKeepEveryMultiprocessorBusy) {
  Launcher closedForm = launcher(), *l = &closedForm;
  auto section = [&](int batch, int heads, int kvHeads, int queries, int keys) {
    ForwardArgs a = args();
    a.batch = batch;
    a.heads = heads;
    a.kv_heads = kvHeads;
    a.queries = queries;
    a.keys = keys;
    EXPECT_EQ(l->forward(a, {}), "");
    const ForwardArgs &launched = lastLaunch().args;
    return std::pair(launched.section_heads, launched.last_section_heads);
  };
  // K and V of a head: keys * 176 * 2 bytes.
  EXPECT_EQ(section(4, 64, 64, 16384, 8192), std::pair(1, 11));   // 2.75 MiB each
  EXPECT_EQ(section(4, 64, 16, 16384, 8192), std::pair(4, 44));   // the same KV heads
  EXPECT_EQ(section(4, 64, 64, 65536, 1 << 20), std::pair(1, 1)); // one does not fit
  EXPECT_EQ(section(4, 64, 16, 65536, 1 << 20), std::pair(4, 4)); // nor does one of these
  EXPECT_EQ(section(4, 64, 64, 1024, 1 << 20), std::pair(1, 33)); // 2 * 132 units, 8 a head
  EXPECT_EQ(section(2, 8, 4, 128, 128), std::pair(16, 16));       // all there are

  // Lengths of planned units do not fall from one Q tile to the next: more of them at the end.
  Program program = this->program();
  program.kernel.planEntry = "plan";
  Launcher planned(program, "the cubin", &FakeDriver::driver());
  l = &planned;
  EXPECT_EQ(section(4, 64, 64, 1024, 1 << 20), std::pair(1, 132)); // 8 * 132 units, 8 a head
}

TEST_F(HopperLaunch, AStreamHasOneCounter) {
  Launcher l = launcher();
  auto counter = [&](void *stream) {
    EXPECT_EQ(l.forward(args(), {.stream = stream}), "");
    return counterOf(lastLaunch());
  };
  size_t a = counter(kStreamA), b = counter(kStreamB), byDefault = counter(nullptr);
  EXPECT_EQ(std::set({a, b, byDefault}).size(), 3u);
  for (size_t address : {a, b, byDefault}) {
    EXPECT_EQ(address % 128, 0u);
    EXPECT_TRUE(isZeroed(address));
  }
  EXPECT_EQ(counter(kStreamA), a);
  EXPECT_EQ(counter(kStreamB), b);
  EXPECT_EQ(fake().allocated, 1u);

  void *perThread = reinterpret_cast<void *>(uintptr_t{2});
  size_t mine = counter(perThread), other = 0;
  std::thread([&] {
    FakeDriver::setContext(1);
    other = counter(perThread);
  }).join();
  EXPECT_NE(mine, other);

  FakeDriver::setContext(2);
  EXPECT_NE(counter(kStreamA), a);
  EXPECT_EQ(fake().allocated, 2u);
}

TEST_F(HopperLaunch, StartsEarlyWhereTheKernelWaitsItself) {
  Launcher l = launcher();
  EXPECT_EQ(l.forward(args(), {.stream = kStreamA}), "");
  EXPECT_TRUE(lastLaunch().startsEarly);
  fake().capturing = true; // a graph orders its kernels itself
  EXPECT_EQ(l.forward(args(), {.stream = kStreamA}), "");
  EXPECT_FALSE(lastLaunch().startsEarly);
  fake().capturing = false;

  Launcher old(program(), "the cubin", &FakeDriver::driverWithoutLaunchKernelEx());
  EXPECT_EQ(old.forward(args(), {.stream = kStreamA}), "");
  EXPECT_FALSE(lastLaunch().startsEarly);
  Program portable = program();
  portable.kernel.config.kernel = kPortableKernel;
  portable.kernel.entry = "portable";
  Launcher other(portable, "the cubin", &FakeDriver::driver());
  EXPECT_EQ(other.forward(args(), {}), "");
  EXPECT_FALSE(lastLaunch().startsEarly);
}

TEST_F(HopperLaunch, ACapturedLaunchHasACounterOfItsOwn) {
  {
    Launcher l = launcher();
    std::set<size_t> seen;
    auto take = [&](bool capturing, void *stream) {
      fake().capturing = capturing;
      EXPECT_EQ(l.forward(args(), {.stream = stream}), "");
      return counterOf(lastLaunch());
    };
    EXPECT_TRUE(seen.insert(take(true, kStreamA)).second); // without prepare()
    const size_t eager = take(false, kStreamA);
    EXPECT_TRUE(seen.insert(eager).second);
    for (size_t i = 2; i < WorkCounters::kCountersAtOnce; ++i) {
      EXPECT_TRUE(seen.insert(take(true, kStreamA)).second);
      EXPECT_EQ(take(false, kStreamA), eager);
    }
    EXPECT_EQ(fake().allocated, 1u);
    EXPECT_TRUE(seen.insert(take(true, kStreamA)).second);
    EXPECT_EQ(fake().allocated, 2u);
    for (size_t address : seen) EXPECT_TRUE(isZeroed(address));
  }
  EXPECT_EQ(fake().freed, 2u);
}

TEST_F(HopperLaunch, WithoutMemoryTheOrderIsStatic) {
  fake().failing = "allocate";
  Launcher l = launcher();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(l.forward(args(), {}), "");
    EXPECT_EQ(lastLaunch().args.work_counter, nullptr);
  }
  EXPECT_EQ(fake().allocated, 1u); // tried once
  fake().failing = "memset";
  Launcher other = launcher();
  EXPECT_EQ(other.forward(args(), {}), "");
  EXPECT_EQ(lastLaunch().args.work_counter, nullptr);
  EXPECT_EQ(fake().freed, 1u); // what could not be zeroed
}

TEST_F(HopperLaunch, ThreadsShareCounters) {
  Launcher l = launcher();
  const ForwardArgs a = args();
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      FakeDriver::setContext(1);
      for (int i = 0; i < 50; ++i)
        EXPECT_EQ(l.forward(a, {.stream = reinterpret_cast<void *>(0x100 + uintptr_t(t) % 4)}), "");
    });
  for (auto &thread : threads) thread.join();
  std::map<void *, std::set<size_t>> counters;
  for (const FakeLaunch &launch : fake().launches) counters[launch.stream].insert(counterOf(launch));
  ASSERT_EQ(counters.size(), 4u);
  std::set<size_t> all;
  for (const auto &entry : counters) {
    EXPECT_EQ(entry.second.size(), 1u);
    all.insert(entry.second.begin(), entry.second.end());
  }
  EXPECT_EQ(all.size(), 4u);
}

TEST_F(HopperLaunch, RepeatedLaunchesCostLittleHostTime) {
  fake().record = false;
  Launcher l = launcher();
  const ForwardArgs a = args();
  double best = 1e9;
  for (int round = 0; round < 20; ++round) {
    auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 100; ++i) l.hopperProblem(a), l.forward(a, {});
    best = std::min(
        best,
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count() / 100);
  }
  RecordProperty("nanoseconds", static_cast<int>(best * 1000));
  EXPECT_LT(best, 5);
}

} // namespace
} // namespace maskloom
