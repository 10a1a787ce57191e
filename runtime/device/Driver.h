// The CUDA driver API, loaded at run time: the library works without a GPU until something is launched.
#pragma once

#include "maskloom/device/DriverApi.h"

#include <array>
#include <cstdint>
#include <string>

namespace maskloom {

struct GpuInfo {
  std::string name;
  int major = 0, minor = 0, multiprocessors = 0;
  size_t sharedPerBlock = 0; ///< bytes a block may have, opt-in maximum
  size_t memory = 0;         ///< bytes
  std::string arch() const;  ///< "sm_80", "sm_90a"
};

/// A tensor of 16-bit floats as TMA addresses it: rank 4, dimensions innermost first. 128-byte swizzle, zeros
/// where a box reaches beyond the tensor.
struct TensorMapLayout {
  bool isBf16 = true;
  void *data = nullptr;              ///< 16-byte aligned
  std::array<uint64_t, 4> extents{}; ///< in elements
  std::array<uint64_t, 3> strides{}; ///< of dimensions 1 to 3 in bytes, multiples of 16 below 2^40
  std::array<uint32_t, 4> box{};     ///< what one load brings, in elements
  bool operator==(const TensorMapLayout &) const = default;
};

/// A failed driver call: what was called and what the driver said. Empty message: success.
struct DriverStatus {
  std::string message;
  bool ok() const { return message.empty(); }
};

/// The blocks of a launch, in one dimension.
struct LaunchShape {
  unsigned blocks = 1, threads = 1, sharedBytes = 0;
  /// Blocks may start before the kernel ahead of them in the stream has ended, because the kernel itself
  /// waits for that (griddepcontrol). Ignored by drivers that cannot.
  bool startsEarly = false;
};

/// What a stream is being captured into. Graph and id belong to this capture alone.
struct StreamCapture {
  uint64_t id = 0;       ///< 0: the stream is not being captured
  void *graph = nullptr; ///< a CUgraph
  explicit operator bool() const { return id != 0; }
};

class Driver {
public:
  /// Null when libcuda is missing or has no device; why() says which.
  static const Driver *get();
  static const std::string &why();
  /// Over a table of one's own: for tests.
  explicit Driver(const DriverApi &api) : api_(api) {}

  int deviceCount() const;
  GpuInfo info(int device) const;
  int driverVersion() const; ///< 12040 for 12.4

  /// The device of the calling thread's current context; when it has none, the primary context of device 0 is
  /// made current.
  DriverStatus currentDevice(int &device) const;
  /// That context, by handle.
  DriverStatus currentContext(void *&context) const;
  DriverStatus setDevice(int device) const; ///< makes the device's primary context current
  DriverStatus pushContext(void *context) const;
  DriverStatus popContext() const;
  DriverStatus loadModule(const std::string &image, void *&module) const;
  DriverStatus getFunction(void *module, const std::string &entry, void *&function) const;
  DriverStatus setSharedBytes(void *function, int bytes) const;
  DriverStatus launch(void *function, const LaunchShape &shape, void *stream, void **params) const;
  DriverStatus allocate(size_t bytes, void *&pointer) const;
  /// The memory is zero when it returns, whatever streams do. Waits for nothing else.
  DriverStatus allocateZeroed(size_t bytes, void *&pointer) const;
  DriverStatus free(void *pointer) const;
  DriverStatus copyToDevice(void *to, const void *from, size_t bytes) const;
  DriverStatus copyToHost(void *to, const void *from, size_t bytes) const;
  DriverStatus synchronize(void *stream) const; ///< null: the whole context
  DriverStatus unloadModule(void *module) const;
  StreamCapture capture(void *stream) const; ///< into a CUDA graph
  /// How strictly this thread is kept from calls that a capture cannot record; returns how it was.
  int exchangeCaptureMode(int mode) const;
  /// Calls gone(data) once the graph and all executable graphs made from it are destroyed, on a thread that
  /// must not call the driver. When it fails gone() is never called.
  DriverStatus whenGraphIsGone(void *graph, void (*gone)(void *data), void *data) const;
  bool hasTensorMaps() const; ///< false: the driver is older than CUDA 12
  /// Fills the 128 bytes at `map`, which are 64-byte aligned.
  DriverStatus encodeTensorMap(const TensorMapLayout &layout, void *map) const;

private:
  DriverStatus status(const char *call, DriverApi::Result result) const;
  DriverApi api_;
};

/// While it lives, this thread may load, allocate and free although a stream, of any thread, is being
/// captured.
class AllocationDuringCapture {
public:
  explicit AllocationDuringCapture(const Driver &driver)
      : driver_(driver), before_(driver.exchangeCaptureMode(kRelaxed)) {}
  ~AllocationDuringCapture() { driver_.exchangeCaptureMode(before_); }
  AllocationDuringCapture(const AllocationDuringCapture &) = delete;
  AllocationDuringCapture &operator=(const AllocationDuringCapture &) = delete;

private:
  static constexpr int kRelaxed = 2; // a CUstreamCaptureMode
  const Driver &driver_;
  const int before_;
};

} // namespace maskloom
