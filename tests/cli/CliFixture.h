// Runs the command as a user does, in a folder of its own.
#pragma once

#include "maskloom/cli/Cli.h"
#include "maskloom/cli/NpyConvert.h"
#include "tests/support/ReadFile.h"
#include "tests/support/TemporaryDirectory.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include <sys/wait.h>

namespace maskloom {

namespace fs = std::filesystem;

struct Outcome {
  int code = -1;
  std::string out, err;
};

class Cli : public testing::Test {
protected:
  /// Runs the command in a process of its own.
  Outcome run(const std::string &arguments) {
    fs::path out = folder_ / "stdout", err = folder_ / "stderr";
    std::string command = "cd " + folder_.string() + " && " + environment_ + " " + MASKLOOM_BINARY + " " +
                          arguments + " >" + out.string() + " 2>" + err.string();
    int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, readFile(out), readFile(err)};
  }
  void write(const std::string &name, const std::string &text) { std::ofstream(folder_ / name) << text; }
  std::string pattern(const std::string &name) {
    return std::string(MASKLOOM_PATTERNS) + "/" + name + ".mask";
  }

  /// A random [batch, heads, tokens, dim] tensor.
  void tensor(const std::string &name, std::vector<int64_t> shape, NpyType type = NpyType::F32) {
    std::mt19937 engine(static_cast<unsigned>(std::hash<std::string>{}(name)));
    std::normal_distribution<float> normal;
    int64_t count = 1;
    for (int64_t extent : shape) count *= extent;
    std::vector<float> values(count);
    for (float &value : values) value = normal(engine);
    writeNpy((folder_ / name).string(), npyFromFloats(values, std::move(shape), type));
  }
  void tensors(int64_t heads, int64_t kvHeads, int64_t tokens, int64_t dim, NpyType type = NpyType::F32) {
    tensor("q.npy", {1, heads, tokens, dim}, type);
    tensor("k.npy", {1, kvHeads, tokens, dim}, type);
    tensor("v.npy", {1, kvHeads, tokens, dim}, type);
  }
  static constexpr const char *kTensors = " --q q.npy --k k.npy --v v.npy -o o.npy --device cpu";

  const TemporaryDirectory temporary_;
  const fs::path folder_ = temporary_.path();
  std::string environment_ = "MASKLOOM_CACHE_DIR=" + (folder_ / "cache").string();
};

} // namespace maskloom

#define EXPECT_FAILS(outcome, exitCode, text)                                                                \
  do {                                                                                                       \
    Outcome result = (outcome);                                                                              \
    EXPECT_EQ(result.code, exitCode) << result.out << result.err;                                            \
    EXPECT_NE(result.err.find(text), std::string::npos) << "expected '" << (text) << "' in:\n"               \
                                                        << result.err;                                       \
  } while (false)
