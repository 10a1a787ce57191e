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

static std::array<int, 4> shapeOf(const ForwardArgs &args) {
  return {args.batch, args.heads, args.queries, args.keys};
}

static DriverStatus allocateBitmap(const Driver &driver, size_t bytes, void *&bitmap) {
  DriverStatus allocated = driver.allocate(bytes, bitmap);
  if (!allocated.ok()) allocated.message += fmt::format(" ({} bytes for the plan bitmap)", bytes);
  return allocated;
}

DriverStatus PlanWorkspaces::find(const Driver &driver, void *context, void *stream, const ForwardArgs &args,
                                  size_t bytes, Found &found) {
  const StreamKey key(context, stream);
  const Shape shape = shapeOf(args);
  for (auto it = list_.begin(); it != list_.end(); ++it)
    if (it->key == key && it->shape == shape) {
      list_.splice(list_.begin(), list_, it);
      found.workspace = &list_.front();
      return {};
    }

  freeUnused(driver, context);
  if (list_.size() >= capacity_) {
    const PlanWorkspace &oldest = list_.back();
    const bool isElsewhere = oldest.key.context != context;
    if (isElsewhere) driver.pushContext(oldest.key.context);
    driver.free(oldest.bitmap);
    if (isElsewhere) driver.popContext();
    list_.pop_back();
  }
  void *bitmap = nullptr;
  if (DriverStatus s = allocateBitmap(driver, bytes, bitmap); !s.ok()) return s;
  list_.push_front({key, shape, bitmap, false, {}});
  found.workspace = &list_.front();
  return {};
}

DriverStatus PlanWorkspaces::findCaptured(const Driver &driver, void *context, void *stream,
                                          const StreamCapture &capture, const ForwardArgs &args, size_t bytes,
                                          void *&bitmap) {
  const StreamKey key(context, stream);
  const Shape shape = shapeOf(args);
  for (const Captured &known : captured_)
    if (known.key == key && known.capture == capture.id && known.shape == shape) {
      bitmap = known.bitmap;
      return {};
    }
  auto taken = std::find_if(captured_.begin(), captured_.end(), [&](const Captured &c) {
    return c.key.context == context && c.bytes == bytes && *c.unused;
  });
  if (taken == captured_.end()) {
    freeUnused(driver, context);
    if (DriverStatus s = allocateBitmap(driver, bytes, bitmap); !s.ok()) return s;
    taken = captured_.insert(captured_.end(), {key, 0, {}, bytes, bitmap, {}});
  }
  auto unused = std::make_shared<std::atomic<bool>>(false);
  *taken = {key, capture.id, shape, bytes, taken->bitmap, unused};
  bitmap = taken->bitmap;
  using Shared = decltype(unused);
  auto *data = new Shared(unused); // the graph may outlive the launcher
  auto gone = [](void *shared) {
    **static_cast<Shared *>(shared) = true;
    delete static_cast<Shared *>(shared);
  };
  // Where the driver cannot say when the graph is gone, its bitmap stays until the launcher goes.
  if (!driver.whenGraphIsGone(capture.graph, gone, data).ok()) delete data;
  return {};
}

void PlanWorkspaces::freeUnused(const Driver &driver, void *context) {
  std::erase_if(captured_, [&](const Captured &captured) {
    if (captured.key.context != context || !*captured.unused) return false;
    driver.free(captured.bitmap);
    return true;
  });
}

void PlanWorkspaces::release(const Driver &driver, void *context) {
  std::erase_if(captured_, [&](const Captured &captured) {
    if (captured.key.context != context) return false;
    driver.free(captured.bitmap);
    return true;
  });
  list_.remove_if([&](const PlanWorkspace &workspace) {
    if (workspace.key.context != context) return false;
    driver.free(workspace.bitmap);
    return true;
  });
}

} // namespace maskloom
