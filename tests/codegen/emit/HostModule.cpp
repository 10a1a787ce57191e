#include "HostModule.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <dlfcn.h>
#include <unistd.h>

namespace maskloom::testing {

std::unique_ptr<HostModule> HostModule::compile(const std::string &source, std::string &error) {
  namespace fs = std::filesystem;
  std::string folder = (fs::temp_directory_path() / "maskloom-emit-XXXXXX").string();
  if (!mkdtemp(folder.data())) {
    error = "no temporary folder";
    return nullptr;
  }
  std::string file = folder + "/emitted.cpp", object = folder + "/emitted.so", log = folder + "/log";
  std::ofstream(file) << "#include <math.h>\n#include \"" MASKLOOM_TEMPLATES "/foundation.cuh\"\n" << source;
  // Signed overflow would be our bug: it traps.
  std::string command =
      fmt::format("'{}' -std=c++17 -O0 -ftrapv -fPIC -shared -fvisibility=hidden -o '{}' '{}' > '{}' 2>&1",
                  MASKLOOM_HOST_CXX, object, file, log);
  void *handle = nullptr;
  if (std::system(command.c_str()) != 0) {
    std::stringstream messages;
    messages << std::ifstream(log).rdbuf();
    error = messages.str();
  } else if (handle = dlopen(object.c_str(), RTLD_NOW | RTLD_LOCAL); !handle) {
    error = dlerror();
  }
  if (std::getenv("MASKLOOM_KEEP"))
    fmt::print(stderr, "kept {}\n", folder);
  else
    fs::remove_all(folder);
  return handle ? std::unique_ptr<HostModule>(new HostModule(handle)) : nullptr;
}

HostModule::~HostModule() { dlclose(handle_); }

void *HostModule::symbol(const std::string &name) const { return dlsym(handle_, name.c_str()); }

} // namespace maskloom::testing
