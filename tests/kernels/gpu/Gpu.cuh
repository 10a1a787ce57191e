// What the GPU programs of this folder share: kernels instantiated from the templates, tensors, launches.
#pragma once

#include "maskloom/templates/foundation.cuh"

#include "maskloom/templates/plan.cuh"
#include "maskloom/templates/portable_forward.cuh"
#include "tests/kernels/policies.cuh"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#define CHECK_CUDA(call)                                                                                     \
  do {                                                                                                       \
    cudaError_t status_ = (call);                                                                            \
    if (status_ != cudaSuccess) {                                                                            \
      std::fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, cudaGetErrorString(status_));       \
      std::exit(2);                                                                                          \
    }                                                                                                        \
  } while (0)

namespace gpu {
using namespace maskloom;
using namespace maskloom::kernel;

template <int D, int DV, int M, int N, int Warps, int Stages, int Align, bool Bf16>
struct Configuration {
  static constexpr int kHeadDim = D, kValueDim = DV, kTileQueries = M, kTileKeys = N, kWarps = Warps,
                       kStages = Stages, kAlignBytes = Align;
  static constexpr bool kBf16 = Bf16;
  static constexpr int kSharedBytes = portable_forward_shared_bytes(D, DV, M, N, Stages);
};

template <class Config, class Pattern>
__global__ void __launch_bounds__(Config::kWarps * 32)
    forward_kernel(const __grid_constant__ ForwardArgs args) {
  portable_forward<Config, Pattern>(args);
}

template <class Config, class Pattern>
__global__ void __launch_bounds__(128) plan_kernel(const __grid_constant__ ForwardArgs args) {
  plan_tiles<Config, Pattern>(args);
}

template <bool Bf16>
struct Element {
  using type = __nv_bfloat16;
  static constexpr double kUlp = 1.0 / 128; // of 1.0
};
template <>
struct Element<false> {
  using type = __half;
  static constexpr double kUlp = 1.0 / 1024;
};

/// Device memory of one tensor, freed with it.
class Buffer {
public:
  explicit Buffer(size_t bytes) : bytes_(bytes) {
    CHECK_CUDA(cudaMalloc(&data_, std::max<size_t>(bytes, 16)));
  }
  Buffer(const Buffer &) = delete;
  ~Buffer() { cudaFree(data_); }
  void *data() const { return data_; }
  void fill(int byte) { CHECK_CUDA(cudaMemset(data_, byte, bytes_)); }
  template <class T>
  void write(const std::vector<T> &values) {
    CHECK_CUDA(cudaMemcpy(data_, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice));
  }
  template <class T>
  std::vector<T> read() const {
    std::vector<T> values(bytes_ / sizeof(T));
    CHECK_CUDA(cudaMemcpy(values.data(), data_, values.size() * sizeof(T), cudaMemcpyDeviceToHost));
    return values;
  }

private:
  void *data_ = nullptr;
  size_t bytes_;
};

template <class Config>
long long units(const ForwardArgs &args) {
  return (long long)args.batch * args.heads * ceil_div(args.queries, Config::kTileQueries);
}

/// Plans (when the pattern needs it; args.plan is then set) and launches.
template <class Config, class Pattern>
void launch(const ForwardArgs &args, long long max_blocks = 1LL << 30) {
  const unsigned blocks = unsigned(std::min(units<Config>(args), max_blocks));
  if constexpr (Pattern::kPlanned) plan_kernel<Config, Pattern><<<blocks, 128>>>(args);
  CHECK_CUDA(cudaFuncSetAttribute(forward_kernel<Config, Pattern>,
                                  cudaFuncAttributeMaxDynamicSharedMemorySize, Config::kSharedBytes));
  forward_kernel<Config, Pattern><<<blocks, Config::kWarps * 32, Config::kSharedBytes>>>(args);
  CHECK_CUDA(cudaGetLastError());
}

} // namespace gpu
