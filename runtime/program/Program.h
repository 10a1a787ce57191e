/// @file
/// Program: the only thing that crosses from codegen to the run time. Plain data, serialisable
/// (ProgramJson.h), so that a hit in the disk cache needs no MLIR.
#pragma once

#include "maskloom/program/Schedule.h"

#include <cstdint>
#include <string>
#include <vector>

namespace maskloom {

/// The elements of Q, K, V and O.
enum class DType : uint8_t {
  f16,  ///< IEEE half precision
  bf16, ///< bfloat16
  f32   ///< IEEE single precision, on the CPU only
};

/// A parameter.
struct ProgramParam {
  std::string name;                                      ///< as declared
  int64_t defaultValue = 0;                              ///< where a launch gives none
  int64_t low = 0;                                       ///< the smallest legal value
  int64_t high = 0;                                      ///< the largest legal value
  bool constant = false;                                 ///< inside a divisor: its value is compiled in
  bool operator==(const ProgramParam &) const = default; ///< member by member
};

/// An auxiliary tensor.
struct ProgramAux {
  /// What an axis follows.
  struct Axis {
    /// Of an axis.
    enum class Kind : uint8_t { Batch, Head, KvHead, Query, Key, Fixed };
    Kind kind = Kind::Fixed;                       ///< what the extent follows
    int64_t block = 1;                             ///< Query and Key: tokens an entry
    int64_t extent = 0;                            ///< Fixed only
    bool operator==(const Axis &) const = default; ///< member by member
  };
  std::string name;                                    ///< as declared
  bool isFloat = false;                                ///< f32, else i32
  std::vector<Axis> axes;                              ///< 1 to 3
  bool operator==(const ProgramAux &) const = default; ///< member by member
};

/// An integer aux load whose indices are free of q and k: a run-time symbol of schedules.
struct AuxScalar {
  int32_t aux = 0;                ///< index into Program::auxes
  std::vector<Predicate> indices; ///< one per axis, over Head, KvHead, Batch and constants
  bool operator==(const AuxScalar &) const = default; ///< member by member
};

/// Heads first..last (query heads, or KV heads when Program::groupsByKvHead), and what they see.
struct HeadGroupProgram {
  int64_t first = 0;        ///< head
  int64_t last = INT64_MAX; ///< head, included; one group without bounds when the pattern has no groups
  Predicate predicate;      ///< the mask of the group, for host-side planning
  Schedule forward;         ///< KV tiles of a Q tile
  Schedule transposed;      ///< Q tiles of a KV tile
};

inline constexpr const char *kPortableKernel = "portable_forward"; ///< mma.sync, sm_80 and later
inline constexpr const char *kHopperKernel = "hopper_forward";     ///< wgmma and TMA, sm_90a

/// How a kernel was specialised. Printable; every field is part of the cache key.
struct KernelConfig {
  std::string kernel = kPortableKernel; ///< the template
  DType dtype = DType::bf16;            ///< of Q, K, V and O
  int32_t headDim = 128;                ///< of Q and K
  int32_t valueDim = 128;               ///< of V and O
  int32_t tileQueries = 128;            ///< rows of a Q tile
  int32_t tileKeys = 64;                ///< width of a schedule tile: the unit of runs and of the plan bitmap
  int32_t warps = 4;                    ///< that compute; the Hopper kernel has 4 more, which load
  int32_t stages = 2;                   ///< K/V stages in shared memory
  int32_t alignBytes = 16;              ///< 16: loads of 16 bytes (or TMA); 2: any stride and base address
  // The Hopper kernel only:
  int32_t gather = 1;    ///< schedule tiles packed into one KV tile of gather * tileKeys rows
  bool pingPong = false; ///< consumer warpgroups take turns at the tensor cores
  int32_t cluster = 1;   ///< blocks a cluster
  bool sharedP = false;  ///< P V takes P from shared memory, not from registers
  int32_t tileHeads = 1; ///< query heads of one KV head, tileQueries rows of each, packed into one Q tile
  bool operator==(const KernelConfig &) const = default; ///< member by member

  /// Is it for the Hopper kernel?
  bool isHopper() const { return kernel == kHopperKernel; }
  /// Rows of K or V in one box of their tensor maps: a schedule tile; or, of a KV tile that is one, the part
  /// that one block of a cluster loads.
  int32_t boxKeys() const { return gather == 1 ? tileKeys / cluster : tileKeys; }
  /// Rows of a Q tile, over all its heads.
  int32_t tileRows() const { return tileQueries * tileHeads; }
  /// Of a block.
  int32_t threads() const { return warps * 32 + (isHopper() ? 128 : 0); }
};
/// In one line, readable.
std::string toString(const KernelConfig &config);

/// One field of the kernel's parameter block, for the manifest.
struct KernelField {
  std::string name;   ///< "q.data", "scale"
  std::string type;   ///< "pointer", "i32", "i64", "f32"
  int32_t offset = 0; ///< in bytes
  int32_t count = 1;  ///< of an array
};

/// What is compiled for a GPU.
struct KernelProgram {
  std::string entry;               ///< extern "C" name
  std::string source;              ///< header-free CUDA C++
  KernelConfig config;             ///< how it was specialised
  int32_t threads = 128;           ///< of a block
  int32_t sharedBytes = 0;         ///< dynamic shared memory
  int32_t parameterBytes = 0;      ///< of the parameter block
  std::vector<KernelField> fields; ///< of the parameter block
  std::string
      planEntry; ///< kernel that classifies tiles into the plan bitmap; empty when every group is closed-form
  std::string orderEntry; ///< kernel that then sorts the work units by length; empty where none does
};

/// All that was generated for a pattern.
struct Program {
  static constexpr int kSchema = 3;     ///< of its JSON
  std::string name;                     ///< the pattern's
  std::string hash;                     ///< of the pattern's canonical form
  std::vector<ProgramParam> params;     ///< in the order of the launch's arguments
  std::vector<ProgramAux> auxes;        ///< in the order of the launch's arguments
  std::vector<AuxScalar> auxScalars;    ///< which schedules name
  int32_t sinkAux = -1;                 ///< index into auxes; -1: no sink
  int32_t blocksAux = -1;               ///< index into auxes; -1: no block table
  bool groupsByKvHead = false;          ///< groups are of KV heads
  std::vector<HeadGroupProgram> groups; ///< at least one
  bool hasScore = false;                ///< scores are modified
  KernelProgram kernel;                 ///< empty source: compiled for the CPU only
  std::string cpuObject; ///< relocatable object with mask and score functions; empty: compiled for a GPU only
  std::vector<std::string> remarks; ///< why something is slower than it could be
};

} // namespace maskloom
