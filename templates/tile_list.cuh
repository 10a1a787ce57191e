// The tiles of one work unit, listed in shared memory ahead of the main loop: one warp tests 32 KV tiles at a
// time against the runs (or reads 32 bits of the plan), so that the loop over tiles pays one shared load a
// tile.
#pragma once

#include "schedule.cuh"

namespace maskloom::kernel {

/// Entries: 2 * tile + partial. After the last one stands kEndOfTiles, or -2 - x when tiles from x on are not
/// listed yet.
struct TileList {
  static constexpr int kEndOfTiles = -1;
  int entries[kTileListCapacity + 1];

  static MASKLOOM_DEVICE int tile(int entry) { return entry >> 1; }
  static MASKLOOM_DEVICE bool partial(int entry) { return entry & 1; }
  static MASKLOOM_DEVICE bool unlisted(int entry) { return entry < kEndOfTiles; }
  static MASKLOOM_DEVICE int resume(int entry) { return -2 - entry; }

  /// Lists tiles from `first` on; called by one whole warp. Planned groups: first is a multiple of 32.
  template <class Config, class Group>
  MASKLOOM_DEVICE void fill(const Context &c, int query_tile, int first) {
    const int lane = int(threadIdx.x) % 32;
    const bool exists = query_tile * Config::kTileQueries < c.query_length; // else the list is empty
    const int key_tiles = exists ? ceil_div(c.key_length, Config::kTileKeys) : 0;
    const int ragged = ragged_tile(c.key_length, Config::kTileKeys);
    int count = 0;
    int x = first;
    if constexpr (Group::kPlanned) {
      const int words = ceil_div(key_tiles, 32);
      const unsigned *touched = plan_row(c, query_tile, Config::kTileQueries, Config::kTileKeys);
      const unsigned *not_full = touched + plan_words(c.args->keys, Config::kTileKeys);
      while (x < key_tiles && count + 32 <= kTileListCapacity) {
        // 32 words at a time until one has a touched tile
        const int word = x / 32 + lane;
        const unsigned candidates = __ballot_sync(0xffffffffu, word < words && touched[word] != 0);
        if (candidates == 0) {
          x += 32 * 32;
          continue;
        }
        x += 32 * (__ffs(candidates) - 1);
        const bool exists = x + lane < key_tiles;
        append(exists && touched[x / 32] >> lane & 1, not_full[x / 32] >> lane & 1 || x + lane == ragged,
               x + lane, count);
        x += 32;
      }
    } else {
      const RunSets<Group> sets(c, query_tile);
      for (x = sets.next(x); x < key_tiles && count + 32 <= kTileListCapacity; x = sets.next(x + 32)) {
        const int tile = x + lane;
        const bool touched = tile < key_tiles && sets.touched(c, query_tile, tile);
        append(touched, sets.not_full(c, query_tile, tile) || tile == ragged, tile, count);
      }
    }
    if (lane == 0) entries[count] = x < key_tiles ? -2 - x : kEndOfTiles;
  }

private:
  MASKLOOM_DEVICE void append(bool touched, bool partial, int tile, int &count) {
    const unsigned taken = __ballot_sync(0xffffffffu, touched);
    const unsigned before = taken & ((1u << (threadIdx.x % 32)) - 1);
    if (touched) entries[count + __popc(before)] = 2 * tile + partial;
    count += __popc(taken);
  }
};

/// The work unit of a block, in shared memory: what is needed once a tile or more rarely costs no registers.
struct alignas(16) WorkState {
  Context context; ///< context.args is not used: readers put the kernel's own parameter there (context_of)
  const void *keys, *values; ///< of the unit's KV head
  long long unit;
  int group, query_tile;
  TileList list;
};
static_assert(sizeof(WorkState) == kWorkStateBytes);

MASKLOOM_DEVICE Context context_of(const WorkState &state, const ForwardArgs &args) {
  Context c = state.context;
  c.args = &args; // known at compile time, so that parameters are read from constant memory
  return c;
}

/// Walks the tiles of the work unit; every thread of the block in step.
template <class Config, class Pattern>
struct TileCursor {
  WorkState &state;
  const ForwardArgs &args;
  int position = 0;

  /// The first entry, or kEndOfTiles.
  MASKLOOM_DEVICE int first() {
    fill(0);
    return state.list.entries[position++];
  }

  /// The next entry, or kEndOfTiles.
  MASKLOOM_DEVICE int next() {
    int entry = state.list.entries[position];
    if (TileList::unlisted(entry)) {
      __syncthreads(); // every thread has read the entry that is about to be overwritten
      fill(TileList::resume(entry));
      position = 0;
      entry = state.list.entries[0];
    }
    ++position;
    return entry;
  }

private:
  /// What Pattern::dispatch calls with the unit's group.
  struct Fill {
    TileList &list;
    const Context &context;
    int query_tile, first;
    template <class Group>
    MASKLOOM_DEVICE void operator()(Group) const {
      list.template fill<Config, Group>(context, query_tile, first);
    }
  };

  MASKLOOM_DEVICE void fill(int first) {
    if (threadIdx.x < 32) {
      const Context context = context_of(state, args);
      Pattern::dispatch(state.group, Fill{state.list, context, state.query_tile, first});
    }
    __syncthreads();
  }
};

} // namespace maskloom::kernel
