#include "maskloom/device/Driver.h"

#include <cstring>
#include <memory>

#include <dlfcn.h>

#include <fmt/format.h>

namespace maskloom {

namespace {

// Values of CUdevice_attribute and CUfunction_attribute.
constexpr int kMultiprocessorCount = 16, kCapabilityMajor = 75, kCapabilityMinor = 76,
              kSharedPerBlockOptIn = 97;
constexpr int kMaxDynamicSharedBytes = 8;
constexpr int kProgrammaticStreamSerialization = 6; // a launch attribute
// CUstream_flags.
constexpr unsigned kNonBlocking = 1;
// CUuserObject_flags, CUuserObjectRetain_flags.
constexpr unsigned kNoDestructorSync = 1, kMoveReferences = 1;
// CUtensorMapDataType, CUtensorMapInterleave, CUtensorMapSwizzle, CUtensorMapL2promotion,
// CUtensorMapFloatOOBfill.
constexpr int kFloat16 = 6, kBfloat16 = 9, kNoInterleave = 0, kSwizzle128Bytes = 3, kL2Promotion256Bytes = 3,
              kFillZeros = 0;

/// Names with a suffix are those revisions of the interface that every driver since CUDA 11.3 has.
bool bind(void *library, DriverApi &api, std::string &missing) {
  auto optional = [&](auto &pointer, const char *name) {
    void *symbol = dlsym(library, name);
    std::memcpy(&pointer, &symbol, sizeof symbol);
  };
  auto function = [&](auto &pointer, const char *name) {
    optional(pointer, name);
    if (!pointer) missing = name;
  };
  function(api.init, "cuInit");
  function(api.getErrorName, "cuGetErrorName");
  function(api.getErrorString, "cuGetErrorString");
  function(api.driverGetVersion, "cuDriverGetVersion");
  function(api.deviceGetCount, "cuDeviceGetCount");
  function(api.deviceGet, "cuDeviceGet");
  function(api.deviceGetName, "cuDeviceGetName");
  function(api.deviceGetAttribute, "cuDeviceGetAttribute");
  function(api.deviceTotalMem, "cuDeviceTotalMem_v2");
  function(api.primaryContextRetain, "cuDevicePrimaryCtxRetain");
  function(api.contextGetCurrent, "cuCtxGetCurrent");
  function(api.contextSetCurrent, "cuCtxSetCurrent");
  function(api.contextPush, "cuCtxPushCurrent_v2");
  function(api.contextPop, "cuCtxPopCurrent_v2");
  function(api.contextGetDevice, "cuCtxGetDevice");
  function(api.contextSynchronize, "cuCtxSynchronize");
  function(api.moduleLoadData, "cuModuleLoadData");
  function(api.moduleUnload, "cuModuleUnload");
  function(api.moduleGetFunction, "cuModuleGetFunction");
  function(api.functionSetAttribute, "cuFuncSetAttribute");
  function(api.launchKernel, "cuLaunchKernel");
  function(api.memoryAllocate, "cuMemAlloc_v2");
  function(api.memoryFree, "cuMemFree_v2");
  function(api.copyToDevice, "cuMemcpyHtoD_v2");
  function(api.copyToHost, "cuMemcpyDtoH_v2");
  function(api.streamSynchronize, "cuStreamSynchronize");
  function(api.streamGetCaptureInfo, "cuStreamGetCaptureInfo_v2");
  function(api.threadExchangeStreamCaptureMode, "cuThreadExchangeStreamCaptureMode");
  function(api.userObjectCreate, "cuUserObjectCreate");
  function(api.graphRetainUserObject, "cuGraphRetainUserObject");
  function(api.streamCreate, "cuStreamCreate");
  function(api.streamDestroy, "cuStreamDestroy_v2");
  function(api.memsetAsync, "cuMemsetD8Async");
  optional(api.launchKernelEx, "cuLaunchKernelEx");
  optional(api.tensorMapEncodeTiled, "cuTensorMapEncodeTiled");
  return missing.empty();
}

/// Kept for the life of the process: the driver must outlive everything that was launched.
struct Shared {
  std::unique_ptr<Driver> driver;
  std::string why;

  Shared() {
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
      why = "libcuda.so.1 was not found: this machine has no NVIDIA driver. Kernels compile, but launching "
            "them needs one.";
      return;
    }
    DriverApi api{};
    std::string missing;
    if (!bind(library, api, missing)) {
      why = fmt::format("the NVIDIA driver is too old: libcuda.so.1 has no {}", missing);
      return;
    }
    int count = 0;
    if (int result = api.init(0)) {
      const char *name = nullptr;
      api.getErrorName(result, &name);
      why = fmt::format("the NVIDIA driver does not start: cuInit: {}", name ? name : std::to_string(result));
    } else if (api.deviceGetCount(&count) || count == 0) {
      why = "the NVIDIA driver sees no GPU (is CUDA_VISIBLE_DEVICES empty?)";
    } else {
      driver = std::make_unique<Driver>(api);
    }
  }
  static const Shared &get() {
    static const Shared *shared = new Shared;
    return *shared;
  }
};

DriverApi::DevicePointer addressOf(const void *pointer) {
  return static_cast<DriverApi::DevicePointer>(reinterpret_cast<uintptr_t>(pointer));
}

} // namespace

std::string GpuInfo::arch() const {
  // From 9.0 on the suffix gives access to the GPU's own instructions (wgmma).
  return fmt::format("sm_{}{}{}", major, minor, major >= 9 ? "a" : "");
}

const Driver *Driver::get() { return Shared::get().driver.get(); }
const std::string &Driver::why() { return Shared::get().why; }

DriverStatus Driver::status(const char *call, DriverApi::Result result) const {
  if (result == 0) return {};
  const char *name = nullptr, *text = nullptr;
  api_.getErrorName(result, &name);
  api_.getErrorString(result, &text);
  return {fmt::format("{}: {} ({})", call, name ? name : fmt::format("error {}", result), text ? text : "")};
}

int Driver::deviceCount() const {
  int count = 0;
  api_.deviceGetCount(&count);
  return count;
}

int Driver::driverVersion() const {
  int version = 0;
  api_.driverGetVersion(&version);
  return version;
}

GpuInfo Driver::info(int device) const {
  GpuInfo info;
  auto attribute = [&](int which) {
    int value = 0;
    api_.deviceGetAttribute(&value, which, device);
    return value;
  };
  char name[256] = {};
  api_.deviceGetName(name, sizeof name - 1, device);
  info.name = name;
  info.major = attribute(kCapabilityMajor);
  info.minor = attribute(kCapabilityMinor);
  info.multiprocessors = attribute(kMultiprocessorCount);
  info.sharedPerBlock = attribute(kSharedPerBlockOptIn);
  api_.deviceTotalMem(&info.memory, device);
  return info;
}

DriverStatus Driver::setDevice(int device) const {
  void *context = nullptr;
  if (auto result = api_.primaryContextRetain(&context, device))
    return status("cuDevicePrimaryCtxRetain", result);
  return status("cuCtxSetCurrent", api_.contextSetCurrent(context));
}

DriverStatus Driver::currentContext(void *&context) const {
  context = nullptr;
  if (auto result = api_.contextGetCurrent(&context)) return status("cuCtxGetCurrent", result);
  if (context) return {};
  if (DriverStatus made = setDevice(0); !made.ok()) return made;
  return status("cuCtxGetCurrent", api_.contextGetCurrent(&context));
}

DriverStatus Driver::currentDevice(int &device) const {
  void *context = nullptr;
  if (DriverStatus found = currentContext(context); !found.ok()) return found;
  return status("cuCtxGetDevice", api_.contextGetDevice(&device));
}

DriverStatus Driver::pushContext(void *context) const {
  return status("cuCtxPushCurrent", api_.contextPush(context));
}

DriverStatus Driver::popContext() const {
  void *context = nullptr;
  return status("cuCtxPopCurrent", api_.contextPop(&context));
}

DriverStatus Driver::loadModule(const std::string &image, void *&module) const {
  return status("cuModuleLoadData", api_.moduleLoadData(&module, image.c_str()));
}

DriverStatus Driver::unloadModule(void *module) const {
  return status("cuModuleUnload", api_.moduleUnload(module));
}

DriverStatus Driver::getFunction(void *module, const std::string &entry, void *&function) const {
  DriverStatus found =
      status("cuModuleGetFunction", api_.moduleGetFunction(&function, module, entry.c_str()));
  if (!found.ok()) found.message += fmt::format(" for '{}'", entry);
  return found;
}

DriverStatus Driver::setSharedBytes(void *function, int bytes) const {
  return status("cuFuncSetAttribute", api_.functionSetAttribute(function, kMaxDynamicSharedBytes, bytes));
}

DriverStatus Driver::launch(void *function, const LaunchShape &shape, void *stream, void **params) const {
  if (!shape.startsEarly || !api_.launchKernelEx)
    return status("cuLaunchKernel", api_.launchKernel(function, shape.blocks, 1, 1, shape.threads, 1, 1,
                                                      shape.sharedBytes, stream, params, nullptr));
  LaunchAttribute early{kProgrammaticStreamSerialization, {}, {}};
  early.value.enabled = 1;
  const LaunchConfig config{shape.blocks, 1, 1, shape.threads, 1, 1, shape.sharedBytes, stream, &early, 1};
  return status("cuLaunchKernelEx", api_.launchKernelEx(&config, function, params, nullptr));
}

DriverStatus Driver::allocate(size_t bytes, void *&pointer) const {
  DriverApi::DevicePointer address = 0;
  auto result = api_.memoryAllocate(&address, bytes);
  pointer = result ? nullptr : reinterpret_cast<void *>(static_cast<uintptr_t>(address));
  return status("cuMemAlloc", result);
}

DriverStatus Driver::allocateZeroed(size_t bytes, void *&pointer) const {
  if (DriverStatus allocated = allocate(bytes, pointer); !allocated.ok()) return allocated;
  void *stream = nullptr;
  DriverStatus s = status("cuStreamCreate", api_.streamCreate(&stream, kNonBlocking));
  if (s.ok()) {
    s = status("cuMemsetD8Async", api_.memsetAsync(addressOf(pointer), 0, bytes, stream));
    if (s.ok()) s = synchronize(stream);
    api_.streamDestroy(stream);
  }
  if (!s.ok()) {
    free(pointer);
    pointer = nullptr;
  }
  return s;
}

DriverStatus Driver::free(void *pointer) const {
  return status("cuMemFree", api_.memoryFree(addressOf(pointer)));
}

DriverStatus Driver::copyToDevice(void *to, const void *from, size_t bytes) const {
  return status("cuMemcpyHtoD", api_.copyToDevice(addressOf(to), from, bytes));
}

DriverStatus Driver::copyToHost(void *to, const void *from, size_t bytes) const {
  return status("cuMemcpyDtoH", api_.copyToHost(to, addressOf(from), bytes));
}

DriverStatus Driver::synchronize(void *stream) const {
  if (!stream) return status("cuCtxSynchronize", api_.contextSynchronize());
  return status("cuStreamSynchronize", api_.streamSynchronize(stream));
}

bool Driver::hasTensorMaps() const { return api_.tensorMapEncodeTiled != nullptr; }

DriverStatus Driver::encodeTensorMap(const TensorMapLayout &layout, void *map) const {
  if (!hasTensorMaps()) return {"the NVIDIA driver is too old: libcuda.so.1 has no cuTensorMapEncodeTiled"};
  static constexpr uint32_t kElementStrides[] = {1, 1, 1, 1};
  return status("cuTensorMapEncodeTiled",
                api_.tensorMapEncodeTiled(map, layout.isBf16 ? kBfloat16 : kFloat16, 4, layout.data,
                                          layout.extents.data(), layout.strides.data(), layout.box.data(),
                                          kElementStrides, kNoInterleave, kSwizzle128Bytes,
                                          kL2Promotion256Bytes, kFillZeros));
}

StreamCapture Driver::capture(void *stream) const {
  int status = 0;
  StreamCapture capture;
  if (api_.streamGetCaptureInfo(stream, &status, &capture.id, &capture.graph, nullptr, nullptr) ||
      status == 0)
    return {};
  return capture;
}

int Driver::exchangeCaptureMode(int mode) const {
  api_.threadExchangeStreamCaptureMode(&mode);
  return mode;
}

DriverStatus Driver::whenGraphIsGone(void *graph, void (*gone)(void *data), void *data) const {
  void *object = nullptr;
  if (auto result = api_.userObjectCreate(&object, data, gone, 1, kNoDestructorSync))
    return status("cuUserObjectCreate", result);
  // Where the graph does not take it, the object stays: to release it would be to call gone().
  return status("cuGraphRetainUserObject", api_.graphRetainUserObject(graph, object, 1, kMoveReferences));
}

} // namespace maskloom
