// Hand-written lowered modules, compiled to objects: the CPU path without the front of the pipeline.
#pragma once

#include "maskloom/program/Program.h"

#include <string>

namespace maskloom::testing {

/// Parses the text of a lowered module and puts its object into program.cpuObject. Returns an empty string or
/// what is wrong (of the parser, the verifier or emitObject).
std::string compileLowered(const std::string &text, Program &program);

} // namespace maskloom::testing
