#include "maskloom/cli/Npy.h"
#include "maskloom/facade/Error.h"
#include "tests/support/ReadFile.h"
#include "tests/support/TemporaryDirectory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>

using namespace maskloom;
using testing::HasSubstr;
namespace fs = std::filesystem;

namespace {

class NpyTest : public testing::Test {
protected:
  std::string path(const std::string &name = "a.npy") const { return (folder_ / name).string(); }

  /// A file as NumPy would write it, with this header and these bytes after it.
  std::string file(const std::string &header, const std::string &data, int major = 1) const {
    std::string out("\x93NUMPY", 6);
    out += {static_cast<char>(major), 0};
    for (int i = 0; i < (major == 1 ? 2 : 4); ++i) out += static_cast<char>(header.size() >> 8 * i & 0xff);
    return raw(out + header + data);
  }
  std::string raw(const std::string &bytes) const {
    std::ofstream(path(), std::ios::binary) << bytes;
    return path();
  }

  /// The message of the user's error that reading throws.
  static std::string message(const std::string &path, const NpyExpectation &expectation = {}) {
    try {
      readNpy(path, expectation);
    } catch (const Error &error) {
      EXPECT_EQ(error.kind(), ErrorKind::User);
      EXPECT_THAT(error.what(), HasSubstr(path));
      return error.what();
    }
    return "nothing was thrown";
  }

  const TemporaryDirectory temporary_;
  const fs::path folder_ = temporary_.path();
};

std::string header(const std::string &descr, const std::string &shape, const std::string &fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

TEST_F(NpyTest, RoundTripsEveryTypeAndRank) {
  for (NpyType type : {NpyType::F32, NpyType::F16, NpyType::Bool, NpyType::I32, NpyType::I64})
    for (const std::vector<int64_t> &shape :
         {std::vector<int64_t>{}, {7}, {2, 3, 4, 5}, {0, 3}, {1, 1, 1, 1, 1, 1, 9}}) {
      NpyArray array = NpyArray::zeros(shape, type);
      std::iota(array.data.begin(), array.data.end(), uint8_t{1});
      writeNpy(path(), array);
      NpyArray back = readNpy(path());
      EXPECT_EQ(back.type, type);
      EXPECT_EQ(back.shape, shape);
      EXPECT_EQ(back.data, array.data);
    }
}

TEST_F(NpyTest, WritesWhatNumPyWrites) {
  NpyArray array = NpyArray::zeros({2, 3}, NpyType::F32);
  array.as<float>()[5] = 1.5f;
  writeNpy(path(), array);
  const std::string bytes = readFile(path());
  ASSERT_EQ(bytes.size(), 128u + 24u); // data begins at a multiple of 64
  EXPECT_EQ(bytes.substr(0, 10), std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  EXPECT_EQ(bytes.substr(10, 118),
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }" + std::string(58, ' ') + "\n");
  float last;
  std::memcpy(&last, bytes.data() + 148, 4);
  EXPECT_EQ(last, 1.5f);
}

TEST_F(NpyTest, ReplacesAFileAndLeavesNoTemporary) {
  writeNpy(path(), NpyArray::zeros({100}, NpyType::F32));
  writeNpy(path(), NpyArray::zeros({3}, NpyType::I32));
  EXPECT_EQ(readNpy(path()).shape, std::vector<int64_t>{3});
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(NpyTest, ReadsFormatVersionsOneToThree) {
  for (int major : {1, 2, 3}) {
    NpyArray array = readNpy(file(header("<i4", "(2,)"), std::string("\1\0\0\0\2\0\0\0", 8), major));
    EXPECT_EQ(array.as<int32_t>()[0], 1);
    EXPECT_EQ(array.as<int32_t>()[1], 2);
  }
}

TEST_F(NpyTest, ReadsAnyKeyOrderQuotesAndSpacing) {
  NpyArray array = readNpy(
      file("{ \"shape\":(2 , 1),\"fortran_order\":False,\n \"descr\":\"|b1\"}", std::string("\1\0", 2)));
  EXPECT_EQ(array.type, NpyType::Bool);
  EXPECT_EQ(array.shape, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(array.data, (std::vector<uint8_t>{1, 0}));
}

TEST_F(NpyTest, AcceptsWhatIsExpected) {
  writeNpy(path(), NpyArray::zeros({1, 4, 16, 64}, NpyType::F16));
  NpyExpectation q{
      .what = "q", .types = {NpyType::F32, NpyType::F16}, .anyShape = false, .shape = {-1, 4, -1, 64}};
  EXPECT_EQ(readNpy(path(), q).entries(), 4 * 16 * 64);
}

TEST_F(NpyTest, MissingFileAndFolder) {
  EXPECT_THAT(message(path("none.npy"), {.what = "q"}), HasSubstr("(for q): cannot be read: No such file"));
  EXPECT_THAT(message(folder_.string()), HasSubstr("is not a regular file"));
}

TEST_F(NpyTest, WrongMagicAndVersion) {
  EXPECT_THAT(message(raw("PK\3\4 an .npz")),
              HasSubstr("not a .npy file: expected it to begin with \\x93NUMPY"));
  EXPECT_THAT(message(raw("")), HasSubstr("not a .npy file"));
  EXPECT_THAT(message(file(header("<f4", "(1,)"), "abcd", 4)),
              HasSubstr("format version 1, 2 or 3, found 4"));
}

TEST_F(NpyTest, FortranOrder) {
  EXPECT_THAT(message(file(header("<f4", "(1,)", "True"), "abcd")),
              HasSubstr("expected C order, found Fortran order"));
}

TEST_F(NpyTest, UnsupportedTypes) {
  EXPECT_THAT(message(file(header("<f8", "(1,)"), "abcdefgh")),
              HasSubstr("expected a type of f4, f2, bool, i4, i8, found '<f8'"));
  EXPECT_THAT(message(file(header(">f4", "(1,)"), "abcd")),
              HasSubstr("expected little-endian data, found big-endian '>f4'"));
  EXPECT_THAT(message(file("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,), }", "abcd")),
              HasSubstr("found a structured type"));
}

TEST_F(NpyTest, OtherTypeThanExpected) {
  writeNpy(path(), NpyArray::zeros({4}, NpyType::I64));
  EXPECT_THAT(message(path(), {.what = "q", .types = {NpyType::F32, NpyType::F16}}),
              HasSubstr("(for q): expected type f4 or f2, found i8"));
}

TEST_F(NpyTest, OtherRankOrShapeThanExpected) {
  writeNpy(path(), NpyArray::zeros({4, 16, 64}, NpyType::F32));
  NpyExpectation rank{
      .what = "k", .anyShape = false, .shape = {-1, -1, -1, -1}, .axes = "batch, heads, tokens, dim"};
  EXPECT_THAT(message(path(), rank),
              HasSubstr("expected 4 dimensions [batch, heads, tokens, dim], found 3: (4, 16, 64)"));
  NpyExpectation shape{.what = "k", .anyShape = false, .shape = {4, -1, 128}};
  EXPECT_THAT(message(path(), shape), HasSubstr("expected shape (4, any, 128), found (4, 16, 64)"));
}

TEST_F(NpyTest, TruncatedAtEveryByte) {
  const std::string whole = readFile(file(header("<f4", "(2, 3)"), std::string(24, 'x')));
  for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
    std::string text = message(raw(whole.substr(0, bytes)));
    EXPECT_THAT(text, HasSubstr(bytes < 6 ? "not a .npy file" : "truncated: expected")) << bytes;
  }
  EXPECT_THAT(message(raw(whole.substr(0, whole.size() - 1))),
              HasSubstr("truncated: expected 24 bytes of data for shape (2, 3) of f4, found 23"));
  EXPECT_EQ(readNpy(raw(whole)).entries(), 6);
}

TEST_F(NpyTest, TrailingData) {
  EXPECT_THAT(message(file(header("<f2", "(3,)"), "1234567")),
              HasSubstr("trailing data: expected 6 bytes of data for shape (3,) of f2, found 7"));
}

TEST_F(NpyTest, MalformedHeaders) {
  for (const char *text :
       {"", "descr", "{'descr': '<f4', 'fortran_order': False}", "{'descr': '<f4', 'descr': '<f4'}",
        "{'other': 1}", "{'descr': '<f4", "{'descr': '<f4', 'fortran_order': maybe, 'shape': ()}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (x,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2"})
    EXPECT_THAT(message(file(text, "abcd")), HasSubstr("malformed header: expected")) << text;
}

TEST_F(NpyTest, ShapesBeyondSixtyFourBits) {
  for (const char *shape :
       {"(99999999999999999999,)", "(4294967296, 4294967296)", "(4294967296, 4294967296, 0)"})
    EXPECT_THAT(message(file(header("<f4", shape), "abcd")), HasSubstr("too large for 64 bits")) << shape;
}

TEST_F(NpyTest, HugeShapeIsTruncatedNotAllocated) {
  EXPECT_THAT(message(file(header("<f4", "(1000000000000,)"), "abcd")),
              HasSubstr("truncated: expected 4000000000000 bytes"));
}

TEST_F(NpyTest, UnwritablePlaces) {
  NpyArray array = NpyArray::zeros({4}, NpyType::F32);
  try {
    writeNpy(path("none/a.npy"), array);
    FAIL() << "nothing was thrown";
  } catch (const Error &error) {
    EXPECT_EQ(error.kind(), ErrorKind::Machine);
    EXPECT_THAT(error.what(), HasSubstr("none/a.npy: cannot be written: No such file or directory"));
  }
  try { // a full disk
    writeNpy("/dev/full", NpyArray::zeros({1 << 20}, NpyType::F32));
    FAIL() << "nothing was thrown";
  } catch (const Error &error) {
    EXPECT_THAT(error.what(), HasSubstr("/dev/full: cannot be written: No space left on device"));
  }
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
}

} // namespace
