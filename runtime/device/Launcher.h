// A compiled kernel on the GPUs of this process: modules per device, the argument block, the plan of
// not-closed-form groups.
#pragma once

#include "maskloom/program/Program.h"
#include "maskloom/templates/args.cuh"

#include <memory>
#include <string>

namespace maskloom {

class Launcher {
public:
  /// Keeps program and cubin; loads the module on first use on each device.
  Launcher(Program program, std::string image);
  ~Launcher();

  struct Options {
    void *stream = nullptr;
    bool auxChanged = false;
    int64_t maxBlocks = 0;
  };
  /// Fills args.plan where the program needs one, plans when needed, and launches. Returns an empty string or
  /// what went wrong. No synchronisation; allocates only on the first call for a shape. Thread-safe.
  std::string forward(ForwardArgs args, const Options &options);
  /// Loads the module and plans for the shape; waits.
  std::string prepare(ForwardArgs args, const Options &options);
  size_t workspaceBytes(const ForwardArgs &args) const;
  const Program &program() const;
  const std::string &image() const;

private:
  struct State;
  std::unique_ptr<State> state_;
};

} // namespace maskloom
