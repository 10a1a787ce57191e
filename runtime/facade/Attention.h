// The C++ API: compile a pattern once, run it on any tensors.
//
//   Attention attn = compile(s2, {.heads = 16, .kv_heads = 16, .head_dim = 128, .dtype = DType::bf16});
//   attn.forward(Q, K, V, O, {.lse = L, .scale = 0.088f, .params = {{"local", 8}}, .stream = stream});
#pragma once

#include "maskloom/dsl/Pattern.h"
#include "maskloom/facade/Error.h"
#include "maskloom/program/Program.h"

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace maskloom {

enum class Device : uint8_t {
  Auto,
  Gpu,
  Cpu
}; ///< Auto: the current GPU when kernels can be compiled for it, else the CPU

/// The kernel template. Auto: the Hopper kernel (wgmma and TMA) on sm_90a when it is the default there, else
/// the portable one. Tensors that TMA cannot address take the portable kernel in any case.
enum class KernelChoice : uint8_t { Auto, Portable, Hopper };

struct CompileOptions {
  int64_t heads = 1, kv_heads = 0;       ///< kv_heads 0: as many as heads
  int64_t head_dim = 128, value_dim = 0; ///< multiples of 8 from 8 to 256; value_dim 0: head_dim
  DType dtype = DType::bf16;             ///< what is computed in; f32 on the CPU only
  Device device = Device::Auto;
  std::string arch = {};                         ///< "sm_90a"; empty: the current GPU's
  std::map<std::string, int64_t> constants = {}; ///< parameters inside divisors
  KernelChoice kernel = KernelChoice::Auto;      ///< whose default configuration; of GPUs
  std::optional<KernelConfig> config = {};       ///< instead of the default configuration
  std::string dump_ir = {};                      ///< folder for numbered IR files
  bool use_cache = true;                         ///< the disk cache
};

/// A [batch, heads, tokens, dim] tensor: pointer, shape and strides in elements; the inner stride is 1.
/// Device memory for GPU launches, host memory for the CPU.
struct Tensor {
  void *data = nullptr;
  std::array<int64_t, 4> shape{};
  std::array<int64_t, 4> strides{};
  DType dtype = DType::bf16;
  static Tensor contiguous(void *data, std::array<int64_t, 4> shape, DType dtype);
};

/// An auxiliary tensor, i32 or f32 as declared. Strides in elements; empty: row-major.
struct AuxTensor {
  const void *data = nullptr;
  std::vector<int64_t> extents;
  std::vector<int64_t> strides = {};
};

struct ForwardOptions {
  float *lse = nullptr;            ///< natural-log LSE, [batch, heads, queries] row-major; null: not wanted
  std::optional<float> scale = {}; ///< default 1 / sqrt(head_dim)
  std::map<std::string, int64_t> params = {};
  std::map<std::string, AuxTensor> aux = {};
  const int32_t *query_lengths = nullptr; ///< per batch entry, in the memory of the tensors; null: all
  const int32_t *key_lengths = nullptr;
  std::optional<int64_t> query_offset = {}; ///< default: key length - query length
  int64_t key_offset = 0;
  void *stream = nullptr;   ///< CUstream; ignored on the CPU
  bool aux_changed = false; ///< the contents behind the same aux pointers changed (also when a
                            ///< new tensor took an old one's address): plan again
  int64_t max_blocks = 0;   ///< cap on the grid, 0: none (for tests)
};

/// How long each part of `compile` took, and where the kernel came from.
struct CompileReport {
  double codegen_ms = 0, nvrtc_ms = 0, cache_ms = 0;
  std::string source;      ///< "memory", "disk" or "compiled"
  std::string cache_entry; ///< its folder, when cached
};

class Attention {
public:
  Attention(Attention &&) noexcept;
  Attention &operator=(Attention &&) noexcept;
  ~Attention();

  /// Launches on `stream` without synchronising; nothing is allocated after the first call for a shape. On
  /// the CPU it returns when done. Throws Error(User) for shapes, strides, parameters or aux tensors that do
  /// not fit.
  ///
  /// May be captured into a CUDA graph after prepare(). Captured graphs may be replayed on several streams at
  /// once, and beside eager calls, except that two executable graphs instantiated from one captured graph
  /// must not run at the same time. A stream must be idle when it is destroyed.
  void forward(const Tensor &q, const Tensor &k, const Tensor &v, const Tensor &o,
               const ForwardOptions &options = {});
  /// Plans and allocates what forward() will need for these shapes, and waits for the plan. Optional.
  void prepare(const Tensor &q, const Tensor &k, const Tensor &v, const Tensor &o,
               const ForwardOptions &options = {});
  /// Bytes of device memory that forward() holds for this shape (0 for closed-form patterns), when the
  /// tensors are aligned to 16 bytes; besides, the Hopper kernel has 64 KiB of work counters or more.
  size_t workspace_bytes(const Tensor &q, const Tensor &k) const;

  const Program &program() const;
  const CompileReport &report() const;
  Device device() const;
  const std::string &arch() const;
  const std::string &image() const; ///< the cubin; empty on the CPU

private:
  struct State;
  explicit Attention(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
  friend Attention compile(const Pattern &, const CompileOptions &);
};

/// Compiles a pattern, or finds it in the cache. Safe from several threads. Throws Error.
Attention compile(const Pattern &pattern, const CompileOptions &options = {});

/// The default configuration for a pattern and head dims on an architecture: a pure function; KV width
/// follows the pattern's blocks. Throws Error(User) when options.kernel does not run on options.arch.
KernelConfig default_config(const Pattern &pattern, const CompileOptions &options);

} // namespace maskloom
