#include "maskloom/cli/Cli.h"
#include "maskloom/cli/Commands.h"
#include "maskloom/device/Driver.h"
#include "maskloom/device/Nvrtc.h"
#include "maskloom/facade/CompileKernel.h"

#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace maskloom {

namespace {

struct Finding {
  std::string what;
  bool ok = false;
  std::string found; ///< what is there, or what is missing
  std::string todo;  ///< what to do when it is missing
};

std::vector<Finding> examine() {
  std::vector<Finding> findings;
  if (const Nvrtc *nvrtc = Nvrtc::get()) {
    findings.push_back({"NVRTC", true,
                        fmt::format("{} at {}, architectures {}", nvrtc->version(), nvrtc->path(),
                                    fmt::join(nvrtc->architectures(), " ")),
                        ""});
  } else {
    findings.push_back({"NVRTC", false, Nvrtc::why(),
                        "install the CUDA toolkit or the wheel nvidia-cuda-nvrtc, or set MASKLOOM_NVRTC to "
                        "libnvrtc.so; without "
                        "it patterns compile to CUDA C++ (.cu) and run on the CPU only"});
  }
  if (const Driver *driver = Driver::get()) {
    int version = driver->driverVersion();
    findings.push_back({"driver", true, fmt::format("CUDA {}.{}", version / 1000, version % 1000 / 10), ""});
    for (int i = 0; i < driver->deviceCount(); ++i) {
      GpuInfo info = driver->info(i);
      findings.push_back({fmt::format("GPU {}", i), info.major >= 8,
                          fmt::format("{}, {}, {} multiprocessors, {:.0f} GiB", info.name, info.arch(),
                                      info.multiprocessors, static_cast<double>(info.memory) / (1ull << 30)),
                          info.major >= 8 ? "" : "kernels need compute capability 8.0 or later"});
    }
  } else {
    findings.push_back(
        {"driver", false, Driver::why(),
         "install NVIDIA's driver to launch on a GPU; compiling works without, and `run` uses the CPU"});
  }
  findings.push_back({"CPU", true, fmt::format("{} threads", std::thread::hardware_concurrency()), ""});
  KernelCache &cache = processCache();
  findings.push_back(
      {"cache", cache.usable(), cache.directory().string(),
       cache.usable()
           ? ""
           : "make the directory writable for you alone, or set MASKLOOM_CACHE_DIR; until then every "
             "process compiles afresh"});
  return findings;
}

int doctor(bool json) {
  std::vector<Finding> findings = examine();
  if (json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const Finding &f : findings)
      list.push_back({{"what", f.what}, {"ok", f.ok}, {"found", f.found}, {"todo", f.todo}});
    fmt::print(
        "{}\n",
        nlohmann::ordered_json{{"schema", 1}, {"version", MASKLOOM_VERSION}, {"findings", list}}.dump(2));
    return kExitOk;
  }
  for (const Finding &f : findings) {
    fmt::print("{:<8} {}  {}\n", f.what, f.ok ? "ok     " : "missing", f.found);
    if (!f.todo.empty()) fmt::print("                  -> {}\n", f.todo);
  }
  return kExitOk;
}

} // namespace

void addDoctorCommand(CLI::App &app, Action &action) {
  auto json = std::make_shared<bool>(false);
  CLI::App *command =
      app.add_subcommand("doctor", "What is found, what is missing, what to do: NVRTC, driver, GPUs, cache");
  command->add_flag("--json", *json, "Machine-readable output (schema in docs/cli.md)");
  command->callback([json, &action] { action = [json] { return doctor(*json); }; });
}

} // namespace maskloom
