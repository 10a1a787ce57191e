#include "maskloom/cli/NpyConvert.h"

#include "maskloom/facade/Error.h"
#include "maskloom/program/Half.h"

#include <limits>

#include <fmt/format.h>

namespace maskloom {

std::vector<float> floatsOf(const NpyArray &array, const std::string &path) {
  if (array.type != NpyType::F32 && array.type != NpyType::F16)
    throw Error(ErrorKind::User,
                fmt::format("{}: dtype is {}, expected f4 or f2", path, toString(array.type)));
  std::vector<float> values(array.entries());
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = array.type == NpyType::F32 ? array.as<float>()[i] : f16ToFloat(array.as<uint16_t>()[i]);
  return values;
}

std::vector<int32_t> intsOf(const NpyArray &array, const std::string &path) {
  std::vector<int32_t> values(array.entries());
  for (size_t i = 0; i < values.size(); ++i) {
    switch (array.type) {
    case NpyType::I32: values[i] = array.as<int32_t>()[i]; break;
    case NpyType::Bool: values[i] = array.as<uint8_t>()[i] != 0; break;
    case NpyType::I64: {
      int64_t value = array.as<int64_t>()[i];
      if (value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max())
        throw Error(ErrorKind::User,
                    fmt::format("{}: entry {} is {}, which does not fit in 32 bits", path, i, value));
      values[i] = static_cast<int32_t>(value);
      break;
    }
    default:
      throw Error(ErrorKind::User,
                  fmt::format("{}: dtype is {}, expected i4, i8 or bool", path, toString(array.type)));
    }
  }
  return values;
}

NpyArray npyFromFloats(const std::vector<float> &values, std::vector<int64_t> shape, NpyType type) {
  NpyArray array = NpyArray::zeros(std::move(shape), type);
  for (size_t i = 0; i < values.size(); ++i) {
    if (type == NpyType::F32) {
      array.as<float>()[i] = values[i];
    } else {
      array.as<uint16_t>()[i] = floatToF16(values[i]);
    }
  }
  return array;
}

} // namespace maskloom
