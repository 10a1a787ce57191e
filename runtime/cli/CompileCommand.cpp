#include "maskloom/cli/Cli.h"
#include "maskloom/cli/Commands.h"
#include "maskloom/cli/KernelArguments.h"
#include "maskloom/cli/PatternArguments.h"
#include "maskloom/device/Nvrtc.h"
#include "maskloom/facade/CompileKernel.h"
#include "maskloom/templates/args.cuh"
#include "maskloom/templates/shared_layout.cuh"

#include <cstddef>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace maskloom {

namespace {

struct CompileArguments {
  PatternArguments pattern;
  KernelArguments kernel;
  std::string arch = "sm_90a", output;
  int64_t heads = 0, kvHeads = 0;
  bool json = false;
};

/// The tensor maps of the Hopper kernel, in the order of its second parameter: the arguments of
/// cuTensorMapEncodeTiled.
nlohmann::ordered_json tensorMapsOf(const KernelConfig &config) {
  nlohmann::ordered_json maps = nlohmann::ordered_json::array();
  if (!config.isHopper()) return maps;
  auto add = [&](const char *name, size_t offset, int32_t dim, const char *tokens, const char *heads,
                 int32_t rows, int32_t boxHeads = 1) {
    const std::string tensor = name;
    maps.push_back({{"name", name},
                    {"parameter", 1},
                    {"offset", offset},
                    {"bytes", sizeof(TensorMap)},
                    {"data_type", config.dtype == DType::bf16 ? "bfloat16" : "float16"},
                    {"dims", {dim, tokens, heads, "batch"}},
                    {"byte_strides",
                     {"2 * " + tensor + ".token_stride", "2 * " + tensor + ".head_stride",
                      "2 * " + tensor + ".batch_stride"}},
                    {"box", {64, rows, boxHeads, 1}},
                    {"element_strides", {1, 1, 1, 1}},
                    {"interleave", "none"},
                    {"swizzle", "128B"},
                    {"l2_promotion", "256B"},
                    {"out_of_bounds", "zero"}});
  };
  add("q", offsetof(TensorMaps, q), config.headDim, "queries", "heads", config.tileQueries, config.tileHeads);
  add("k", offsetof(TensorMaps, k), config.headDim, "keys", "kv_heads", config.boxKeys());
  add("v", offsetof(TensorMaps, v), config.valueDim, "keys", "kv_heads", config.boxKeys());
  add("o", offsetof(TensorMaps, o), config.valueDim, "queries", "heads", config.tileQueries,
      config.tileHeads);
  return maps;
}

/// Everything a program needs to launch the file with the driver API alone. Schema: docs/cli.md.
nlohmann::ordered_json manifestOf(const Program &program, const std::string &arch, const std::string &file) {
  const KernelProgram &kernel = program.kernel;
  nlohmann::ordered_json fields = nlohmann::ordered_json::array();
  for (const KernelField &field : kernel.fields)
    fields.push_back(
        {{"name", field.name}, {"type", field.type}, {"offset", field.offset}, {"count", field.count}});
  nlohmann::ordered_json params = nlohmann::ordered_json::array(), auxes = nlohmann::ordered_json::array();
  for (const ProgramParam &param : program.params)
    params.push_back({{"name", param.name},
                      {"default", param.defaultValue},
                      {"low", param.low},
                      {"high", param.high},
                      {"constant", param.constant}});
  static constexpr const char *kAxes[] = {"batch", "heads", "kv_heads", "queries", "keys", "fixed"};
  for (const ProgramAux &aux : program.auxes) {
    nlohmann::ordered_json axes = nlohmann::ordered_json::array();
    for (const auto &axis : aux.axes)
      axes.push_back(
          {{"extent", kAxes[static_cast<int>(axis.kind)]}, {"block", axis.block}, {"fixed", axis.extent}});
    auxes.push_back({{"name", aux.name}, {"type", aux.isFloat ? "f32" : "i32"}, {"axes", axes}});
  }
  const KernelConfig &config = kernel.config;
  const std::string units = fmt::format("batch * heads{} * ceil(queries / tile_queries)",
                                        config.tileHeads == 1 ? "" : fmt::format(" / {}", config.tileHeads));
  nlohmann::ordered_json workspace{{"bytes", 0}};
  if (!kernel.planEntry.empty())
    workspace = {
        {"field", "plan"},
        {"words", "batch * heads * ceil(queries / tile_queries) * 2 * ceil(ceil(keys / tile_keys) / 32)"},
        {"bytes_per_word", 4},
        {"filled_by", kernel.planEntry},
        {"block", {kernel::kPlanThreads, 1, 1}},
        {"grid", {units, "1", "1"}}};
  if (!kernel.orderEntry.empty())
    workspace["unit_order"] = {{"field", "unit_order"},          {"words", units + " * 2"},
                               {"filled_by", kernel.orderEntry}, {"block", {kernel::kOrderThreads, 1, 1}},
                               {"grid", {"sections", "1", "1"}}, {"optional", true}};
  nlohmann::ordered_json parameters{
      {"bytes", kernel.parameterBytes}, {"passed", "one struct by value"}, {"fields", fields}};
  if (config.isHopper()) {
    parameters["passed"] = "two structs by value: this one, then the tensor maps";
    parameters["tensor_maps_bytes"] = sizeof(TensorMaps);
    parameters["tensor_maps_alignment"] = alignof(TensorMaps);
  }
  return {{"schema", 1},
          {"pattern", program.name},
          {"hash", program.hash},
          {"file", file},
          {"arch", arch},
          {"entry", kernel.entry},
          {"plan_entry", kernel.planEntry},
          {"order_entry", kernel.orderEntry},
          {"kernel", config.kernel},
          {"dtype", config.dtype == DType::bf16 ? "bf16" : "f16"},
          {"head_dim", config.headDim},
          {"value_dim", config.valueDim},
          {"tile", {config.tileQueries, config.tileKeys}},
          {"tile_heads", config.tileHeads},
          {"align_bytes", config.alignBytes},
          {"block", {kernel.threads, 1, 1}},
          {"grid", {config.isHopper() ? "min(" + units + ", multiprocessors)" : units, "1", "1"}},
          {"cluster", {config.cluster, 1, 1}},
          {"dynamic_shared_bytes", kernel.sharedBytes},
          {"parameters", parameters},
          {"tensor_maps", tensorMapsOf(config)},
          {"workspace", workspace},
          {"params", params},
          {"aux", auxes}};
}

int compilePattern(const CompileArguments &arguments) {
  std::filesystem::path output = arguments.output;
  std::string extension = output.extension();
  if (extension != ".ptx" && extension != ".cubin" && extension != ".cu")
    throw Error(ErrorKind::User,
                fmt::format("-o {}: expected a name that ends in .ptx, .cubin or .cu", arguments.output));
  Pattern pattern = arguments.pattern.load();
  CompileOptions options;
  options.heads = arguments.heads ? arguments.heads : headsOf(pattern);
  options.kv_heads = arguments.kvHeads ? arguments.kvHeads : options.heads;
  options.head_dim = arguments.kernel.headDim;
  options.value_dim = arguments.kernel.valueDim ? arguments.kernel.valueDim : options.head_dim;
  options.dtype = parseDtype(arguments.kernel.dtype);
  options.constants = arguments.pattern.values(pattern);
  options.arch = arguments.arch;
  options.kernel = arguments.kernel.kernelChoice();
  options.dump_ir = arguments.kernel.dumpIr;
  options.use_cache = !arguments.kernel.noCache;
  checkCompileOptions(pattern, options);
  if (options.dtype == DType::f32)
    throw Error(ErrorKind::User, "--dtype f32 is computed on the CPU only: choose bf16 or f16");

  CompiledKernel kernel;
  std::string bytes;
  if (extension == ".cu") { // needs no NVRTC
    kernel.report.source = "compiled";
    checkArch(arguments.arch);
    kernel.program =
        generateProgram(pattern, options, default_config(pattern, options), true, false, kernel.report);
    bytes = kernel.program.kernel.source;
  } else {
    const Nvrtc *nvrtc = Nvrtc::get();
    if (!nvrtc) throw Error(ErrorKind::Machine, Nvrtc::why());
    if (std::string problem = nvrtc->checkArchitecture(arguments.arch); !problem.empty())
      throw Error(ErrorKind::User, "--arch " + problem);
    kernel = compileKernel(pattern, options, arguments.arch);
    bytes = kernel.image;
    if (extension == ".ptx") {
      NvrtcResult ptx = nvrtc->compile(kernel.program.kernel.source, kernel.program.kernel.entry + ".cu",
                                       arguments.arch, false, true);
      if (!ptx.ok)
        throw Error(ErrorKind::Internal, "NVRTC rejected the generated source, our fault:\n" + ptx.log);
      bytes = ptx.ptx;
    }
  }
  writeFile(arguments.output, bytes);
  std::filesystem::path manifest = output;
  manifest.replace_extension(".json");
  writeFile(manifest, manifestOf(kernel.program, arguments.arch, output.filename()).dump(2) + "\n");

  const KernelProgram &k = kernel.program.kernel;
  if (arguments.json) {
    nlohmann::ordered_json out{{"schema", 1},
                               {"output", arguments.output},
                               {"manifest", manifest.string()},
                               {"source", kernel.report.source},
                               {"codegen_ms", kernel.report.codegen_ms},
                               {"nvrtc_ms", kernel.report.nvrtc_ms},
                               {"cache_ms", kernel.report.cache_ms}};
    fmt::print("{}\n", out.dump(2));
    return kExitOk;
  }
  fmt::print("{} -> {} ({} bytes) and {}\n", pattern.name, arguments.output, bytes.size(), manifest.string());
  fmt::print("  {}\n  entry {}, {} threads, {} bytes of dynamic shared memory\n", toString(k.config), k.entry,
             k.threads, k.sharedBytes);
  if (kernel.report.source != "compiled") {
    fmt::print("  from the cache in {:.1f} ms\n", kernel.report.cache_ms);
  } else if (extension != ".cu") {
    fmt::print("  compiled: MLIR {:.1f} ms, NVRTC {:.0f} ms\n", kernel.report.codegen_ms,
               kernel.report.nvrtc_ms);
  }
  for (const std::string &remark : kernel.program.remarks) fmt::print("  remark: {}\n", remark);
  return kExitOk;
}

} // namespace

void addCompileCommand(CLI::App &app, Action &action) {
  auto arguments = std::make_shared<CompileArguments>();
  CLI::App *command = app.add_subcommand(
      "compile", "Compile a pattern to PTX, a cubin or CUDA C++, with a manifest beside it");
  arguments->pattern.add(*command);
  command->add_option("-o,--output", arguments->output, "f.ptx, f.cubin or f.cu; the manifest is f.json")
      ->required();
  command
      ->add_option("--arch", arguments->arch, "Architecture, sm_80 and later as the installed NVRTC offers")
      ->capture_default_str();
  arguments->kernel.addKernel(*command);
  arguments->kernel.addDims(*command);
  arguments->kernel.addDtype(*command, "What is computed in: bf16 or f16");
  command->add_option(
      "--heads", arguments->heads,
      "Query heads: the pattern's groups are checked against them, and Q tiles of several heads chosen");
  command->add_option("--kv-heads", arguments->kvHeads, "KV heads (default: as many as heads)");
  arguments->kernel.addCache(*command);
  command->add_flag("--json", arguments->json, "Machine-readable report (schema in docs/cli.md)");
  command->callback([arguments, &action] { action = [arguments] { return compilePattern(*arguments); }; });
}

} // namespace maskloom
