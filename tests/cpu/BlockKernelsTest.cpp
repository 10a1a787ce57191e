// Every instruction-set level of the inner loops against plain loops.
#include "maskloom/cpu/BlockKernels.h"
#include "maskloom/program/Half.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <random>
#include <vector>

namespace maskloom::cpu {
namespace {

constexpr float kNegInf = -std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

template <typename T>
struct CacheLineAllocator {
  using value_type = T;
  T *allocate(size_t n) { return static_cast<T *>(::operator new(n * sizeof(T), std::align_val_t(64))); }
  void deallocate(T *p, size_t) { ::operator delete(p, std::align_val_t(64)); }
  bool operator==(const CacheLineAllocator &) const = default;
};
using Tile = std::vector<float, CacheLineAllocator<float>>;

class BlockKernelsTest : public ::testing::TestWithParam<int> {
protected:
  void SetUp() override {
    const BlockKernels *levels[3];
    if (GetParam() >= blockKernelLevels(levels)) GTEST_SKIP() << "this processor does not run the level";
    kernels = levels[GetParam()];
  }
  Tile random(int64_t floats) {
    std::normal_distribution<float> normal;
    Tile tile(static_cast<size_t>(floats));
    for (float &x : tile) x = normal(engine);
    return tile;
  }
  const BlockKernels *kernels = nullptr;
  std::mt19937 engine{7};
};

TEST_P(BlockKernelsTest, LoadsEveryHalf) {
  std::vector<uint16_t> bits(65536);
  for (size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<uint16_t>(i);
  std::vector<float> out(bits.size());
  EXPECT_FALSE(kernels->load(bits.data(), Element::F16, out.data(), 65536));
  for (size_t i = 0; i < bits.size(); ++i) {
    float want = f16ToFloat(bits[i]);
    if (std::isnan(want))
      EXPECT_TRUE(std::isnan(out[i])) << i;
    else
      EXPECT_EQ(std::bit_cast<uint32_t>(out[i]), std::bit_cast<uint32_t>(want)) << i;
  }
  kernels->load(bits.data(), Element::Bf16, out.data(), 65536);
  for (size_t i = 0; i < bits.size(); ++i)
    EXPECT_EQ(std::bit_cast<uint32_t>(out[i]), static_cast<uint32_t>(i) << 16);
}

TEST_P(BlockKernelsTest, StoresRoundToNearestEven) {
  std::vector<float> values = {0.0f,   -0.0f,   1.0f,     65504.0f, 65519.0f,   65520.0f, 1e30f,
                               -1e30f, kNegInf, 0x1p-24f, 0x1p-25f, 0x1.8p-25f, 0x1p-14f, 3.4e38f};
  std::uniform_int_distribution<uint32_t> any;
  while (values.size() < 100000) {
    float x = std::bit_cast<float>(any(engine));
    if (!std::isnan(x)) values.push_back(x);
  }
  std::vector<uint16_t> out(values.size());
  kernels->store(values.data(), Element::F16, out.data(), static_cast<int64_t>(values.size()));
  for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(out[i], floatToF16(values[i])) << values[i];
  kernels->store(values.data(), Element::Bf16, out.data(), static_cast<int64_t>(values.size()));
  for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(out[i], floatToBf16(values[i])) << values[i];
}

TEST_P(BlockKernelsTest, LoadSeesNonFiniteValues) {
  std::vector<float> in(40, 1.0f), out(40);
  EXPECT_TRUE(kernels->load(in.data(), Element::F32, out.data(), 40));
  for (float bad : {kNaN, kNegInf, -kNegInf}) {
    in[37] = bad;
    EXPECT_FALSE(kernels->load(in.data(), Element::F32, out.data(), 40));
    EXPECT_TRUE(kernels->load(in.data(), Element::F32, out.data(), 37));
  }
}

TEST_P(BlockKernelsTest, Multiplies) {
  for (auto [rows, depth, columns] : {std::array<int64_t, 3>{1, 8, 16},
                                      {5, 3, 8},
                                      {13, 17, 33},
                                      {64, 128, 80},
                                      {23, 8, 48},
                                      {128, 64, 128}})
    for (bool transposed : {false, true})
      for (bool accumulate : {false, true}) {
        int64_t ldb = leading(columns), ldc = leading(columns);
        Tile a = random(rows * depth), b = random(depth * ldb), c = random(rows * ldc), before = c;
        int64_t aRow = transposed ? 1 : depth, aDepth = transposed ? rows : 1;
        kernels->multiply(a.data(), aRow, aDepth, b.data(), ldb, c.data(), ldc, rows, depth, columns,
                          accumulate);
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t n = 0; n < columns; ++n) {
            double want = accumulate ? before[r * ldc + n] : 0.0;
            for (int64_t d = 0; d < depth; ++d)
              want += static_cast<double>(a[r * aRow + d * aDepth]) * b[d * ldb + n];
            ASSERT_NEAR(c[r * ldc + n], want, 1e-4) << rows << "x" << depth << "x" << columns;
          }
      }
}

TEST_P(BlockKernelsTest, SoftmaxInSteps) {
  const int64_t queries = 21, keys = 30, ld = leading(queries);
  Tile first = random(keys * ld), second = random(keys * ld);
  for (float &x : second) x = x * 20 + 5;
  for (int64_t j = 0; j < keys; ++j) first[j * ld + 3] = second[j * ld + 3] = kNegInf; // sees nothing
  for (int64_t j = 0; j < keys; ++j) first[j * ld + 4] = kNegInf; // sees nothing at first
  const Tile one = first, two = second;
  Tile maximum(padded(queries), kNegInf), sum(padded(queries), 0.0f), rescale(padded(queries), 0.0f);
  std::vector<double> weights(static_cast<size_t>(queries), 0.0);
  kernels->softmax(first.data(), ld, keys, queries, maximum.data(), sum.data(), rescale.data());
  for (int64_t i = 0; i < queries; ++i)
    for (int64_t j = 0; j < keys; ++j) weights[i] += first[j * ld + i];
  EXPECT_TRUE(kernels->softmax(second.data(), ld, keys, queries, maximum.data(), sum.data(), rescale.data()));
  for (int64_t i = 0; i < queries; ++i) {
    double top = kNegInf, total = 0, folded = weights[i] * rescale[i];
    for (int64_t j = 0; j < keys; ++j) top = std::max<double>({top, one[j * ld + i], two[j * ld + i]});
    for (int64_t j = 0; j < keys; ++j) {
      if (top == kNegInf) continue;
      total += std::exp(one[j * ld + i] - top) + std::exp(two[j * ld + i] - top);
      double want = std::exp(two[j * ld + i] - top);
      ASSERT_NEAR(second[j * ld + i], want, 3e-7 * want * (1 + std::abs(two[j * ld + i] - top)) + 1e-37);
    }
    for (int64_t j = 0; j < keys; ++j) folded += second[j * ld + i];
    EXPECT_EQ(maximum[i], static_cast<float>(top));
    EXPECT_NEAR(sum[i], total, 1e-5 * total) << i;
    EXPECT_NEAR(folded, total, 1e-5 * total) << i;
  }
  EXPECT_EQ(sum[3], 0.0f);
}

TEST_P(BlockKernelsTest, SoftmaxKeepsNaNToItsRow) {
  const int64_t queries = 16, keys = 4, ld = leading(queries);
  Tile scores(static_cast<size_t>(keys * ld), 1.0f);
  scores[2 * ld + 5] = kNaN;
  Tile maximum(16, kNegInf), sum(16, 0.0f), rescale(16, 0.0f);
  kernels->softmax(scores.data(), ld, keys, queries, maximum.data(), sum.data(), rescale.data());
  for (int64_t i = 0; i < queries; ++i) {
    if (i == 5)
      EXPECT_TRUE(std::isnan(sum[i]));
    else
      EXPECT_EQ(sum[i], 4.0f);
  }
}

TEST_P(BlockKernelsTest, TransposesAndHides) {
  const int64_t rows = 37, columns = 21, ldIn = leading(columns), ldOut = leading(rows);
  Tile in = random(rows * ldIn), out(static_cast<size_t>(columns * ldOut), 0.0f);
  kernels->transpose(in.data(), ldIn, out.data(), ldOut, rows, columns);
  std::vector<uint8_t> visible(static_cast<size_t>(rows * 30));
  for (uint8_t &byte : visible) byte = engine() & 1;
  Tile hidden = out;
  kernels->hide(visible.data(), 30, hidden.data(), ldOut, rows, columns);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) {
      ASSERT_EQ(out[c * ldOut + r], in[r * ldIn + c]);
      ASSERT_EQ(hidden[c * ldOut + r], visible[r * 30 + c] ? out[c * ldOut + r] : kNegInf);
    }
}

INSTANTIATE_TEST_SUITE_P(Levels, BlockKernelsTest, ::testing::Values(0, 1, 2));

} // namespace
} // namespace maskloom::cpu
