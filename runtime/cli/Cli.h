// The `maskloom` command. The executable is a thin main(); everything lives in the library.
#pragma once

namespace maskloom {

/// Exit codes of every command, as --help documents them.
enum ExitCode : int {
  kExitOk = 0,
  kExitUserError = 1,   ///< bad input: pattern, tensors, values
  kExitUsage = 2,       ///< the command line
  kExitMachine = 3,     ///< no NVRTC, no driver, unwritable output
  kExitInternal = 4,    ///< our fault; a reproducer file is written
  kExitCheckFailed = 5, ///< run --check, fmt --check, cache verify or equal found a difference
  kExitUndecided = 6    ///< equal: neither proved nor refuted
};

/// Runs the command line; returns an ExitCode.
int cliMain(int argc, char **argv);

} // namespace maskloom
