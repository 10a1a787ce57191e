// Host arrays in the computing dtype, and the memory that a run needs on its device.
#pragma once

#include "maskloom/facade/Attention.h"

#include <array>
#include <vector>

namespace maskloom {

/// A row-major [batch, heads, tokens, dim] array in f32, bf16 or f16.
struct HostArray {
  std::array<int64_t, 4> shape{};
  DType dtype = DType::f32;
  std::vector<char> bytes;

  static HostArray fromFloats(const std::vector<float> &values, std::array<int64_t, 4> shape, DType dtype);
  /// Filled with NaN, so that whatever is left unwritten shows.
  static HostArray uninitialized(std::array<int64_t, 4> shape, DType dtype);
  std::vector<float> toFloats() const;
  float at(int64_t b, int64_t h, int64_t token, int64_t i) const;
  int64_t size() const { return shape[0] * shape[1] * shape[2] * shape[3]; }
};

/// Rounds a float to what the dtype holds.
float roundTo(DType dtype, float value);

/// Inputs copied to the device and outputs copied back; on the CPU both are the host memory itself.
class Memory {
public:
  explicit Memory(Device device) : gpu_(device == Device::Gpu) {}
  ~Memory();
  Memory(const Memory &) = delete;
  Memory &operator=(const Memory &) = delete;

  Tensor in(const HostArray &array);
  Tensor out(HostArray &array);
  template <typename T>
  const void *in(const std::vector<T> &values) {
    return input(values.data(), values.size() * sizeof(T));
  }
  void *out(void *host, size_t bytes);
  /// Waits for the device and copies the outputs back.
  void finish();

private:
  struct Output {
    void *host, *device;
    size_t bytes;
  };
  void *input(const void *host, size_t bytes);
  void *allocate(size_t bytes);

  bool gpu_;
  std::vector<void *> allocated_;
  std::vector<Output> outputs_;
};

} // namespace maskloom
