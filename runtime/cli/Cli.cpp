#include "maskloom/cli/Cli.h"

#include "maskloom/cli/Commands.h"
#include "maskloom/dsl/Names.h"

#include <algorithm>
#include <fstream>
#include <new>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace maskloom {

namespace {

constexpr const char *kFooter = R"(Examples:
  maskloom explain examples/patterns/phi3_small.mask --seq 131072 --heads 32 --kv-heads 8
  maskloom compile examples/patterns/causal.mask --arch sm_90a --head-dim 128 -o causal.ptx
  maskloom run examples/patterns/causal.mask --q q.npy --k k.npy --v v.npy -o o.npy --check
  maskloom mask examples/patterns/two_range.mask --seq 1024 --heads 16 -o m.npy
  maskloom show examples/patterns/s2_local_stride.mask --seq 16384 --heads 16 -o s2.svg
  maskloom equal old.mask new.mask
  maskloom doctor

Exit codes: 0 success, 1 bad input (pattern, tensors, values), 2 command line, 3 the machine (no NVRTC, no driver,
unwritable file), 4 internal error (ours), 5 a check failed or patterns differ, 6 undecided.)";

int exitCodeOf(ErrorKind kind) {
  switch (kind) {
  case ErrorKind::User: return kExitUserError;
  case ErrorKind::Machine: return kExitMachine;
  case ErrorKind::Internal: return kExitInternal;
  }
  return kExitInternal;
}

/// The first word is no sub-command: CLI11 would only say that one is required.
bool rejectUnknownCommand(const CLI::App &app, const std::string &word) {
  std::vector<std::string> names;
  for (const CLI::App *command : app.get_subcommands([](const CLI::App *) { return true; }))
    names.push_back(command->get_name());
  if (word.starts_with('-') || std::find(names.begin(), names.end(), word) != names.end()) return false;
  const std::string nearest = nearestName(word, names);
  fmt::print(stderr, "there is no sub-command '{}': {}\n", word,
             nearest.empty() ? fmt::format("choose one of {}", fmt::join(names, ", "))
                             : fmt::format("did you mean '{}'?", nearest));
  return true;
}

} // namespace

int cliMain(int argc, char **argv) {
  CLI::App app("Maskloom: declare an attention mask, compile it to a GPU kernel, run it on your tensors.",
               "maskloom");
  app.footer(kFooter);
  app.require_subcommand(1);
  app.set_version_flag("--version", MASKLOOM_VERSION);
  Action action;
  addExplainCommand(app, action);
  addCompileCommand(app, action);
  addRunCommand(app, action);
  addMaskCommand(app, action);
  addShowCommand(app, action);
  addFmtCommand(app, action);
  addCacheCommand(app, action);
  addEqualCommand(app, action);
  addDoctorCommand(app, action);
  if (argc > 1 && rejectUnknownCommand(app, argv[1])) return kExitUsage;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  try {
    return action();
  } catch (const Error &error) {
    fmt::print(stderr, "{}{}\n", error.kind() == ErrorKind::Internal ? "maskloom: " : "", error.what());
    if (!error.reproducer().empty()) {
      const char *path = "maskloom-reproducer.txt";
      std::ofstream(path) << error.reproducer();
      fmt::print(stderr, "A reproducer was written to {}: please attach it to your report.\n", path);
    }
    return exitCodeOf(error.kind());
  } catch (const std::bad_alloc &) {
    fmt::print(stderr, "out of memory\n");
    return kExitMachine;
  } catch (const std::exception &error) {
    fmt::print(stderr, "maskloom: internal error, our fault: {}\n", error.what());
    return kExitInternal;
  }
}

} // namespace maskloom
