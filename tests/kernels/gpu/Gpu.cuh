// What the GPU programs of this folder share: kernels instantiated from the templates, tensors, launches.
#pragma once

#include "maskloom/templates/foundation.cuh"

#include "maskloom/templates/hopper_forward.cuh"
#include "maskloom/templates/plan.cuh"
#include "maskloom/templates/portable_forward.cuh"
#include "tests/kernels/policies.cuh"

#include <cuda.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#define CHECK_CUDA(call)                                                                                     \
  do {                                                                                                       \
    cudaError_t status_ = (call);                                                                            \
    if (status_ != cudaSuccess) {                                                                            \
      std::fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, cudaGetErrorString(status_));       \
      std::exit(2);                                                                                          \
    }                                                                                                        \
  } while (0)

/// Blocks in a cluster of the Hopper kernel.
#ifndef CLUSTER
#define CLUSTER 1
#endif

namespace gpu {
using namespace maskloom;
using namespace maskloom::kernel;

template <int D, int DV, int M, int N, int Warps, int Stages, int Align, bool Bf16>
struct Configuration {
  static constexpr int kTileHeads = 1, kHeadDim = D, kValueDim = DV, kTileQueries = M, kTileKeys = N,
                       kWarps = Warps, kStages = Stages, kAlignBytes = Align;
  static constexpr bool kBf16 = Bf16;
  static constexpr int kSharedBytes = portable_forward_shared_bytes(D, DV, M, N, Stages);
};

/// N: rows of a schedule tile, of which Gather make a KV tile; M: of each of Heads heads in a Q tile.
template <int D, int DV, int M, int N, int Gather, int Stages, bool PingPong, bool Bf16,
          int Cluster = CLUSTER, int Heads = 1, bool SharedP = false>
struct HopperConfiguration {
  static constexpr int kHeadDim = D, kValueDim = DV, kTileQueries = M, kTileKeys = N, kGather = Gather,
                       kTileHeads = Heads, kWarps = Heads * M / 16, kStages = Stages, kAlignBytes = 16,
                       kCluster = Cluster;
  static constexpr bool kPingPong = PingPong, kSharedP = SharedP, kBf16 = Bf16;
  static constexpr int kSharedBytes =
      HopperTiles{D, DV, Heads * M, N * Gather, Stages, SharedP}.shared_bytes();
};

template <class Config>
constexpr bool kIsHopper = false;
template <int D, int DV, int M, int N, int Gather, int Stages, bool PingPong, bool Bf16, int Cluster,
          int Heads>
constexpr bool kIsHopper<HopperConfiguration<D, DV, M, N, Gather, Stages, PingPong, Bf16, Cluster, Heads>> =
    true;

template <class Config, class Pattern>
__global__ void __launch_bounds__(Config::kWarps * 32)
    forward_kernel(const __grid_constant__ ForwardArgs args) {
  portable_forward<Config, Pattern>(args);
}

template <class Config, class Pattern>
__global__ void __cluster_dims__(Config::kCluster, 1, 1) __launch_bounds__(Config::kWarps * 32 + 128, 1)
    hopper_forward_kernel(const __grid_constant__ ForwardArgs args, const __grid_constant__ TensorMaps maps) {
  hopper_forward<Config, Pattern>(args, maps);
}

template <class Config, class Pattern>
__global__ void __launch_bounds__(kPlanThreads, kPlanBlocks)
    plan_kernel(const __grid_constant__ ForwardArgs args) {
  plan_tiles<Config, Pattern>(args);
}

template <class Config, class Pattern>
__global__ void __launch_bounds__(kOrderThreads) order_kernel(const __grid_constant__ ForwardArgs args) {
  order_units<Config, Pattern>(args);
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
  return (long long)args.batch * (args.heads / Config::kTileHeads) *
         ceil_div(args.queries, Config::kTileQueries);
}

/// The map of one tensor, as the host runtime encodes it.
inline TensorMap tensor_map(const TensorArg &tensor, bool bf16, int dim, int tokens, int heads, int batch,
                            int rows, int box_heads = 1) {
  static const auto encode = [] {
    void *function = nullptr;
    cudaDriverEntryPointQueryResult found;
    CHECK_CUDA(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000, cudaEnableDefault,
                                                &found));
    return reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(function);
  }();
  CUtensorMap map;
  const cuuint64_t dims[] = {cuuint64_t(dim), cuuint64_t(tokens), cuuint64_t(heads), cuuint64_t(batch)};
  const cuuint64_t strides[] = {cuuint64_t(tensor.token_stride * 2), cuuint64_t(tensor.head_stride * 2),
                                cuuint64_t(tensor.batch_stride * 2)};
  const cuuint32_t box[] = {64, cuuint32_t(rows), cuuint32_t(box_heads), 1}, steps[] = {1, 1, 1, 1};
  const CUresult result =
      encode(&map, bf16 ? CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 : CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 4, tensor.data,
             dims, strides, box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
             CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (result != CUDA_SUCCESS) {
    std::fprintf(stderr, "cuTensorMapEncodeTiled: error %d\n", int(result));
    std::exit(2);
  }
  TensorMap out;
  static_assert(sizeof out == sizeof map);
  std::memcpy(&out, &map, sizeof map);
  return out;
}

template <class Config, class Pattern>
void launch_hopper(ForwardArgs args, long long max_blocks, unsigned *work_counter) {
  static const int multiprocessors = [] {
    cudaDeviceProp properties;
    CHECK_CUDA(cudaGetDeviceProperties(&properties, 0));
    return properties.multiProcessorCount;
  }();
  args.work_counter = work_counter;
  const bool bf16 = Config::kBf16;
  const int box_keys = Config::kGather == 1 ? Config::kTileKeys / Config::kCluster : Config::kTileKeys;
  const TensorMaps maps{
      tensor_map(args.q, bf16, Config::kHeadDim, args.queries, args.heads, args.batch, Config::kTileQueries,
                 Config::kTileHeads),
      tensor_map(args.k, bf16, Config::kHeadDim, args.keys, args.kv_heads, args.batch, box_keys),
      tensor_map(args.v, bf16, Config::kValueDim, args.keys, args.kv_heads, args.batch, box_keys),
      tensor_map(args.o, bf16, Config::kValueDim, args.queries, args.heads, args.batch, Config::kTileQueries,
                 Config::kTileHeads)};
  constexpr int kCluster = Config::kCluster;
  const long long clusters = (long long)args.batch * (args.heads / Config::kTileHeads) *
                             ceil_div(args.queries, Config::kTileQueries * kCluster);
  const unsigned blocks = kCluster * unsigned(std::min({clusters, std::max(1LL, max_blocks / kCluster),
                                                        (long long)multiprocessors / kCluster}));
  CHECK_CUDA(cudaFuncSetAttribute(hopper_forward_kernel<Config, Pattern>,
                                  cudaFuncAttributeMaxDynamicSharedMemorySize, Config::kSharedBytes));
  cudaLaunchAttribute early{};
  early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  early.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = blocks;
  config.blockDim = Config::kWarps * 32 + 128;
  config.dynamicSmemBytes = Config::kSharedBytes;
  config.attrs = &early;
  config.numAttrs = 1;
  CHECK_CUDA(cudaLaunchKernelEx(&config, hopper_forward_kernel<Config, Pattern>, args, maps));
}

/// Sections of the work order: K and V of one fit in 4 MiB, of the last one in 32 MiB.
template <class Config>
void set_sections(ForwardArgs &args) {
  const long long bytes =
      2LL * args.keys * (Config::kHeadDim + Config::kValueDim) * args.kv_heads / args.heads;
  args.section_heads = int(std::max(1LL, (4LL << 20) / std::max(1LL, bytes)));
  args.last_section_heads = int(std::max(1LL, (32LL << 20) / std::max(1LL, bytes)));
}

/// Plans (when the pattern needs it; args.plan is then set, and args.unit_order when units are to be sorted)
/// and launches.
template <class Config, class Pattern>
void launch(ForwardArgs args, long long max_blocks = 1LL << 30, unsigned *work_counter = nullptr) {
  const unsigned blocks = unsigned(std::min(units<Config>(args), max_blocks));
  if (args.section_heads == 0) set_sections<Config>(args);
  if constexpr (Pattern::kPlanned) {
    plan_kernel<Config, Pattern><<<blocks, kPlanThreads>>>(args);
    if (args.unit_order) order_kernel<Config, Pattern><<<blocks, kOrderThreads>>>(args);
  }
  if constexpr (kIsHopper<Config>) {
    launch_hopper<Config, Pattern>(args, max_blocks, work_counter);
  } else {
    CHECK_CUDA(cudaFuncSetAttribute(forward_kernel<Config, Pattern>,
                                    cudaFuncAttributeMaxDynamicSharedMemorySize, Config::kSharedBytes));
    forward_kernel<Config, Pattern><<<blocks, Config::kWarps * 32, Config::kSharedBytes>>>(args);
  }
  CHECK_CUDA(cudaGetLastError());
}

} // namespace gpu
