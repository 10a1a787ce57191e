// Launchers of a small portable kernel on the fake driver.
#pragma once

#include "FakeDriver.h"

#include "maskloom/device/Launcher.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace maskloom {

inline void *const kStreamA = reinterpret_cast<void *>(uintptr_t{0xa0});
inline void *const kStreamB = reinterpret_cast<void *>(uintptr_t{0xb0});

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
  /// Plans, and sorts the units.
  static Launcher sortingLauncher() {
    Program p = program(true);
    p.kernel.orderEntry = "forward_order";
    return {p, "the cubin", &FakeDriver::driver()};
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

} // namespace maskloom
