// .npy arrays to and from the numbers that are computed with.
#pragma once

#include "maskloom/cli/Npy.h"

#include <string>
#include <vector>

namespace maskloom {

/// f4 and f2 as floats; every other type is Error(User) naming `path`.
std::vector<float> floatsOf(const NpyArray &array, const std::string &path);
/// i4, bool, and i8 whose values fit in 32 bits; every other is Error(User) naming `path`.
std::vector<int32_t> intsOf(const NpyArray &array, const std::string &path);
/// f4 or f2 from floats.
NpyArray npyFromFloats(const std::vector<float> &values, std::vector<int64_t> shape, NpyType type);

} // namespace maskloom
