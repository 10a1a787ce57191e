#include "FakeDriver.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <mutex>

namespace maskloom {
namespace {

std::mutex mutex;
thread_local std::vector<void *> contexts = {nullptr};
thread_local int threadCaptureMode = 0;

bool isForbiddenByCapture() { return FakeDriver::state().capturing && threadCaptureMode != 2; }

void *handle(uintptr_t value) { return reinterpret_cast<void *>(value); }

/// Function handles are their names.
std::deque<std::string> &functionNames() {
  static std::deque<std::string> names;
  return names;
}

int result(const char *call) { return FakeDriver::state().failing == call ? 700 : 0; }

int note(const std::string &call) {
  std::lock_guard lock(mutex);
  FakeDriver::state().calls.push_back(call);
  return result(call.substr(0, call.find(' ')).c_str());
}

int launch(const LaunchConfig &c, void *function, void **params, void **extra, bool startsEarly) {
  std::lock_guard lock(mutex);
  FakeDriver &fake = FakeDriver::state();
  ++fake.launchCount;
  if (c.gridY != 1 || c.gridZ != 1 || c.blockY != 1 || c.blockZ != 1 || extra) return 1;
  if (!fake.record) return result("launch");
  fake.launches.push_back({*static_cast<std::string *>(function), c.gridX, c.blockX, c.sharedBytes, c.stream,
                           contexts.back(), *static_cast<ForwardArgs *>(params[0]), startsEarly});
  if (fake.launches.back().function == "hopper")
    fake.launches.back().maps = *static_cast<TensorMaps *>(params[1]);
  return result("launch");
}

DriverApi makeApi() {
  DriverApi api{};
  api.init = [](unsigned) { return 0; };
  api.getErrorName = [](int, const char **name) { return *name = "CUDA_ERROR_FAKE", 0; };
  api.getErrorString = [](int, const char **text) { return *text = "as the test wants", 0; };
  api.driverGetVersion = [](int *version) { return *version = 13000, 0; };
  api.deviceGetCount = [](int *count) { return *count = 2, 0; };
  api.deviceGet = [](int *device, int ordinal) { return *device = ordinal, 0; };
  api.deviceGetName = [](char *name, int length, int) { return std::strncpy(name, "Fake GPU", length), 0; };
  api.deviceGetAttribute = [](int *value, int attribute, int) {
    *value = attribute == 75   ? 9
             : attribute == 97 ? static_cast<int>(FakeDriver::state().sharedPerBlock)
             : attribute == 16 ? 132
                               : 0;
    return 0;
  };
  api.deviceTotalMem = [](size_t *bytes, int) { return *bytes = size_t{1} << 37, 0; };
  api.primaryContextRetain = [](void **context, int device) {
    *context = handle(device + 1);
    return note("retain " + std::to_string(device));
  };
  api.contextGetCurrent = [](void **context) { return *context = contexts.back(), 0; };
  api.contextSetCurrent = [](void *context) { return contexts.back() = context, 0; };
  api.contextPush = [](void *context) { return contexts.push_back(context), 0; };
  api.contextPop = [](void **context) {
    *context = contexts.back();
    contexts.pop_back();
    return 0;
  };
  api.contextGetDevice = [](int *device) {
    *device = static_cast<int>(reinterpret_cast<uintptr_t>(contexts.back())) - 1;
    return 0;
  };
  api.contextSynchronize = [] {
    std::lock_guard lock(mutex);
    ++FakeDriver::state().synchronized;
    return 0;
  };
  api.moduleLoadData = [](void **module, const void *image) {
    std::lock_guard lock(mutex);
    if (isForbiddenByCapture()) return 900;
    *module = handle(0x1000 + ++FakeDriver::state().modulesLoaded);
    return std::strcmp(static_cast<const char *>(image), "the cubin") ? 200 : result("load");
  };
  api.moduleUnload = [](void *) {
    std::lock_guard lock(mutex);
    ++FakeDriver::state().modulesUnloaded;
    return 0;
  };
  api.moduleGetFunction = [](void **function, void *, const char *name) {
    std::lock_guard lock(mutex);
    functionNames().push_back(name);
    *function = &functionNames().back();
    return result("function");
  };
  api.functionSetAttribute = [](void *function, int attribute, int value) {
    return note("attribute " + *static_cast<std::string *>(function) + " " + std::to_string(attribute) + " " +
                std::to_string(value));
  };
  api.launchKernel = [](void *function, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned ty,
                        unsigned tz, unsigned sharedBytes, void *stream, void **params, void **extra) {
    const LaunchConfig config{x, y, z, threads, ty, tz, sharedBytes, stream, nullptr, 0};
    return launch(config, function, params, extra, false);
  };
  api.launchKernelEx = [](const LaunchConfig *config, void *function, void **params, void **extra) {
    constexpr int kProgrammaticStreamSerialization = 6;
    if (config->attributeCount != 1 || config->attributes[0].id != kProgrammaticStreamSerialization) return 1;
    return launch(*config, function, params, extra, config->attributes[0].value.enabled);
  };
  api.memoryAllocate = [](DriverApi::DevicePointer *pointer, size_t bytes) {
    {
      std::lock_guard lock(mutex);
      if (isForbiddenByCapture()) return 900;
      *pointer = 0x10000 * ++FakeDriver::state().allocated;
    }
    return note("allocate " + std::to_string(bytes));
  };
  api.memoryFree = [](DriverApi::DevicePointer pointer) {
    {
      std::lock_guard lock(mutex);
      ++FakeDriver::state().freed;
    }
    return note("free " + std::to_string(pointer / 0x10000));
  };
  api.copyToDevice = [](DriverApi::DevicePointer, const void *, size_t) { return 0; };
  api.copyToHost = [](void *, DriverApi::DevicePointer, size_t) { return 0; };
  api.streamSynchronize = [](void *) {
    std::lock_guard lock(mutex);
    ++FakeDriver::state().synchronized;
    return 0;
  };
  api.streamGetCaptureInfo = [](void *, int *status, uint64_t *id, void **graph, const void *const **,
                                size_t *) {
    const FakeDriver &fake = FakeDriver::state();
    *status = fake.capturing;
    if (fake.capturing) *id = 70 + fake.graph, *graph = handle(fake.graph);
    return 0;
  };
  api.threadExchangeStreamCaptureMode = [](int *mode) { return std::swap(*mode, threadCaptureMode), 0; };
  // An object is its place in the list; a graph of 0 does not hold it yet.
  api.userObjectCreate = [](void **object, void *data, void (*destroy)(void *), unsigned references,
                            unsigned flags) {
    std::lock_guard lock(mutex);
    if (references != 1 || flags != 1) return 1;
    FakeDriver::state().userObjects.push_back({0, data, destroy});
    *object = handle(FakeDriver::state().userObjects.size());
    return result("object");
  };
  api.graphRetainUserObject = [](void *graph, void *object, unsigned references, unsigned flags) {
    std::lock_guard lock(mutex);
    if (references != 1 || flags != 1) return 1;
    if (int failed = result("retain object")) return failed;
    FakeDriver::state().userObjects[reinterpret_cast<uintptr_t>(object) - 1].graph =
        reinterpret_cast<uintptr_t>(graph);
    return 0;
  };
  api.streamCreate = [](void **stream, unsigned flags) {
    *stream = handle(0xf00);
    return flags == 1 ? 0 : 1;
  };
  api.streamDestroy = [](void *) { return 0; };
  api.memsetAsync = [](DriverApi::DevicePointer pointer, unsigned char value, size_t bytes, void *stream) {
    std::lock_guard lock(mutex);
    if (value != 0 || stream != handle(0xf00)) return 1;
    FakeDriver::state().zeroed[pointer] = bytes;
    return result("memset");
  };
  api.tensorMapEncodeTiled = [](void *map, int dataType, uint32_t rank, void *address,
                                const uint64_t *extents, const uint64_t *strides, const uint32_t *box,
                                const uint32_t *elementStrides, int interleave, int swizzle, int l2Promotion,
                                int fill) {
    std::lock_guard lock(mutex);
    if (reinterpret_cast<uintptr_t>(map) % 64 || rank != 4) return 1;
    for (int i = 0; i < 4; ++i)
      if (elementStrides[i] != 1) return 1;
    if (interleave != 0 || swizzle != 3 || l2Promotion != 3 || fill != 0) return 1;
    TensorMapLayout layout{dataType == 9, address, {}, {}, {}};
    if (dataType != 9 && dataType != 6) return 1;
    std::copy_n(extents, 4, layout.extents.begin());
    std::copy_n(strides, 3, layout.strides.begin());
    std::copy_n(box, 4, layout.box.begin());
    FakeDriver::state().encoded.push_back(layout);
    static_cast<TensorMap *>(map)->words[0] = FakeDriver::state().encoded.size();
    return result("encode");
  };
  return api;
}

/// An older driver's.
DriverApi apiWithout(auto DriverApi::*function) {
  DriverApi api = makeApi();
  api.*function = nullptr;
  return api;
}

} // namespace

FakeDriver &FakeDriver::state() {
  static FakeDriver state;
  return state;
}

void FakeDriver::setContext(int context) { contexts = {handle(context)}; }

void FakeDriver::reset() {
  for (const UserObject &object : state().userObjects)
    if (object.graph != 0) object.destroy(object.data);
  state() = {};
}

int FakeDriver::captureMode() { return threadCaptureMode; }

void FakeDriver::destroyGraph(uintptr_t graph) {
  for (UserObject &object : state().userObjects)
    if (object.graph == graph) {
      object.destroy(object.data);
      object.graph = 0;
    }
}

const Driver &FakeDriver::driver() {
  static const Driver driver(makeApi());
  return driver;
}

const Driver &FakeDriver::driverWithoutLaunchKernelEx() {
  static const Driver driver(apiWithout(&DriverApi::launchKernelEx));
  return driver;
}

const Driver &FakeDriver::driverWithoutTensorMaps() {
  static const Driver driver(apiWithout(&DriverApi::tensorMapEncodeTiled));
  return driver;
}

} // namespace maskloom
