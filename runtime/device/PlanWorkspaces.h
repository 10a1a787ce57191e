// Device memory for plan bitmaps. Two launches that may run at the same time must not share one:
//
// - Launches on one stream are ordered: one bitmap per (context, stream, shape), kept until it is the least
//   recently used of too many.
// - A CUDA graph runs when it is replayed, beside anything: one per (capture, stream, shape). Its planner is
//   captured with it. The bitmap is handed out again once the graph and what was made from it are destroyed.
#pragma once

#include "maskloom/device/Driver.h"
#include "maskloom/device/StreamKey.h"
#include "maskloom/templates/args.cuh"

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <vector>

namespace maskloom {

/// What a plan depends on besides the shape. Contents behind pointers are not looked at.
struct PlanInputs {
  long long queryOffset = 0, keyOffset = 0, hasQueryOffset = 0, kvHeads = 0;
  const int *queryLengths = nullptr, *keyLengths = nullptr;
  std::array<long long, kMaxParams> params{};
  struct Aux {
    const void *data = nullptr;
    std::array<long long, 3> strides{}, extents{};
    bool operator==(const Aux &) const = default;
  };
  std::array<Aux, kMaxAux> auxes{};
  bool operator==(const PlanInputs &) const = default;
};
PlanInputs planInputs(const ForwardArgs &args, size_t paramCount, size_t auxCount);

struct PlanWorkspace {
  StreamKey key;
  std::array<int, 4> shape{}; ///< batch, heads, queries, keys
  void *bitmap = nullptr;     ///< device memory
  bool planned = false;       ///< the bitmap holds (or will, in stream order) the plan of `inputs`
  PlanInputs inputs;
};

class PlanWorkspaces {
public:
  explicit PlanWorkspaces(size_t capacity) : capacity_(capacity) {}

  struct Found {
    PlanWorkspace *workspace = nullptr; ///< valid until the next call
  };
  /// The workspace of this stream and shape, allocated when it is new. `context` must be current.
  DriverStatus find(const Driver &driver, void *context, void *stream, const ForwardArgs &args, size_t bytes,
                    Found &found);
  /// Frees what belongs to a context, which must be current.
  void release(const Driver &driver, void *context);
  /// The bitmap of this capture, stream and shape.
  DriverStatus findCaptured(const Driver &driver, void *context, void *stream, const StreamCapture &capture,
                            const ForwardArgs &args, size_t bytes, void *&bitmap);

private:
  using Shape = std::array<int, 4>;
  struct Captured {
    StreamKey key;
    uint64_t capture;
    Shape shape;
    size_t bytes;
    void *bitmap;
    std::shared_ptr<std::atomic<bool>> unused; ///< the graph is gone
  };
  void freeUnused(const Driver &driver, void *context);

  size_t capacity_;
  std::list<PlanWorkspace> list_; ///< most recently used first
  std::vector<Captured> captured_;
};

} // namespace maskloom
