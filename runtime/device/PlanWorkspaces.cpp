#include "maskloom/device/PlanWorkspaces.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace maskloom {

PlanInputs planInputs(const ForwardArgs &args, size_t paramCount, size_t auxCount) {
  PlanInputs inputs;
  inputs.hasQueryOffset = args.has_query_offset != 0;
  inputs.queryOffset = args.has_query_offset ? args.query_offset : 0;
  inputs.keyOffset = args.key_offset;
  inputs.kvHeads = args.kv_heads;
  inputs.queryLengths = args.query_lengths;
  inputs.keyLengths = args.key_lengths;
  std::copy_n(args.params, std::min<size_t>(paramCount, kMaxParams), inputs.params.begin());
  for (size_t i = 0; i < std::min<size_t>(auxCount, kMaxAux); ++i) {
    inputs.auxes[i].data = args.aux[i].data;
    std::copy_n(args.aux[i].strides, 3, inputs.auxes[i].strides.begin());
    std::copy_n(args.aux[i].extents, 3, inputs.auxes[i].extents.begin());
  }
  return inputs;
}

DriverStatus PlanWorkspaces::find(const Driver &driver, void *context, void *stream, const ForwardArgs &args,
                                  size_t bytes, Found &found) {
  const StreamKey key(context, stream);
  std::array<int, 4> shape = {args.batch, args.heads, args.queries, args.keys};
  for (auto it = list_.begin(); it != list_.end(); ++it)
    if (it->key == key && it->shape == shape) {
      list_.splice(list_.begin(), list_, it);
      found.workspace = &list_.front();
      return {};
    }
  if (driver.isCapturing(stream))
    return {
        "the first call for a shape allocates, which a CUDA graph cannot capture: call prepare() for this "
        "shape on this stream before the capture"};

  if (list_.size() >= capacity_) {
    auto oldest = std::find_if(list_.rbegin(), list_.rend(), [](const auto &w) { return !w.captured; });
    if (oldest != list_.rend()) {
      const bool isElsewhere = oldest->key.context != context;
      if (isElsewhere) driver.pushContext(oldest->key.context);
      driver.free(oldest->bitmap);
      if (isElsewhere) driver.popContext();
      list_.erase(std::prev(oldest.base()));
    }
  }
  void *bitmap = nullptr;
  DriverStatus allocated = driver.allocate(bytes, bitmap);
  if (!allocated.ok()) {
    allocated.message += fmt::format(" ({} bytes for the plan bitmap)", bytes);
    return allocated;
  }
  list_.push_front({key, shape, bitmap, false, false, {}});
  found.workspace = &list_.front();
  return {};
}

void PlanWorkspaces::release(const Driver &driver, void *context) {
  list_.remove_if([&](const PlanWorkspace &workspace) {
    if (workspace.key.context != context) return false;
    driver.free(workspace.bitmap);
    return true;
  });
}

} // namespace maskloom
