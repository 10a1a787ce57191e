// Program: the only thing that crosses from codegen to the run time. Plain data, serialisable
// (ProgramJson.h), so that a hit in the disk cache needs no MLIR.
#pragma once

#include "maskloom/program/Schedule.h"

#include <cstdint>
#include <string>
#include <vector>

namespace maskloom {

enum class DType : uint8_t { f16, bf16, f32 };

struct ProgramParam {
  std::string name;
  int64_t defaultValue = 0, low = 0, high = 0;
  bool constant = false; ///< inside a divisor: its value is compiled in
  bool operator==(const ProgramParam &) const = default;
};

struct ProgramAux {
  struct Axis {
    enum class Kind : uint8_t { Batch, Head, KvHead, Query, Key, Fixed } kind = Kind::Fixed;
    int64_t block = 1;
    int64_t extent = 0;
    bool operator==(const Axis &) const = default;
  };
  std::string name;
  bool isFloat = false;
  std::vector<Axis> axes;
  bool operator==(const ProgramAux &) const = default;
};

/// An integer aux load whose indices are free of q and k: a run-time symbol of schedules.
struct AuxScalar {
  int32_t aux = 0;
  std::vector<Predicate> indices; ///< one per axis, over Head, KvHead, Batch and constants
  bool operator==(const AuxScalar &) const = default;
};

/// Heads first..last (query heads, or KV heads when Program::groupsByKvHead), and what they see.
struct HeadGroupProgram {
  int64_t first = 0, last = INT64_MAX; ///< one group without bounds when the pattern has no groups
  Predicate predicate;                 ///< the mask of the group, for host-side planning
  Schedule forward;
  Schedule transposed;
};

/// The kernel templates: mma.sync on sm_80 and later; wgmma and TMA on sm_90a.
inline constexpr const char *kPortableKernel = "portable_forward", *kHopperKernel = "hopper_forward";

/// How a kernel was specialised. Printable; every field is part of the cache key.
struct KernelConfig {
  std::string kernel = kPortableKernel; ///< the template
  DType dtype = DType::bf16;
  int32_t headDim = 128, valueDim = 128;
  int32_t tileQueries = 128;
  int32_t tileKeys = 64;   ///< width of a schedule tile: the unit of runs and of the plan bitmap
  int32_t warps = 4;       ///< that compute; the Hopper kernel has 4 more, which load
  int32_t stages = 2;      ///< K/V stages in shared memory
  int32_t alignBytes = 16; ///< 16: loads of 16 bytes (or TMA); 2: any stride and base address
  // The Hopper kernel only:
  int32_t gather = 1;    ///< schedule tiles packed into one KV tile of gather * tileKeys rows
  bool pingPong = false; ///< consumer warpgroups take turns at the tensor cores
  int32_t cluster = 1;   ///< blocks a cluster
  bool operator==(const KernelConfig &) const = default;

  bool isHopper() const { return kernel == kHopperKernel; }
  /// Rows of K or V in one box of their tensor maps: a schedule tile; or, of a KV tile that is one, the part
  /// that one block of a cluster loads.
  int32_t boxKeys() const { return gather == 1 ? tileKeys / cluster : tileKeys; }
  int32_t threads() const { return warps * 32 + (isHopper() ? 128 : 0); }
};
std::string toString(const KernelConfig &config);

/// One field of the kernel's parameter block, for the manifest.
struct KernelField {
  std::string name;
  std::string type; ///< "pointer", "i32", "i64", "f32"
  int32_t offset = 0;
  int32_t count = 1;
};

struct KernelProgram {
  std::string entry;  ///< extern "C" name
  std::string source; ///< header-free CUDA C++
  KernelConfig config;
  int32_t threads = 128;
  int32_t sharedBytes = 0; ///< dynamic shared memory
  int32_t parameterBytes = 0;
  std::vector<KernelField> fields;
  std::string
      planEntry; ///< kernel that classifies tiles into the plan bitmap; empty when every group is closed-form
};

struct Program {
  static constexpr int kSchema = 2;
  std::string name;
  std::string hash; ///< pattern hash
  std::vector<ProgramParam> params;
  std::vector<ProgramAux> auxes;
  std::vector<AuxScalar> auxScalars;
  int32_t sinkAux = -1; ///< index into auxes
  int32_t blocksAux = -1;
  bool groupsByKvHead = false;
  std::vector<HeadGroupProgram> groups;
  bool hasScore = false;
  KernelProgram kernel;  ///< empty source: compiled for the CPU only
  std::string cpuObject; ///< relocatable object with mask and score functions; empty: compiled for a GPU only
  std::vector<std::string> remarks;
};

} // namespace maskloom
