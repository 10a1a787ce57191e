// The functions of the CUDA driver that are used, as a table: filled from libcuda at run time, or by a test.
// Signatures as in the driver's documentation, its handle types as the integers and pointers they are. All
// return a CUresult, 0 for success.
#pragma once

#include <cstddef>
#include <cstdint>

namespace maskloom {

/// CUlaunchAttribute: 8 bytes for the id, 64 for the value.
struct LaunchAttribute {
  int id;
  char padding[4];
  union {
    char bytes[64];
    int enabled;
  } value;
};
static_assert(sizeof(LaunchAttribute) == 72);

/// CUlaunchConfig.
struct LaunchConfig {
  unsigned gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes;
  void *stream;
  LaunchAttribute *attributes;
  unsigned attributeCount;
};

struct DriverApi {
  using Result = int;
  using DevicePointer = unsigned long long;

  Result (*init)(unsigned flags);
  Result (*getErrorName)(Result, const char **);
  Result (*getErrorString)(Result, const char **);
  Result (*driverGetVersion)(int *);
  Result (*deviceGetCount)(int *);
  Result (*deviceGet)(int *device, int ordinal);
  Result (*deviceGetName)(char *, int length, int device);
  Result (*deviceGetAttribute)(int *, int attribute, int device);
  Result (*deviceTotalMem)(size_t *, int device);
  Result (*primaryContextRetain)(void **context, int device);
  Result (*contextGetCurrent)(void **context);
  Result (*contextSetCurrent)(void *context);
  Result (*contextPush)(void *context);
  Result (*contextPop)(void **context);
  Result (*contextGetDevice)(int *device);
  Result (*contextSynchronize)();
  Result (*moduleLoadData)(void **module, const void *image);
  Result (*moduleUnload)(void *module);
  Result (*moduleGetFunction)(void **function, void *module, const char *name);
  Result (*functionSetAttribute)(void *function, int attribute, int value);
  Result (*launchKernel)(void *function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                         unsigned blockY, unsigned blockZ, unsigned sharedBytes, void *stream, void **params,
                         void **extra);
  /// Optional (CUDA 11.8): null in drivers that do not have it.
  Result (*launchKernelEx)(const LaunchConfig *, void *function, void **params, void **extra);
  Result (*memoryAllocate)(DevicePointer *, size_t bytes);
  Result (*memoryFree)(DevicePointer);
  Result (*copyToDevice)(DevicePointer, const void *, size_t bytes);
  Result (*copyToHost)(void *, DevicePointer, size_t bytes);
  Result (*streamSynchronize)(void *stream);
  /// status 0: not capturing, and nothing else is set.
  Result (*streamGetCaptureInfo)(void *stream, int *status, uint64_t *id, void **graph,
                                 const void *const **dependencies, size_t *dependencyCount);
  Result (*threadExchangeStreamCaptureMode)(int *mode);
  Result (*userObjectCreate)(void **object, void *data, void (*destroy)(void *data), unsigned references,
                             unsigned flags);
  Result (*graphRetainUserObject)(void *graph, void *object, unsigned references, unsigned flags);
  Result (*streamCreate)(void **stream, unsigned flags);
  Result (*streamDestroy)(void *stream);
  Result (*memsetAsync)(DevicePointer, unsigned char value, size_t bytes, void *stream);
  /// Optional (CUDA 12): null in drivers that do not have it.
  Result (*tensorMapEncodeTiled)(void *map, int dataType, uint32_t rank, void *address,
                                 const uint64_t *extents, const uint64_t *strides, const uint32_t *box,
                                 const uint32_t *elementStrides, int interleave, int swizzle, int l2Promotion,
                                 int outOfBoundsFill);
};

} // namespace maskloom
