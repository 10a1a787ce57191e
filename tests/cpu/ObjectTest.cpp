// Lowered functions through LLVM and the linker, point by point.
#include "maskloom/cpu/ObjectLinker.h"
#include "tests/cpu/LoweredModule.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>

namespace maskloom {
namespace {

using testing::compileLowered;

struct Compiled {
  explicit Compiled(const std::string &text, size_t groups = 1, bool hasScore = false) {
    std::string error = compileLowered(text, program);
    EXPECT_EQ(error, "");
    if (error.empty()) object = cpu::LinkedObject::link(program.cpuObject, groups, hasScore, error);
    EXPECT_EQ(error, "");
  }
  Program program;
  std::unique_ptr<cpu::LinkedObject> object;
};

/// Compares mask `group` with `want` at all queries in [q0, q1] and keys in [k0, k1], in rows of uneven
/// width.
void compareMask(const Compiled &compiled, const CpuContext &context, int64_t q0, int64_t q1, int64_t k0,
                 int64_t k1, const std::function<bool(int64_t, int64_t)> &want, size_t group = 0) {
  ASSERT_TRUE(compiled.object);
  std::vector<uint8_t> row(static_cast<size_t>(k1 - k0 + 2), 0xee);
  for (int64_t q = q0; q <= q1; ++q)
    for (int64_t first = k0, width = 1; first <= k1; first += width, width = width % 70 + 13) {
      int64_t count = std::min(width, k1 - first + 1);
      row[count] = 0xee;
      compiled.object->mask(group)(&context, q, first, count, row.data());
      ASSERT_EQ(row[count], 0xee) << "wrote beyond the row";
      for (int64_t i = 0; i < count; ++i)
        ASSERT_EQ(row[i], want(q, first + i) ? 1 : 0) << "q " << q << " k " << first + i;
    }
}

TEST(Object, Causal) {
  Compiled compiled("func.func @visible_0(%q: i32, %k: i32) -> i1 {\n"
                    "  %0 = arith.cmpi sge, %q, %k : i32\n"
                    "  func.return %0 : i1\n"
                    "}");
  CpuContext context{};
  compareMask(compiled, context, -5, 140, -7, 150, [](int64_t q, int64_t k) { return q >= k; });
}

TEST(Object, WindowWithParameter) {
  Compiled compiled("func.func @visible_0(%q: i32, %k: i32) -> i1 {\n"
                    "  %w = tile.param 1 : i64\n"
                    "  %d = arith.subi %q, %k : i32\n"
                    "  %d64 = arith.extsi %d : i32 to i64\n"
                    "  %near = arith.cmpi slt, %d64, %w : i64\n"
                    "  %causal = arith.cmpi sge, %q, %k : i32\n"
                    "  %0 = arith.andi %near, %causal : i1\n"
                    "  func.return %0 : i1\n"
                    "}");
  for (int64_t window : {int64_t{1}, int64_t{33}, int64_t{1} << 40}) {
    int64_t params[] = {-1, window};
    CpuContext context{};
    context.params = params;
    compareMask(compiled, context, 0, 100, 0, 120,
                [&](int64_t q, int64_t k) { return q >= k && q - k < window; });
  }
}

TEST(Object, LocalStrideWithNegativePositions) {
  Compiled compiled("func.func @visible_0(%q: i32, %k: i32) -> i1 {\n"
                    "  %h = tile.symbol \"head\" : i32\n"
                    "  %qb = tile.floor_div %q, 12 : i32\n"
                    "  %kb = tile.floor_div %k, 16 : i32\n"
                    "  %d = arith.subi %qb, %kb : i32\n"
                    "  %ad = math.absi %d : i32\n"
                    "  %two = arith.constant 2 : i32\n"
                    "  %near = arith.cmpi slt, %ad, %two : i32\n"
                    "  %s = arith.addi %kb, %h : i32\n"
                    "  %m = tile.floor_mod %s, 5 : i32\n"
                    "  %m8 = tile.floor_mod %s, 8 : i32\n"
                    "  %least = arith.minsi %m, %m8 : i32\n"
                    "  %zero = arith.constant 0 : i32\n"
                    "  %strided = arith.cmpi eq, %least, %zero : i32\n"
                    "  %0 = arith.ori %near, %strided : i1\n"
                    "  func.return %0 : i1\n"
                    "}");
  auto floorDiv = [](int64_t a, int64_t b) {
    return static_cast<int64_t>(std::floor(double(a) / double(b)));
  };
  for (int64_t head : {0, 3}) {
    CpuContext context{};
    context.head = head;
    compareMask(compiled, context, -60, 60, -90, 90, [&](int64_t q, int64_t k) {
      int64_t qb = floorDiv(q, 12), kb = floorDiv(k, 16), s = kb + head;
      int64_t least = std::min(s - 5 * floorDiv(s, 5), s - 8 * floorDiv(s, 8));
      return std::abs(qb - kb) < 2 || least == 0;
    });
  }
}

TEST(Object, DocumentsLoadClampedIndices) {
  Compiled compiled("func.func @visible_0(%q: i32, %k: i32) -> i1 {\n"
                    "  %b = tile.symbol \"batch\" : i32\n"
                    "  %dq = tile.aux_load 1[%b, %q : i32, i32] : i32\n"
                    "  %dk = tile.aux_load 1[%b, %k : i32, i32] : i32\n"
                    "  %0 = arith.cmpi eq, %dq, %dk : i32\n"
                    "  func.return %0 : i1\n"
                    "}");
  std::vector<int32_t> doc(3 * 50); // [2][50], one entry in three rows of storage
  for (int64_t i = 0; i < 50; ++i) {
    doc[i] = static_cast<int32_t>(i / 7);
    doc[100 + i] = static_cast<int32_t>(i / 11);
  }
  CpuAux aux[2] = {{nullptr, {0, 0, 0}, {0, 0, 0}}, {doc.data(), {100, 1, 0}, {2, 50, 1}}};
  CpuContext context{};
  context.aux = aux;
  for (int64_t batch : {0, 1}) {
    context.batch = batch;
    auto at = [&](int64_t i) { return doc[batch * 100 + std::clamp<int64_t>(i, 0, 49)]; };
    compareMask(compiled, context, -3, 60, -20, 90, [&](int64_t q, int64_t k) { return at(q) == at(k); });
  }
}

TEST(Object, GroupsAndEverySymbol) {
  std::string text;
  const char *names[] = {"batch", "head", "kv_head", "heads", "kv_heads", "query_length", "key_length"};
  for (size_t g = 0; g < 7; ++g)
    text += "func.func @visible_" + std::to_string(g) + "(%q: i32, %k: i32) -> i1 {\n  %s = tile.symbol \"" +
            names[g] + "\" : i32\n  %0 = arith.cmpi eq, %s, %k : i32\n  func.return %0 : i1\n}\n";
  Compiled compiled(text, 7);
  CpuContext context{11, 12, 13, 16, 17, 14, 15, nullptr, nullptr};
  const int64_t want[] = {11, 12, 13, 14, 15, 16, 17};
  for (size_t g = 0; g < 7; ++g)
    compareMask(compiled, context, 0, 1, 0, 40, [&](int64_t, int64_t k) { return k == want[g]; }, g);
}

constexpr const char *kAll = "func.func @visible_0(%q: i32, %k: i32) -> i1 {\n"
                             "  %0 = arith.constant true\n  func.return %0 : i1\n}\n";

TEST(Object, AlibiAndSoftCap) {
  Compiled compiled(std::string(kAll) + "func.func @score(%s: f32, %q: i32, %k: i32) -> f32 {\n"
                                        "  %h = tile.symbol \"head\" : i32\n"
                                        "  %slope = tile.aux_load 0[%h : i32] : f32\n"
                                        "  %d = arith.subi %k, %q : i32\n"
                                        "  %f = arith.sitofp %d : i32 to f32\n"
                                        "  %bias = arith.mulf %slope, %f : f32\n"
                                        "  %biased = arith.addf %s, %bias : f32\n"
                                        "  %cap = arith.constant 30.0 : f32\n"
                                        "  %x = arith.divf %biased, %cap : f32\n"
                                        "  %t = math.tanh %x : f32\n"
                                        "  %0 = arith.mulf %t, %cap : f32\n"
                                        "  func.return %0 : f32\n"
                                        "}",
                    1, true);
  float slopes[] = {0.5f, 0.25f, 0.125f};
  CpuAux aux{slopes, {1, 0, 0}, {3, 1, 1}};
  CpuContext context{};
  context.head = 2;
  context.aux = &aux;
  std::vector<float> scores(67);
  for (size_t i = 0; i < scores.size(); ++i) scores[i] = static_cast<float>(i) * 0.7f - 20;
  std::vector<float> before = scores;
  compiled.object->score()(&context, 100, 50, 66, scores.data());
  for (size_t i = 0; i < 66; ++i) {
    double biased = before[i] + 0.125 * (static_cast<double>(50 + i) - 100);
    EXPECT_NEAR(scores[i], 30 * std::tanh(biased / 30), 1e-5);
  }
  EXPECT_EQ(scores[66], before[66]);
}

TEST(Object, EveryFloatOperation) {
  struct Case {
    const char *op;
    double (*want)(double);
  };
  const Case cases[] = {
      {"math.exp2 %s : f32", [](double s) { return std::exp2(s); }},
      {"math.exp %s : f32", [](double s) { return std::exp(s); }},
      {"math.log %s : f32", [](double s) { return std::log(s); }},
      {"math.tanh %s : f32", [](double s) { return std::tanh(s); }},
      {"math.sqrt %s : f32", [](double s) { return std::sqrt(s); }},
      {"math.absf %s : f32", [](double s) { return std::abs(s); }},
      {"arith.negf %s : f32", [](double s) { return -s; }},
      {"arith.minimumf %s, %c : f32", [](double s) { return std::min(s, 1.5); }},
      {"arith.maximumf %s, %c : f32", [](double s) { return std::max(s, 1.5); }},
      {"arith.subf %s, %c : f32", [](double s) { return s - 1.5; }},
      {"arith.select %less, %s, %c : f32", [](double s) { return s < 1.5 ? s : 1.5; }},
  };
  for (const Case &c : cases) {
    Compiled compiled(std::string(kAll) +
                          "func.func @score(%s: f32, %q: i32, %k: i32) -> f32 {\n"
                          "  %c = arith.constant 1.5 : f32\n"
                          "  %less = arith.cmpf olt, %s, %c : f32\n  %0 = " +
                          c.op + "\n  func.return %0 : f32\n}",
                      1, true);
    ASSERT_TRUE(compiled.object) << c.op;
    std::vector<float> scores;
    for (int i = -40; i < 60; ++i) scores.push_back(static_cast<float>(i) * 0.1f);
    std::vector<float> before = scores;
    CpuContext context{};
    compiled.object->score()(&context, 0, 0, static_cast<int64_t>(scores.size()), scores.data());
    for (size_t i = 0; i < scores.size(); ++i) {
      double want = c.want(before[i]);
      if (std::isnan(want))
        EXPECT_TRUE(std::isnan(scores[i])) << c.op << " " << before[i];
      else if (std::isinf(want))
        EXPECT_EQ(scores[i], static_cast<float>(want)) << c.op << " " << before[i];
      else
        EXPECT_NEAR(scores[i], want, 3e-7 * (std::abs(want) + 1)) << c.op << " " << before[i];
    }
  }
}

/// The inlined functions over the whole range of floats, against double precision: 2 ulp, the edges included.
TEST(Object, InlinedMathIsAccurateEverywhere) {
  struct Case {
    const char *op;
    double (*want)(double);
  };
  const Case cases[] = {
      {"math.exp2", [](double s) { return std::exp2(s); }},
      {"math.exp", [](double s) { return std::exp(s); }},
      {"math.tanh", [](double s) { return std::tanh(s); }},
  };
  for (const Case &c : cases) {
    Compiled compiled(std::string(kAll) + "func.func @score(%s: f32, %q: i32, %k: i32) -> f32 {\n  %0 = " +
                          c.op + " %s : f32\n  func.return %0 : f32\n}",
                      1, true);
    ASSERT_TRUE(compiled.object) << c.op;
    const float infinity = std::numeric_limits<float>::infinity();
    std::vector<float> scores = {0.0f,  -0.0f, infinity, -infinity, std::numeric_limits<float>::quiet_NaN(),
                                 3e38f, -3e38f};
    for (int i = -20000; i <= 20000; ++i) {
      scores.push_back(static_cast<float>(i) * 0.0101f);    // to where every one of them has saturated
      scores.push_back(static_cast<float>(i) * 0.0000413f); // around 0
      scores.push_back(std::ldexp(1.0f + static_cast<float>(i & 255) / 256, -(i & 127))); // every exponent
    }
    std::vector<float> before = scores;
    CpuContext context{};
    compiled.object->score()(&context, 0, 0, static_cast<int64_t>(scores.size()), scores.data());
    for (size_t i = 0; i < scores.size(); ++i) {
      double want = c.want(before[i]);
      if (std::isnan(want)) {
        EXPECT_TRUE(std::isnan(scores[i])) << c.op;
        continue;
      }
      float rounded = static_cast<float>(want);
      if (std::isinf(rounded)) {
        EXPECT_EQ(scores[i], rounded) << c.op << " " << before[i];
        continue;
      }
      double ulp = std::max(std::abs(want) * 0x1p-23, 0x1p-149);
      EXPECT_NEAR(scores[i], want, 2 * ulp) << c.op << " " << before[i];
    }
  }
}

TEST(Object, UnknownOperationIsNamed) {
  Program program;
  program.cpuObject = "unchanged";
  std::string error = compileLowered("func.func @visible_0(%q: i32, %k: i32) -> i1 {\n"
                                     "  %0 = arith.remui %q, %k : i32\n"
                                     "  %1 = arith.cmpi eq, %0, %q : i32\n"
                                     "  func.return %1 : i1\n}",
                                     program);
  EXPECT_EQ(error,
            "'arith.remui' in 'visible_0' is not part of the lowered form that the CPU back end takes");
  EXPECT_EQ(program.cpuObject, "unchanged");
}

TEST(Object, WrongSignatureIsNamed) {
  Program program;
  std::string error = compileLowered("func.func @visible_0(%q: i64, %k: i32) -> i1 {\n"
                                     "  %0 = arith.constant true\n  func.return %0 : i1\n}",
                                     program);
  EXPECT_EQ(error, "'visible_0' is not one block of the expected type; it is (i64, i32) -> i1");
  EXPECT_EQ(compileLowered("func.func @other() { return }", program),
            "the lowered module has no function 'visible_0'");
}

TEST(Object, LinkerNamesWhatIsMissing) {
  Compiled compiled(kAll);
  std::string error;
  EXPECT_EQ(cpu::LinkedObject::link(compiled.program.cpuObject, 2, false, error), nullptr);
  EXPECT_NE(error.find("maskloom_mask_1"), std::string::npos) << error;
  error.clear();
  EXPECT_EQ(cpu::LinkedObject::link("not an object", 1, false, error), nullptr);
  EXPECT_NE(error.find("cannot link the CPU object"), std::string::npos) << error;
}

TEST(Object, CompilesFast) {
  Compiled warm(kAll);
  auto start = std::chrono::steady_clock::now();
  Program program;
  ASSERT_EQ(compileLowered(kAll, program), "");
  auto compiled = std::chrono::steady_clock::now();
  std::string error;
  ASSERT_TRUE(cpu::LinkedObject::link(program.cpuObject, 1, false, error)) << error;
  auto linked = std::chrono::steady_clock::now();
  auto ms = [](auto d) { return std::chrono::duration<double, std::milli>(d).count(); };
  std::printf("object: %.1f ms to compile, %.1f ms to link, %zu bytes\n", ms(compiled - start),
              ms(linked - compiled), program.cpuObject.size());
  EXPECT_LT(ms(compiled - start), 500); // many times the usual, for a busy machine
}

} // namespace
} // namespace maskloom
