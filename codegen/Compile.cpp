#include "maskloom/codegen/Compile.h"

#include "maskloom/codegen/Import.h"
#include "maskloom/codegen/Locations.h"
#include "maskloom/codegen/Pipeline.h"
#include "maskloom/codegen/PredicateOf.h"
#include "maskloom/codegen/emit/EmitCuda.h"
#include "maskloom/codegen/ir/ScheduleConversion.h"
#include "maskloom/codegen/llvm/EmitObject.h"
#include "maskloom/dsl/Check.h"

#include "maskloom-ir/BuildId.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"

#include <fmt/format.h>

namespace maskloom {

namespace {

/// One compile: its own context, so that compiles in several threads share nothing.
class Compilation {
public:
  Compilation(const Pattern &pattern, const std::map<std::string, int64_t> &constants, std::string dumpDir)
      : pattern_(pattern), constants_(constants), dumpDir_(std::move(dumpDir)),
        context_(mlir::MLIRContext::Threading::DISABLED) {
    context_.loadDialect<mask::MaskDialect, tile::TileDialect, mlir::arith::ArithDialect,
                         mlir::func::FuncDialect, mlir::math::MathDialect>();
    context_.getDiagEngine().registerHandler([this](mlir::Diagnostic &diagnostic) {
      messages_.push_back(fromMlir(diagnostic));
      return mlir::success();
    });
  }

  /// The Program with declarations, predicates and schedules; false when `result` says why not.
  bool schedule(TileShape tile) {
    result.diagnostics = checkPattern(pattern_);
    if (hasErrors(result.diagnostics)) return false;
    if (tile.queries <= 0 || tile.keys <= 0)
      return reject(fmt::format("expected positive tile extents, found {}x{}", tile.queries, tile.keys));

    std::vector<Diagnostic> errors;
    module_ = importPattern(context_, pattern_, constants_, errors);
    result.diagnostics.insert(result.diagnostics.end(), errors.begin(), errors.end());
    if (!module_) return false;
    pipeline_.emplace(*module_, dumpDir_);
    if (mlir::failed(mlir::verify(*module_))) return fail("import", {});
    if (!pipeline_->dump("import")) return cannotWrite();
    if (!run(scheduleSteps(tile))) return false;

    program = programOf(*module_->getOps<mask::PatternOp>().begin());
    describeDeclarations();
    takeSchedules();
    return true;
  }

  /// The module in lowered form; call after schedule().
  bool lower() { return run(loweringSteps()); }
  mlir::ModuleOp module() { return *module_; }

  std::string moduleText() const { return pipeline_->text(); }

  /// Our fault: `where` failed. False, to be returned.
  bool fail(const std::string &where, const std::string &reproducer) {
    result.internalError = fmt::format("internal error in {} of pattern '{}'", where, pattern_.name);
    for (const Diagnostic &message : messages_) result.internalError += ": " + message.message;
    result.reproducer = reproducer;
    return false;
  }

  CodegenResult result;
  Program program;

private:
  bool reject(std::string message) {
    result.diagnostics.push_back({Severity::Error, pattern_.loc, std::move(message), {}, {}});
    return false;
  }

  bool cannotWrite() {
    result.machineError = pipeline_->problem();
    return false;
  }

  bool run(std::vector<PipelineStep> steps) {
    messages_.clear();
    Pipeline::Outcome outcome = pipeline_->run(std::move(steps));
    if (outcome == Pipeline::Outcome::InternalError)
      return fail(pipeline_->problem(), pipeline_->reproducer());
    result.diagnostics.insert(result.diagnostics.end(), messages_.begin(), messages_.end());
    if (outcome == Pipeline::Outcome::Done) return true;
    if (outcome == Pipeline::Outcome::CannotWrite) return cannotWrite();
    return hasErrors(messages_) ? false : reject(pipeline_->problem());
  }

  /// What the IR does not carry: defaults, which parameters are compiled in, the roles of aux tensors.
  void describeDeclarations() {
    for (size_t i = 0; i < pattern_.params.size(); ++i)
      program.params[i].defaultValue = pattern_.params[i]->defaultValue;
    for (const auto &constant : constantParams(pattern_))
      for (ProgramParam &param : program.params) {
        if (param.name != constant->name) continue;
        auto given = constants_.find(param.name);
        param.constant = true;
        if (given != constants_.end()) param.defaultValue = given->second;
      }
    for (size_t i = 0; i < pattern_.auxes.size(); ++i) {
      if (pattern_.sink && pattern_.auxes[i]->name == pattern_.sink->name)
        program.sinkAux = static_cast<int32_t>(i);
      if (pattern_.blocks && pattern_.auxes[i]->name == pattern_.blocks->name)
        program.blocksAux = static_cast<int32_t>(i);
    }
  }

  void takeSchedules() {
    mlir::SymbolTable symbols(*module_);
    for (size_t g = 0; g < program.groups.size(); ++g) {
      HeadGroupProgram &group = program.groups[g];
      group.forward = toSchedule(symbols.lookup<tile::ScheduleOp>(fmt::format("forward_{}", g)));
      group.transposed = toSchedule(symbols.lookup<tile::ScheduleOp>(fmt::format("transposed_{}", g)));
      for (const Schedule *schedule : {&group.forward, &group.transposed}) {
        if (schedule->remark.empty()) continue;
        program.remarks.push_back(fmt::format(
            "group {}, {}: {}", g, schedule == &group.forward ? "forward" : "transposed", schedule->remark));
        result.diagnostics.push_back({Severity::Remark, pattern_.loc, program.remarks.back(), {}, {}});
      }
    }
  }

  const Pattern &pattern_;
  const std::map<std::string, int64_t> &constants_;
  std::string dumpDir_;
  mlir::MLIRContext context_;
  mlir::OwningOpRef<mlir::ModuleOp> module_;
  std::optional<Pipeline> pipeline_;
  std::vector<Diagnostic> messages_;
};

} // namespace

CodegenResult generate(const Pattern &pattern, const CodegenOptions &options) {
  Compilation compilation(pattern, options.constants, options.dumpDir);
  CodegenResult &result = compilation.result;
  if (!compilation.schedule({options.config.tileQueries, options.config.tileKeys})) return std::move(result);
  if (!compilation.lower()) return std::move(result);
  std::string error;
  if (options.cuda && !emitCuda(compilation.module(), options, compilation.program, error)) {
    compilation.fail("emission of CUDA C++ (" + error + ")", compilation.moduleText());
    return std::move(result);
  }
  if (options.cpu && !emitObject(compilation.module(), compilation.program, error)) {
    compilation.fail("emission of the CPU object (" + error + ")", compilation.moduleText());
    return std::move(result);
  }
  result.program = std::move(compilation.program);
  return std::move(result);
}

CodegenResult analyze(const Pattern &pattern, TileShape tile,
                      const std::map<std::string, int64_t> &constants) {
  Compilation compilation(pattern, constants, {});
  if (compilation.schedule(tile)) compilation.result.program = std::move(compilation.program);
  return std::move(compilation.result);
}

std::string generatorId() { return fmt::format("maskloom {} {}", kVersion, kSourceDigest); }

} // namespace maskloom
