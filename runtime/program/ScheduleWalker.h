// Walks a schedule on the host: instantiates the runs of one outer tile and merges T and N in ascending
// order.
#pragma once

#include "maskloom/program/Program.h"

#include <functional>
#include <optional>
#include <vector>

namespace maskloom {

struct AuxView {
  const void *data = nullptr; ///< i32 or f32 as declared
  int64_t extents[3] = {1, 1, 1};
  int64_t strides[3] = {0, 0, 0}; ///< elements
};

/// The values a schedule's symbols take for one (batch entry, head).
struct ScheduleContext {
  int64_t batch = 0, head = 0, kvHead = 0, heads = 1, kvHeads = 1;
  int64_t queryLength = 1, keyLength = 1, queryOffset = 0, keyOffset = 0;
  const int64_t *params = nullptr; ///< by Program::params index
  const AuxView *aux = nullptr;    ///< by Program::auxes index
};

/// Inner tiles first .. last (both included), all of one kind.
struct Stretch {
  int64_t first = 0, last = 0;
  bool partial = false;
};

/// The tiles that one outer tile visits, ascending, as maximal stretches of one kind. Clips to the existing
/// tiles; the ragged last inner tile and tiles of a ragged last outer tile in transposed order are treated as
/// DESIGN's 'exact' allows. When the schedule is not closed-form, each candidate tile is also classified by
/// box evaluation of the group's predicate.
void walk(const Program &program, const HeadGroupProgram &group, Orientation orientation,
          const ScheduleContext &context, int64_t outer, const std::function<void(const Stretch &)> &visit);

/// Interval x congruence evaluation of a predicate over a box of positions [q0, q1] x [k0, k1]: sound.
enum class TileClass : uint8_t { Empty, Partial, Full };
TileClass classifyBox(const Program &program, const Predicate &predicate, const ScheduleContext &context,
                      int64_t q0, int64_t q1, int64_t k0, int64_t k1);

/// The head group of a head (or KV head).
size_t groupOf(const Program &program, int64_t head, int64_t kvHead);

} // namespace maskloom
