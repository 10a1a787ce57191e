// NVRTC, loaded at run time: searched for in MASKLOOM_NVRTC, the library path, CUDA toolkits, and NVIDIA's
// Python wheels.
#pragma once

#include <string>
#include <variant>
#include <vector>

namespace maskloom {

struct NvrtcResult {
  bool ok = false;
  std::string ptx, cubin; ///< what was asked for
  std::string log;        ///< compiler messages, with -Xptxas -v resource lines
  double milliseconds = 0;
};

class Nvrtc {
public:
  /// The process-wide library; null when it is not found (why() says where was looked).
  static const Nvrtc *get();
  static const std::string &why();

  std::string version() const; ///< "13.0.88" or "13.0" when the build number is unknown
  std::string path() const;
  std::vector<std::string>
  architectures() const; ///< "sm_80", ..., "sm_90a": real architectures from sm_80 on
  /// Compiles to a cubin (arch "sm_90a") and, when `wantPtx`, to PTX as well.
  NvrtcResult compile(const std::string &source, const std::string &name, const std::string &arch,
                      bool wantCubin, bool wantPtx, const std::vector<std::string> &extraOptions = {}) const;

private:
  struct Api;
  explicit Nvrtc(const Api *api) : api_(api) {}
  const Api *api_;
};

} // namespace maskloom
