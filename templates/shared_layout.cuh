// Sizes that host and device must agree on: shared memory of the portable kernel, and the plan bitmap.
#pragma once

#include "prelude.cuh"

namespace maskloom::kernel {

/// Elements of one row of a tile in shared memory. The dimension is padded to a multiple of 16 (one mma
/// step), and 8 elements more make the row an odd number of 16-byte chunks: eight consecutive rows then start
/// in eight different bank groups, and ldmatrix has no conflicts without a swizzle.
constexpr MASKLOOM_DEVICE int shared_row_elements(int dim) { return (dim + 15) / 16 * 16 + 8; }

/// Tiles listed ahead of the main loop, and the bytes of the work unit that holds them (tile_list.cuh).
constexpr int kTileListCapacity = 233;
constexpr int kWorkStateBytes = 88 + (kTileListCapacity + 1) * 4;

/// Bytes of the region that holds Q during the main loop and O in the epilogue.
constexpr MASKLOOM_DEVICE int query_output_bytes(int head_dim, int value_dim, int tile_queries) {
  return tile_queries * 2 * shared_row_elements(head_dim > value_dim ? head_dim : value_dim);
}

/// Dynamic shared memory of portable_forward, in bytes.
constexpr MASKLOOM_DEVICE int portable_forward_shared_bytes(int head_dim, int value_dim, int tile_queries,
                                                            int tile_keys, int stages) {
  return query_output_bytes(head_dim, value_dim, tile_queries) +
         stages * tile_keys * 2 * (shared_row_elements(head_dim) + shared_row_elements(value_dim)) +
         kWorkStateBytes;
}

/// Bytes of barriers, slots and runs behind the tiles of the Hopper kernel (hopper/layout.cuh), and what a
/// block of sm_90 may have altogether.
constexpr int kHopperStateBytes = 3072, kHopperSharedBytes = 227 * 1024;

/// Bytes of a tile in shared memory for the copy engine: chunks of 64 columns.
constexpr MASKLOOM_DEVICE int chunked_bytes(int rows, int dim) { return rows * ((dim + 63) / 64) * 128; }

/// Tiles of the Hopper kernel: columns of Q and K, and of V; rows of a Q tile over all its heads, and of a
/// whole KV tile; K and V stages; P in shared memory?
struct HopperTiles {
  int head_dim, value_dim, rows, keys, stages;
  bool shared_p;

  constexpr MASKLOOM_DEVICE int query_bytes() const { return chunked_bytes(rows, head_dim); }
  constexpr MASKLOOM_DEVICE int probability_bytes() const { return shared_p ? chunked_bytes(rows, keys) : 0; }
  /// All but Q.
  constexpr MASKLOOM_DEVICE int other_bytes() const {
    return stages * (chunked_bytes(keys, head_dim) + chunked_bytes(keys, value_dim)) + probability_bytes() +
           kHopperStateBytes;
  }
  /// Two when the Q of the next work unit finds room as well.
  constexpr MASKLOOM_DEVICE int query_stages() const {
    return other_bytes() + 2 * query_bytes() <= kHopperSharedBytes ? 2 : 1;
  }
  /// Dynamic shared memory of hopper_forward.
  constexpr MASKLOOM_DEVICE int shared_bytes() const {
    return query_stages() * query_bytes() + other_bytes();
  }
};

/// Threads of a block of the planner, and of the kernel that sorts units.
constexpr int kPlanThreads = 128, kOrderThreads = 256;

/// 32-bit words of one set (touched or not-full) of one Q tile in the plan bitmap.
constexpr MASKLOOM_DEVICE long long plan_words(long long keys, int tile_keys) {
  return ((keys + tile_keys - 1) / tile_keys + 31) / 32;
}

/// Bytes of the whole plan bitmap: [batch][head][Q tile][2][words].
constexpr MASKLOOM_DEVICE long long plan_bytes(long long batch, long long heads, long long queries,
                                               long long keys, int tile_queries, int tile_keys) {
  return batch * heads * ((queries + tile_queries - 1) / tile_queries) * 2 * plan_words(keys, tile_keys) * 4;
}

} // namespace maskloom::kernel
