#include "RandomProgram.h"

#include "maskloom/program/ProgramJson.h"

#include <chrono>
#include <random>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace maskloom {
namespace {

TEST(ProgramJson, RoundTripIsExact) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Program program = randomProgram(seed);
    std::string text = toJson(program, true).dump(), error;
    std::optional<Program> read = programFromText(text, error);
    ASSERT_TRUE(read) << error;
    read->cpuObject = program.cpuObject; // kept elsewhere
    expectSame(program, *read);
    // Everything in the file comes back: writing again gives the same text.
    EXPECT_EQ(toJson(*read, true).dump(), text);
  }
}

TEST(ProgramJson, SourceIsLeftOutOnRequest) {
  Program program = randomProgram(7);
  program.kernel.source = "int x;";
  EXPECT_EQ(toJson(program, false).dump().find("int x;"), std::string::npos);
  std::string error;
  auto read = programFromJson(toJson(program, false), error);
  ASSERT_TRUE(read) << error;
  EXPECT_EQ(read->kernel.source, "");
}

TEST(ProgramJson, ParsesATypicalProgramQuickly) {
  Program program = randomProgram(3, 10); // 10 runs in each set, more than patterns have
  std::string text = toJson(program, false).dump(), error;
  double best = 1e9;
  for (int i = 0; i < 20; ++i) {
    auto start = std::chrono::steady_clock::now();
    ASSERT_TRUE(programFromText(text, error)) << error;
    best = std::min(
        best, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  RecordProperty("bytes", static_cast<int>(text.size()));
  RecordProperty("microseconds", static_cast<int>(best * 1000));
#if defined(__SANITIZE_ADDRESS__)
  const double budget = 300; // unoptimised, every access checked
#else
  const double budget = 10; // about 1 ms on a quiet machine
#endif
  EXPECT_LT(best, budget) << text.size() << " bytes";
}

std::string errorOf(const nlohmann::json &json) {
  std::string error;
  EXPECT_FALSE(programFromJson(json, error));
  return error;
}

TEST(ProgramJson, SaysWhatIsWrong) {
  Program program = randomProgram(11);
  nlohmann::json good = toJson(program, true);
  std::string error;
  ASSERT_TRUE(programFromJson(good, error)) << error;

  auto with = [&](const char *pointer, nlohmann::json value) {
    nlohmann::json changed = good;
    changed[nlohmann::json::json_pointer(pointer)] = std::move(value);
    return errorOf(changed);
  };
  EXPECT_EQ(with("/schema", 99), "program: schema 99, this build reads 3");
  EXPECT_EQ(with("/name", 5), "program.name: expected a string, found number");
  EXPECT_EQ(with("/groups_by_kv_head", "yes"), "program.groups_by_kv_head: expected a boolean, found string");
  EXPECT_EQ(with("/sink_aux", 1.5), "program.sink_aux: expected an integer, found number");
  EXPECT_EQ(with("/sink_aux", 1000), "program.sink_aux: aux tensor 1000 does not exist: there are " +
                                         std::to_string(program.auxes.size()));
  EXPECT_EQ(with("/kernel/threads", int64_t{1} << 40), "program.kernel.threads: integer out of range");
  EXPECT_EQ(with("/kernel/config/dtype", "f8"), "program.kernel.config.dtype: unknown dtype 'f8'");
  EXPECT_EQ(with("/groups/0/forward/tile", {0, 64}),
            "program.groups[0].forward.tile[0]: integer out of range");
  EXPECT_EQ(with("/groups/0/predicate", {{"add", "q", 0, 0, 1, -1}}),
            "program.groups[0].predicate[0]: operand is not an earlier node");
  EXPECT_EQ(with("/groups/0/predicate", {{"frobnicate", "q", 0, -1, -1, -1}}),
            "program.groups[0].predicate[0][0]: unknown operation 'frobnicate'");
  EXPECT_EQ(with("/groups/0/forward/floors", {{nlohmann::json::array({0, {"param", 77, 1}}), 1, false}}),
            "program.groups[0].forward.floors[0][0][1]: parameter 77 does not exist: there are " +
                std::to_string(program.params.size()));
  EXPECT_EQ(with("/groups/0/forward/floors", {{nlohmann::json::array({0}), 0, false}}),
            "program.groups[0].forward.floors[0][1]: integer out of range");
  EXPECT_EQ(with("/extra", 1), "program: unknown fields: expected 13, found 14");
  nlohmann::json missing = good;
  missing.erase("hash");
  EXPECT_EQ(errorOf(missing), "program: field 'hash' is missing");
  EXPECT_EQ(errorOf(nlohmann::json::array()), "program: expected an object, found array");
  EXPECT_FALSE(programFromText("{ not json", error));
  EXPECT_EQ(error, "program: not JSON");
}

TEST(ProgramJson, AConfigurationTakesSomeFieldsAndKeepsTheRest) {
  KernelConfig base;
  base.headDim = 96;
  std::string error;
  auto changed = configFromText(R"({"tile_queries": 64, "stages": 1})", base, error);
  ASSERT_TRUE(changed) << error;
  KernelConfig expected = base;
  expected.tileQueries = 64;
  expected.stages = 1;
  EXPECT_EQ(*changed, expected);
  EXPECT_EQ(configFromText(toJsonText(expected), base, error), expected);
  KernelConfig packed = base; // two heads a Q tile, unless Q tiles are given without speaking of heads
  packed.tileHeads = 2;
  EXPECT_EQ(configFromText(R"({"stages": 1})", packed, error)->tileHeads, 2);
  EXPECT_EQ(configFromText(R"({"tile_queries": 128})", packed, error)->tileHeads, 1);
  EXPECT_EQ(configFromText(R"({"tile_queries": 64, "tile_heads": 3})", packed, error)->tileHeads, 3);
  EXPECT_EQ(configFromText("{}", base, error), base);
  for (auto [text, problem] : {std::pair{"[]", "config: not a JSON object"},
                               {"{", "config: not a JSON object"},
                               {R"({"tile": 64})", "config: unknown field 'tile'"},
                               {R"({"warps": "4"})", "config.warps: expected an integer, found string"}}) {
    EXPECT_FALSE(configFromText(text, base, error));
    EXPECT_EQ(error, problem);
  }
}

TEST(ProgramJson, DamageNeverCrashes) {
  std::string text = toJson(randomProgram(5), true).dump(), error;
  std::mt19937 random(20240517);
  for (int round = 0; round < 2000; ++round) {
    std::string damaged = text;
    for (unsigned i = 0, n = 1 + random() % 4; i < n; ++i) {
      size_t at = random() % damaged.size();
      switch (random() % 3) {
      case 0: damaged[at] = static_cast<char>(random()); break;
      case 1: damaged.erase(at, 1 + random() % 20); break;
      default: damaged.insert(at, damaged.substr(random() % damaged.size(), 1 + random() % 20));
      }
      if (damaged.empty()) break;
    }
    auto read = programFromText(damaged, error);
    EXPECT_NE(read.has_value(), !error.empty()) << "exactly one of the two comes back";
    if (read) toJson(*read, true); // what was accepted can be written
  }
  EXPECT_FALSE(programFromText(std::string(200000, '['), error));
  EXPECT_FALSE(programFromText(std::string_view("\0\xff\xfe", 3), error));
}

} // namespace
} // namespace maskloom
