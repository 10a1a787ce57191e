// One function per sub-command: registers its options and what it does. Each lives in the file of its name.
#pragma once

#include "maskloom/maskloom.h"

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <vector>

namespace maskloom {

/// What a chosen sub-command does; returns an exit code. Set by the sub-command's CLI callback.
using Action = std::function<int()>;

void addCompileCommand(CLI::App &app, Action &action);
void addRunCommand(CLI::App &app, Action &action);
void addExplainCommand(CLI::App &app, Action &action);
void addMaskCommand(CLI::App &app, Action &action);
void addShowCommand(CLI::App &app, Action &action);
void addCacheCommand(CLI::App &app, Action &action);
void addEqualCommand(CLI::App &app, Action &action);
void addDoctorCommand(CLI::App &app, Action &action);
void addFmtCommand(CLI::App &app, Action &action);

} // namespace maskloom
