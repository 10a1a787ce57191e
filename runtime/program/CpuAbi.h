// The ABI of the functions in Program::cpuObject. Position arguments have the offsets already added.
#pragma once

#include <cstdint>

namespace maskloom {

struct CpuAux {
  const void *data;
  int64_t strides[3]; ///< elements
  int64_t extents[3];
};

/// What a mask or score function may read: one (batch entry, head).
struct CpuContext {
  int64_t batch, head, kvHead, queryLength, keyLength, heads, kvHeads;
  const int64_t *params; ///< symbolic and constant parameters, by Program::params index
  const CpuAux *aux;     ///< by Program::auxes index
};

/// `maskloom_mask_<group>`: out[i] = is key position firstKey + i visible to query position `query`, i <
/// count.
using CpuMaskFn = void (*)(const CpuContext *context, int64_t query, int64_t firstKey, int64_t count,
                           uint8_t *out);
/// `maskloom_score`: scores[i] = modified score of (query, firstKey + i), in place; scores come in scaled.
using CpuScoreFn = void (*)(const CpuContext *context, int64_t query, int64_t firstKey, int64_t count,
                            float *scores);

} // namespace maskloom
