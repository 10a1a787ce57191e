// The text of masks and scores: operations, precedence, names.
#include "maskloom/codegen/emit/EmitFunction.h"

#include "maskloom/codegen/ir/TileDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

namespace maskloom::emit {
namespace {

class EmitFunction : public ::testing::Test {
protected:
  EmitFunction() {
    context_.loadDialect<mlir::func::FuncDialect, mlir::arith::ArithDialect, mlir::math::MathDialect,
                         tile::TileDialect>();
    program_.params = {{"local", 16, 1, 4096, false}, {"far", 0, 0, int64_t{1} << 40, false}};
    program_.auxes = {{"doc", false, {{}, {}}}, {"slope", true, {{}}}};
  }

  std::string print(const std::string &function, const std::string &name) {
    module_ = mlir::parseSourceString<mlir::ModuleOp>(function, &context_);
    if (!module_) return "does not parse";
    std::string text, error;
    auto func = *module_->getOps<mlir::func::FuncOp>().begin();
    return emitFunction(func, name, program_, text, error) ? text : error;
  }
  /// The body's statements, joined.
  std::string mask(const std::string &body) {
    return statements(print("func.func @visible_0(%q: i32, %k: i32) -> i1 {\n" + body + "}", "visible"));
  }
  std::string score(const std::string &body) {
    return statements(print("func.func @score(%s: f32, %q: i32, %k: i32) -> f32 {\n" + body + "}", "score"));
  }
  static std::string statements(const std::string &text) {
    const std::string start = "(void)c, (void)q, (void)k;\n";
    size_t from = text.find(start);
    return from == std::string::npos ? text : text.substr(from + start.size());
  }

  Program program_;
  mlir::MLIRContext context_;
  mlir::OwningOpRef<mlir::ModuleOp> module_;
};

TEST_F(EmitFunction, Signatures) {
  EXPECT_EQ(print("func.func @visible_0(%q: i32, %k: i32) -> i1 { %0 = arith.cmpi sge, %q, %k : i32 "
                  "func.return %0 : i1 }",
                  "visible"),
            "  static MASKLOOM_DEVICE bool visible(const Context &c, int q, int k) {\n"
            "    (void)c, (void)q, (void)k;\n"
            "    return q >= k;\n"
            "  }\n");
  EXPECT_EQ(print("func.func @score(%s: f32, %q: i32, %k: i32) -> f32 { func.return %s : f32 }", "score"),
            "  static MASKLOOM_DEVICE float score(float s, const Context &c, int q, int k) {\n"
            "    (void)c, (void)q, (void)k;\n"
            "    return s;\n"
            "  }\n");
}

TEST_F(EmitFunction, BlocksAndHeads) {
  EXPECT_EQ(
      mask(R"(
    %c16 = arith.constant 16 : i32
    %c0 = arith.constant 0 : i32
    %causal = arith.cmpi sge, %q, %k : i32
    %qb = tile.floor_div %q, 64 : i32
    %kb = tile.floor_div %k, 64 : i32
    %d = arith.subi %qb, %kb : i32
    %near = arith.cmpi slt, %d, %c16 : i32
    %h = tile.symbol "head" : i32
    %sum = arith.addi %kb, %h : i32
    %m = tile.floor_mod %sum, 12 : i32
    %far = arith.cmpi eq, %m, %c0 : i32
    %any = arith.ori %near, %far : i1
    %all = arith.andi %causal, %any : i1
    func.return %all : i1
)"),
      "    const int k_div_64 = k >> 6;\n"
      "    return (q >= k) & (((q >> 6) - k_div_64 < 16) | (floor_mod(k_div_64 + c.head, 12) == 0));\n  }\n");
}

TEST_F(EmitFunction, NamesComeFromLocations) {
  EXPECT_EQ(mask(R"(
    %qb = tile.floor_div %q, 64 : i32 loc("q block"("s2.mask":3:8))
    %kb = tile.floor_div %k, 64 : i32 loc(fused["f.mask":1:1, "k"("s2.mask":3:8)])
    %0 = arith.muli %qb, %qb : i32
    %1 = arith.muli %kb, %kb : i32
    %2 = arith.cmpi sle, %0, %1 : i32
    func.return %2 : i1
)"),
            "    const int q_block = q >> 6;\n    const int k2 = k >> 6;\n    return q_block * q_block <= k2 "
            "* k2;\n  }\n");
}

TEST_F(EmitFunction, LoadsShortCircuitAndParametersAreNamed) {
  EXPECT_EQ(mask(R"(
    %b = tile.symbol "batch" : i32
    %x = tile.aux_load 0[%b, %q : i32, i32] : i32
    %y = tile.aux_load 0[%b, %k : i32, i32] : i32
    %same = arith.cmpi eq, %x, %y : i32
    %local = tile.param 0 : i32
    %d = arith.subi %q, %k : i32
    %in = arith.cmpi slt, %d, %local : i32
    %all = arith.andi %in, %same : i1
    func.return %all : i1
)"),
            "    const int local = (int)c.args->params[0];\n"
            "    return q - k < local && aux_load(c, 0, c.batch, nearest(c, 0, 1, q)) == aux_load(c, 0, "
            "c.batch, nearest(c, 0, 1, k));\n  }\n");
}

TEST_F(EmitFunction, WideIntegersNegationAndSelect) {
  EXPECT_EQ(mask(R"(
    %true = arith.constant true
    %c-3 = arith.constant -3 : i32
    %c0 = arith.constant 0 : i64
    %far = tile.param 1 : i64
    %q0 = arith.addi %q, %c-3 : i32
    %w = arith.extsi %q0 : i32 to i64
    %d = arith.subi %w, %far : i64
    %n = arith.subi %c0, %d : i64
    %abs = math.absi %n : i64
    %m = arith.maxsi %abs, %c0 : i64
    %a = arith.cmpi ne, %m, %far : i64
    %not = arith.xori %a, %true : i1
    %b = arith.cmpi sgt, %q, %k : i32
    %s = arith.select %b, %not, %a : i1
    func.return %s : i1
)"),
            "    const long long far = c.args->params[1];\n"
            "    const bool holds = max(abs(-((long long)(q - 3) - far)), 0LL) != far;\n"
            "    return q > k ? !holds : holds;\n  }\n");
}

TEST_F(EmitFunction, Scores) {
  EXPECT_EQ(score(R"(
    %h = tile.symbol "head" : i32
    %slope = tile.aux_load 1[%h : i32] : f32
    %d = arith.subi %k, %q : i32
    %f = arith.sitofp %d : i32 to f32
    %p = arith.mulf %slope, %f : f32
    %r = arith.addf %s, %p : f32
    func.return %r : f32
)"),
            "    return s + aux_load_f32(c, 1, c.head) * (float)(k - q);\n  }\n");
  EXPECT_EQ(score(R"(
    %cap = arith.constant 50.0 : f32
    %small = arith.constant 1.0e-05 : f32
    %0 = arith.divf %s, %cap : f32
    %1 = math.tanh %0 : f32
    %2 = arith.mulf %1, %cap : f32
    %3 = arith.negf %small : f32
    %4 = arith.subf %2, %3 : f32
    func.return %4 : f32
)"),
            "    return fast_tanh(s / 50.0f) * 50.0f - -1e-05f;\n  }\n");
}

TEST_F(EmitFunction, AnUnknownOperationIsNamed) {
  EXPECT_EQ(mask("%0 = arith.divsi %q, %k : i32 %1 = arith.cmpi eq, %0, %q : i32 func.return %1 : i1"),
            "emission: operation 'arith.divsi' in 'visible_0' has no C++ form");
}

} // namespace
} // namespace maskloom::emit
