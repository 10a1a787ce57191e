#include "maskloom/codegen/Pipeline.h"

#include "maskloom/codegen/Passes.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>

namespace maskloom {

std::vector<PipelineStep> scheduleSteps(TileShape tile) {
  std::vector<PipelineStep> steps;
  // Constants and simple algebra first: the run derivation is exponential in what it need not see.
  steps.push_back({"canonicalize", createMaskCanonicalize()});
  // Before anything computes with them: every integer has to fit 64 bits, or the user hears where it may not.
  steps.push_back({"check-ranges", createMaskCheckRanges(), /*checksInput=*/true});
  // While integers are still mathematical: which tiles are visible, in closed form.
  steps.push_back({"derive-schedule", createMaskDeriveSchedule({tile.queries, tile.keys, {}})});
  return steps;
}

std::vector<PipelineStep> loweringSteps() {
  std::vector<PipelineStep> steps;
  // The masks themselves, for partial tiles: 32-bit arithmetic wherever intervals allow it.
  steps.push_back({"lower-to-arith", createMaskLowerToArith()});
  return steps;
}

static std::string print(mlir::ModuleOp module, bool locations) {
  std::string text;
  llvm::raw_string_ostream out(text);
  mlir::OpPrintingFlags flags;
  if (locations)
    flags.enableDebugInfo(true, /*prettyForm=*/false);
  else
    flags.printNameLocAsPrefix();
  module.print(out, flags);
  return text + "\n";
}

static std::string reproducerText(mlir::ModuleOp before, const std::string &pipeline) {
  return print(before, /*locations=*/true) + fmt::format("\n{{-#\n"
                                                         "  external_resources: {{\n"
                                                         "    mlir_reproducer: {{\n"
                                                         "      pipeline: \"{}\",\n"
                                                         "      disable_threading: true,\n"
                                                         "      verify_each: true\n"
                                                         "    }}\n"
                                                         "  }}\n"
                                                         "#-}}\n",
                                                         pipeline);
}

std::string Pipeline::text() const { return print(module_, /*locations=*/true); }

bool Pipeline::dump(const std::string &name) {
  if (dumpDir_.empty()) return true;
  std::error_code error = llvm::sys::fs::create_directories(dumpDir_);
  llvm::SmallString<128> path(dumpDir_);
  llvm::sys::path::append(path, fmt::format("{:02}-{}.mlir", count_++, name));
  if (!error) {
    llvm::raw_fd_ostream file(path, error);
    if (!error) file << print(module_, /*locations=*/false);
    file.flush();
    if (file.has_error()) error = file.error();
    file.clear_error();
  }
  if (error) problem_ = fmt::format("cannot write {}: {}", path.c_str(), error.message());
  return !error;
}

Pipeline::Outcome Pipeline::run(std::vector<PipelineStep> steps) {
  for (PipelineStep &step : steps) {
    // A clone of a few dozen operations costs microseconds, and is what a reproducer needs.
    mlir::OwningOpRef<mlir::ModuleOp> before = module_.clone();
    mlir::PassManager manager(module_.getContext(), mlir::ModuleOp::getOperationName());
    manager.enableVerifier(true);
    manager.addPass(std::move(step.pass));
    if (mlir::failed(manager.run(module_))) {
      problem_ = step.name;
      if (step.checksInput) return Outcome::BadInput;
      std::string pipeline;
      llvm::raw_string_ostream out(pipeline);
      manager.printAsTextualPipeline(out);
      reproducer_ = reproducerText(*before, pipeline);
      return Outcome::InternalError;
    }
    if (!dump(step.name)) return Outcome::CannotWrite;
  }
  return Outcome::Done;
}

} // namespace maskloom
