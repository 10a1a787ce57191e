/// @file
/// The C++ API: compile a pattern once, run it on any tensors.
///
///     Attention attn = compile(s2, {.heads = 16, .kv_heads = 16, .head_dim = 128, .dtype = DType::bf16});
///     attn.forward(Q, K, V, O, {.lse = L, .scale = 0.088f, .params = {{"local", 8}}, .stream = stream});
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

/// Where attention is computed.
enum class Device : uint8_t {
  Auto, ///< the current GPU when kernels can be compiled for it, else the CPU
  Gpu,  ///< the GPU of the current CUDA context, sm_80 or later; an Error(Machine) where there is none
  Cpu   ///< all cores; host memory
};

/// The kernel template. Tensors that TMA cannot address take the portable kernel in any case.
enum class KernelChoice : uint8_t {
  Auto,     ///< the Hopper kernel on sm_90a when it is the default there, else the portable one
  Portable, ///< mma.sync, sm_80 and later
  Hopper    ///< wgmma and TMA, sm_90a
};

/// What a kernel is compiled for. Sequence lengths are not among it.
struct CompileOptions {
  int64_t heads = 1;                             ///< query heads
  int64_t kv_heads = 0;                          ///< divides heads; 0: as many as heads
  int64_t head_dim = 128;                        ///< of Q and K, a multiple of 8 from 8 to 256
  int64_t value_dim = 0;                         ///< of V and O, likewise; 0: head_dim
  DType dtype = DType::bf16;                     ///< what is computed in; f32 on the CPU only
  Device device = Device::Auto;                  ///< where it is computed
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
  void *data = nullptr;             ///< of the first element
  std::array<int64_t, 4> shape{};   ///< batch, heads, tokens, dim
  std::array<int64_t, 4> strides{}; ///< in elements
  DType dtype = DType::bf16;        ///< must be the one that was compiled for
  /// Row-major without gaps.
  static Tensor contiguous(void *data, std::array<int64_t, 4> shape, DType dtype);
};

/// An auxiliary tensor, i32 or f32 as declared. Strides in elements; empty: row-major.
struct AuxTensor {
  const void *data = nullptr;        ///< on the device of the other tensors
  std::vector<int64_t> extents;      ///< one an axis, at least what the call reaches
  std::vector<int64_t> strides = {}; ///< one an axis, or empty
};

/// The arguments of a call beside its tensors.
struct ForwardOptions {
  float *lse = nullptr;            ///< natural-log LSE, [batch, heads, queries] row-major; null: not wanted
  std::optional<float> scale = {}; ///< default 1 / sqrt(head_dim)
  std::map<std::string, int64_t> params = {}; ///< by name; others have their defaults
  std::map<std::string, AuxTensor> aux = {};  ///< by name; all that the pattern declares
  const int32_t *query_lengths = nullptr;     ///< per batch entry, in the memory of the tensors; null: all
  const int32_t *key_lengths = nullptr;       ///< likewise
  std::optional<int64_t> query_offset = {};   ///< position of row 0; default: key length - query length
  int64_t key_offset = 0;                     ///< position of column 0
  void *stream = nullptr;                     ///< CUstream; ignored on the CPU
  bool aux_changed = false; ///< the contents behind the same aux pointers changed (also when a
                            ///< new tensor took an old one's address): plan again
  int64_t max_blocks = 0;   ///< cap on the grid, 0: none (for tests)
};

/// How long each part of `compile` took, and where the kernel came from.
struct CompileReport {
  double codegen_ms = 0;   ///< from the pattern to CUDA C++ or an object file, milliseconds
  double nvrtc_ms = 0;     ///< from CUDA C++ to a cubin, milliseconds
  double cache_ms = 0;     ///< looking up and storing, milliseconds
  std::string source;      ///< "memory", "disk" or "compiled"
  std::string cache_entry; ///< its folder, when cached
};

/// A pattern compiled for a device: attention over tensors of any length, batch size and strides. Made by
/// compile(). Calls from several threads are safe; on a GPU the calling thread's current CUDA context decides
/// where they run.
class Attention {
public:
  Attention(Attention &&) noexcept;            ///< the other may then only be destroyed or assigned to
  Attention &operator=(Attention &&) noexcept; ///< likewise
  ~Attention();                                ///< waits for what was launched

  /// Launches on `stream` without synchronising; nothing is allocated after the first call for a shape. On
  /// the CPU it returns when done. Throws Error(User) for shapes, strides, parameters or aux tensors that do
  /// not fit.
  ///
  /// May be captured into a CUDA graph. Captured graphs may be replayed on several streams at
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

  const Program &program() const;      ///< what was generated; program().kernel.source is the CUDA C++
  const CompileReport &report() const; ///< how long it took
  Device device() const;               ///< Gpu or Cpu
  const std::string &arch() const;     ///< "sm_90a"; "cpu"
  const std::string &image() const;    ///< the cubin; empty on the CPU

private:
  struct State;
  explicit Attention(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
  friend Attention compile(const Pattern &, const CompileOptions &);
};

/// Compiles a pattern, or finds it in the cache. Safe from several threads. Throws Error(User) for a pattern
/// that is wrong, heads that its groups do not partition, dims and constants that do not fit; Error(Machine)
/// where there is no GPU, no driver or no NVRTC for what is asked.
Attention compile(const Pattern &pattern, const CompileOptions &options = {});

/// The default configuration for a pattern and head dims on an architecture: a pure function; KV width
/// follows the pattern's blocks. Throws Error(User) when options.kernel does not run on options.arch.
KernelConfig default_config(const Pattern &pattern, const CompileOptions &options);

} // namespace maskloom
