#include "maskloom/cli/Npy.h"

#include "maskloom/facade/Error.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <unistd.h>

namespace maskloom {

static_assert(std::endian::native == std::endian::little, ".npy data is used as it lies in the file");

namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);

struct TypeRow {
  NpyType type;
  std::string_view name, descr; ///< ours, and NumPy's 'descr'
  int64_t bytes;
};
constexpr TypeRow kTypes[] = {{NpyType::F32, "f4", "<f4", 4},
                              {NpyType::F16, "f2", "<f2", 2},
                              {NpyType::Bool, "bool", "|b1", 1},
                              {NpyType::I32, "i4", "<i4", 4},
                              {NpyType::I64, "i8", "<i8", 8}};
const TypeRow &row(NpyType type) { return kTypes[static_cast<size_t>(type)]; }

std::string allTypes() {
  std::string out;
  for (const TypeRow &t : kTypes) out += fmt::format("{}{}", out.empty() ? "" : ", ", t.name);
  return out;
}

struct CloseFile {
  void operator()(std::FILE *file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

/// NumPy's shapes: "(2, 3)", "(5,)", "()".
std::string shapeText(const std::vector<int64_t> &shape) {
  std::string out = "(";
  for (size_t i = 0; i < shape.size(); ++i)
    out += fmt::format("{}{}", i ? ", " : "", shape[i] < 0 ? "any" : std::to_string(shape[i]));
  return out + (shape.size() == 1 ? ",)" : ")");
}

/// Reads one file; every problem is thrown with the file's name in front.
class Reader {
public:
  Reader(const std::string &path, const NpyExpectation &expectation)
      : path_(path), expectation_(expectation) {}

  NpyArray read() {
    file_.reset(std::fopen(path_.c_str(), "rb"));
    if (!file_) fail("cannot be read: {}", std::strerror(errno));
    std::error_code error;
    fileBytes_ = static_cast<int64_t>(std::filesystem::file_size(path_, error));
    if (error) fail("is not a regular file");
    NpyArray array;
    readHeader(array);
    checkExpectation(array);
    readData(array);
    return array;
  }

private:
  template <class... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args &&...args) const {
    std::string what = expectation_.what.empty() ? "" : fmt::format(" (for {})", expectation_.what);
    throw Error(ErrorKind::User,
                fmt::format("{}{}: {}", path_, what, fmt::format(format, std::forward<Args>(args)...)));
  }

  std::string take(size_t bytes, const char *what) {
    std::string out(bytes, '\0');
    size_t got = std::fread(out.data(), 1, bytes, file_.get());
    if (got != bytes) fail("truncated: expected {} bytes of {}, found {}", bytes, what, got);
    position_ += static_cast<int64_t>(bytes);
    return out;
  }

  void readHeader(NpyArray &array) {
    if (fileBytes_ < static_cast<int64_t>(kMagic.size()) || take(kMagic.size(), "magic") != kMagic)
      fail("not a .npy file: expected it to begin with \\x93NUMPY (write it with numpy.save)");
    std::string version = take(2, "version");
    int major = static_cast<uint8_t>(version[0]);
    if (major < 1 || major > 3) fail("expected .npy format version 1, 2 or 3, found {}", major);
    std::string length = take(major == 1 ? 2 : 4, "header length");
    size_t headerBytes = 0;
    for (size_t i = 0; i < length.size(); ++i)
      headerBytes |= size_t{static_cast<uint8_t>(length[i])} << 8 * i;
    if (position_ + static_cast<int64_t>(headerBytes) > fileBytes_)
      fail("truncated: expected a header of {} bytes, found {}", headerBytes, fileBytes_ - position_);
    header_ = take(headerBytes, "header");
    parseHeader(array);
  }

  /// The header is a Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }
  void parseHeader(NpyArray &array) {
    bool descr = false, order = false, shape = false;
    expect('{');
    while (!accept('}')) {
      std::string key = quoted();
      expect(':');
      if (key == "descr" && !descr) {
        parseType(array);
        descr = true;
      } else if (key == "fortran_order" && !order) {
        if (accept("True"))
          fail("expected C order, found Fortran order (convert with numpy.ascontiguousarray)");
        if (!accept("False")) malformed("True or False");
        order = true;
      } else if (key == "shape" && !shape) {
        parseShape(array);
        shape = true;
      } else {
        malformed("descr, fortran_order and shape once each");
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    if (!(descr && order && shape)) malformed("descr, fortran_order and shape");
    int64_t bytes = row(array.type).bytes; // zero extents left out: no partial product may overflow either
    for (int64_t extent : array.shape)
      if (extent != 0 && __builtin_mul_overflow(bytes, extent, &bytes))
        fail("a shape too large for 64 bits: {}", shapeText(array.shape));
  }

  void parseType(NpyArray &array) {
    skipSpace();
    if (at_ < header_.size() && header_[at_] == '[')
      fail("expected a type of {}, found a structured type", allTypes());
    std::string descr = quoted();
    for (const TypeRow &t : kTypes)
      if (descr == t.descr) {
        array.type = t.type;
        return;
      }
    if (!descr.empty() && descr[0] == '>')
      fail("expected little-endian data, found big-endian '{}' (convert with a.astype('<{}'))", descr,
           descr.substr(1));
    fail("expected a type of {}, found '{}'", allTypes(), descr);
  }

  void parseShape(NpyArray &array) {
    expect('(');
    while (!accept(')')) {
      skipSpace();
      int64_t extent = 0;
      size_t begin = at_;
      for (; at_ < header_.size() && header_[at_] >= '0' && header_[at_] <= '9'; ++at_)
        if (__builtin_mul_overflow(extent, 10, &extent) ||
            __builtin_add_overflow(extent, header_[at_] - '0', &extent))
          fail("a shape too large for 64 bits: {}", printable(header_));
      if (at_ == begin) malformed("a shape of integers");
      array.shape.push_back(extent);
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
  }

  void checkExpectation(const NpyArray &array) const {
    const auto &types = expectation_.types;
    if (!types.empty() && std::find(types.begin(), types.end(), array.type) == types.end()) {
      std::string expected;
      for (NpyType type : types)
        expected += fmt::format("{}{}", expected.empty() ? "" : " or ", toString(type));
      fail("expected type {}, found {}", expected, toString(array.type));
    }
    if (expectation_.anyShape) return;
    std::string axes = expectation_.axes.empty() ? "" : fmt::format(" [{}]", expectation_.axes);
    bool same = array.shape.size() == expectation_.shape.size();
    if (!same)
      fail("expected {} dimensions{}, found {}: {}", expectation_.shape.size(), axes, array.shape.size(),
           shapeText(array.shape));
    for (size_t i = 0; i < array.shape.size(); ++i)
      same &= expectation_.shape[i] < 0 || expectation_.shape[i] == array.shape[i];
    if (!same)
      fail("expected shape {}{}, found {}", shapeText(expectation_.shape), axes, shapeText(array.shape));
  }

  void readData(NpyArray &array) {
    // compared before anything of this size is allocated
    int64_t expected = array.entries() * row(array.type).bytes, found = fileBytes_ - position_;
    if (found < expected)
      fail("truncated: expected {} bytes of data for shape {} of {}, found {}", expected,
           shapeText(array.shape), toString(array.type), found);
    if (found > expected)
      fail("trailing data: expected {} bytes of data for shape {} of {}, found {}", expected,
           shapeText(array.shape), toString(array.type), found);
    array.data.resize(static_cast<size_t>(expected));
    size_t got = array.data.empty() ? 0 : std::fread(array.data.data(), 1, array.data.size(), file_.get());
    if (got != array.data.size()) fail("cannot be read to the end: {}", std::strerror(errno));
  }

  void skipSpace() {
    while (at_ < header_.size() && std::strchr(" \t\r\n", header_[at_])) ++at_;
  }
  bool accept(std::string_view text) {
    skipSpace();
    if (std::string_view(header_).substr(at_, text.size()) != text) return false;
    at_ += text.size();
    return true;
  }
  bool accept(char c) { return accept(std::string_view(&c, 1)); }
  void expect(char c) {
    if (!accept(c)) malformed(std::string(1, c));
  }
  std::string quoted() {
    skipSpace();
    char quote = at_ < header_.size() ? header_[at_] : '\0';
    if (quote != '\'' && quote != '"') malformed("a quoted name");
    size_t end = header_.find(quote, at_ + 1);
    if (end == std::string::npos) malformed("a closing quote");
    std::string out = header_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return out;
  }
  [[noreturn]] void malformed(const std::string &expected) const {
    fail("malformed header: expected {} at byte {} of {}", expected, at_, printable(header_));
  }
  static std::string printable(const std::string &text) {
    std::string out;
    for (char c : text.substr(0, 200)) out += c >= ' ' && c < '\x7f' ? c : c == '\n' ? ' ' : '?';
    return out;
  }

  const std::string &path_;
  const NpyExpectation &expectation_;
  File file_;
  int64_t fileBytes_ = 0, position_ = 0;
  std::string header_;
  size_t at_ = 0;
};

} // namespace

int64_t byteSize(NpyType type) { return row(type).bytes; }
std::string toString(NpyType type) { return std::string(row(type).name); }

int64_t NpyArray::entries() const {
  int64_t count = 1;
  for (int64_t extent : shape) count *= extent;
  return count;
}

NpyArray NpyArray::zeros(std::vector<int64_t> shape, NpyType type) {
  NpyArray array{.type = type, .shape = std::move(shape), .data = {}};
  array.data.resize(static_cast<size_t>(array.entries() * byteSize(type)));
  return array;
}

NpyArray readNpy(const std::string &path, const NpyExpectation &expectation) {
  return Reader(path, expectation).read();
}

void writeNpy(const std::string &path, const NpyArray &array) {
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}",
                                   row(array.type).descr, shapeText(array.shape));
  size_t prefix = kMagic.size() + 2 + 2; // magic, version, header length
  header.append(63 - (prefix + header.size()) % 64, ' ');
  header += '\n'; // data begins at a multiple of 64 bytes
  if (header.size() > 0xffff) throw Error(ErrorKind::Internal, "writeNpy: a header of more than 65535 bytes");
  std::string start(kMagic);
  start += {1, 0, static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  start += header;

  // A pipe, a device or a link is written to, not replaced.
  std::filesystem::file_status status = std::filesystem::symlink_status(path);
  bool direct = std::filesystem::exists(status) && !std::filesystem::is_regular_file(status);
  std::string temporary = direct ? path : fmt::format("{}.{}.tmp", path, getpid());
  auto fail = [&](int error) {
    if (!direct) std::remove(temporary.c_str());
    throw Error(ErrorKind::Machine, fmt::format("{}: cannot be written: {}", path, std::strerror(error)));
  };
  std::FILE *file = std::fopen(temporary.c_str(), "wb");
  if (!file) fail(errno);
  bool written =
      std::fwrite(start.data(), 1, start.size(), file) == start.size() &&
      (array.data.empty() || std::fwrite(array.data.data(), 1, array.data.size(), file) == array.data.size());
  int error = errno;
  if (std::fclose(file) != 0 && written) {
    written = false;
    error = errno;
  }
  if (!written) fail(error);
  if (!direct && std::rename(temporary.c_str(), path.c_str()) != 0) fail(errno);
}

} // namespace maskloom
