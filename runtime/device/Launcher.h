// A compiled kernel on the GPUs of this process: modules per context, the argument block, tensor maps, work
// counters, the plan of not-closed-form groups.
//
// The portable kernel gets ForwardArgs by value and a one-dimensional grid of min(work units, maxBlocks)
// blocks, and strides over the work units (batch, head, Q tile). The Hopper kernel gets TensorMaps as well,
// and at most one block a multiprocessor, a multiple of the cluster. The planner (`planEntry`) gets the same
// arguments with `plan` set, kPlanThreads threads a block and one block a work unit, over which it strides;
// and so does, with `unit_order` set, the kernel that sorts the units (`orderEntry`), one block of
// kOrderThreads a section of the work order.
#pragma once

#include "maskloom/program/Program.h"
#include "maskloom/templates/args.cuh"

#include <memory>
#include <string>

namespace maskloom {

class Driver;

class Launcher {
public:
  /// Bitmaps that are kept; beyond it the least recently used one is freed, which waits for the GPU.
  static constexpr size_t kMaxWorkspaces = 64;

  /// Keeps program and cubin; loads the module on first use in each context. `driver` null: Driver::get().
  Launcher(Program program, std::string image, const Driver *driver = nullptr);
  /// Waits for what was launched.
  ~Launcher();
  Launcher(const Launcher &) = delete;
  Launcher &operator=(const Launcher &) = delete;

  struct Options {
    void *stream = nullptr;  ///< CUstream of the calling thread's current context
    bool auxChanged = false; ///< the contents behind the same aux pointers changed: plan again
    int64_t maxBlocks = 0;   ///< cap on the grid; 0: none
  };
  /// Fills args.plan where the program needs one, plans when needed, and launches. Returns an empty string or
  /// what went wrong. No synchronisation; allocates only on the first call for a shape (batch, heads,
  /// queries, keys) on a stream. Thread-safe. May be captured into a CUDA graph; graphs may
  /// be replayed on several streams at once, but two executable graphs instantiated from one captured graph
  /// must not run at the same time (WorkCounters.h).
  std::string forward(ForwardArgs args, const Options &options);
  /// Loads the module and plans for the shape; waits.
  std::string prepare(ForwardArgs args, const Options &options);
  /// Why this kernel, being hopper_forward, cannot take this launch while the portable one can: tensors that
  /// tensor maps, or the driver, do not allow, a scale that is not above 0, 2^31 work units; forward() would
  /// say the same. Otherwise empty. Cheap.
  std::string hopperProblem(const ForwardArgs &args) const;
  /// Bytes of the plan for this shape; 0 for closed-form programs.
  size_t workspaceBytes(const ForwardArgs &args) const;
  const Program &program() const;
  const std::string &image() const;

private:
  struct State;
  std::unique_ptr<State> state_;
};

} // namespace maskloom
