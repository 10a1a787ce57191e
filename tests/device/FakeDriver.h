// A driver that records instead of launching: what the launcher asks for can be checked without a GPU.
#pragma once

#include "maskloom/device/Driver.h"
#include "maskloom/templates/args.cuh"

#include <map>
#include <string>
#include <vector>

namespace maskloom {

struct FakeLaunch {
  std::string function;
  unsigned grid = 0, threads = 0, sharedBytes = 0;
  void *stream = nullptr, *context = nullptr;
  ForwardArgs args{};
  bool startsEarly = false;
  TensorMaps maps{}; ///< words[0] of each: the number of its encoding; kept when the function is "hopper"
};

/// The state behind the one fake driver; reset() before each test. Contexts are small integers, and the
/// device of a context is its value minus 1.
struct FakeDriver {
  std::vector<FakeLaunch> launches;
  std::vector<std::string> calls;  ///< all but launches and queries, as "allocate 64"
  size_t allocated = 0, freed = 0; ///< how often
  size_t sharedPerBlock = 232448;
  /// Every stream is being captured, into graph number `graph`: allocating and loading then fail in a thread
  /// that has not relaxed its capture mode.
  bool capturing = false;
  uintptr_t graph = 1;
  struct UserObject {
    uintptr_t graph;
    void *data;
    void (*destroy)(void *);
  };
  std::vector<UserObject> userObjects; ///< that graphs hold
  bool record = true;                  ///< false: launches are counted only, for timing
  size_t launchCount = 0;
  std::string failing; ///< this call fails
  size_t modulesLoaded = 0, modulesUnloaded = 0;
  size_t synchronized = 0;
  std::vector<TensorMapLayout> encoded; ///< in order; a map's words[0] is its index here plus 1
  std::map<uintptr_t, size_t> zeroed;   ///< bytes that were zeroed, by address

  static FakeDriver &state();
  /// As new; graphs that are still there are destroyed.
  static void reset();
  /// The calling thread's current context.
  static void setContext(int context);
  /// The capture mode of the calling thread; 0, the strictest, is the driver's default.
  static int captureMode();
  static void destroyGraph(uintptr_t graph);
  static const Driver &driver();
  static const Driver &driverWithoutTensorMaps();
  static const Driver &driverWithoutLaunchKernelEx();
};

} // namespace maskloom
