#include "maskloom/device/NvrtcSearch.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <dlfcn.h>
#include <glob.h>

#include <nlohmann/json.hpp>

namespace maskloom {

namespace {

namespace fs = std::filesystem;

std::string environment(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

std::vector<std::string> expand(const std::string &pattern) {
  glob_t found{};
  std::vector<std::string> out;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0)
    out.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  std::reverse(out.begin(), out.end()); // newest version first
  return out;
}

bool exists(const fs::path &path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

/// libnvrtc.so.13, libnvrtc.so.13.0.88 or libnvrtc.so in a folder; other libraries of the family excluded.
std::string libraryIn(const std::string &folder) {
  for (const char *major : {"14", "13", "12"}) {
    std::string name = folder + "/libnvrtc.so." + major;
    if (exists(name)) return name;
    for (const std::string &versioned : expand(name + ".*")) return versioned;
  }
  std::string plain = folder + "/libnvrtc.so";
  return exists(plain) ? plain : "";
}

std::vector<std::string> split(const std::string &list) {
  std::vector<std::string> out;
  for (size_t start = 0; start < list.size();) {
    size_t end = std::min(list.find(':', start), list.size());
    if (end > start) out.push_back(list.substr(start, end - start));
    start = end + 1;
  }
  return out;
}

/// The folder of the file that holds this code: libmaskloom.so, or a program that it is linked into.
fs::path ownFolder() {
  Dl_info info{};
  if (!dladdr(reinterpret_cast<const void *>(&searchNvrtc), &info) || !info.dli_fname) return {};
  std::error_code ignored;
  return fs::canonical(info.dli_fname, ignored).parent_path();
}

/// The text between `prefix` and `suffix` of a file name, when it is a version number.
std::string versionIn(const std::string &name, const std::string &prefix, const std::string &suffix = "") {
  if (name.size() <= prefix.size() + suffix.size() || name.compare(0, prefix.size(), prefix)) return "";
  if (name.compare(name.size() - suffix.size(), suffix.size(), suffix)) return "";
  std::string version = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
  bool isVersion = version.find_first_not_of("0123456789.") == std::string::npos;
  return isVersion && version.find('.') != std::string::npos ? version : "";
}

std::string fromDistInfo(const fs::path &folder) {
  for (const std::string &path : expand((folder / "nvidia_cuda_nvrtc*.dist-info").string())) {
    std::string name = fs::path(path).filename();
    for (const char *prefix : {"nvidia_cuda_nvrtc-", "nvidia_cuda_nvrtc_cu12-", "nvidia_cuda_nvrtc_cu13-"})
      if (std::string version = versionIn(name, prefix, ".dist-info"); !version.empty()) return version;
  }
  return "";
}

std::string fromVersionJson(const fs::path &file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return "";
  auto json = nlohmann::json::parse(in, nullptr, false);
  if (!json.is_object() || !json.contains("cuda_nvrtc")) return "";
  const auto &entry = json["cuda_nvrtc"];
  if (!entry.is_object() || !entry.contains("version") || !entry["version"].is_string()) return "";
  return entry["version"].get<std::string>();
}

} // namespace

NvrtcSearch searchNvrtc() {
  NvrtcSearch search;
  auto addFile = [&](const std::string &file) {
    auto &list = search.candidates;
    if (!file.empty() && std::find(list.begin(), list.end(), file) == list.end()) list.push_back(file);
  };
  auto addFolder = [&](const std::string &folder) { addFile(libraryIn(folder)); };
  // A folder that wheels were unpacked into: nvidia/cu13/lib, nvidia/cuda_nvrtc/lib.
  auto addWheels = [&](const std::string &folder) {
    for (const std::string &lib : expand(folder + "/nvidia/*/lib")) addFolder(lib);
  };

  std::string given = environment("MASKLOOM_NVRTC");
  search.looked.push_back("MASKLOOM_NVRTC (" + (given.empty() ? "not set" : given) + ")");
  std::error_code ignored;
  if (fs::is_directory(given, ignored)) {
    addFolder(given);
    addFolder(given + "/lib64");
    addFolder(given + "/lib");
    addWheels(given);
  } else if (exists(given)) {
    addFile(given);
  }
  std::string only = environment("MASKLOOM_NVRTC_ONLY");
  if (!only.empty() && only != "0") return search;

  search.looked.push_back("LD_LIBRARY_PATH");
  for (const std::string &folder : split(environment("LD_LIBRARY_PATH"))) addFolder(folder);

  fs::path own = ownFolder();
  if (!own.empty()) search.looked.push_back(own.string() + " and above (wheels: nvidia/*/lib)");
  for (int level = 0; level < 5 && own.has_relative_path(); ++level, own = own.parent_path()) {
    addFolder(own.string());
    addWheels(own.string());
    addWheels((own / "nvrtc").string());
  }

  for (const char *name : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
    std::string prefix = environment(name);
    if (prefix.empty()) continue;
    search.looked.push_back(prefix + " (" + name + ")");
    addFolder(prefix + "/lib");
    for (const std::string &site : expand(prefix + "/lib/python3*/site-packages")) addWheels(site);
  }

  std::vector<std::string> toolkits = {environment("CUDA_HOME"), environment("CUDA_PATH"), "/usr/local/cuda"};
  for (const std::string &toolkit : expand("/usr/local/cuda-*")) toolkits.push_back(toolkit);
  toolkits.push_back("/opt/cuda");
  for (const std::string &toolkit : toolkits) {
    if (toolkit.empty()) continue;
    if (toolkit != "/opt/cuda" || exists(toolkit)) search.looked.push_back(toolkit);
    for (const char *lib : {"/lib64", "/lib", "/targets/x86_64-linux/lib"}) addFolder(toolkit + lib);
  }

  search.looked.push_back("system libraries");
  for (const char *folder : {"/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"}) addFolder(folder);
  search.looked.push_back("Python site-packages");
  std::vector<std::string> sites = split(environment("PYTHONPATH"));
  for (const std::string &pattern :
       {environment("HOME") + "/.local/lib/python3*/site-packages",
        std::string("/usr/local/lib/python3*/*-packages"), std::string("/usr/lib/python3*/*-packages")})
    for (const std::string &site : expand(pattern)) sites.push_back(site);
  for (const std::string &site : sites) addWheels(site);

  for (const char *name : {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"}) addFile(name);
  return search;
}

std::string nvrtcRelease(const std::string &path) {
  if (path.find('/') == std::string::npos) return "";
  std::error_code failed;
  fs::path real = fs::canonical(path, failed);
  if (failed) return "";
  std::string best = versionIn(real.filename(), "libnvrtc.so.");
  auto complete = [&] { return std::count(best.begin(), best.end(), '.') >= 2; };
  auto offer = [&](const std::string &version) {
    if (!complete() && !version.empty()) best = version;
  };
  fs::path folder = real.parent_path();
  for (const std::string &builtins : expand((folder / "libnvrtc-builtins.so.*").string()))
    offer(versionIn(fs::path(builtins).filename(), "libnvrtc-builtins.so."));
  // <site>/nvidia/cu13/lib: the dist-info stands in <site>. A toolkit: version.json, or dist-info/, above
  // lib.
  fs::path above = folder;
  for (int level = 0; level < 3 && above.has_relative_path(); ++level) {
    above = above.parent_path();
    offer(fromVersionJson(above / "version.json"));
    offer(fromDistInfo(above));
    offer(fromDistInfo(above / "dist-info"));
  }
  return best;
}

} // namespace maskloom
