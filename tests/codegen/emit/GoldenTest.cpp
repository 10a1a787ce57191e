// What is emitted for two well-known patterns, as a reader sees it. The inputs are lowered modules as the
// pipeline dumps them, checked in, so that a better derivation of runs changes nothing here.
// MASKLOOM_UPDATE_GOLDEN=1 rewrites the expected texts, MASKLOOM_UPDATE_GOLDEN=modules dumps the inputs anew
// as well.
#include "maskloom/codegen/Compile.h"
#include "maskloom/codegen/emit/EmitCuda.h"
#include "maskloom/codegen/ir/ScheduleConversion.h"
#include "maskloom/dsl/Patterns.h"
#include "tests/support/ReadFile.h"
#include "tests/support/TemporaryDirectory.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace maskloom {
namespace {

/// The last of the numbered dumps of a compile.
std::string dumpLoweredModule(const Pattern &pattern) {
  namespace fs = std::filesystem;
  const TemporaryDirectory folder;
  CodegenOptions options;
  options.config.tileQueries = 128;
  options.config.tileKeys = 64;
  options.dumpDir = folder.path().string();
  generate(pattern, options);
  fs::path last;
  for (const auto &file : fs::directory_iterator(folder.path())) last = std::max(last, file.path());
  return readFile(last);
}

class Golden : public ::testing::Test {
protected:
  void compare(const Pattern &pattern, const std::string &name) {
    std::string path = std::string(MASKLOOM_GOLDEN) + "/" + name;
    const char *update = std::getenv("MASKLOOM_UPDATE_GOLDEN");
    if (update && std::string(update) == "modules")
      std::ofstream(path + ".mlir") << dumpLoweredModule(pattern);

    context_.loadDialect<mlir::func::FuncDialect, mlir::arith::ArithDialect, mlir::math::MathDialect,
                         tile::TileDialect>();
    auto module = mlir::parseSourceFile<mlir::ModuleOp>(path + ".mlir", &context_);
    ASSERT_TRUE(module);
    Program program = programOf(*module);
    std::string text, error;
    ASSERT_TRUE(emit::emitPattern(*module, program, text, error)) << error;
    if (update) std::ofstream(path + ".cu.expected") << text;
    EXPECT_EQ(readFile(path + ".cu.expected"), text) << "MASKLOOM_UPDATE_GOLDEN=1 rewrites it";
  }

  /// What emission reads of a Program, from the module's attributes and forward schedules.
  static Program programOf(mlir::ModuleOp module) {
    Program program;
    for (auto param : module->getAttrOfType<mlir::ArrayAttr>("tile.params").getAsRange<tile::ParamAttr>())
      program.params.push_back({param.getName().str(), 0, param.getLow(), param.getHigh(), false});
    for (auto group : module->getAttrOfType<mlir::ArrayAttr>("tile.groups").getAsRange<tile::GroupAttr>())
      program.groups.push_back({group.getFirst(), group.getLast(), {}, {}, {}});
    for (size_t i = 0; i < program.groups.size(); i++)
      program.groups[i].forward =
          toSchedule(module.lookupSymbol<tile::ScheduleOp>("forward_" + std::to_string(i)));
    return program;
  }

  mlir::MLIRContext context_;
};

TEST_F(Golden, Causal) { compare(patterns::causal(), "causal"); }
TEST_F(Golden, LocalStride) { compare(patterns::localStride(), "local_stride"); }

} // namespace
} // namespace maskloom
