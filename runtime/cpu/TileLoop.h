// Attention of one Q tile: walks the tile's schedule and folds the visited KV tiles into an online softmax.
#pragma once

#include "maskloom/cpu/BlockKernels.h"
#include "maskloom/cpu/Executor.h"
#include "maskloom/cpu/ObjectLinker.h"
#include "maskloom/program/ScheduleWalker.h"

#include <cstdlib>
#include <memory>
#include <vector>

namespace maskloom::cpu {

struct FreeMemory {
  void operator()(void *memory) const { std::free(memory); }
};
using FloatTile = std::unique_ptr<float[], FreeMemory>;

/// The packed tiles of one thread, for the largest tile shape of the program (M queries, N keys).
struct Scratch {
  FloatTile queries;                 ///< [headDim][M], scaled
  FloatTile keys;                    ///< [N][headDim]
  FloatTile values;                  ///< [N][valueDim]
  FloatTile scores;                  ///< [N][M]
  FloatTile rows;                    ///< [M][N]: score rows on their way through the score function
  FloatTile output;                  ///< [M][valueDim], not yet divided by the row sums
  FloatTile rowMax, rowSum, rescale; ///< [M]
  FloatTile row;                     ///< [headDim]: a query row before it is transposed
  std::vector<uint8_t> visible;      ///< [M][N]
};

class TileLoop {
public:
  /// All must outlive the loop.
  TileLoop(const Program &program, const LinkedObject &object, const CpuForwardArgs &args);

  Scratch makeScratch() const;
  /// Number of KV tiles that the Q tile visits.
  int64_t tiles(int64_t batch, int64_t head, int64_t tile) const;
  /// Computes the rows of a Q tile and writes O and LSE. Rows beyond the batch entry's length get 0 and -inf.
  void run(int64_t batch, int64_t head, int64_t tile, Scratch &scratch) const;

private:
  struct Place; ///< (batch entry, head): lengths, offsets, contexts
  struct Rows;  ///< the rows of the Q tile
  Place place(int64_t batch, int64_t head) const;
  void attend(const Place &place, const Rows &rows, int64_t keyTile, bool partial, Scratch &scratch) const;
  void scoreRows(const Place &place, const Rows &rows, int64_t firstKey, int64_t keys,
                 Scratch &scratch) const;
  void accumulateVisible(const Rows &rows, int64_t keys, Scratch &scratch) const;
  void finish(const Place &place, const Rows &rows, Scratch &scratch) const;
  const void *element(const HostTensor &tensor, int64_t batch, int64_t head, int64_t token) const;

  const Program &program_;
  const LinkedObject &object_;
  const CpuForwardArgs &args_;
  const BlockKernels &kernels_ = blockKernels();
  Element element_;
  int64_t elementBytes_;
  int64_t maxQueries_ = 0, maxKeys_ = 0;  ///< M and N
  int64_t ldQueries_, ldKeys_, ldValues_; ///< floats a row of [..][M], [..][N], [..][valueDim]
  std::vector<AuxView> auxViews_;
};

} // namespace maskloom::cpu
