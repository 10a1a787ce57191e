// Shared memory of the Hopper kernel, and what its roles tell each other through it.
//
//     Q | K stages | V stages | state
//
// Tiles lie in chunks of 64 columns: chunk c of a tile of R rows at c * R * 128 bytes, a row 128 bytes,
// swizzled by the copy engine.
#pragma once

#include "../ptx/tensor_copy.cuh"
#include "../schedule.cuh"

namespace maskloom::kernel {

/// A work unit, from the producer to the consumers.
struct UnitSlot {
  Context context; ///< context.args is not used: readers put the kernel's own parameter there
  int query_tile, group;
  int has_tiles; ///< 0: no KV tile is visible, and Q is not loaded
  int done;      ///< 1: there is no further unit; nothing else is set
};

/// A KV tile of Config::kGather schedule tiles.
template <int kGather>
struct StageSlot {
  int tiles[kGather]; ///< schedule tiles; beyond the existing ones when too few were left to fill the KV tile
  unsigned flags;     ///< bit i: schedule tile i is partial; kLastTile: no further tile in this unit
};
constexpr unsigned kLastTile = 1u << 31;

/// Runs that the producer keeps in shared memory; groups with more recompute them.
constexpr int kStoredRuns = 48;

template <class Config>
struct HopperState {
  static constexpr int kStageSlots =
      Config::kStages + 1; // a slot outlives its K stage until the mask is evaluated

  unsigned long long query_full, query_empty;
  unsigned long long key_full[Config::kStages], key_empty[Config::kStages];
  unsigned long long value_full[Config::kStages], value_empty[Config::kStages];
  unsigned long long landing;                     ///< V tiles that the producer edits before it hands them on
  unsigned zero;                                  ///< 0, which the compiler does not know
  UnitSlot units[2];                              ///< unit n in slot n % 2
  StageSlot<Config::kGather> stages[kStageSlots]; ///< tile n in slot n % kStageSlots
  Context walk; ///< the producer's unit, which may be the one after the consumers'
  Run runs[kStoredRuns];
};

template <class Config>
struct HopperLayout {
  static constexpr int kConsumers = Config::kWarps / 4; ///< warpgroups
  static constexpr int kThreads = Config::kWarps * 32 + 128;
  static constexpr int kTileQueries = Config::kTileQueries;
  static constexpr int kTileKeys = Config::kTileKeys * Config::kGather; ///< rows of a KV tile
  static constexpr int kHeadChunks = (Config::kHeadDim + 63) / 64,
                       kValueChunks = (Config::kValueDim + 63) / 64;
  static constexpr int kQueryBytes = kTileQueries * kHeadChunks * 128;
  static constexpr int kKeyBytes = kTileKeys * kHeadChunks * 128,
                       kValueBytes = kTileKeys * kValueChunks * 128;
  static constexpr int kKeyOffset = kQueryBytes;
  static constexpr int kValueOffset = kKeyOffset + Config::kStages * kKeyBytes;
  static constexpr int kStateOffset = kValueOffset + Config::kStages * kValueBytes;
  static constexpr int kValueColumns = (Config::kValueDim + 15) / 16 * 16; ///< of the accumulator
  using State = HopperState<Config>;

  static_assert(Config::kTileQueries == 64 * kConsumers, "a consumer warpgroup owns 64 rows");
  static_assert(kTileKeys % 16 == 0 && kTileKeys <= 256,
                "a KV tile is a multiple of the multiplied 16 and at most 256 wide");
  static_assert(Config::kTileKeys % 8 == 0 && Config::kTileKeys <= 256, "the swizzle repeats every 8 rows");
  static_assert(sizeof(State) <= kHopperStateBytes);
  static_assert(kStateOffset + kHopperStateBytes ==
                hopper_forward_shared_bytes(Config::kHeadDim, Config::kValueDim, kTileQueries, kTileKeys,
                                            Config::kStages));

  unsigned char *memory;
  unsigned base; ///< address of `memory`

  MASKLOOM_DEVICE State &state() const { return *reinterpret_cast<State *>(memory + kStateOffset); }
  MASKLOOM_DEVICE unsigned query() const { return base; }
  MASKLOOM_DEVICE unsigned key(unsigned stage) const { return base + kKeyOffset + stage * kKeyBytes; }
  MASKLOOM_DEVICE unsigned value(unsigned stage) const { return base + kValueOffset + stage * kValueBytes; }

private:
  static constexpr unsigned kWord = 8;
  MASKLOOM_DEVICE unsigned barrier(unsigned index) const { return base + kStateOffset + index * kWord; }

public:
  MASKLOOM_DEVICE Barrier query_full() const { return {barrier(0)}; }
  MASKLOOM_DEVICE Barrier query_empty() const { return {barrier(1)}; }
  MASKLOOM_DEVICE Barrier key_full(unsigned stage) const { return {barrier(2 + stage)}; }
  MASKLOOM_DEVICE Barrier key_empty(unsigned stage) const { return {barrier(2 + Config::kStages + stage)}; }
  MASKLOOM_DEVICE Barrier value_full(unsigned stage) const {
    return {barrier(2 + 2 * Config::kStages + stage)};
  }
  MASKLOOM_DEVICE Barrier value_empty(unsigned stage) const {
    return {barrier(2 + 3 * Config::kStages + stage)};
  }
  MASKLOOM_DEVICE Barrier landing() const { return {barrier(2 + 4 * Config::kStages)}; }
  MASKLOOM_DEVICE unsigned zero() const { return barrier(3 + 4 * Config::kStages); }
};

/// Counts the tiles of a role's life; stage and parity of the ring of kStages follow from the count.
template <int kStages>
struct RingCount {
  unsigned count = 0;
  MASKLOOM_DEVICE unsigned stage() const { return count % kStages; }
  MASKLOOM_DEVICE unsigned parity() const { return count / kStages % 2; }
  MASKLOOM_DEVICE unsigned slot() const { return count % (kStages + 1); }
};

MASKLOOM_DEVICE Context with_args(const Context &context, const ForwardArgs &args) {
  Context c = context;
  c.args = &args; // known at compile time, so that parameters are read from constant memory
  return c;
}

} // namespace maskloom::kernel
