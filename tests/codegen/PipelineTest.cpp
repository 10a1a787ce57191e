// Schedules through the IR and back; what an internal failure leaves behind.
#include "maskloom/codegen/Pipeline.h"
#include "maskloom/codegen/Compile.h"
#include "maskloom/codegen/Import.h"
#include "maskloom/codegen/ir/MaskDialect.h"
#include "maskloom/codegen/ir/ScheduleConversion.h"
#include "maskloom/dsl/Patterns.h"
#include "maskloom/program/ProgramJson.h"
#include "tests/support/RandomPattern.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace maskloom;

namespace {

class PipelineTest : public ::testing::Test {
protected:
  PipelineTest() : context(mlir::MLIRContext::Threading::DISABLED) {
    context.loadDialect<mask::MaskDialect, tile::TileDialect, mlir::arith::ArithDialect,
                        mlir::func::FuncDialect, mlir::math::MathDialect>();
    context.getDiagEngine().registerHandler(
        [this](mlir::Diagnostic &diagnostic) { messages += diagnostic.str() + "\n"; });
  }
  mlir::MLIRContext context;
  std::string messages;
};

/// Every field of a schedule, as text.
std::string allFields(const Schedule &schedule) {
  Program program;
  HeadGroupProgram &group = program.groups.emplace_back();
  group.forward = schedule;
  return toJson(program, false).dump();
}

Affine affine(std::vector<Term> terms, int64_t constant) { return {std::move(terms), constant}; }

/// A schedule that uses every field, with values that need the whole range of each.
Schedule richSchedule() {
  Schedule schedule;
  schedule.orientation = Orientation::Transposed;
  schedule.tile = {112, 48};
  schedule.closedForm = false;
  schedule.remark = "an \"aux\" load\nthat depends on q";
  Affine all = affine({{Symbol::OuterTile, 0, -1},
                       {Symbol::Head, 0, 2},
                       {Symbol::KvHead, 0, -3},
                       {Symbol::Batch, 0, INT64_MIN},
                       {Symbol::QueryLength, 0, INT64_MAX},
                       {Symbol::KeyLength, 0, 4},
                       {Symbol::Heads, 0, 5},
                       {Symbol::KvHeads, 0, 6},
                       {Symbol::QueryOffset, 0, 7},
                       {Symbol::KeyOffset, 0, 8},
                       {Symbol::Param, 0, 9},
                       {Symbol::Param, 3, -10},
                       {Symbol::AuxScalar, 2, 1}},
                      INT64_MIN);
  schedule.floors.push_back({all, INT64_MAX, false});
  schedule.floors.push_back({affine({{Symbol::InnerTile, 0, 1}, {Symbol::Floor, 0, 1}}, 0), 3, true});
  Run run;
  run.lower = {{affine({{Symbol::Floor, 0, -1}}, INT64_MAX), 7}, {affine({}, 0), 1}};
  run.upper = {{affine({{Symbol::OuterTile, 0, 2}}, 1), 1}};
  run.guards = {{affine({{Symbol::OuterTile, 0, 1}}, -4), false}, {affine({}, 0), true}};
  run.congruences = {{-5, affine({{Symbol::Head, 0, 1}}, 1), 16, affine({{Symbol::Param, 1, 1}}, -1)}};
  run.gaps = {{affine({{Symbol::InnerTile, 0, 2}}, 3), 4, affine({{Symbol::Floor, 1, 1}}, -3), 5}};
  run.filters = {{affine({{Symbol::Floor, 1, 1}}, 0), true}, {affine({{Symbol::InnerTile, 0, 1}}, 0), false}};
  run.exact = false;
  schedule.touched = {run, Run{}};
  run.exact = true;
  run.lower.clear();
  schedule.notFull = {run};
  return schedule;
}

} // namespace

TEST_F(PipelineTest, SchedulesSurviveTheIrAndItsText) {
  std::vector<Schedule> schedules{richSchedule(), Schedule{}};
  for (uint64_t i = 0; i < 20; ++i) {
    maskloom::testing::RandomCase c = maskloom::testing::randomCase(77, i);
    CodegenResult result = analyze(c.pattern, {c.tileQueries, c.tileKeys}, c.problem.params);
    ASSERT_TRUE(result.program) << c.describe();
    for (const HeadGroupProgram &group : result.program->groups) {
      schedules.push_back(group.forward);
      schedules.push_back(group.transposed);
    }
  }
  for (const Schedule &schedule : schedules) {
    mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
    mlir::OpBuilder builder = mlir::OpBuilder::atBlockEnd(module->getBody());
    tile::ScheduleOp op = toOp(builder, module->getLoc(), "s", schedule);
    ASSERT_TRUE(mlir::succeeded(mlir::verify(*module))) << messages;
    EXPECT_EQ(allFields(toSchedule(op)), allFields(schedule));
    std::string text;
    llvm::raw_string_ostream(text) << *module;
    mlir::OwningOpRef<mlir::ModuleOp> parsed = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    ASSERT_TRUE(parsed) << messages << text;
    EXPECT_EQ(allFields(toSchedule(*parsed->getOps<tile::ScheduleOp>().begin())), allFields(schedule))
        << text;
  }
}

TEST_F(PipelineTest, LocationsOfThePatternReachTheOperations) {
  Index q = query(), k = key();
  Mask distant = q - k > 16; // the line that is looked for
  unsigned line = __LINE__ - 1;
  std::vector<Diagnostic> errors;
  mlir::OwningOpRef<mlir::ModuleOp> module = importPattern(context, Pattern("p", distant), {}, errors);
  ASSERT_TRUE(module);
  int found = 0;
  module->walk([&](mask::CmpOp op) {
    auto loc = mlir::dyn_cast<mlir::FileLineColLoc>(op.getLoc());
    ASSERT_TRUE(loc);
    EXPECT_EQ(loc.getLine(), line);
    EXPECT_NE(loc.getFilename().str().find("PipelineTest.cpp"), std::string::npos);
    ++found;
  });
  EXPECT_EQ(found, 1);
}

namespace {

/// A pass with a defect: leaves a division by zero behind, which the verifier must find.
struct BreakDivisor : mlir::PassWrapper<BreakDivisor, mlir::OperationPass<mlir::ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(BreakDivisor)
  llvm::StringRef getArgument() const override { return "break-divisor"; }
  void runOnOperation() override {
    getOperation().walk([](mask::FloorDivOp op) { op.setDivisor(0); });
  }
};

} // namespace

TEST_F(PipelineTest, AnInternalFailureLeavesAReproducer) {
  std::vector<Diagnostic> errors;
  mlir::OwningOpRef<mlir::ModuleOp> module = importPattern(context, patterns::localStride(), {}, errors);
  ASSERT_TRUE(module);
  Pipeline pipeline(*module, {});
  std::vector<PipelineStep> steps;
  steps.push_back({"break", std::make_unique<BreakDivisor>()});
  EXPECT_EQ(pipeline.run(std::move(steps)), Pipeline::Outcome::InternalError);
  EXPECT_EQ(pipeline.problem(), "break");
  EXPECT_NE(messages.find("expected a positive divisor, found 0"), std::string::npos) << messages;
  EXPECT_NE(pipeline.reproducer().find("pipeline: \"builtin.module(break-divisor)\""), std::string::npos)
      << pipeline.reproducer();
  // The IR before the step, which is valid.
  mlir::OwningOpRef<mlir::ModuleOp> parsed =
      mlir::parseSourceString<mlir::ModuleOp>(pipeline.reproducer(), &context);
  ASSERT_TRUE(parsed) << messages << pipeline.reproducer();
  int divisions = 0;
  parsed->walk([&](mask::FloorDivOp op) {
    EXPECT_EQ(op.getDivisor(), 64u);
    ++divisions;
  });
  EXPECT_GT(divisions, 0);
}
