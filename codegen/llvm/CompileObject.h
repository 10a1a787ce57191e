#pragma once

#include <string>

namespace llvm {
class Module;
}

namespace maskloom {

/// The host's processor and a digest of its features: what an object of compileObject() depends on.
std::string hostTarget();

/// Optimises the module for the host's processor and writes a position-independent relocatable object.
bool compileObject(llvm::Module &module, std::string &object, std::string &error);

} // namespace maskloom
