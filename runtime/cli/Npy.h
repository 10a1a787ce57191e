// NumPy's .npy files: format versions 1 to 3, C order, little-endian. What the command line reads and writes
// tensors as.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace maskloom {

enum class NpyType : uint8_t { F32, F16, Bool, I32, I64 }; ///< '<f4', '<f2', '|b1', '<i4', '<i8'

int64_t byteSize(NpyType type);
std::string toString(NpyType type); ///< "f4", "f2", "bool", "i4", "i8"

struct NpyArray {
  NpyType type = NpyType::F32;
  std::vector<int64_t> shape;
  std::vector<uint8_t> data; ///< row-major, entries() * byteSize(type) bytes, aligned for every type

  static NpyArray zeros(std::vector<int64_t> shape, NpyType type);
  int64_t entries() const; ///< the product of the shape; 1 for a scalar
  /// The entries as T, which has the size of the type (uint16_t for f2, uint8_t for bool).
  template <class T>
  T *as() {
    return reinterpret_cast<T *>(data.data());
  }
  template <class T>
  const T *as() const {
    return reinterpret_cast<const T *>(data.data());
  }
};

/// What a file must hold.
struct NpyExpectation {
  std::string what;                ///< for messages: "q"
  std::vector<NpyType> types = {}; ///< empty: any
  bool anyShape = true;
  std::vector<int64_t> shape = {}; ///< extents, -1 for any extent; compared when !anyShape
  std::string axes = {};           ///< for messages: "batch, heads, tokens, dim"
};

/// Throws Error(User) that names the file, what was expected and what was found: no such file, not .npy,
/// truncated or with trailing data, Fortran order, a type or shape other than expected.
NpyArray readNpy(const std::string &path, const NpyExpectation &expectation = {});

/// Writes format version 1, whole or not at all (a temporary file beside it, renamed). Throws Error(Machine).
void writeNpy(const std::string &path, const NpyArray &array);

} // namespace maskloom
