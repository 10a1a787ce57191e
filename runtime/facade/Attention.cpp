#include "maskloom/facade/Attention.h"

#include "maskloom/facade/CallArguments.h"
#include "maskloom/facade/CompileKernel.h"

#include "maskloom/device/Driver.h"
#include "maskloom/device/LauncherSet.h"
#include "maskloom/device/Nvrtc.h"

namespace maskloom {

Tensor Tensor::contiguous(void *data, std::array<int64_t, 4> shape, DType dtype) {
  return {data, shape, {shape[1] * shape[2] * shape[3], shape[2] * shape[3], shape[3], 1}, dtype};
}

struct Attention::State {
  Pattern pattern;
  CompileOptions options;
  std::string arch;
  CompileReport report;
  Program program; ///< of the kernel for aligned tensors, or of the CPU object
  AuxAxesReach reach;

  std::unique_ptr<LauncherSet> launchers; ///< null on the CPU
  std::unique_ptr<CpuExecutor> cpu;
  std::string image;

  std::unique_ptr<Launcher> compilePortable(int32_t alignBytes) const;
};

namespace {

/// Can kernels of this dtype be compiled for and run on the GPU of this process?
bool gpuIsUsable(DType dtype) {
  const Driver *driver = Driver::get();
  int device = 0;
  return driver && dtype != DType::f32 && !Nvrtc::identity().empty() && driver->currentDevice(device).ok() &&
         driver->info(device).major >= 8;
}

[[noreturn]] void userError(const std::string &message) { throw Error(ErrorKind::User, message); }

void checkLaunch(const std::string &problem) {
  if (!problem.empty()) throw Error(ErrorKind::Machine, problem);
}

} // namespace

std::unique_ptr<Launcher> Attention::State::compilePortable(int32_t alignBytes) const {
  CompileOptions other = options;
  KernelConfig config = program.kernel.config;
  if (config.isHopper()) {
    other.arch = arch;
    other.kernel = KernelChoice::Portable;
    config = default_config(pattern, other);
  }
  config.alignBytes = alignBytes;
  other.config = config;
  CompiledKernel kernel = compileKernel(pattern, other, arch);
  return std::make_unique<Launcher>(std::move(kernel.program), std::move(kernel.image));
}

Attention::Attention(std::unique_ptr<State> state) : state_(std::move(state)) {}
Attention::Attention(Attention &&) noexcept = default;
Attention &Attention::operator=(Attention &&) noexcept = default;
Attention::~Attention() = default;

void Attention::forward(const Tensor &q, const Tensor &k, const Tensor &v, const Tensor &o,
                        const ForwardOptions &options) {
  State &s = *state_;
  if (s.cpu) return checkLaunch(s.cpu->forward(hostArgs(s.program, s.reach, s.options, q, k, v, o, options)));
  ForwardArgs args = deviceArgs(s.program, s.reach, s.options, q, k, v, o, options);
  Launcher &launcher =
      s.launchers->forTensors(args, isAligned(q) && isAligned(k) && isAligned(v) && isAligned(o));
  checkLaunch(launcher.forward(args, {options.stream, options.aux_changed, options.max_blocks}));
}

void Attention::prepare(const Tensor &q, const Tensor &k, const Tensor &v, const Tensor &o,
                        const ForwardOptions &options) {
  State &s = *state_;
  if (s.cpu) {
    hostArgs(s.program, s.reach, s.options, q, k, v, o, options);
    return;
  }
  ForwardArgs args = deviceArgs(s.program, s.reach, s.options, q, k, v, o, options);
  Launcher &launcher =
      s.launchers->forTensors(args, isAligned(q) && isAligned(k) && isAligned(v) && isAligned(o));
  checkLaunch(launcher.prepare(args, {options.stream, options.aux_changed, options.max_blocks}));
}

size_t Attention::workspace_bytes(const Tensor &q, const Tensor &k) const {
  if (!state_->launchers) return 0;
  ForwardArgs args = {};
  args.batch = static_cast<int>(q.shape[0]);
  args.heads = static_cast<int>(q.shape[1]);
  args.kv_heads = static_cast<int>(k.shape[1]);
  args.queries = static_cast<int>(q.shape[2]);
  args.keys = static_cast<int>(k.shape[2]);
  return state_->launchers->main().workspaceBytes(args);
}

const Program &Attention::program() const { return state_->program; }
const CompileReport &Attention::report() const { return state_->report; }
Device Attention::device() const { return state_->cpu ? Device::Cpu : Device::Gpu; }
const std::string &Attention::arch() const { return state_->arch; }
const std::string &Attention::image() const { return state_->image; }

Attention compile(const Pattern &pattern, const CompileOptions &given) {
  auto state = std::make_unique<Attention::State>();
  state->pattern = pattern;
  state->options = given;
  CompileOptions &options = state->options;
  if (options.kv_heads == 0) options.kv_heads = options.heads;
  if (options.value_dim == 0) options.value_dim = options.head_dim;
  checkCompileOptions(pattern, options);

  if (options.device == Device::Auto) options.device = gpuIsUsable(options.dtype) ? Device::Gpu : Device::Cpu;
  if (options.device == Device::Cpu) {
    if (options.kernel != KernelChoice::Auto)
      userError("a kernel can be chosen for a GPU only, and this compiles for the CPU");
    CompiledKernel kernel = compileForCpu(pattern, options);
    state->arch = "cpu";
    state->report = kernel.report;
    std::string error;
    state->program = kernel.program;
    state->reach = reachOf(pattern, state->program);
    state->cpu = CpuExecutor::create(std::move(kernel.program), error);
    if (!state->cpu) throw Error(ErrorKind::Internal, "the CPU object could not be linked: " + error);
    return Attention(std::move(state));
  }

  if (options.dtype == DType::f32)
    userError("dtype f32 is computed on the CPU only: choose bf16 or f16, or device = Cpu");
  const Driver *driver = Driver::get();
  if (!driver) throw Error(ErrorKind::Machine, "no GPU: " + Driver::why());
  state->arch = options.arch;
  if (state->arch.empty()) {
    int device = 0;
    checkLaunch(driver->currentDevice(device).message);
    state->arch = driver->info(device).arch();
  }
  CompiledKernel kernel = compileKernel(pattern, options, state->arch);
  state->report = kernel.report;
  state->program = kernel.program;
  state->reach = reachOf(pattern, state->program);
  state->image = kernel.image;
  // The state outlives its launchers, and stays where it is when the Attention moves.
  state->launchers = std::make_unique<LauncherSet>(
      std::make_unique<Launcher>(std::move(kernel.program), std::move(kernel.image)),
      [&owner = *state](int32_t alignBytes) { return owner.compilePortable(alignBytes); });
  return Attention(std::move(state));
}

} // namespace maskloom
