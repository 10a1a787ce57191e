// NVRTC, loaded at run time (NvrtcSearch.h says where it is looked for).
#pragma once

#include "maskloom/device/Resources.h"

#include <memory>
#include <string>
#include <vector>

namespace maskloom {

struct NvrtcResult {
  bool ok = false;
  std::string ptx, cubin;     ///< what was asked for
  std::string log;            ///< compiler messages, with -Xptxas -v resource lines
  CompileResources resources; ///< the log's resource lines; empty when no cubin was made
  double milliseconds = 0;
};

class Nvrtc {
public:
  /// The process-wide library; null when it is not found (why() says where was looked and what to do).
  static const Nvrtc *get();
  static const std::string &why();
  /// "nvrtc 13.0.88": which compiler get() is or would be, for cache keys. Found from files alone where
  /// possible: loading the library takes longer than a cache hit may. Empty when there is none.
  static const std::string &identity();
  /// Searches and loads afresh, for tests; null and `why` on failure.
  static std::unique_ptr<const Nvrtc> load(std::string &why);
  ~Nvrtc();
  Nvrtc(const Nvrtc &) = delete;
  Nvrtc &operator=(const Nvrtc &) = delete;

  std::string version() const; ///< "13.0.88", or "13.0" when the build number is unknown
  std::string path() const;
  /// Real architectures from sm_80 on: "sm_80", ..., "sm_90", "sm_90a"
  std::vector<std::string> architectures() const;
  /// Empty when compile() takes this architecture; else a message that lists the ones it takes.
  std::string checkArchitecture(const std::string &arch) const;

  /// Compiles header-free CUDA C++ to a cubin for `arch` ("sm_90a"), to PTX, or both. Compile errors and an
  /// unknown architecture come back in the log. Thread-safe.
  NvrtcResult compile(const std::string &source, const std::string &name, const std::string &arch,
                      bool wantCubin, bool wantPtx, const std::vector<std::string> &extraOptions = {}) const;

private:
  struct Api;
  explicit Nvrtc(std::unique_ptr<Api> api);
  std::unique_ptr<Api> api_;
};

} // namespace maskloom
