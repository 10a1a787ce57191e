// Shared memory of the Hopper kernel, and what its roles tell each other through it.
//
//     Q stages | K stages | V stages | P, with Config::kSharedP | state
//
// A Q tile is Config::kTileQueries rows of each of Config::kTileHeads heads of one KV head, head after head:
// heads that see the same keys share what is loaded.
//
// O leaves through the Q stage of its unit, when another Q stage holds the next unit's Q meanwhile.
//
// Tiles lie in chunks of 64 columns: chunk c of a tile of R rows at c * R * 128 bytes, a row 128 bytes,
// swizzled by the copy engine.
#pragma once

#include "../ptx/tensor_copy.cuh"
#include "../schedule.cuh"

namespace maskloom::kernel {

/// A work unit.
struct UnitSlot {
  Context context;       ///< of the Q tile's first head; context.args is not used: readers put the kernel's
                         ///< own parameter there
  int query_tile, group; ///< the tile of this block; those of its cluster are neighbours
  bool is_final;         ///< the block's last unit
};
constexpr unsigned kUnitSlots = 4;

/// A KV tile of Config::kGather schedule tiles.
template <int kGather>
struct TileSlot {
  int tiles[kGather]; ///< schedule tiles; beyond the existing ones when too few were left to fill the KV tile
  unsigned flags;     ///< bit i: schedule tile i is partial; and these:
};
constexpr unsigned kFirstTile = 1u << 29, kLastTile = 1u << 30; ///< of its unit
constexpr unsigned kFinalTile = 1u << 31;                       ///< of the block
constexpr unsigned kAbsentTile = 1u << 27;                      ///< only other blocks of the cluster need it
constexpr unsigned kPartialTiles = kAbsentTile - 1;
/// How far the scheduler may run ahead of the loaders, in KV tiles.
constexpr unsigned kTileSlots = 16;

/// Units on their way from the block of a cluster that fetches them to the others. That block runs at most
/// kUnitSlots units and the one it has just fetched ahead of what the others have seen.
constexpr unsigned kUnitMails = 8;
static_assert(kUnitMails >= kUnitSlots + 2);

/// Runs that the scheduler keeps in shared memory; groups with more recompute them.
constexpr int kStoredRuns = 48;

template <class Config>
struct HopperLayout {
  static constexpr int kConsumers = Config::kWarps / 4; ///< warpgroups
  static constexpr int kCluster = Config::kCluster;     ///< blocks that share their K and V
  static constexpr int kThreads = Config::kWarps * 32 + 128;
  static constexpr int kTileRows = Config::kTileHeads * Config::kTileQueries; ///< of a Q tile
  static constexpr int kTileKeys = Config::kTileKeys * Config::kGather;       ///< rows of a KV tile
  static constexpr int kStages = Config::kStages;
  static constexpr int kHeadChunks = (Config::kHeadDim + 63) / 64,
                       kValueChunks = (Config::kValueDim + 63) / 64;
  static constexpr HopperTiles kTiles{Config::kHeadDim, Config::kValueDim, kTileRows,
                                      kTileKeys,        Config::kStages,   Config::kSharedP};
  static constexpr int kQueryStages = kTiles.query_stages();
  static constexpr int kQueryBytes = kTileRows * kHeadChunks * 128;
  static constexpr int kKeyBytes = kTileKeys * kHeadChunks * 128,
                       kValueBytes = kTileKeys * kValueChunks * 128;
  static constexpr int kKeyOffset = kQueryStages * kQueryBytes;
  static constexpr int kValueOffset = kKeyOffset + Config::kStages * kKeyBytes;
  static constexpr int kProbabilityOffset = kValueOffset + Config::kStages * kValueBytes;
  static constexpr int kStateOffset = kProbabilityOffset + kTiles.probability_bytes();
  static constexpr int kValueColumns = (Config::kValueDim + 15) / 16 * 16; ///< of the accumulator
  /// O goes by way of shared memory; otherwise straight from registers: where nothing is free in shared
  /// memory at that time, and where stmatrix, which wants registers side by side, makes ptxas spill (three
  /// consumers; an odd number of 16 columns).
  static constexpr bool kStagedOutput =
      kQueryStages > 1 && kValueChunks <= kHeadChunks &&kConsumers < 3 && kValueColumns % 32 == 0;

  /// Barriers, `full` and `empty` ones side by side, then the slots.
  struct State {
    unsigned long long query[2 * kQueryStages], output[kQueryStages], key[2 * kStages], value[2 * kStages];
    unsigned long long listed[2 * kTileSlots]; ///< tile slots
    unsigned long long unit_empty[kUnitSlots];
    unsigned long long mailed[kUnitMails];       ///< units from the cluster's first block
    unsigned long long landing;                  ///< V tiles that the loader edits before it hands them on
    unsigned zero;                               ///< 0, which the compiler does not know
    unsigned mails[kUnitMails];                  ///< unit n in slot n % kUnitMails
    UnitSlot units[kUnitSlots];                  ///< unit n in slot n % kUnitSlots
    TileSlot<Config::kGather> tiles[kTileSlots]; ///< tile n in slot n % kTileSlots
    Run runs[kStoredRuns];                       ///< the scheduler's
  };

  static_assert(kTileRows == 64 * kConsumers, "a consumer warpgroup owns 64 rows");
  static_assert(Config::kTileHeads == 1 || (Config::kTileQueries % 64 == 0 && kCluster == 1),
                "a warpgroup's rows are of one head");
  static_assert(kTileKeys % 16 == 0 && kTileKeys <= 256,
                "a KV tile is a multiple of the multiplied 16 and at most 256 wide");
  static_assert(Config::kTileKeys % 8 == 0, "the swizzle repeats every 8 rows");
  static_assert(kCluster == 1 || Config::kGather % kCluster == 0 ||
                    (Config::kGather == 1 && Config::kTileKeys % (8 * kCluster) == 0),
                "the blocks of a cluster load equal parts of a KV tile");
  static_assert(Config::kStages + 2 < int(kTileSlots));
  static_assert(sizeof(State) <= kHopperStateBytes);
  static_assert(kStateOffset + kHopperStateBytes == kTiles.shared_bytes());

  unsigned base; ///< address in shared memory

  MASKLOOM_DEVICE State &state() const {
    return *static_cast<State *>(__cvta_shared_to_generic(base + kStateOffset));
  }
  MASKLOOM_DEVICE unsigned query(unsigned stage) const { return base + stage * kQueryBytes; }
  MASKLOOM_DEVICE unsigned key(unsigned stage) const { return base + kKeyOffset + stage * kKeyBytes; }
  MASKLOOM_DEVICE unsigned value(unsigned stage) const { return base + kValueOffset + stage * kValueBytes; }

  MASKLOOM_DEVICE unsigned probabilities() const { return base + kProbabilityOffset; }

  /// Where the Q of a unit lies, and the parity of its `full` barrier.
  static MASKLOOM_DEVICE unsigned query_stage(unsigned unit_slot) { return unit_slot % kQueryStages; }
  static MASKLOOM_DEVICE unsigned query_parity(unsigned unit_slot) { return unit_slot / kQueryStages % 2; }
  static_assert(kUnitSlots % (2 * kQueryStages) == 0);

  MASKLOOM_DEVICE Barrier query_full(unsigned stage) const { return barrier(2 * stage); }
  MASKLOOM_DEVICE Barrier query_empty(unsigned stage) const { return barrier(2 * stage + 1); }
  /// O lies in the place of a Q.
  MASKLOOM_DEVICE Barrier output_full(unsigned stage) const { return barrier(2 * kQueryStages + stage); }
  MASKLOOM_DEVICE Barrier key_full(unsigned stage) const { return barrier(kKeyBarriers + 2 * stage); }
  MASKLOOM_DEVICE Barrier key_empty(unsigned stage) const { return barrier(kKeyBarriers + 2 * stage + 1); }
  MASKLOOM_DEVICE Barrier value_full(unsigned stage) const { return barrier(kValueBarriers + 2 * stage); }
  MASKLOOM_DEVICE Barrier value_empty(unsigned stage) const {
    return barrier(kValueBarriers + 2 * stage + 1);
  }
  MASKLOOM_DEVICE Barrier tile_listed(unsigned slot) const { return barrier(kTileBarriers + 2 * slot); }
  MASKLOOM_DEVICE Barrier tile_free(unsigned slot) const { return barrier(kTileBarriers + 2 * slot + 1); }
  MASKLOOM_DEVICE Barrier unit_empty(unsigned slot) const { return barrier(kUnitBarriers + slot); }
  MASKLOOM_DEVICE Barrier mailed(unsigned slot) const { return barrier(kUnitBarriers + kUnitSlots + slot); }
  MASKLOOM_DEVICE Barrier landing() const { return barrier(kLandingBarrier); }

  MASKLOOM_DEVICE unsigned zero() const { return base + kStateOffset + 8 * (kLandingBarrier + 1); }
  MASKLOOM_DEVICE unsigned mail(unsigned slot) const { return zero() + 4 + 4 * slot; }

  /// By one thread, before all others start.
  MASKLOOM_DEVICE void init_barriers() const {
    constexpr int kWarp = kArrivingLanes, kAllConsumers = Config::kWarps * kWarp;
    for (int stage = 0; stage < kQueryStages; ++stage) {
      query_full(stage).init(1);
      query_empty(stage).init(kStagedOutput ? 1 : kAllConsumers);
      output_full(stage).init(kAllConsumers);
    }
    for (int stage = 0; stage < kStages; ++stage) {
      key_full(stage).init(kWarp);
      key_empty(stage).init(kAllConsumers * kCluster);
      value_full(stage).init(kWarp);
      value_empty(stage).init(kAllConsumers * kCluster);
    }
    for (unsigned slot = 0; slot < kTileSlots; ++slot) {
      tile_listed(slot).init(kWarp);
      tile_free(slot).init(2 * kWarp);
    }
    for (unsigned slot = 0; slot < kUnitSlots; ++slot)
      unit_empty(slot).init(kStagedOutput ? 1 : kAllConsumers);
    for (unsigned slot = 0; slot < kUnitMails; ++slot) mailed(slot).init(1);
    landing().init(kWarp);
    state().zero = 0;
    fence_barrier_init();
  }

private:
  static constexpr unsigned kKeyBarriers = 3 * kQueryStages, kValueBarriers = kKeyBarriers + 2 * kStages,
                            kTileBarriers = kValueBarriers + 2 * kStages,
                            kUnitBarriers = kTileBarriers + 2 * kTileSlots,
                            kLandingBarrier = kUnitBarriers + kUnitSlots + kUnitMails;
  MASKLOOM_DEVICE Barrier barrier(unsigned index) const { return {base + kStateOffset + index * 8}; }
};

/// A place in a ring of kStages: the stage, and the parity of its `full` barrier.
template <int kStages>
struct RingPlace {
  unsigned stage = 0, parity = 0;
  MASKLOOM_DEVICE void advance() {
    if (++stage == unsigned(kStages)) {
      stage = 0;
      parity ^= 1;
    }
  }
};

MASKLOOM_DEVICE Context with_args(const Context &context, const ForwardArgs &args) {
  Context c = context;
  c.args = &args; // known at compile time, so that parameters are read from constant memory
  return c;
}

/// Which of the Q tile's heads one of its rows belongs to, and its place there.
template <class Config>
MASKLOOM_DEVICE int head_in_tile(int row) {
  return Config::kTileHeads == 1 ? 0 : row / Config::kTileQueries;
}
template <class Config>
MASKLOOM_DEVICE int query_in_tile(int row) {
  return Config::kTileHeads == 1 ? row : row % Config::kTileQueries;
}

/// A unit as one row of its Q tile has it.
template <class Config>
MASKLOOM_DEVICE Context context_of_row(const UnitSlot &slot, const ForwardArgs &args, int row) {
  Context c = with_args(slot.context, args);
  c.head += head_in_tile<Config>(row);
  return c;
}

} // namespace maskloom::kernel
