#include "maskloom/device/Nvrtc.h"

#include "maskloom/device/NvrtcSearch.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <mutex>

#include <dlfcn.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace maskloom {

namespace {

constexpr int kInvalidOption = 5; // NVRTC_ERROR_INVALID_OPTION
using ProgramHandle = void *;

double millisecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

} // namespace

/// The functions of the library; all return a status, 0 for success.
struct Nvrtc::Api {
  void *library = nullptr;
  std::string path, version;
  int major = 0, minor = 0;
  std::vector<int> archs;
  /// Releases before --no-cache have no cache to switch off.
  mutable std::atomic<bool> knowsNoCache{true};

  int (*versionOf)(int *, int *) = nullptr;
  int (*create)(ProgramHandle *, const char *, const char *, int, const char *const *,
                const char *const *) = nullptr;
  int (*destroy)(ProgramHandle *) = nullptr;
  int (*compile)(ProgramHandle, int, const char *const *) = nullptr;
  int (*logSize)(ProgramHandle, size_t *) = nullptr;
  int (*log)(ProgramHandle, char *) = nullptr;
  int (*ptxSize)(ProgramHandle, size_t *) = nullptr;
  int (*ptx)(ProgramHandle, char *) = nullptr;
  int (*cubinSize)(ProgramHandle, size_t *) = nullptr;
  int (*cubin)(ProgramHandle, char *) = nullptr;
  int (*archCount)(int *) = nullptr;
  int (*archList)(int *) = nullptr;
  const char *(*errorString)(int) = nullptr;

  ~Api() {
    if (library) dlclose(library);
  }
  bool bind(std::string &missing);
  NvrtcResult run(const std::string &source, const std::string &name, const std::vector<std::string> &options,
                  bool wantCubin, bool wantPtx, int &status) const;
};

bool Nvrtc::Api::bind(std::string &missing) {
  auto function = [&](auto &pointer, const char *name) {
    void *symbol = dlsym(library, name);
    if (!symbol) missing = name;
    std::memcpy(&pointer, &symbol, sizeof symbol);
  };
  function(versionOf, "nvrtcVersion");
  function(create, "nvrtcCreateProgram");
  function(destroy, "nvrtcDestroyProgram");
  function(compile, "nvrtcCompileProgram");
  function(logSize, "nvrtcGetProgramLogSize");
  function(log, "nvrtcGetProgramLog");
  function(ptxSize, "nvrtcGetPTXSize");
  function(ptx, "nvrtcGetPTX");
  function(cubinSize, "nvrtcGetCUBINSize");
  function(cubin, "nvrtcGetCUBIN");
  function(archCount, "nvrtcGetNumSupportedArchs");
  function(archList, "nvrtcGetSupportedArchs");
  function(errorString, "nvrtcGetErrorString");
  return missing.empty();
}

Nvrtc::Nvrtc(std::unique_ptr<Api> api) : api_(std::move(api)) {}
Nvrtc::~Nvrtc() = default;

std::unique_ptr<const Nvrtc> Nvrtc::load(std::string &why) {
  NvrtcSearch search = searchNvrtc();
  std::string failures;
  for (const std::string &candidate : search.candidates) {
    auto api = std::make_unique<Api>();
    api->library = dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL);
    std::string missing;
    if (!api->library) {
      failures += fmt::format("\n  {}: {}", candidate, dlerror());
      continue;
    }
    if (!api->bind(missing)) {
      failures += fmt::format("\n  {}: too old, it has no {}", candidate, missing);
      continue;
    }
    int count = 0;
    if (api->versionOf(&api->major, &api->minor) || api->archCount(&count)) {
      failures += fmt::format("\n  {}: it does not answer", candidate);
      continue;
    }
    api->archs.resize(count);
    api->archList(api->archs.data());
    api->path = candidate;
    Dl_info info{};
    if (dladdr(reinterpret_cast<void *>(api->create), &info) && info.dli_fname) api->path = info.dli_fname;
    // The files beside the library know the build number; what the library itself says has the last word.
    std::string base = fmt::format("{}.{}", api->major, api->minor);
    std::string release = nvrtcRelease(api->path);
    api->version = release.compare(0, base.size() + 1, base + ".") == 0 ? release : base;
    return std::unique_ptr<const Nvrtc>(new Nvrtc(std::move(api)));
  }
  why = fmt::format("NVRTC was not found, so nothing can be compiled for a GPU. Looked in: {}.{}\nInstall "
                    "the CUDA toolkit (12.0 "
                    "or later), or `pip install nvidia-cuda-nvrtc` (CUDA 13) or `pip install "
                    "nvidia-cuda-nvrtc-cu12`, or set "
                    "MASKLOOM_NVRTC to libnvrtc.so or to the folder that holds it.",
                    fmt::join(search.looked, ", "),
                    failures.empty() ? "" : "\nFound, but not usable:" + failures);
  return nullptr;
}

namespace {

/// Kept for the life of the process: unloading a compiler at exit gains nothing.
struct Shared {
  std::string why;
  std::unique_ptr<const Nvrtc> nvrtc = Nvrtc::load(why);
  static const Shared &get() {
    static const Shared *shared = new Shared;
    return *shared;
  }
};

} // namespace

const Nvrtc *Nvrtc::get() { return Shared::get().nvrtc.get(); }
const std::string &Nvrtc::why() { return Shared::get().why; }

const std::string &Nvrtc::identity() {
  static const std::string identity = [] {
    NvrtcSearch search = searchNvrtc();
    std::string release = search.candidates.empty() ? "" : nvrtcRelease(search.candidates.front());
    bool complete = std::count(release.begin(), release.end(), '.') >= 2;
    if (complete) return "nvrtc " + release;
    return get() ? "nvrtc " + get()->version() : std::string();
  }();
  return identity;
}

std::string Nvrtc::version() const { return api_->version; }
std::string Nvrtc::path() const { return api_->path; }

std::vector<std::string> Nvrtc::architectures() const {
  std::vector<std::string> out;
  for (int arch : api_->archs) {
    if (arch < 80) continue;
    out.push_back(fmt::format("sm_{}", arch));
    if (arch >= 90) out.push_back(fmt::format("sm_{}a", arch)); // with that GPU's own instructions
    bool families = api_->major > 12 || (api_->major == 12 && api_->minor >= 9);
    if (arch >= 100 && families) out.push_back(fmt::format("sm_{}f", arch)); // and those of its family
  }
  return out;
}

std::string Nvrtc::checkArchitecture(const std::string &arch) const {
  std::vector<std::string> known = architectures();
  if (std::find(known.begin(), known.end(), arch) != known.end()) return "";
  return fmt::format("unknown architecture '{}': NVRTC {} compiles for {}", arch, version(),
                     fmt::join(known, ", "));
}

NvrtcResult Nvrtc::Api::run(const std::string &source, const std::string &name,
                            const std::vector<std::string> &options, bool wantCubin, bool wantPtx,
                            int &status) const {
  NvrtcResult result;
  ProgramHandle program = nullptr;
  status = create(&program, source.c_str(), name.c_str(), 0, nullptr, nullptr);
  if (status) {
    result.log = fmt::format("nvrtcCreateProgram: {}", errorString(status));
    return result;
  }
  std::vector<const char *> arguments;
  for (const std::string &option : options) arguments.push_back(option.c_str());
  status = compile(program, static_cast<int>(arguments.size()), arguments.data());

  // Sizes of text count the closing zero.
  auto fetch = [&](auto size, auto content, bool isText) {
    size_t bytes = 0;
    std::string text;
    if (size(program, &bytes) || bytes == 0) return text;
    text.resize(bytes);
    if (content(program, text.data())) text.clear();
    if (isText && !text.empty()) text.pop_back();
    return text;
  };
  result.log = fetch(logSize, log, true);
  if (status) result.log += fmt::format("nvrtcCompileProgram: {}\n", errorString(status));
  if (!status && wantPtx) result.ptx = fetch(ptxSize, ptx, true);
  if (!status && wantCubin) result.cubin = fetch(cubinSize, cubin, false);
  destroy(&program);
  result.ok = !status && !(wantPtx && result.ptx.empty()) && !(wantCubin && result.cubin.empty());
  return result;
}

NvrtcResult Nvrtc::compile(const std::string &source, const std::string &name, const std::string &arch,
                           bool wantCubin, bool wantPtx, const std::vector<std::string> &extraOptions) const {
  auto start = std::chrono::steady_clock::now();
  NvrtcResult result;
  result.log = checkArchitecture(arch);
  if (!result.log.empty()) return result;

  // A virtual architecture stops at PTX and saves the time of ptxas.
  std::string target = wantCubin ? arch : "compute_" + arch.substr(3);
  std::vector<std::string> options = {"-arch=" + target, "--std=c++17", "-default-device"};
  if (wantCubin) options.insert(options.end(), {"-Xptxas", "-v"});
  options.insert(options.end(), extraOptions.begin(), extraOptions.end());
  int status = 0;
  if (api_->knowsNoCache) {
    std::vector<std::string> uncached = options;
    uncached.push_back("--no-cache"); // the kernel cache does that, and knows when an entry is stale
    result = api_->run(source, name, uncached, wantCubin, wantPtx, status);
    if (status == kInvalidOption && result.log.find("no-cache") != std::string::npos)
      api_->knowsNoCache = false;
  }
  if (!api_->knowsNoCache) result = api_->run(source, name, options, wantCubin, wantPtx, status);
  if (wantCubin) result.resources = parseResources(result.log);
  result.milliseconds = millisecondsSince(start);
  return result;
}

} // namespace maskloom
