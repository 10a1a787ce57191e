// Where the kernel cache lives, and whether that place may be trusted.
#pragma once

#include <filesystem>
#include <string>

namespace maskloom {

/// MASKLOOM_CACHE_DIR, else $XDG_CACHE_HOME/maskloom, else ~/.cache/maskloom; empty when there is no home.
std::filesystem::path defaultCacheDirectory();

/// Makes the directory (for its owner only) when it is not there. Empty, or why it cannot be used: it cannot
/// be made, is no directory, or others can write to it, who could then plant code that this process runs.
std::string openCacheDirectory(const std::filesystem::path &directory, bool trust);

} // namespace maskloom
