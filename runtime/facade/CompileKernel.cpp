#include "maskloom/facade/CompileKernel.h"

#include "maskloom/codegen/Compile.h"
#include "maskloom/codegen/emit/DefaultConfig.h"
#include "maskloom/codegen/llvm/CompileObject.h"
#include "maskloom/device/Nvrtc.h"
#include "maskloom/dsl/Canonical.h"
#include "maskloom/dsl/Check.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

namespace maskloom {

namespace {

double millisecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

/// The canonical text, and what of the Program it leaves out: the name, and the arguments as they are
/// declared, used or not.
std::string patternKey(const Pattern &pattern, const CompileOptions &options) {
  std::string key = canonicalText(canonicalize(pattern, options.constants)) + "\nname " + pattern.name;
  for (const auto &param : pattern.params)
    key += fmt::format("\nparam {} {}..{}", param->name, param->low, param->high);
  for (const auto &aux : pattern.auxes) {
    key += fmt::format("\naux {} {}", aux->name, static_cast<int>(aux->type));
    for (const AuxAxis &axis : aux->axes)
      key += fmt::format(" {}/{}/{}", static_cast<int>(axis.kind), axis.block, axis.extent);
  }
  return key;
}

/// Default values are no part of the key: they come from the pattern at hand.
void takeDefaults(Program &program, const Pattern &pattern, const CompileOptions &options) {
  for (auto &param : program.params) {
    const ParamDecl *decl = pattern.findParam(param.name);
    if (!decl) continue;
    auto constant = options.constants.find(param.name);
    param.defaultValue = constant != options.constants.end() ? constant->second : decl->defaultValue;
  }
}

void checkHopperArch(const std::string &arch) {
  if (!hopperRunsOn(arch))
    throw Error(ErrorKind::User,
                fmt::format("{} is for sm_90a, not {}", kHopperKernel, arch.empty() ? "any GPU" : arch));
}

CompiledKernel throughCache(const CacheKey &key, bool useCache,
                            const std::function<CacheEntry(CompileReport &)> &make) {
  CompiledKernel result;
  auto start = std::chrono::steady_clock::now();
  CacheSource source = CacheSource::Made;
  CacheEntry entry;
  if (useCache) {
    entry = processCache().getOrMake(key, [&] { return make(result.report); }, nullptr, &source);
  } else {
    entry = make(result.report);
  }
  static constexpr const char *kSources[] = {"compiled", "memory", "disk"};
  result.report.source = kSources[static_cast<int>(source)];
  if (source != CacheSource::Made) result.report.cache_ms = millisecondsSince(start);
  if (useCache && processCache().usable())
    result.report.cache_entry = (processCache().directory() / key.digest()).string();
  result.program = std::move(entry.program);
  result.image = std::move(entry.image);
  return result;
}

} // namespace

KernelCache &processCache() {
  static KernelCache cache;
  return cache;
}

/// Query heads of a KV head; 1 where the numbers do not divide, which is reported elsewhere.
static int64_t headsOfKvHead(const CompileOptions &options) {
  const int64_t kvHeads = options.kv_heads ? options.kv_heads : options.heads;
  return kvHeads > 0 && options.heads > 0 && options.heads % kvHeads == 0 ? options.heads / kvHeads : 1;
}

KernelConfig default_config(const Pattern &pattern, const CompileOptions &options) {
  const auto headDim = static_cast<int32_t>(options.head_dim);
  const auto valueDim = static_cast<int32_t>(options.value_dim ? options.value_dim : options.head_dim);
  switch (options.kernel) {
  case KernelChoice::Auto: break;
  case KernelChoice::Portable:
    return portableConfig(pattern, options.constants, options.dtype, headDim, valueDim, options.arch);
  case KernelChoice::Hopper:
    checkHopperArch(options.arch);
    return hopperConfig(pattern, options.constants, options.dtype, headDim, valueDim, headsOfKvHead(options));
  }
  return defaultConfig(pattern, options.constants, options.dtype, headDim, valueDim, options.arch,
                       headsOfKvHead(options));
}

Program generateProgram(const Pattern &pattern, const CompileOptions &options, const KernelConfig &config,
                        bool cuda, bool cpu, CompileReport &report) {
  auto start = std::chrono::steady_clock::now();
  CodegenOptions codegen;
  codegen.config = config;
  codegen.constants = options.constants;
  codegen.cuda = cuda;
  codegen.cpu = cpu;
  codegen.dumpDir = options.dump_ir;
  CodegenResult result = generate(pattern, codegen);
  report.codegen_ms = millisecondsSince(start);
  if (!result.internalError.empty())
    throw Error(ErrorKind::Internal,
                fmt::format("internal error, our fault, not the pattern's: {}", result.internalError),
                result.reproducer);
  if (!result.machineError.empty()) throw Error(ErrorKind::Machine, result.machineError);
  if (!result.program) throw Error(ErrorKind::User, render(result.diagnostics));
  return std::move(*result.program);
}

void checkCompileOptions(const Pattern &pattern, const CompileOptions &options) {
  auto diagnostics = checkPattern(pattern);
  if (!hasErrors(diagnostics)) diagnostics = checkHeads(pattern, options.heads, options.kv_heads);
  if (!hasErrors(diagnostics)) diagnostics = checkConstants(pattern, options.constants);
  if (hasErrors(diagnostics)) throw Error(ErrorKind::User, render(diagnostics));
  for (auto [name, dim] : {std::pair{"head_dim", options.head_dim}, {"value_dim", options.value_dim}})
    if (dim < 8 || dim > 256 || dim % 8)
      throw Error(ErrorKind::User,
                  fmt::format("{} is {}: expected a multiple of 8 from 8 to 256", name, dim));
}

namespace {

template <class T>
void require(bool holds, const char *field, const T &found, const char *expected) {
  if (!holds)
    throw Error(ErrorKind::User, fmt::format("config.{} is {}: expected {}", field, found, expected));
}

void checkPortableConfig(const KernelConfig &config) {
  require(config.warps >= 1 && config.warps <= 16, "warps", config.warps, "1 to 16");
  require(config.tileQueries >= 16 && config.tileQueries % (16 * config.warps) == 0, "tileQueries",
          config.tileQueries, "a multiple of 16 times the warps");
  require(config.tileKeys >= 16 && config.tileKeys <= 128 && config.tileKeys % 16 == 0, "tileKeys",
          config.tileKeys, "a multiple of 16 up to 128");
  require(config.stages == 1 || config.stages == 2, "stages", config.stages, "1 or 2");
  require(config.alignBytes == 2 || config.alignBytes == 16, "alignBytes", config.alignBytes, "2 or 16");
  require(config.gather == 1, "gather", config.gather, "1 with portable_forward");
  require(!config.pingPong, "pingPong", config.pingPong, "false with portable_forward");
  require(config.cluster == 1, "cluster", config.cluster, "1 with portable_forward");
  require(config.tileHeads == 1, "tileHeads", config.tileHeads, "1 with portable_forward");
  require(!config.sharedP, "sharedP", config.sharedP, "false with portable_forward");
}

void checkHopperConfig(const KernelConfig &config, const std::string &arch) {
  checkHopperArch(arch);
  require(config.tileQueries == 64 || config.tileQueries == 128 || config.tileQueries == 192, "tileQueries",
          config.tileQueries, "64, 128 or 192 with hopper_forward");
  require(config.tileHeads >= 1 && (config.tileHeads == 1 || config.tileRows() <= 192), "tileHeads",
          config.tileHeads, "1 or more, tileHeads * tileQueries at most 192");
  require(config.warps == config.tileRows() / 16, "warps", config.warps,
          "tileHeads * tileQueries / 16 with hopper_forward");
  require(config.tileKeys >= 16 && config.tileKeys <= 256 && config.tileKeys % 16 == 0, "tileKeys",
          config.tileKeys, "a multiple of 16 up to 256");
  require(config.gather >= 1 && config.gather <= 256 / config.tileKeys, "gather", config.gather,
          "1 or more, gather * tileKeys at most 256");
  require(config.stages >= 1 && config.stages <= 8, "stages", config.stages, "1 to 8");
  require(!config.pingPong || config.tileRows() >= 128, "pingPong", config.pingPong,
          "false with one warpgroup: it takes two to take turns");
  require(config.cluster == 1 || (config.cluster == 2 && config.tileHeads == 1 &&
                                  (config.gather == 1 ? config.tileKeys % 16 == 0 : config.gather % 2 == 0)),
          "cluster", config.cluster, "1, or 2 where a KV tile has two equal parts and a Q tile one head");
  require(config.alignBytes == 16, "alignBytes", config.alignBytes, "16: TMA loads 16 bytes at least");
  if (int32_t bytes = sharedBytes(config), limit = sharedLimit(arch); bytes > limit)
    throw Error(ErrorKind::User, fmt::format("config needs {} bytes of shared memory, {} has {}: use smaller "
                                             "tiles or fewer stages",
                                             bytes, arch, limit));
}

/// The caller's kernel, tiles, warps and stages; dims and dtype are those of the options whatever the
/// configuration says.
KernelConfig givenConfig(const Pattern &pattern, const CompileOptions &options, const std::string &arch) {
  KernelConfig config = *options.config;
  config.headDim = static_cast<int32_t>(options.head_dim);
  config.valueDim = static_cast<int32_t>(options.value_dim);
  config.dtype = options.dtype;
  require(config.isHopper() || config.kernel == kPortableKernel, "kernel", config.kernel,
          "portable_forward or hopper_forward");
  if (config.isHopper()) {
    checkHopperConfig(config, arch);
    require(config.tileHeads == 1 ||
                (headsOfKvHead(options) % config.tileHeads == 0 && masksByKvHead(pattern)),
            "tileHeads", config.tileHeads, "a divisor of the query heads of a KV head, which have one mask");
  } else {
    checkPortableConfig(config);
  }
  return config;
}

} // namespace

CompiledKernel compileKernel(const Pattern &pattern, const CompileOptions &options, const std::string &arch) {
  CompileOptions forArch = options;
  forArch.arch = arch;
  KernelConfig config =
      options.config ? givenConfig(pattern, options, arch) : default_config(pattern, forArch);
  CacheKey key;
  key.pattern = patternKey(pattern, options);
  key.config = toString(config) + " cuda";
  key.generator = generatorId();
  key.compiler = Nvrtc::identity();
  key.arch = arch;

  std::string log;
  CompiledKernel result =
      throughCache(key, options.use_cache && options.dump_ir.empty(), [&](CompileReport &report) {
        CacheEntry entry;
        entry.program = generateProgram(pattern, options, config, true, false, report);
        const Nvrtc *nvrtc = Nvrtc::get();
        if (!nvrtc) throw Error(ErrorKind::Machine, Nvrtc::why());
        if (std::string problem = nvrtc->checkArchitecture(arch); !problem.empty())
          throw Error(ErrorKind::User, problem);
        NvrtcResult compiled = nvrtc->compile(entry.program.kernel.source, entry.program.kernel.entry + ".cu",
                                              arch, true, false);
        report.nvrtc_ms = compiled.milliseconds;
        log = compiled.log;
        if (!compiled.ok)
          throw Error(ErrorKind::Internal,
                      "internal error, our fault: NVRTC rejected the generated source:\n" + compiled.log,
                      entry.program.kernel.source);
        entry.image = std::move(compiled.cubin);
        return entry;
      });
  result.log = std::move(log);
  takeDefaults(result.program, pattern, options);
  return result;
}

CompiledKernel compileForCpu(const Pattern &pattern, const CompileOptions &options) {
  CompileOptions forCpu = options;
  KernelConfig config;
  if (options.config) {
    config = *options.config;
  } else {
    forCpu.kernel = KernelChoice::Portable; // its tiles
    config = default_config(pattern, forCpu);
    config.kernel = "cpu";
    config.warps = 0;
    config.stages = 0;
  }
  CacheKey key;
  key.pattern = patternKey(pattern, options);
  key.config = toString(config) + " cpu";
  key.generator = generatorId();
  key.compiler = "llvm 22";
  key.arch = "cpu " + hostTarget();
  CompiledKernel result =
      throughCache(key, options.use_cache && options.dump_ir.empty(), [&](CompileReport &report) {
        CacheEntry entry;
        entry.program = generateProgram(pattern, forCpu, config, false, true, report);
        return entry;
      });
  takeDefaults(result.program, pattern, options);
  return result;
}

} // namespace maskloom
