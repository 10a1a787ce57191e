#include "maskloom/program/Program.h"
#include "maskloom/program/ScheduleWalker.h"

#include <fmt/format.h>

namespace maskloom {

static const char *spelling(DType dtype) {
  switch (dtype) {
  case DType::f16: return "f16";
  case DType::bf16: return "bf16";
  case DType::f32: return "f32";
  }
  return "?";
}

std::string toString(const KernelConfig &config) {
  auto times = [](int32_t count) { return count == 1 ? "" : fmt::format("{}x", count); };
  std::string text = fmt::format("{} {} d={} dv={} tile={}{}x{}{} warps={} stages={} align={}", config.kernel,
                                 spelling(config.dtype), config.headDim, config.valueDim,
                                 times(config.tileHeads), config.tileQueries, times(config.gather),
                                 config.tileKeys, config.warps, config.stages, config.alignBytes);
  if (config.pingPong) text += " ping-pong";
  if (config.sharedP) text += " shared-p";
  if (config.isHopper() || config.cluster != 1) text += fmt::format(" cluster={}", config.cluster);
  return text;
}

size_t groupOf(const Program &program, int64_t head, int64_t kvHead) {
  int64_t index = program.groupsByKvHead ? kvHead : head;
  for (size_t i = 0; i < program.groups.size(); ++i)
    if (program.groups[i].first <= index && index <= program.groups[i].last) return i;
  return program.groups.size();
}

} // namespace maskloom
