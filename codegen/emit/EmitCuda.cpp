#include "maskloom/codegen/emit/EmitCuda.h"

#include "maskloom/codegen/emit/ArgumentLayout.h"
#include "maskloom/codegen/emit/CppText.h"
#include "maskloom/codegen/emit/DefaultConfig.h"
#include "maskloom/codegen/emit/EmitClassify.h"
#include "maskloom/codegen/emit/EmitMask.h"
#include "maskloom/codegen/emit/EmitSchedule.h"
#include "maskloom/codegen/emit/EmitScore.h"
#include "maskloom/templates/EmbeddedTemplates.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <fmt/format.h>

namespace maskloom {
namespace emit {
namespace {

/// Functions that emitted code calls and the templates do not have; each is printed only when it is called.
std::string helpers(const std::string &body) {
  std::string text;
  if (body.find("clamp_to_int(") != std::string::npos)
    text += "/// Values beyond the range of an int become its ends.\n"
            "MASKLOOM_DEVICE int clamp_to_int(long long value) {\n"
            "  return (int)max(min(value, 2147483647LL), -2147483647LL - 1);\n}\n\n";
  if (body.find("nearest(") != std::string::npos)
    text += "/// The index of the entry of an auxiliary tensor that is nearest to `index` along an axis.\n"
            "MASKLOOM_DEVICE long long nearest(const Context &c, int aux, int axis, long long index) {\n"
            "  return max(min(index, c.args->aux[aux].extents[axis] - 1), 0LL);\n}\n"
            "MASKLOOM_DEVICE unsigned nearest(const Context &c, int aux, int axis, int index) {\n"
            "  return (unsigned)max(min(index, (int)min(c.args->aux[aux].extents[axis] - 1, 2147483647LL)), "
            "0);\n}\n\n";
  return text;
}

std::string groupOf(const Program &program) {
  size_t count = program.groups.size();
  std::string tests;
  for (size_t i = 0; i + 1 < count; i++) {
    const HeadGroupProgram &group = program.groups[i];
    tests += fmt::format("    if ({} <= head && head <= {}) return {};\n", group.first, group.last, i);
  }
  if (tests.empty()) return "  static MASKLOOM_DEVICE int group_of(const Context &) { return 0; }\n";
  return fmt::format("  static MASKLOOM_DEVICE int group_of(const Context &c) {{\n"
                     "    const int head = c.{};\n{}    return {};\n  }}\n",
                     program.groupsByKvHead ? "kv_head" : "head", tests, count - 1);
}

std::string dispatch(const Program &program) {
  std::string text = "  template <class F> static MASKLOOM_DEVICE void dispatch(int group, F &&f) {\n";
  size_t count = program.groups.size();
  if (count == 1) return text + "    (void)group;\n    f(Group0{});\n  }\n";
  text += "    switch (group) {\n";
  for (size_t i = 0; i + 1 < count; i++) text += fmt::format("    case {}: f(Group{}{{}}); break;\n", i, i);
  return text + fmt::format("    default: f(Group{}{{}}); break;\n    }}\n  }}\n", count - 1);
}

mlir::func::FuncOp function(mlir::ModuleOp module, const std::string &name, std::string &error) {
  auto found = module.lookupSymbol<mlir::func::FuncOp>(name);
  if (!found) error = fmt::format("emission: the lowered module has no function '{}'", name);
  return found;
}

bool emitGroup(mlir::ModuleOp lowered, const Program &program, size_t index, std::string &text,
               std::string &error) {
  const HeadGroupProgram &group = program.groups[index];
  mlir::func::FuncOp visible = function(lowered, fmt::format("visible_{}", index), error);
  std::string mask;
  if (!visible || !emitMask(visible, program, mask, error)) return false;
  bool planned = !group.forward.closedForm;
  if (program.groups.size() > 1)
    text += fmt::format("/// {} {} to {}.\n", program.groupsByKvHead ? "KV heads" : "Heads", group.first,
                        group.last);
  text += fmt::format("struct Group{} {{\n  static constexpr bool kPlanned = {};\n", index, planned);
  text += emitSchedule(program, group.forward);
  text += mask;
  if (planned) text += emitClassify(program, group.predicate);
  text += "};\n\n";
  return true;
}

bool anyPlanned(const Program &program) {
  bool result = false;
  for (const HeadGroupProgram &group : program.groups) result |= !group.forward.closedForm;
  return result;
}

} // namespace

bool emitPattern(mlir::ModuleOp lowered, const Program &program, std::string &text, std::string &error) {
  if (program.groups.empty()) {
    error = "emission: the program has no head group";
    return false;
  }
  std::string body;
  for (size_t i = 0; i < program.groups.size(); i++)
    if (!emitGroup(lowered, program, i, body, error)) return false;

  std::string score;
  mlir::func::FuncOp lowerScore;
  if (program.hasScore && !(lowerScore = function(lowered, "score", error))) return false;
  if (!emitScore(lowerScore, program, score, error)) return false;
  std::string sink = "  static MASKLOOM_DEVICE float sink(const Context &) { return 0.0f; }\n";
  if (program.sinkAux >= 0)
    sink = fmt::format(
        "  static MASKLOOM_DEVICE float sink(const Context &c) {{ return aux_load_f32(c, {}, c.head); }}\n",
        program.sinkAux);
  body += fmt::format("struct Pattern {{\n"
                      "  static constexpr int kGroups = {};\n"
                      "  static constexpr bool kPlanned = {};\n"
                      "  static constexpr bool kHasSink = {};\n"
                      "{}{}{}{}}};\n",
                      program.groups.size(), anyPlanned(program), program.sinkAux >= 0, groupOf(program),
                      dispatch(program), score, sink);
  text = helpers(body) + body;
  return true;
}

std::string emitConfig(const KernelConfig &config) {
  std::string hopper;
  if (config.isHopper())
    hopper = fmt::format("  static constexpr int kGather = {}, kCluster = {};\n"
                         "  static constexpr bool kPingPong = {}, kSharedP = {};\n",
                         config.gather, config.cluster, config.pingPong, config.sharedP);
  return fmt::format("struct Config {{\n"
                     "  static constexpr int kHeadDim = {}, kValueDim = {};\n"
                     "  static constexpr int kTileHeads = {}, kTileQueries = {}, kTileKeys = {};\n"
                     "  static constexpr int kWarps = {}, kStages = {}, kAlignBytes = {};\n"
                     "  static constexpr bool kBf16 = {};\n"
                     "{}"
                     "}};\n",
                     config.headDim, config.valueDim, config.tileHeads, config.tileQueries, config.tileKeys,
                     config.warps, config.stages, config.alignBytes, config.dtype == DType::bf16, hopper);
}

namespace {

constexpr const char *kArgs = "const __grid_constant__ maskloom::ForwardArgs args";

/// An entry point: a call of the template `device` with the same arguments.
std::string kernelEntry(const std::string &name, const std::string &attributes, const std::string &parameters,
                        const char *device, const char *arguments) {
  return fmt::format("\nextern \"C\" __global__ void {}\n"
                     "{}({}) {{\n"
                     "  maskloom::kernel::{}<maskloom::kernel::Config, maskloom::kernel::Pattern>({});\n}}\n",
                     attributes, name, parameters, device, arguments);
}

std::string forwardEntry(const KernelConfig &config, const std::string &name) {
  if (!config.isHopper())
    return kernelEntry(name, "__launch_bounds__(maskloom::kernel::Config::kWarps * 32)", kArgs,
                       kPortableKernel, "args");
  std::string attributes = "__launch_bounds__(maskloom::kernel::Config::kWarps * 32 + 128, 1)";
  if (config.cluster > 1) attributes += fmt::format(" __cluster_dims__({}, 1, 1)", config.cluster);
  return kernelEntry(name, attributes,
                     fmt::format("{}, const __grid_constant__ maskloom::TensorMaps maps", kArgs),
                     kHopperKernel, "args, maps");
}

} // namespace
} // namespace emit

bool emitCuda(mlir::ModuleOp lowered, const CodegenOptions &options, Program &program, std::string &error) {
  const KernelConfig &config = options.config;
  if (config.dtype == DType::f32) {
    error = "emission: the GPU kernel computes in bf16 or f16";
    return false;
  }
  const char *kernelText = templateText(config.kernel);
  if (!kernelText) {
    error = fmt::format("emission: there is no kernel template '{}'", config.kernel);
    return false;
  }
  std::string pattern;
  if (!emit::emitPattern(lowered, program, pattern, error)) return false;

  KernelProgram &kernel = program.kernel;
  kernel.config = config;
  kernel.entry = fmt::format("maskloom_{}", emit::identifier(program.name));
  kernel.threads = config.threads();
  kernel.sharedBytes = sharedBytes(config);
  kernel.parameterBytes = forwardParameterBytes();
  kernel.fields = forwardFields(program);
  bool planned = emit::anyPlanned(program);
  kernel.planEntry = planned ? kernel.entry + "_plan" : "";
  kernel.orderEntry = planned && config.cluster == 1 ? kernel.entry + "_order" : "";

  std::string &source = kernel.source;
  source = fmt::format("// Pattern '{}': {}\n", emit::identifier(program.name), toString(config));
  source += templateText("foundation");
  source += fmt::format("\n// What is special to this pattern.\nnamespace maskloom::kernel {{\n\n{}\n{}\n}} "
                        "// namespace maskloom::kernel\n\n",
                        pattern, emit::emitConfig(config));
  source += kernelText;
  if (planned) source += templateText("plan");
  source += emit::forwardEntry(config, kernel.entry);
  if (planned)
    source += emit::kernelEntry(
        kernel.planEntry, "__launch_bounds__(maskloom::kernel::kPlanThreads, maskloom::kernel::kPlanBlocks)",
        emit::kArgs, "plan_tiles", "args");
  if (!kernel.orderEntry.empty())
    source += emit::kernelEntry(kernel.orderEntry, "__launch_bounds__(maskloom::kernel::kOrderThreads)",
                                emit::kArgs, "order_units", "args");
  return true;
}

} // namespace maskloom
