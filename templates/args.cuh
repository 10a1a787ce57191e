// The launch ABI of the forward kernels: structs by value. The host includes this file too, so that both
// sides agree by construction; plain C++, no header needed.
#pragma once

namespace maskloom {

constexpr int kMaxParams = 16;
constexpr int kMaxAux = 8;

/// A [batch, heads, tokens, dim] tensor with unit stride along dim; strides in elements.
struct TensorArg {
  void *data;
  long long batch_stride, head_stride, token_stride;
};

/// An auxiliary tensor, rank 1 to 3; strides in elements, extents for bounds checks in debug builds.
struct AuxArg {
  const void *data;
  long long strides[3];
  long long extents[3];
};

struct ForwardArgs {
  TensorArg q, k, v, o;
  float *lse; ///< natural-log LSE, null when not wanted; element [b, h, row] at b * lse_batch_stride + h *
              ///< lse_head_stride + row
  long long lse_batch_stride, lse_head_stride;
  long long
      query_offset; ///< used when has_query_offset; otherwise key length - query length of the batch entry
  long long key_offset;
  const int *query_lengths; ///< per batch entry, or null: queries
  const int *key_lengths;   ///< per batch entry, or null: keys
  unsigned *plan;           ///< plan bitmap, null when every group is closed-form (layout in schedule.cuh)
  unsigned *unit_order;     ///< with a plan: the units by length (unit_order.cuh), or null
  unsigned *work_counter;   ///< the Hopper kernel only: two words of device memory, both 0 between launches.
                            ///< It hands units out with them and resets them; null: a static order
  float scale;
  int batch, heads, kv_heads, queries, keys;
  int has_query_offset;
  int section_heads;            ///< (batch entry, head) pairs in one section of the work order, at least 1
  int last_section_heads;       ///< pairs in the last section, at least 1
  int first_tiles_first;        ///< inside a section Q tiles are taken from the first to the last, or back
  long long params[kMaxParams]; ///< symbolic parameters by index
  AuxArg aux[kMaxAux];
};

/// What TMA needs of a tensor: an opaque CUtensorMap, which the driver encodes.
struct alignas(64) TensorMap {
  unsigned long long words[16];
};

/// The second parameter of the Hopper kernel. Rank 4, innermost first: dim, token, head, batch entry. Boxes
/// of 64 elements x (Q and O: kTileQueries, K and V: kTileKeys) rows x (Q and O: kTileHeads) heads; 128-byte
/// swizzle; reads out of bounds give zeros, writes there are dropped.
struct TensorMaps {
  TensorMap q, k, v, o;
};

} // namespace maskloom
