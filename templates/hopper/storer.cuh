// The storer: one warp that sends the O tiles which the consumers leave in shared memory to global memory.
#pragma once

#include "layout.cuh"

namespace maskloom::kernel {

/// O tiles of all units of the block, in order. With them it gives back what units hold: their slots, and
/// their Q stages, where O lies.
template <class Config>
MASKLOOM_DEVICE void store_outputs(const TensorMaps &maps, const HopperLayout<Config> &layout) {
  using Layout = HopperLayout<Config>;
  if (threadIdx.x % 32 != 0) return;
  RingPlace<kUnitSlots> unit;
  RingPlace<Layout::kQueryStages> stage;
  for (bool is_final = false; !is_final; unit.advance(), stage.advance()) {
    layout.output_full(stage.stage).wait(stage.parity);
    const UnitSlot &work = layout.state().units[unit.stage];
    is_final = work.is_final;
#pragma unroll
    for (int chunk = 0; chunk < Layout::kValueChunks; ++chunk)
      store_box(maps.o, layout.query(stage.stage) + chunk * Layout::kTileRows * 128, chunk * kChunkColumns,
                work.query_tile * Config::kTileQueries, work.context.head, work.context.batch);
    layout.unit_empty(unit.stage).arrive();
    wait_stores_read();
    layout.query_empty(stage.stage).arrive();
  }
}

} // namespace maskloom::kernel
