// The steps from an imported pattern to the lowered form. Pipeline.cpp is the list.
#pragma once

#include "maskloom/program/Schedule.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

#include <memory>
#include <string>
#include <vector>

namespace maskloom {

struct PipelineStep {
  std::string name;
  std::unique_ptr<mlir::Pass> pass;
  /// A failure of this step is the user's (an error at a place of the pattern); of any other step, ours.
  bool checksInput = false;
};

/// From the imported pattern to its schedules; the mask dialect stays.
std::vector<PipelineStep> scheduleSteps(TileShape tile);
/// From there to functions over i32 and i64.
std::vector<PipelineStep> loweringSteps();

/// Runs steps one by one, verifies after each, and writes the IR after each into a numbered file.
class Pipeline {
public:
  /// `dumpDir` is created when missing; empty: no files.
  Pipeline(mlir::ModuleOp module, std::string dumpDir) : module_(module), dumpDir_(std::move(dumpDir)) {}

  /// Writes NN-<name>.mlir; false when the file cannot be written (problem() says why).
  bool dump(const std::string &name);
  enum class Outcome { Done, BadInput, CannotWrite, InternalError };
  Outcome run(std::vector<PipelineStep> steps);

  /// The module as it is now, with locations.
  std::string text() const;
  /// After an outcome other than Done: the step that failed.
  const std::string &problem() const { return problem_; }
  /// After an internal error: the IR before the failing step and the rest of the pipeline, for
  /// `maskloom-opt --run-reproducer`.
  const std::string &reproducer() const { return reproducer_; }

private:
  mlir::ModuleOp module_;
  std::string dumpDir_;
  int count_ = 0;
  std::string problem_, reproducer_;
};

} // namespace maskloom
