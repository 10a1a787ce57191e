#include "maskloom/dlpack.h"

#include "maskloom/device/Driver.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <vector>

#include <fmt/format.h>

namespace maskloom {

// The layout of DLPack 1.x on 64-bit machines, whichever header it came from.
static_assert(sizeof(void *) == 8);
static_assert(sizeof(DLTensor) == 48 && offsetof(DLTensor, device) == 8 && offsetof(DLTensor, ndim) == 16 &&
              offsetof(DLTensor, dtype) == 20 && offsetof(DLTensor, shape) == 24 &&
              offsetof(DLTensor, strides) == 32 && offsetof(DLTensor, byte_offset) == 40);
static_assert(sizeof(DLManagedTensor) == 64 && offsetof(DLManagedTensor, deleter) == 56);
static_assert(offsetof(DLManagedTensorVersioned, manager_ctx) == 8 &&
              offsetof(DLManagedTensorVersioned, deleter) == 16 &&
              offsetof(DLManagedTensorVersioned, flags) == 24 &&
              offsetof(DLManagedTensorVersioned, dl_tensor) == 32);

namespace {

constexpr uint32_t kVersion = 1; // the major version that we read and write

template <typename... Args>
[[noreturn]] void userError(fmt::format_string<Args...> format, Args &&...args) {
  throw Error(ErrorKind::User, fmt::format(format, std::forward<Args>(args)...));
}

std::string nameOf(const DLDevice &device) {
  switch (static_cast<int>(device.device_type)) {
  case kDLCPU: return "the CPU";
  case kDLCUDA: return fmt::format("GPU {}", device.device_id);
  case kDLCUDAHost: return "the CPU (pinned)";
  case kDLCUDAManaged: return "managed memory";
  default:
    return fmt::format("a device of DLPack type {}, number {}", static_cast<int>(device.device_type),
                       device.device_id);
  }
}

std::string nameOf(const DLDataType &type) {
  const char *kind = type.code == kDLInt      ? "i"
                     : type.code == kDLUInt   ? "u"
                     : type.code == kDLFloat  ? "f"
                     : type.code == kDLBfloat ? "bf"
                                              : nullptr;
  std::string name = kind ? fmt::format("{}{}", kind, type.bits)
                          : fmt::format("of DLPack code {}, {} bits", type.code, type.bits);
  return type.lanes == 1 ? name : fmt::format("{} in vectors of {}", name, type.lanes);
}

bool isType(const DLDataType &type, int code, int bits) {
  return type.code == code && type.bits == bits && type.lanes == 1;
}

bool isReachable(const DLDevice &from, const DLDevice &given) {
  int type = given.device_type; // an int: other headers know devices that this one does not
  if (from.device_type == kDLCPU) return type == kDLCPU || type == kDLCUDAHost || type == kDLCUDAManaged;
  if (from.device_type == kDLCUDA)
    return (type == kDLCUDA && given.device_id == from.device_id) || type == kDLCUDAManaged;
  return false;
}

/// A checked tensor of any rank.
struct View {
  void *data = nullptr;
  std::vector<int64_t> shape, strides; ///< strides in elements
  bool isDense() const {
    int64_t dense = 1;
    for (size_t i = shape.size(); i-- > 0; dense *= shape[i])
      if (shape[i] > 1 && strides[i] != dense) return false;
    return true;
  }
};

/// Everything that can be said without knowing what the tensor is for; `what` begins the messages.
View viewOf(const DLTensor &t, const DLDevice &device, int rank, const char *axes, std::string_view what) {
  if (!isReachable(device, t.device))
    userError("{} is on {}, expected {}", what, nameOf(t.device), nameOf(device));
  if (t.ndim != rank) userError("{} has rank {}, expected {} ({})", what, t.ndim, rank, axes);
  if (!t.shape) userError("{} has no shape", what);
  int64_t elementBytes = t.dtype.bits / 8;
  View view;
  view.shape.assign(t.shape, t.shape + rank);
  view.strides.assign(rank, 1);
  int64_t dense = 1, last = 0; // the number of elements; the farthest element, counted in absolute strides
  bool fits = true;
  for (int i = rank; i-- > 0;) {
    if (view.shape[i] < 1) userError("{}: dimension {} is {}, expected at least 1", what, i, view.shape[i]);
    view.strides[i] = t.strides ? t.strides[i] : dense;
    int64_t reach = 0;
    fits &= view.strides[i] != INT64_MIN && !__builtin_mul_overflow(dense, view.shape[i], &dense) &&
            !__builtin_mul_overflow(std::abs(view.strides[i]), view.shape[i] - 1, &reach) &&
            !__builtin_add_overflow(last, reach, &last);
  }
  int64_t bytes = 0;
  if (!fits || __builtin_mul_overflow(std::max(dense, last), elementBytes, &bytes))
    userError("{} reaches beyond 64 bits: its shape or strides are wrong", what);
  if (!t.data) userError("{} has no data", what);
  uint64_t address = 0;
  if (__builtin_add_overflow(reinterpret_cast<uint64_t>(t.data), t.byte_offset, &address))
    userError("{} has a byte offset of {}, beyond the address space", what, t.byte_offset);
  if (address % elementBytes)
    userError("{} begins at an address that is no multiple of its {} bytes an element (byte offset {})", what,
              elementBytes, t.byte_offset);
  view.data = reinterpret_cast<void *>(address);
  return view;
}

void expectType(const DLTensor &t, bool isFloat, std::string_view what) {
  if (!isType(t.dtype, isFloat ? kDLFloat : kDLInt, 32))
    userError("{} has dtype {}, expected {}", what, nameOf(t.dtype), isFloat ? "f32" : "i32");
}

/// What a tensor that was handed out keeps until its deleter is called.
struct Exported {
  DLManagedTensorVersioned managed{};
  std::vector<int64_t> shape, strides;
  std::shared_ptr<void> owner;
};

DlpackPtr exported(void *data, DLDataType type, const DLDevice &device, std::vector<int64_t> shape,
                   std::vector<int64_t> strides, std::shared_ptr<void> owner) {
  if (!data) userError("the tensor to hand out has no data");
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i] < 1)
      userError("the tensor to hand out: dimension {} is {}, expected at least 1", i, shape[i]);
  auto kept = std::make_unique<Exported>();
  kept->shape = std::move(shape);
  kept->strides = std::move(strides);
  kept->owner = std::move(owner);
  DLManagedTensorVersioned &managed = kept->managed;
  managed.version = {kVersion, 0};
  managed.manager_ctx = kept.get();
  managed.deleter = [](DLManagedTensorVersioned *self) { delete static_cast<Exported *>(self->manager_ctx); };
  managed.flags = 0;
  managed.dl_tensor = {
      data, device, static_cast<int32_t>(kept->shape.size()), type, kept->shape.data(), kept->strides.data(),
      0};
  return DlpackPtr(&kept.release()->managed);
}

} // namespace

DLDevice dlpack_device(const Attention &attention) {
  if (attention.device() == Device::Cpu) return {kDLCPU, 0};
  const Driver *driver = Driver::get();
  if (!driver) throw Error(ErrorKind::Machine, "no GPU: " + Driver::why());
  int device = 0;
  auto status = driver->currentDevice(device);
  if (!status.ok()) throw Error(ErrorKind::Machine, status.message);
  return {kDLCUDA, device};
}

const DLTensor &dlpack_tensor(const DLManagedTensorVersioned &managed, std::string_view name,
                              DlpackAccess access) {
  if (managed.version.major != kVersion)
    userError("{} is of DLPack {}.{}, only {}.x is understood", name, managed.version.major,
              managed.version.minor, kVersion);
  if (access == DlpackAccess::Write && (managed.flags & DLPACK_FLAG_BITMASK_READ_ONLY))
    userError("{} is read-only and cannot be written to", name);
  return managed.dl_tensor;
}

Tensor from_dlpack(const DLTensor &t, DLDevice device, std::string_view name) {
  Tensor tensor;
  if (isType(t.dtype, kDLFloat, 16))
    tensor.dtype = DType::f16;
  else if (isType(t.dtype, kDLBfloat, 16))
    tensor.dtype = DType::bf16;
  else if (isType(t.dtype, kDLFloat, 32))
    tensor.dtype = DType::f32;
  else
    userError("{} has dtype {}, expected f16, bf16 or f32", name, nameOf(t.dtype));
  View view = viewOf(t, device, 4, "[batch, heads, tokens, dim]", name);
  tensor.data = view.data;
  std::copy(view.shape.begin(), view.shape.end(), tensor.shape.begin());
  std::copy(view.strides.begin(), view.strides.end(), tensor.strides.begin());
  return tensor;
}

AuxTensor aux_from_dlpack(const DLTensor &t, const Attention &attention, std::string_view name) {
  const ProgramAux *declared = nullptr;
  for (const ProgramAux &aux : attention.program().auxes)
    if (aux.name == name) declared = &aux;
  if (!declared) userError("pattern '{}' has no aux tensor '{}'", attention.program().name, name);
  std::string what = fmt::format("aux tensor '{}'", name);
  expectType(t, declared->isFloat, what);
  View view = viewOf(t, dlpack_device(attention), static_cast<int>(declared->axes.size()),
                     "as the pattern declares it", what);
  return {view.data, std::move(view.shape), std::move(view.strides)};
}

const int32_t *lengths_from_dlpack(const DLTensor &t, DLDevice device, int64_t batch, std::string_view name) {
  expectType(t, false, name);
  View view = viewOf(t, device, 1, "[batch]", name);
  if (view.shape[0] != batch) userError("{} has {} entries, expected {} (batch)", name, view.shape[0], batch);
  if (!view.isDense()) userError("{} has stride {}, expected 1", name, view.strides[0]);
  return static_cast<const int32_t *>(view.data);
}

float *lse_from_dlpack(const DLTensor &t, DLDevice device, std::array<int64_t, 3> shape,
                       std::string_view name) {
  expectType(t, true, name);
  View view = viewOf(t, device, 3, "[batch, heads, queries]", name);
  for (size_t i = 0; i < 3; ++i)
    if (view.shape[i] != shape[i])
      userError("{}: dimension {} is {}, expected {}", name, i, view.shape[i], shape[i]);
  if (!view.isDense()) userError("{} must be row-major without gaps", name);
  return static_cast<float *>(view.data);
}

void DlpackDeleter::operator()(DLManagedTensorVersioned *managed) const {
  if (managed && managed->deleter) managed->deleter(managed);
}

void DlpackDeleter::operator()(DLManagedTensor *managed) const {
  if (managed && managed->deleter) managed->deleter(managed);
}

DlpackPtr to_dlpack(const Tensor &tensor, DLDevice device, std::shared_ptr<void> owner) {
  DLDataType type{static_cast<uint8_t>(tensor.dtype == DType::bf16 ? kDLBfloat : kDLFloat),
                  static_cast<uint8_t>(tensor.dtype == DType::f32 ? 32 : 16), 1};
  return exported(tensor.data, type, device, {tensor.shape.begin(), tensor.shape.end()},
                  {tensor.strides.begin(), tensor.strides.end()}, std::move(owner));
}

DlpackPtr lse_to_dlpack(float *lse, std::array<int64_t, 3> shape, DLDevice device,
                        std::shared_ptr<void> owner) {
  return exported(lse, {kDLFloat, 32, 1}, device, {shape.begin(), shape.end()},
                  {shape[1] * shape[2], shape[2], 1}, std::move(owner));
}

UnversionedDlpackPtr to_unversioned(DlpackPtr &&tensor) {
  if (!tensor) userError("the tensor to hand out is null");
  if (tensor->flags & DLPACK_FLAG_BITMASK_READ_ONLY)
    userError("a read-only tensor cannot be handed out to a consumer of before DLPack 1.0");
  auto old = std::make_unique<DLManagedTensor>();
  old->dl_tensor = tensor->dl_tensor;
  old->manager_ctx = tensor.release();
  old->deleter = [](DLManagedTensor *self) {
    DlpackDeleter()(static_cast<DLManagedTensorVersioned *>(self->manager_ctx));
    delete self;
  };
  return UnversionedDlpackPtr(old.release());
}

} // namespace maskloom
