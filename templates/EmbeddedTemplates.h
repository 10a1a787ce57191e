// The device code of this folder as text inside the library, for assembling kernels at run time.
#pragma once

#include <string_view>

namespace maskloom {

/// "foundation" (prelude, args, shared layout, schedule, intervals: what comes before the emitted code),
/// "portable_forward" and "plan" (after it). Without includes; zero-terminated. Null when there is no such
/// text.
const char *templateText(std::string_view name);

/// 64 hex digits that change whenever any of the texts does: part of the cache key.
const char *templateDigest();

} // namespace maskloom
