#include "maskloom/device/LauncherSet.h"

namespace maskloom {

LauncherSet::LauncherSet(std::unique_ptr<Launcher> main, CompilePortable compilePortable)
    : main_(std::move(main)), compilePortable_(std::move(compilePortable)) {}

Launcher &LauncherSet::forTensors(const ForwardArgs &args, bool isAligned) {
  if (!isAligned) return compiled(unaligned_, 2);
  return main_->hopperProblem(args).empty() ? *main_ : compiled(aligned_, 16);
}

Launcher &LauncherSet::compiled(Portable &portable, int32_t alignBytes) {
  std::call_once(portable.once, [&] { portable.launcher = compilePortable_(alignBytes); });
  return *portable.launcher;
}

} // namespace maskloom
