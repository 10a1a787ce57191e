#include "maskloom/cli/Cli.h"
#include "maskloom/cli/Commands.h"
#include "maskloom/facade/CompileKernel.h"

#include <chrono>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace maskloom {

namespace {

struct CacheArguments {
  bool json = false;
  uint64_t maxBytes = 2ull << 30;
};

nlohmann::ordered_json jsonOf(const std::vector<CacheEntryInfo> &entries) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const CacheEntryInfo &entry : entries) {
    nlohmann::ordered_json item{{"digest", entry.digest},
                                {"pattern", entry.name},
                                {"arch", entry.arch},
                                {"config", entry.config},
                                {"bytes", entry.bytes}};
    if (!entry.problem.empty()) item["problem"] = entry.problem;
    list.push_back(std::move(item));
  }
  return {{"schema", 1}, {"directory", processCache().directory().string()}, {"entries", std::move(list)}};
}

int report(const std::vector<CacheEntryInfo> &entries, bool json) {
  bool damaged = false;
  uint64_t bytes = 0;
  for (const CacheEntryInfo &entry : entries) {
    damaged |= !entry.problem.empty();
    bytes += entry.bytes;
  }
  if (json) {
    fmt::print("{}\n", jsonOf(entries).dump(2));
    return damaged ? kExitCheckFailed : kExitOk;
  }
  for (const CacheEntryInfo &entry : entries)
    fmt::print("{}  {:<20} {:<8} {:>8} KiB  {}{}\n", entry.digest, entry.name, entry.arch, entry.bytes / 1024,
               entry.config, entry.problem.empty() ? "" : "  DAMAGED: " + entry.problem);
  fmt::print("{} entries, {:.1f} MiB, in {}\n", entries.size(), static_cast<double>(bytes) / (1 << 20),
             processCache().directory().string());
  return damaged ? kExitCheckFailed : kExitOk;
}

} // namespace

void addCacheCommand(CLI::App &app, Action &action) {
  auto arguments = std::make_shared<CacheArguments>();
  CLI::App *command = app.add_subcommand("cache", "List, verify or shrink the kernel cache");
  command->require_subcommand(1);
  CLI::App *list = command->add_subcommand("list", "Every entry: pattern, architecture, size");
  CLI::App *verify =
      command->add_subcommand("verify", "Check every entry's digests; damaged ones are set aside");
  CLI::App *gc = command->add_subcommand("gc", "Remove least recently used entries until the cache fits");
  for (CLI::App *each : {list, verify, gc})
    each->add_flag("--json", arguments->json, "Machine-readable output (docs/cli.md)");
  gc->add_option("--max-bytes", arguments->maxBytes, "Bytes to keep at most")->capture_default_str();
  list->callback([arguments, &action] {
    action = [arguments] { return report(processCache().list(), arguments->json); };
  });
  verify->callback([arguments, &action] {
    action = [arguments] { return report(processCache().verify(), arguments->json); };
  });
  gc->callback([arguments, &action] {
    action = [arguments] {
      uint64_t freed = processCache().gc(arguments->maxBytes);
      if (arguments->json) {
        fmt::print("{}\n", nlohmann::ordered_json{{"schema", 1}, {"freed_bytes", freed}}.dump(2));
      } else {
        fmt::print("freed {:.1f} MiB\n", static_cast<double>(freed) / (1 << 20));
      }
      return kExitOk;
    };
  });
}

} // namespace maskloom
