#include "maskloom/cli/DeviceArray.h"

#include "maskloom/device/Driver.h"
#include "maskloom/program/Half.h"

#include <cstring>
#include <limits>

namespace maskloom {

namespace {

size_t bytesOf(DType dtype) { return dtype == DType::f32 ? 4 : 2; }

float load(const char *bytes, DType dtype, int64_t i) {
  if (dtype == DType::f32) {
    float value;
    std::memcpy(&value, bytes + 4 * i, 4);
    return value;
  }
  uint16_t bits;
  std::memcpy(&bits, bytes + 2 * i, 2);
  return dtype == DType::bf16 ? bf16ToFloat(bits) : f16ToFloat(bits);
}

void store(char *bytes, DType dtype, int64_t i, float value) {
  if (dtype == DType::f32) {
    std::memcpy(bytes + 4 * i, &value, 4);
    return;
  }
  uint16_t bits = dtype == DType::bf16 ? floatToBf16(value) : floatToF16(value);
  std::memcpy(bytes + 2 * i, &bits, 2);
}

void check(const DriverStatus &status) {
  if (!status.ok()) throw Error(ErrorKind::Machine, status.message);
}

} // namespace

float roundTo(DType dtype, float value) {
  if (dtype == DType::bf16) return bf16ToFloat(floatToBf16(value));
  if (dtype == DType::f16) return f16ToFloat(floatToF16(value));
  return value;
}

HostArray HostArray::fromFloats(const std::vector<float> &values, std::array<int64_t, 4> shape, DType dtype) {
  HostArray array{shape, dtype, std::vector<char>(values.size() * bytesOf(dtype))};
  for (size_t i = 0; i < values.size(); ++i)
    store(array.bytes.data(), dtype, static_cast<int64_t>(i), values[i]);
  return array;
}

HostArray HostArray::uninitialized(std::array<int64_t, 4> shape, DType dtype) {
  HostArray array{shape, dtype, {}};
  array.bytes.resize(array.size() * bytesOf(dtype));
  for (int64_t i = 0; i < array.size(); ++i)
    store(array.bytes.data(), dtype, i, std::numeric_limits<float>::quiet_NaN());
  return array;
}

std::vector<float> HostArray::toFloats() const {
  std::vector<float> values(size());
  for (int64_t i = 0; i < size(); ++i) values[i] = load(bytes.data(), dtype, i);
  return values;
}

float HostArray::at(int64_t b, int64_t h, int64_t token, int64_t i) const {
  return load(bytes.data(), dtype, ((b * shape[1] + h) * shape[2] + token) * shape[3] + i);
}

Memory::~Memory() {
  for (void *pointer : allocated_) Driver::get()->free(pointer);
}

void *Memory::allocate(size_t bytes) {
  void *pointer = nullptr;
  check(Driver::get()->allocate(bytes, pointer));
  allocated_.push_back(pointer);
  return pointer;
}

void *Memory::input(const void *host, size_t bytes) {
  if (!gpu_) return const_cast<void *>(host); // an input: only read
  void *device = allocate(bytes);
  check(Driver::get()->copyToDevice(device, host, bytes));
  return device;
}

void *Memory::out(void *host, size_t bytes) {
  if (!gpu_) return host;
  void *device = input(host, bytes);
  outputs_.push_back({host, device, bytes});
  return device;
}

Tensor Memory::in(const HostArray &array) {
  return Tensor::contiguous(input(array.bytes.data(), array.bytes.size()), array.shape, array.dtype);
}

Tensor Memory::out(HostArray &array) {
  return Tensor::contiguous(out(array.bytes.data(), array.bytes.size()), array.shape, array.dtype);
}

void Memory::finish() {
  if (!gpu_) return;
  check(Driver::get()->synchronize(nullptr));
  for (const Output &output : outputs_)
    check(Driver::get()->copyToHost(output.host, output.device, output.bytes));
}

} // namespace maskloom
