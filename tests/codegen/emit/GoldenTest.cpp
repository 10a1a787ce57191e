// What is emitted for two well-known patterns, as a reader sees it. MASKLOOM_UPDATE_GOLDEN=1 rewrites the
// files.
#include "EmittedPattern.h"

#include "maskloom/codegen/Compile.h"
#include "maskloom/dsl/Patterns.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace maskloom {
namespace {

void compareWithGolden(const Pattern &pattern, const std::string &file) {
  CodegenOptions options;
  options.config.tileQueries = 128;
  options.config.tileKeys = 64;
  CodegenResult result = generate(pattern, options);
  ASSERT_TRUE(result.program) << result.internalError << render(result.diagnostics);
  std::string text = emittedPattern(result.program->kernel.source, "golden");
  std::string path = std::string(MASKLOOM_GOLDEN) + "/" + file;
  if (std::getenv("MASKLOOM_UPDATE_GOLDEN")) std::ofstream(path) << text;
  std::stringstream expected;
  expected << std::ifstream(path).rdbuf();
  EXPECT_EQ(expected.str(), text) << "MASKLOOM_UPDATE_GOLDEN=1 rewrites " << path;
}

TEST(Golden, Causal) { compareWithGolden(patterns::causal(), "causal.cu.expected"); }
TEST(Golden, LocalStride) { compareWithGolden(patterns::localStride(), "local_stride.cu.expected"); }

} // namespace
} // namespace maskloom
