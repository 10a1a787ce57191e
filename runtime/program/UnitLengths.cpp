#include "maskloom/program/UnitLengths.h"

#include "maskloom/program/ScheduleInstance.h"

#include <algorithm>

namespace maskloom {

bool firstUnitsAreLonger(const Program &program) {
  if (!program.auxScalars.empty()) return false;
  constexpr int64_t kTiles = 64, kSamples = 16;
  std::vector<int64_t> params;
  for (const ProgramParam &param : program.params) params.push_back(param.defaultValue);
  ScheduleContext context;
  context.params = params.data();
  for (const HeadGroupProgram &group : program.groups)
    context.heads = std::max(context.heads, group.first + 1);
  context.kvHeads = context.heads;

  int64_t trend = 0; // of the lengths over the Q tiles
  for (const HeadGroupProgram &group : program.groups) {
    const TileShape &tile = group.forward.tile;
    context.head = context.kvHead = group.first;
    context.queryLength = context.keyLength = kTiles * std::max(tile.queries, tile.keys);
    const int64_t queryTiles = context.queryLength / tile.queries, keyTiles = context.keyLength / tile.keys;
    ScheduleInstance instance(program, group.forward, context);
    for (int64_t sample = 0; sample < kSamples; ++sample) {
      using Set = ScheduleInstance::Set;
      instance.setOuter(sample * (queryTiles - 1) / (kSamples - 1), keyTiles);
      int64_t length = 0;
      for (int64_t key = instance.next(Set::Touched, 0); key < keyTiles;) {
        const int64_t end = std::min(instance.lastOfStretch(Set::Touched, key), keyTiles - 1) + 1;
        length += end - key;
        key = instance.next(Set::Touched, end);
      }
      trend += length * (2 * sample - (kSamples - 1));
    }
  }
  return trend < 0;
}

} // namespace maskloom
