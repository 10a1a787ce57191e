// Tiles between device and shared memory. A tile is kRows rows of shared_row_elements(kDim) 16-bit elements;
// the padding up to a multiple of 16 columns is zero, and so are rows that do not exist, whatever memory
// holds there.
#pragma once

#include "mma.cuh"
#include "shared_layout.cuh"

namespace maskloom::kernel {

/// How the threads of a block share a tile: kLanes neighbouring threads take neighbouring 16-byte chunks of a
/// row, so that eight lanes make one 128-byte line.
template <int kRows, int kDim, int kThreads>
struct TileShape {
  static constexpr int kRowElements = shared_row_elements(kDim);
  static constexpr int kRowBytes = 2 * kRowElements;
  static constexpr int kBytes = kRows * kRowBytes;
  static constexpr int kChunks = (kDim + 15) / 16 * 2; ///< of a row, padding included
  static constexpr int kDataChunks = kDim / 8;         ///< of a row, those that hold data
  static constexpr int kLanes = kChunks >= 8 ? 8 : kChunks >= 4 ? 4 : 2;
  static constexpr int kRowsPerStep = kThreads / kLanes;
  static constexpr int kSteps = (kRows + kRowsPerStep - 1) / kRowsPerStep;
  static constexpr bool kEven = kRows % kRowsPerStep == 0;

  static MASKLOOM_DEVICE int first_row() { return int(threadIdx.x) / kLanes; }
  static MASKLOOM_DEVICE int lane() { return int(threadIdx.x) % kLanes; }
};

/// Eight elements of any alignment.
MASKLOOM_DEVICE Chunk load_elements(const half_bits *source) {
  Chunk chunk;
#pragma unroll
  for (int i = 0; i < 4; ++i) chunk.words[i] = unsigned(source[2 * i]) | unsigned(source[2 * i + 1]) << 16;
  return chunk;
}

/// Rows [row, row + kRows) of a [tokens, kDim] matrix into shared memory; rows at or beyond `rows` are zero.
/// kAlignBytes 16: asynchronous, complete after copy_commit and copy_wait. 2: any address and stride,
/// complete on return. Both need a block barrier before other threads read.
template <int kRows, int kDim, int kThreads, int kAlignBytes>
MASKLOOM_DEVICE void load_tile(unsigned shared, const half_bits *matrix, long long token_stride, int row,
                               int rows) {
  using Shape = TileShape<kRows, kDim, kThreads>;
  const half_bits *source = matrix + (long long)(row + Shape::first_row()) * token_stride + Shape::lane() * 8;
  unsigned target = shared + Shape::first_row() * Shape::kRowBytes + Shape::lane() * 16;
#pragma unroll
  for (int step = 0; step < Shape::kSteps; ++step) {
    const int tile_row = Shape::first_row() + step * Shape::kRowsPerStep;
    if (!Shape::kEven && tile_row >= kRows) break;
    const bool exists = row + tile_row < rows;
#pragma unroll
    for (int chunk = 0; chunk < Shape::kChunks; chunk += Shape::kLanes) {
      const int column = Shape::lane() + chunk;
      if (Shape::kChunks % Shape::kLanes != 0 && column >= Shape::kChunks) break;
      const bool data = exists && (Shape::kDataChunks == Shape::kChunks || column < Shape::kDataChunks);
      if constexpr (kAlignBytes == 16)
        copy_async(target + chunk * 16, source + chunk * 8, data ? 16 : 0);
      else
        store_shared(target + chunk * 16, data ? load_elements(source + chunk * 8) : Chunk{});
    }
    source += Shape::kRowsPerStep * token_stride;
    target += Shape::kRowsPerStep * Shape::kRowBytes;
  }
}

/// The way back: rows [row, row + kRows) from shared memory; only those below `rows` are written.
template <int kRows, int kDim, int kThreads, int kAlignBytes>
MASKLOOM_DEVICE void store_tile(unsigned shared, half_bits *matrix, long long token_stride, int row,
                                int rows) {
  using Shape = TileShape<kRows, kDim, kThreads>;
  half_bits *target = matrix + (long long)(row + Shape::first_row()) * token_stride + Shape::lane() * 8;
  unsigned source = shared + Shape::first_row() * Shape::kRowBytes + Shape::lane() * 16;
#pragma unroll
  for (int step = 0; step < Shape::kSteps; ++step) {
    const int tile_row = Shape::first_row() + step * Shape::kRowsPerStep;
    if (tile_row < kRows && row + tile_row < rows) {
#pragma unroll
      for (int chunk = 0; chunk < Shape::kDataChunks; chunk += Shape::kLanes) {
        if (Shape::lane() + chunk >= Shape::kDataChunks) break;
        const Chunk data = load_shared_chunk(source + chunk * 16);
        if constexpr (kAlignBytes == 16) {
          *reinterpret_cast<Chunk *>(target + chunk * 8) = data;
        } else {
#pragma unroll
          for (int i = 0; i < 8; ++i) target[chunk * 8 + i] = half_bits(data.words[i / 2] >> (i % 2 * 16));
        }
      }
    }
    target += Shape::kRowsPerStep * token_stride;
    source += Shape::kRowsPerStep * Shape::kRowBytes;
  }
}

} // namespace maskloom::kernel
