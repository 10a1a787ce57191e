// maskloom-matrix: compiles a list of (pattern, configuration, architecture) to cubins and fails on errors,
// spills, serialised wgmma, an ignored setmaxnreg and too much shared memory.
//
// The list covers what users can ask for along one axis at a time: both kernels, every library pattern, every
// head dim, both dtypes, unequal head dims, unaligned strides, every architecture that the installed NVRTC
// offers. On sm_90a the portable kernel has only the ends of each axis: it is the one of sm_80. `--all`
// compiles the whole list; without it every third entry, which still holds each axis' ends.
#include "maskloom/codegen/Compile.h"
#include "maskloom/codegen/emit/DefaultConfig.h"
#include "maskloom/device/Nvrtc.h"
#include "maskloom/device/Resources.h"
#include "maskloom/dsl/Parser.h"
#include "maskloom/dsl/Patterns.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string_view>
#include <thread>

namespace maskloom {
namespace {

constexpr size_t kSubsetStride = 3;

struct Entry {
  Pattern pattern;
  DType dtype = DType::bf16;
  int32_t headDim = 128, valueDim = 128;
  std::string arch = "sm_80";
  int32_t alignBytes = 16;
  bool hopper = false;
  int32_t cluster = 1;
  int64_t headsOfKvHead = 1;

  std::string name() const {
    return fmt::format("{} {} {} d={} dv={} align={} {}{}{}", hopper ? "hopper" : "portable", pattern.name,
                       dtype == DType::bf16 ? "bf16" : "f16", headDim, valueDim, alignBytes, arch,
                       cluster > 1 ? fmt::format(" cluster={}", cluster) : "",
                       headsOfKvHead > 1 ? fmt::format(" {} heads a KV head", headsOfKvHead) : "");
  }
  KernelConfig config() const {
    KernelConfig config = hopper ? hopperConfig(pattern, {}, dtype, headDim, valueDim, headsOfKvHead)
                                 : portableConfig(pattern, {}, dtype, headDim, valueDim, arch);
    config.alignBytes = alignBytes;
    config.cluster = cluster;
    return config;
  }
};

std::vector<Pattern> libraryPatterns() {
  using namespace patterns;
  LocalStride dense;
  dense.heads = 16;
  dense.denseHeads = 4;
  LocalStride symmetric;
  symmetric.causal = false;
  return {causal(),
          slidingWindow(),
          sinkWindow(),
          prefix(),
          localStride(),
          localStride(dense),
          localStride(symmetric),
          twoRange(),
          documents(),
          blockTable(),
          alibi(),
          softCap()};
}

/// All patterns of the files under examples/.
std::vector<Pattern> patternFiles() {
  std::vector<std::filesystem::path> paths;
  for (const auto &entry : std::filesystem::directory_iterator(MASKLOOM_EXAMPLE_PATTERNS))
    if (entry.path().extension() == ".mask") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Pattern> patterns;
  for (const std::filesystem::path &path : paths)
    for (Pattern &pattern : parsePatternFile(path).patterns) patterns.push_back(std::move(pattern));
  return patterns;
}

/// Eight slices of five numbers each, all loaded for every row: no tile leaves that many registers.
bool maySpill(const Pattern &pattern) { return pattern.name == "slice_table"; }

/// Random blocks of 64 rows, the same for all query heads of a KV head.
Pattern blocksByKvHead() {
  AuxInt table("table", {axis::kvHead(), axis::query(64), axis::key(64)});
  return Pattern("kv_head_blocks", table(kvHead(), floordiv(query(), 64), floordiv(key(), 64)) != 0);
}

std::vector<Entry> listEntries(const std::vector<std::string> &architectures) {
  std::vector<Entry> entries;
  const std::vector<std::string> main = {"sm_80", "sm_90a"};
  auto offers = [&](const std::string &arch) {
    return std::find(architectures.begin(), architectures.end(), arch) != architectures.end();
  };
  auto add = [&](Entry entry) {
    if (offers(entry.arch)) entries.push_back(std::move(entry));
  };
  const std::vector<Pattern> probes = {patterns::causal(), patterns::localStride()};
  auto addAxes = [&](const std::string &arch, bool hopper) {
    auto entry = [&](const Pattern &pattern, DType dtype, int32_t dim, int32_t valueDim) {
      add({pattern, dtype, dim, valueDim, arch, 16, hopper});
    };
    for (const Pattern &pattern : libraryPatterns()) entry(pattern, DType::bf16, 128, 128);
    for (const Pattern &pattern : probes) {
      for (int32_t dim : {8, 32, 64, 80, 96, 128, 192, 256})
        for (DType dtype : {DType::bf16, DType::f16})
          if (!(dim == 128 && dtype == DType::bf16)) entry(pattern, dtype, dim, dim);
      entry(pattern, DType::bf16, 192, 128);
      entry(pattern, DType::bf16, 64, 256);
    }
  };
  for (const Pattern &pattern :
       patternFiles()) // defaults follow the pattern: that none of them spills is seen here
    for (int32_t dim : {64, 128, 256}) add({pattern, DType::bf16, dim, dim, "sm_90a", 16, true});
  addAxes("sm_80", false);
  addAxes("sm_90a", true);
  for (const Pattern &pattern : {patterns::alibi(), patterns::softCap()}) { // what scores keep in registers
    for (int32_t dim : {64, 256}) add({pattern, DType::bf16, dim, dim, "sm_90a", 16, true});
    add({pattern, DType::f16, 128, 128, "sm_90a", 16, true});
    add({pattern, DType::f16, 256, 256, "sm_80"});
  }
  for (int64_t block : {16, 32}) // KV tiles gathered from many narrow ones
    for (int32_t dim : {128, 256})
      add({patterns::blockTable(128, block), DType::bf16, dim, dim, "sm_90a", 16, true});
  for (int32_t dim : {64, 128, 256}) // Q tiles of one head, and of two
    for (int64_t heads : {1, 2}) add({blocksByKvHead(), DType::bf16, dim, dim, "sm_90a", 16, true, 1, heads});
  for (const Pattern &pattern : {patterns::causal(), patterns::localStride(), patterns::documents()})
    add({pattern, DType::bf16, 128, 128, "sm_90a", 16, true, 2});
  for (const Pattern &pattern : probes)
    for (int32_t dim : {64, 128, 256}) {
      add({pattern, DType::bf16, dim, dim, "sm_80", 2});
      add({pattern, dim == 128 ? DType::f16 : DType::bf16, dim, dim, "sm_90a", dim == 128 ? 2 : 16});
    }
  for (const std::string &arch : architectures) {
    if (std::find(main.begin(), main.end(), arch) != main.end()) continue;
    add({patterns::localStride(), DType::bf16, 128, 128, arch});
    bool isVariant = !std::isdigit(static_cast<unsigned char>(arch.back())); // "sm_100a" beside "sm_100"
    if (!isVariant) add({patterns::localStride(), DType::bf16, 256, 256, arch});
  }
  return entries;
}

/// What compiling an entry said: one line, and whether it is fine.
struct Outcome {
  std::string line;
  bool ok = false;
};

Outcome compileEntry(const Entry &entry, const Nvrtc &nvrtc) {
  auto start = std::chrono::steady_clock::now();
  CodegenOptions options;
  options.config = entry.config();
  CodegenResult generated = generate(entry.pattern, options);
  if (!generated.program)
    return {fmt::format("{}: not generated: {}{}", entry.name(), generated.internalError,
                        render(generated.diagnostics))};
  double codegen =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  const KernelProgram &kernel = generated.program->kernel;
  NvrtcResult compiled = nvrtc.compile(kernel.source, kernel.entry + ".cu", entry.arch, true, false);
  if (!compiled.ok) return {fmt::format("{}: NVRTC says:\n{}", entry.name(), compiled.log.substr(0, 2000))};

  int32_t registers = 0, spills = 0;
  const CompileResources parsed = parseResources(compiled.log);
  for (const KernelResources &resources : parsed.kernels) {
    registers = std::max(registers, resources.registers);
    spills += resources.spillStoreBytes + resources.spillLoadBytes;
  }
  Outcome outcome;
  bool fits = kernel.sharedBytes <= sharedLimit(entry.arch);
  outcome.ok =
      (spills == 0 || maySpill(entry.pattern)) && registers > 0 && fits && parsed.hopperWarnings.empty();
  outcome.line = fmt::format(
      "{:60} {}x{}x{} {} warps: {} registers, {} bytes shared{}, codegen {:.0f} ms, NVRTC {:.0f} ms{}",
      entry.name(), kernel.config.tileQueries, kernel.config.gather, kernel.config.tileKeys,
      kernel.config.warps, registers, kernel.sharedBytes, fits ? "" : " (TOO MUCH)", codegen,
      compiled.milliseconds,
      spills      ? fmt::format(", SPILLS {} bytes", spills)
      : registers ? ""
                  : ", NO RESOURCE LINES");
  for (const std::string &warning : parsed.hopperWarnings) outcome.line += "\n     " + warning;
  return outcome;
}

int usage() {
  fmt::print(
      "usage: maskloom-matrix [--all] [--filter TEXT] [--threads N] [--list]\n"
      "Compiles patterns x configurations x architectures to cubins with NVRTC; exit status 1 when one\n"
      "does not compile or spills registers. --all: the whole list rather than a third of it.\n"
      "--filter: entries whose name contains TEXT. --list: names only.\n");
  return 2;
}

int run(int argc, char **argv) {
  bool all = false, list = false;
  std::string filter;
  unsigned threads = 2;
  for (int i = 1; i < argc; i++) {
    std::string_view argument = argv[i];
    if (argument == "--all") {
      all = true;
    } else if (argument == "--list") {
      list = true;
    } else if (argument == "--filter" && i + 1 < argc) {
      filter = argv[++i];
    } else if (argument == "--threads" && i + 1 < argc) {
      threads = static_cast<unsigned>(std::max(1, std::atoi(argv[++i])));
    } else {
      return usage();
    }
  }
  const Nvrtc *nvrtc = Nvrtc::get();
  if (!nvrtc) {
    fmt::print("skipped: {}\n", Nvrtc::why());
    return 77; // CTest's SKIP_RETURN_CODE
  }
  std::vector<Entry> entries;
  std::vector<Entry> full = listEntries(nvrtc->architectures());
  for (size_t i = 0; i < full.size(); i++) {
    bool taken =
        filter.empty() ? all || i % kSubsetStride == 0 : full[i].name().find(filter) != std::string::npos;
    if (taken) entries.push_back(std::move(full[i]));
  }
  if (list) {
    for (const Entry &entry : entries) fmt::print("{}\n", entry.name());
    return 0;
  }

  std::atomic<size_t> next{0}, failed{0};
  std::mutex output;
  auto start = std::chrono::steady_clock::now();
  auto work = [&] {
    for (size_t i = next++; i < entries.size(); i = next++) {
      Outcome outcome = compileEntry(entries[i], *nvrtc);
      failed += !outcome.ok;
      std::lock_guard lock(output);
      fmt::print("{} {}\n", outcome.ok ? "ok  " : "FAIL", outcome.line);
    }
  };
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < threads; i++) workers.emplace_back(work);
  for (std::thread &worker : workers) worker.join();
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print("{} of {} listed configurations compiled with NVRTC {} in {:.0f} s, {} failed\n", entries.size(),
             full.size(), nvrtc->version(), seconds, failed.load());
  return failed || entries.empty() ? 1 : 0;
}

} // namespace
} // namespace maskloom

int main(int argc, char **argv) { return maskloom::run(argc, argv); }
