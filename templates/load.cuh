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

  /// This thread's first row and its place in the row.
  struct Place {
    unsigned row, lane;
  };
  static MASKLOOM_DEVICE Place place(unsigned thread) { return {thread / kLanes, thread % kLanes}; }
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
MASKLOOM_DEVICE void load_tile(unsigned thread, unsigned shared, const half_bits *matrix,
                               long long token_stride, unsigned row, int rows) {
  using Shape = TileShape<kRows, kDim, kThreads>;
  const auto place = Shape::place(thread);
  const half_bits *first_source = matrix + (row + place.row) * token_stride + place.lane * 8;
  const unsigned first_target = shared + place.row * Shape::kRowBytes + place.lane * 16;
#pragma unroll(kAlignBytes == 16 ? Shape::kSteps : 1)
  for (int step = 0; step < Shape::kSteps; ++step) {
    const int tile_row = int(place.row) + step * Shape::kRowsPerStep;
    if (!Shape::kEven && tile_row >= kRows) continue;
    const bool exists = int(row) + tile_row < rows;
    const half_bits *source = first_source + step * (Shape::kRowsPerStep * token_stride);
    const unsigned target = first_target + step * (Shape::kRowsPerStep * Shape::kRowBytes);
#pragma unroll
    for (int chunk = 0; chunk < Shape::kChunks; chunk += Shape::kLanes) {
      const int column = int(place.lane) + chunk;
      if (Shape::kChunks % Shape::kLanes != 0 && column >= Shape::kChunks) continue;
      const bool data = exists && (Shape::kDataChunks == Shape::kChunks || column < Shape::kDataChunks);
      if constexpr (kAlignBytes == 16)
        copy_async(target + chunk * 16, source + chunk * 8, data ? 16 : 0);
      else
        store_shared(target + chunk * 16, data ? load_elements(source + chunk * 8) : Chunk{});
    }
  }
}

/// The way back: rows [row, row + kRows) from shared memory; only those below `rows` are written.
template <int kRows, int kDim, int kThreads, int kAlignBytes>
MASKLOOM_DEVICE void store_tile(unsigned thread, unsigned shared, half_bits *matrix, long long token_stride,
                                unsigned row, int rows) {
  using Shape = TileShape<kRows, kDim, kThreads>;
  const auto place = Shape::place(thread);
  half_bits *first_target = matrix + (row + place.row) * token_stride + place.lane * 8;
  const unsigned first_source = shared + place.row * Shape::kRowBytes + place.lane * 16;
#pragma unroll(kAlignBytes == 16 ? Shape::kSteps : 1)
  for (int step = 0; step < Shape::kSteps; ++step) {
    const int tile_row = int(place.row) + step * Shape::kRowsPerStep;
    if ((Shape::kEven || tile_row < kRows) && int(row) + tile_row < rows) {
#pragma unroll
      for (int chunk = 0; chunk < Shape::kDataChunks; chunk += Shape::kLanes) {
        half_bits *target = first_target + step * (Shape::kRowsPerStep * token_stride);
        const unsigned source = first_source + step * (Shape::kRowsPerStep * Shape::kRowBytes);
        if (Shape::kDataChunks % Shape::kLanes != 0 && int(place.lane) + chunk >= Shape::kDataChunks)
          continue;
        const Chunk data = load_shared_chunk(source + chunk * 16);
        if constexpr (kAlignBytes == 16) {
          store_global(target + chunk * 8, data);
        } else {
#pragma unroll
          for (int i = 0; i < 8; ++i) target[chunk * 8 + i] = half_bits(data.words[i / 2] >> (i % 2 * 16));
        }
      }
    }
  }
}

} // namespace maskloom::kernel
