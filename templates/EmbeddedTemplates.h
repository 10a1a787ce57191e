// The device code of this folder as text inside the library, for assembling kernels at run time.
#pragma once

#include <string_view>

namespace maskloom {

/// A text by its name, without includes and zero-terminated; null when there is none of that name. In the
/// order in which a translation unit has them:
///
///   foundation         what the emitted code, which follows it, may use: prelude, arguments, schedule, ...
///   portable_forward   the kernel for sm_80 and later, or
///   hopper_forward     the one for sm_90a
///   plan               the planner kernel, only for patterns whose runs do not decide every tile
///
/// The list of files in each is in templates/CMakeLists.txt.
const char *templateText(std::string_view name);

} // namespace maskloom
