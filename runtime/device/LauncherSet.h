// The kernels of one pattern, and which of them takes which tensors.
#pragma once

#include "maskloom/device/Launcher.h"

#include <functional>
#include <memory>
#include <mutex>

namespace maskloom {

class LauncherSet {
public:
  /// Compiles the portable kernel for tensors whose addresses and strides are multiples of `alignBytes`, 16
  /// or 2.
  using CompilePortable = std::function<std::unique_ptr<Launcher>(int32_t alignBytes)>;

  /// `main`: for 16-byte-aligned tensors that TMA can address, when it needs that.
  LauncherSet(std::unique_ptr<Launcher> main, CompilePortable compilePortable);

  Launcher &main() const { return *main_; }
  /// The main kernel when it can take these tensors, else a portable one, which is compiled when it is first
  /// needed. Nothing is ever copied. `isAligned`: Q, K, V and O are aligned to 16 bytes. Thread-safe; throws
  /// what CompilePortable throws.
  Launcher &forTensors(const ForwardArgs &args, bool isAligned);

private:
  struct Portable {
    std::once_flag once;
    std::unique_ptr<Launcher> launcher;
  };
  Launcher &compiled(Portable &portable, int32_t alignBytes);

  std::unique_ptr<Launcher> main_;
  CompilePortable compilePortable_;
  Portable aligned_, unaligned_;
};

} // namespace maskloom
