#include "maskloom/device/CacheDirectory.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

namespace maskloom {

std::filesystem::path defaultCacheDirectory() {
  auto given = [](const char *name) {
    const char *value = std::getenv(name);
    return std::filesystem::path(value ? value : "");
  };
  if (auto directory = given("MASKLOOM_CACHE_DIR"); !directory.empty()) return directory;
  if (auto base = given("XDG_CACHE_HOME"); base.is_absolute()) return base / "maskloom";
  if (auto home = given("HOME"); !home.empty()) return home / ".cache" / "maskloom";
  return {};
}

std::string openCacheDirectory(const std::filesystem::path &directory, bool trust) {
  if (directory.empty()) return "there is no home directory; set MASKLOOM_CACHE_DIR";
  struct stat status{};
  if (::stat(directory.c_str(), &status) != 0) {
    std::error_code failed;
    std::filesystem::create_directories(directory.parent_path(), failed);
    if (failed) return fmt::format("{} cannot be made: {}", directory.string(), failed.message());
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
      return fmt::format("{} cannot be made: {}", directory.string(), std::strerror(errno));
    if (::stat(directory.c_str(), &status) != 0)
      return fmt::format("{}: {}", directory.string(), std::strerror(errno));
  }
  if (!S_ISDIR(status.st_mode)) return fmt::format("{} is not a directory", directory.string());
  if (trust) return {};
  constexpr const char *kAdvice = "or set MASKLOOM_CACHE_TRUST=1 if you trust everybody who can";
  if (status.st_mode & (S_IWGRP | S_IWOTH))
    return fmt::format("others can write to {}, and could plant code there: run `chmod go-w {}`, {}",
                       directory.string(), directory.string(), kAdvice);
  if (status.st_uid != ::geteuid() && status.st_uid != 0)
    return fmt::format(
        "{} belongs to another user, who could plant code there: choose another directory with "
        "MASKLOOM_CACHE_DIR, {}",
        directory.string(), kAdvice);
  return {};
}

} // namespace maskloom
