// Whole translation units: structure, launch facts, and that NVRTC takes them.
#include "maskloom/codegen/emit/EmitCuda.h"

#include "maskloom/codegen/emit/DefaultConfig.h"
#include "maskloom/codegen/ir/TileDialect.h"
#include "maskloom/device/Nvrtc.h"
#include "maskloom/device/Resources.h"
#include "maskloom/templates/args.cuh"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

namespace maskloom {
namespace {

using TileRun = maskloom::Run; // inside a test, Run is a member of testing::Test
using Op = PredicateNode::Op;

const char *const kCausalModule = R"(
  func.func @visible_0(%q: i32, %k: i32) -> i1 {
    %0 = arith.cmpi sge, %q, %k : i32
    func.return %0 : i1
  })";

class EmitCuda : public ::testing::Test {
protected:
  EmitCuda() {
    context_.loadDialect<mlir::func::FuncDialect, mlir::arith::ArithDialect, mlir::math::MathDialect,
                         tile::TileDialect>();
    // q >= k at 128 x 64 with q_offset: T: x <= (128 Q + 127 + offset) / 64, N: x >= (128 Q + offset - 62)
    // / 64.
    HeadGroupProgram group;
    group.predicate.nodes = {{Op::Symbol, Symbol::QueryPosition, 0, {-1, -1, -1}},
                             {Op::Symbol, Symbol::KeyPosition, 0, {-1, -1, -1}},
                             {Op::Ge, Symbol::QueryPosition, 0, {0, 1, -1}}};
    group.forward.tile = {128, 64};
    TileRun touched, notFull;
    touched.upper = {{{{{Symbol::OuterTile, 0, 128}, {Symbol::QueryOffset, 0, 1}}, 127}, 64}};
    notFull.lower = {{{{{Symbol::OuterTile, 0, 128}, {Symbol::QueryOffset, 0, 1}}, -62}, 64}};
    group.forward.touched = {touched};
    group.forward.notFull = {notFull};
    program_.name = "causal";
    program_.groups = {group};
    options_.config.tileQueries = 128;
    options_.config.tileKeys = 64;
  }

  /// Emits; the error, or nothing.
  std::string emit(const std::string &module) {
    auto parsed = mlir::parseSourceString<mlir::ModuleOp>(module, &context_);
    if (!parsed) return "does not parse";
    std::string error;
    return emitCuda(*parsed, options_, program_, error) ? std::string() : error;
  }
  const std::string &source() const { return program_.kernel.source; }
  bool has(const std::string &part) const { return source().find(part) != std::string::npos; }

  NvrtcResult compile() const {
    const KernelProgram &kernel = program_.kernel;
    return Nvrtc::get()->compile(kernel.source, kernel.entry + ".cu", "sm_80", true, false);
  }

  Program program_;
  CodegenOptions options_;
  mlir::MLIRContext context_;
};

TEST_F(EmitCuda, FillsTheKernelsLaunchFacts) {
  ASSERT_EQ(emit(kCausalModule), "");
  const KernelProgram &kernel = program_.kernel;
  EXPECT_EQ(kernel.entry, "maskloom_causal");
  EXPECT_EQ(kernel.planEntry, "");
  EXPECT_EQ(kernel.orderEntry, "");
  EXPECT_EQ(kernel.threads, options_.config.warps * 32);
  EXPECT_EQ(kernel.sharedBytes, sharedBytes(options_.config));
  EXPECT_EQ(kernel.parameterBytes, static_cast<int32_t>(sizeof(ForwardArgs)));
  EXPECT_TRUE(kernel.config == options_.config);
  ASSERT_FALSE(kernel.fields.empty());
  for (size_t i = 1; i < kernel.fields.size(); i++)
    EXPECT_LT(kernel.fields[i - 1].offset, kernel.fields[i].offset);
  EXPECT_TRUE(has("extern \"C\" __global__"));
  EXPECT_FALSE(has("#include"));
}

TEST_F(EmitCuda, NvrtcTakesIt) {
  if (!Nvrtc::get()) GTEST_SKIP() << Nvrtc::why();
  ASSERT_EQ(emit(kCausalModule), "");
  NvrtcResult result = compile();
  ASSERT_TRUE(result.ok) << result.log;
  for (const KernelResources &kernel : parseResources(result.log).kernels)
    EXPECT_FALSE(kernel.spills()) << result.log;
}

TEST_F(EmitCuda, TheHopperKernelTakesTensorMaps) {
  KernelConfig &config = options_.config;
  config.kernel = kHopperKernel;
  config.warps = 8;
  config.gather = 2;
  config.pingPong = true;
  program_.groups[0].forward.closedForm = false;
  ASSERT_EQ(emit(kCausalModule), "");
  EXPECT_EQ(program_.kernel.threads, 8 * 32 + 128);
  EXPECT_EQ(program_.kernel.sharedBytes, sharedBytes(config));
  EXPECT_TRUE(has("struct Config {\n"
                  "  static constexpr int kHeadDim = 128, kValueDim = 128;\n"
                  "  static constexpr int kTileHeads = 1, kTileQueries = 128, kTileKeys = 64;\n"
                  "  static constexpr int kWarps = 8, kStages = 2, kAlignBytes = 16;\n"
                  "  static constexpr bool kBf16 = true;\n"
                  "  static constexpr int kGather = 2, kCluster = 1;\n"
                  "  static constexpr bool kPingPong = true, kSharedP = false;\n"
                  "};\n"));
  EXPECT_TRUE(has("\nextern \"C\" __global__ void "
                  "__launch_bounds__(maskloom::kernel::Config::kWarps * 32 + 128, 1)\n"
                  "maskloom_causal(const __grid_constant__ maskloom::ForwardArgs args, const "
                  "__grid_constant__ maskloom::TensorMaps maps) {\n"
                  "  maskloom::kernel::hopper_forward<maskloom::kernel::Config, "
                  "maskloom::kernel::Pattern>(args, maps);\n}\n"));
  EXPECT_TRUE(has("\nextern \"C\" __global__ void __launch_bounds__(maskloom::kernel::kPlanThreads, "
                  "maskloom::kernel::kPlanBlocks)\n"
                  "maskloom_causal_plan(const __grid_constant__ maskloom::ForwardArgs args) {\n"
                  "  maskloom::kernel::plan_tiles<maskloom::kernel::Config, "
                  "maskloom::kernel::Pattern>(args);\n}\n"));
  EXPECT_FALSE(has("#include"));
  config.cluster = 2;
  ASSERT_EQ(emit(kCausalModule), "");
  EXPECT_TRUE(has("* 32 + 128, 1) __cluster_dims__(2, 1, 1)\nmaskloom_causal("));
  config.kernel = "no_such_kernel";
  EXPECT_EQ(emit(kCausalModule), "emission: there is no kernel template 'no_such_kernel'");
}

TEST_F(EmitCuda, PlannedGroupsScoresAndSinksCompile) {
  // Groups by KV head: 0..1 see documents (planned), the others everything before them; ALiBi and a sink.
  program_.auxes = {{"doc", false, {{}, {}}}, {"slope", true, {{}}}, {"sink", true, {{}}}};
  program_.groupsByKvHead = true;
  program_.groups.push_back(program_.groups[0]);
  program_.groups[0].first = 0;
  program_.groups[0].last = 1;
  program_.groups[1].first = 2;
  program_.groups[1].last = 7;
  program_.groups[0].forward.closedForm = false;
  program_.groups[0].predicate.nodes = {{Op::Symbol, Symbol::Batch, 0, {-1, -1, -1}},
                                        {Op::Symbol, Symbol::QueryPosition, 0, {-1, -1, -1}},
                                        {Op::Symbol, Symbol::KeyPosition, 0, {-1, -1, -1}},
                                        {Op::AuxLoad, Symbol::Batch, 0, {0, 1, -1}},
                                        {Op::AuxLoad, Symbol::Batch, 0, {0, 2, -1}},
                                        {Op::Eq, Symbol::Batch, 0, {3, 4, -1}}};
  program_.hasScore = true;
  program_.sinkAux = 2;
  ASSERT_EQ(emit(R"(
    func.func @visible_0(%q: i32, %k: i32) -> i1 {
      %b = tile.symbol "batch" : i32
      %x = tile.aux_load 0[%b, %q : i32, i32] : i32
      %y = tile.aux_load 0[%b, %k : i32, i32] : i32
      %0 = arith.cmpi eq, %x, %y : i32
      func.return %0 : i1
    }
    func.func @visible_1(%q: i32, %k: i32) -> i1 {
      %0 = arith.cmpi sge, %q, %k : i32
      func.return %0 : i1
    }
    func.func @score(%s: f32, %q: i32, %k: i32) -> f32 {
      %h = tile.symbol "head" : i32
      %slope = tile.aux_load 1[%h : i32] : f32
      %d = arith.subi %k, %q : i32
      %f = arith.sitofp %d : i32 to f32
      %p = arith.mulf %slope, %f : f32
      %t = math.tanh %p : f32
      %e = math.exp2 %t : f32
      %l = math.log %e : f32
      %x = math.exp %l : f32
      %a = math.absf %x : f32
      %r = math.sqrt %a : f32
      %m = arith.minimumf %r, %s : f32
      %o = arith.addf %m, %p : f32
      func.return %o : f32
    })"),
            "");
  EXPECT_EQ(program_.kernel.planEntry, "maskloom_causal_plan");
  EXPECT_EQ(program_.kernel.orderEntry, "maskloom_causal_order");
  EXPECT_TRUE(has("const int head = c.kv_head;"));
  EXPECT_TRUE(has("return aux_load_f32(c, 2, c.head);"));
  EXPECT_TRUE(has("equal(aux_range(c, 0, interval(batch), box.q), aux_range(c, 0, interval(batch), box.k))"));
  if (!Nvrtc::get()) GTEST_SKIP() << Nvrtc::why();
  NvrtcResult result = compile();
  ASSERT_TRUE(result.ok) << result.log << source();
}

TEST_F(EmitCuda, SaysWhatIsMissing) {
  EXPECT_EQ(
      emit("func.func @visible_1(%q: i32, %k: i32) -> i1 { %0 = arith.constant true func.return %0 : i1 }"),
      "emission: the lowered module has no function 'visible_0'");
  options_.config.dtype = DType::f32;
  EXPECT_EQ(emit(kCausalModule), "emission: the GPU kernel computes in bf16 or f16");
}

} // namespace
} // namespace maskloom
