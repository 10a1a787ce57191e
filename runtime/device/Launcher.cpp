#include "maskloom/device/Launcher.h"

#include "maskloom/device/Driver.h"
#include "maskloom/device/PlanWorkspaces.h"
#include "maskloom/device/TensorMaps.h"
#include "maskloom/device/WorkCounters.h"
#include "maskloom/program/UnitLengths.h"
#include "maskloom/templates/shared_layout.cuh"
#include "maskloom/templates/work_order.cuh"

#include <algorithm>
#include <limits>
#include <mutex>
#include <shared_mutex>

#include <fmt/format.h>

namespace maskloom {

namespace {

constexpr int64_t kMaxGrid = std::numeric_limits<int32_t>::max();
/// What a block may have without asking.
constexpr int32_t kDefaultSharedBytes = 48 * 1024;
/// Of K and V that stay in the L2 cache while heads that share it are under way.
constexpr int64_t kCacheBytes = 32 << 20;

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// K and V of a head.
int64_t kvBytes(const ForwardArgs &args, const KernelConfig &config) {
  return int64_t{args.keys} * (config.headDim + config.valueDim) * 2;
}

/// The work units as the kernels number them; sections need those of `args`.
kernel::WorkOrder<long long> workOrder(const ForwardArgs &args, const KernelConfig &config) {
  return {args, config.tileHeads, config.tileQueries};
}
int64_t workUnits(const ForwardArgs &args, const KernelConfig &config) {
  return workOrder(args, config).units();
}

/// Launches of more units end evenly in any order, and those of fewer KV tiles a unit have units of one
/// length.
constexpr int64_t kMostSortedUnits = 1 << 14, kFewestTiles = 8;

/// Whether a section's units are taken by length. Not where K and V of a head are larger than the cache:
/// there neighbouring Q tiles want to run together.
bool sortsUnits(const ForwardArgs &args, const KernelProgram &kernel) {
  return !kernel.orderEntry.empty() && kvBytes(args, kernel.config) <= kCacheBytes &&
         workUnits(args, kernel.config) <= kMostSortedUnits &&
         args.keys > (kFewestTiles - 1) * kernel.config.tileKeys;
}

/// The words of a plan: the bitmap, [batch][head][Q tile][2][words] with a word for 32 KV tiles, then the
/// order of the work units (unit_order.cuh), or none.
struct PlanLayout {
  int64_t bitmap, order;
  size_t bytes() const { return static_cast<size_t>(bitmap + order) * sizeof(uint32_t); }
};
PlanLayout planLayout(const ForwardArgs &args, const KernelProgram &kernel) {
  const KernelConfig &config = kernel.config;
  const int64_t bytes = kernel::plan_bytes(args.batch, args.heads, args.queries, args.keys,
                                           config.tileQueries, config.tileKeys);
  return {bytes / int64_t{sizeof(uint32_t)}, sortsUnits(args, kernel) ? workUnits(args, config) * 2 : 0};
}

/// Why the Hopper kernel cannot take the launch as it is: what TMA cannot address, too many work units for
/// its 32-bit counter, or a scale with which the smallest product is the largest score. Otherwise empty, and
/// `maps` points at the tensor maps.
std::string problemOnHopper(const Driver &driver, const ForwardArgs &args, const KernelConfig &config,
                            const TensorMaps *&maps) {
  if (int64_t units = workUnits(args, config); units >= int64_t{1} << 31)
    return fmt::format("{} work units, hopper_forward counts fewer than 2^31", units);
  if (!(args.scale > 0.0f)) return fmt::format("scale {}: hopper_forward needs one above 0", args.scale);
  return TensorMapCache::ofThread().find(driver, args, config, maps).message;
}

std::string checkShape(const ForwardArgs &args, const KernelConfig &config) {
  if (args.batch < 1 || args.heads < 1 || args.kv_heads < 1 || args.queries < 1 || args.keys < 1)
    return fmt::format("batch {}, heads {}, KV heads {}, queries {}, keys {}: each must be at least 1",
                       args.batch, args.heads, args.kv_heads, args.queries, args.keys);
  if (args.heads % args.kv_heads)
    return fmt::format("{} heads are not divisible by {} KV heads", args.heads, args.kv_heads);
  if (const int group = args.heads / args.kv_heads; group % config.tileHeads)
    return fmt::format("{} query heads of a KV head do not fill Q tiles of {}", group, config.tileHeads);
  return {};
}

struct LoadedModule {
  void *context = nullptr, *module = nullptr, *kernel = nullptr, *planner = nullptr, *order = nullptr;
  int multiprocessors = 1;
};

/// (batch entry, head) pairs whose K and V are in use at a time: as many as fit `cacheBytes` together, heads
/// of one KV head together, and as many as make `unitsAMultiprocessor` units for every multiprocessor.
int sectionHeads(const ForwardArgs &args, const KernelConfig &config, int multiprocessors, int64_t cacheBytes,
                 int64_t unitsAMultiprocessor) {
  const int64_t group = args.heads / args.kv_heads, pairs = int64_t{args.batch} * args.heads;
  const int64_t fitting = std::max<int64_t>(cacheBytes / kvBytes(args, config), 1);
  const int64_t unitsAGroup = group / config.tileHeads * ceilDiv(args.queries, config.tileQueries);
  const int64_t busy = ceilDiv(unitsAMultiprocessor * multiprocessors, unitsAGroup);
  return static_cast<int>(
      std::min({std::max(fitting, busy) * group, pairs, int64_t{std::numeric_limits<int>::max()}}));
}

/// Blocks of a launch.
unsigned gridOf(const ForwardArgs &args, const KernelConfig &config, int64_t maxBlocks, int multiprocessors) {
  int64_t grid = std::min(workUnits(args, config), maxBlocks > 0 ? std::min(maxBlocks, kMaxGrid) : kMaxGrid);
  if (config.isHopper()) {
    grid = std::min<int64_t>(grid, multiprocessors);
    grid = std::max<int64_t>(grid / config.cluster, 1) * config.cluster;
  }
  return static_cast<unsigned>(grid);
}

} // namespace

struct Launcher::State {
  Program program;
  std::string image;
  const Driver *driver;
  const bool firstTilesFirst = firstUnitsAreLonger(program);

  std::shared_mutex modulesMutex;
  std::vector<LoadedModule> modules; // one a context: few

  std::mutex planMutex; // held from the plan to the launch that reads it
  PlanWorkspaces workspaces{kMaxWorkspaces};
  WorkCounters counters;

  DriverStatus module(LoadedModule &loaded);
  DriverStatus load(void *context, LoadedModule &loaded) const;
  DriverStatus plan(const LoadedModule &loaded, ForwardArgs &args, const Options &options,
                    const StreamCapture &capture);
  DriverStatus launchPlanner(const LoadedModule &loaded, ForwardArgs &args, void *stream) const;
  std::string run(ForwardArgs &args, const Options &options, bool launch);
};

DriverStatus Launcher::State::load(void *context, LoadedModule &loaded) const {
  const KernelProgram &kernel = program.kernel;
  int device = 0;
  if (DriverStatus s = driver->currentDevice(device); !s.ok()) return s;
  GpuInfo gpu = driver->info(device);
  if (static_cast<size_t>(kernel.sharedBytes) > gpu.sharedPerBlock)
    return {
        fmt::format("kernel '{}' needs {} bytes of shared memory a block, {} has {}: use smaller tiles or "
                    "fewer stages",
                    kernel.entry, kernel.sharedBytes, gpu.name, gpu.sharedPerBlock)};
  loaded.context = context;
  loaded.multiprocessors = std::max(gpu.multiprocessors, 1);
  if (DriverStatus s = driver->loadModule(image, loaded.module); !s.ok()) {
    s.message += fmt::format(" for kernel '{}' on {} ({}): was it compiled for this GPU?", kernel.entry,
                             gpu.name, gpu.arch());
    return s;
  }
  DriverStatus s = driver->getFunction(loaded.module, kernel.entry, loaded.kernel);
  if (s.ok() && !kernel.planEntry.empty())
    s = driver->getFunction(loaded.module, kernel.planEntry, loaded.planner);
  if (s.ok() && !kernel.orderEntry.empty())
    s = driver->getFunction(loaded.module, kernel.orderEntry, loaded.order);
  if (s.ok() && kernel.sharedBytes > kDefaultSharedBytes)
    s = driver->setSharedBytes(loaded.kernel, kernel.sharedBytes);
  if (!s.ok()) driver->unloadModule(loaded.module);
  return s;
}

/// The module in the calling thread's context.
DriverStatus Launcher::State::module(LoadedModule &loaded) {
  void *context = nullptr;
  if (DriverStatus s = driver->currentContext(context); !s.ok()) return s;
  auto find = [&] {
    for (const LoadedModule &m : modules)
      if (m.context == context) return loaded = m, true;
    return false;
  };
  {
    std::shared_lock lock(modulesMutex);
    if (find()) return {};
  }
  std::unique_lock lock(modulesMutex);
  if (find()) return {};
  DriverStatus s = load(context, loaded);
  if (s.ok()) modules.push_back(loaded);
  return s;
}

DriverStatus Launcher::State::plan(const LoadedModule &loaded, ForwardArgs &args, const Options &options,
                                   const StreamCapture &capture) {
  const PlanLayout layout = planLayout(args, program.kernel);
  auto setPlan = [&](void *memory) {
    args.plan = static_cast<unsigned *>(memory);
    args.unit_order = layout.order ? args.plan + layout.bitmap : nullptr;
  };
  if (capture) { // a graph carries its planner: contents of tensors may change from replay to replay
    void *bitmap = nullptr;
    if (DriverStatus s = workspaces.findCaptured(*driver, loaded.context, options.stream, capture, args,
                                                 layout.bytes(), bitmap);
        !s.ok())
      return s;
    setPlan(bitmap);
    return launchPlanner(loaded, args, options.stream);
  }
  PlanWorkspaces::Found found;
  if (DriverStatus s = workspaces.find(*driver, loaded.context, options.stream, args, layout.bytes(), found);
      !s.ok())
    return s;
  setPlan(found.workspace->bitmap);
  PlanInputs inputs = planInputs(args, program.params.size(), program.auxes.size());
  PlanWorkspace &workspace = *found.workspace;
  // Lengths live in device memory and grow in place from call to call: a plan made from them is never kept.
  bool lengthsMayDiffer = args.query_lengths || args.key_lengths;
  if (workspace.planned && workspace.inputs == inputs && !options.auxChanged && !lengthsMayDiffer) return {};

  DriverStatus s = launchPlanner(loaded, args, options.stream);
  workspace.planned = s.ok();
  workspace.inputs = inputs;
  return s;
}

DriverStatus Launcher::State::launchPlanner(const LoadedModule &loaded, ForwardArgs &args,
                                            void *stream) const {
  auto gridOf = [](int64_t blocks) { return static_cast<unsigned>(std::min(blocks, kMaxGrid)); };
  void *params[] = {&args};
  DriverStatus s = driver->launch(
      loaded.planner, {gridOf(workUnits(args, program.kernel.config)), kernel::kPlanThreads}, stream, params);
  if (!s.ok() || !args.unit_order) return s;
  const int64_t sections = workOrder(args, program.kernel.config).sections();
  return driver->launch(loaded.order, {gridOf(sections), kernel::kOrderThreads}, stream, params);
}

std::string Launcher::State::run(ForwardArgs &args, const Options &options, bool launch) {
  if (std::string wrong = checkShape(args, program.kernel.config); !wrong.empty()) return wrong;
  if (!driver) return Driver::why();
  const StreamCapture capture = driver->capture(options.stream);
  const AllocationDuringCapture allowed(*driver);
  LoadedModule loaded;
  if (DriverStatus s = module(loaded); !s.ok()) return s.message;

  const KernelProgram &kernel = program.kernel;
  const KernelConfig &config = kernel.config;
  const TensorMaps *maps = nullptr;
  args.work_counter = nullptr;
  // Measured on an H200: units of equal length want few heads under way, and the end of a launch many units
  // of every length; more of them where lengths do not fall from one Q tile to the next.
  const int endUnits = kernel.planEntry.empty() ? 2 : 8;
  args.first_tiles_first = firstTilesFirst;
  args.section_heads = sectionHeads(args, config, loaded.multiprocessors, 4 << 20, 0);
  args.last_section_heads = sectionHeads(args, config, loaded.multiprocessors, kCacheBytes, endUnits);
  if (config.isHopper()) {
    if (std::string problem = problemOnHopper(*driver, args, config, maps); !problem.empty()) return problem;
    args.work_counter = counters.take(*driver, loaded.context, options.stream, bool(capture));
  }
  std::unique_lock<std::mutex> planned;
  args.plan = args.unit_order = nullptr;
  if (!kernel.planEntry.empty()) {
    planned = std::unique_lock(planMutex);
    if (DriverStatus s = plan(loaded, args, options, capture); !s.ok()) return s.message;
  }
  if (!launch) return {};
  // The driver copies both; it reads as many as the kernel has parameters.
  void *params[] = {&args, const_cast<TensorMaps *>(maps)};
  const LaunchShape shape{gridOf(args, config, options.maxBlocks, loaded.multiprocessors),
                          static_cast<unsigned>(kernel.threads), static_cast<unsigned>(kernel.sharedBytes),
                          /*startsEarly=*/config.isHopper() && !capture};
  return driver->launch(loaded.kernel, shape, options.stream, params).message;
}

Launcher::Launcher(Program program, std::string image, const Driver *driver)
    : state_(new State{.program = std::move(program),
                       .image = std::move(image),
                       .driver = driver ? driver : Driver::get(),
                       .modulesMutex = {},
                       .modules = {},
                       .planMutex = {},
                       .counters = {}}) {}

Launcher::~Launcher() {
  // At exit the driver may be gone already: nothing to report then.
  for (const LoadedModule &m : state_->modules) {
    if (!state_->driver->pushContext(m.context).ok()) continue;
    state_->driver->synchronize(nullptr);
    state_->workspaces.release(*state_->driver, m.context);
    state_->counters.release(*state_->driver, m.context);
    state_->driver->unloadModule(m.module);
    state_->driver->popContext();
  }
}

std::string Launcher::forward(ForwardArgs args, const Options &options) {
  return state_->run(args, options, true);
}

std::string Launcher::prepare(ForwardArgs args, const Options &options) {
  std::string wrong = state_->run(args, options, false);
  return wrong.empty() ? state_->driver->synchronize(options.stream).message : wrong;
}

std::string Launcher::hopperProblem(const ForwardArgs &args) const {
  const KernelConfig &config = state_->program.kernel.config;
  if (!config.isHopper() || !state_->driver || !checkShape(args, config).empty()) return {};
  const TensorMaps *maps = nullptr;
  return problemOnHopper(*state_->driver, args, config, maps);
}

size_t Launcher::workspaceBytes(const ForwardArgs &args) const {
  const KernelProgram &kernel = state_->program.kernel;
  if (kernel.planEntry.empty() || !checkShape(args, kernel.config).empty()) return 0;
  return planLayout(args, kernel).bytes();
}

const Program &Launcher::program() const { return state_->program; }
const std::string &Launcher::image() const { return state_->image; }

} // namespace maskloom
