// The CUDA driver API, loaded at run time: the library works without a GPU until something is launched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace maskloom {

struct GpuInfo {
  std::string name;
  int major = 0, minor = 0, multiprocessors = 0;
  size_t sharedPerBlock = 0; ///< opt-in maximum
  size_t memory = 0;
  std::string arch() const; ///< "sm_80", "sm_90a"
};

/// A failed driver call: what was called and what the driver said. Empty message: success.
struct DriverStatus {
  std::string message;
  bool ok() const { return message.empty(); }
};

class Driver {
public:
  /// Null when libcuda is missing or has no device; why() says which.
  static const Driver *get();
  static const std::string &why();

  int deviceCount() const;
  GpuInfo info(int device) const;
  int driverVersion() const;

  /// The device of the calling thread's current context; when it has none, the primary context of device 0 is
  /// made current.
  DriverStatus currentDevice(int &device) const;
  DriverStatus loadModule(const std::string &image, void *&module) const;
  DriverStatus getFunction(void *module, const std::string &entry, void *&function) const;
  DriverStatus setSharedBytes(void *function, int bytes) const;
  DriverStatus launch(void *function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned threads,
                      unsigned sharedBytes, void *stream, void **params) const;
  DriverStatus allocate(size_t bytes, void *&pointer) const;
  DriverStatus free(void *pointer) const;
  DriverStatus copyToDevice(void *to, const void *from, size_t bytes) const;
  DriverStatus copyToHost(void *to, const void *from, size_t bytes) const;
  DriverStatus synchronize(void *stream) const; ///< null: the whole context
  DriverStatus unloadModule(void *module) const;

private:
  struct Api;
  explicit Driver(const Api *api) : api_(api) {}
  const Api *api_;
};

} // namespace maskloom
