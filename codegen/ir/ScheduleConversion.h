// Schedule <-> tile.schedule, exactly, in both directions.
#pragma once

#include "maskloom/codegen/ir/TileDialect.h"
#include "maskloom/program/Schedule.h"

namespace maskloom {

/// Appends a tile.schedule of that name at the builder's place.
tile::ScheduleOp toOp(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef name,
                      const Schedule &schedule);
/// The op must have been verified.
Schedule toSchedule(tile::ScheduleOp op);

} // namespace maskloom
