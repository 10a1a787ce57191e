// The command line as a user meets it: every command, and the message of every kind of bad input.
#include "CliFixture.h"

#include <nlohmann/json.hpp>

#include <sys/stat.h>

namespace maskloom {
namespace {

TEST_F(Cli, HelpTeaches) {
  Outcome help = run("--help");
  EXPECT_EQ(help.code, kExitOk);
  for (const char *word :
       {"explain", "compile", "run", "mask", "show", "equal", "fmt", "cache", "doctor", "Exit codes"})
    EXPECT_NE(help.out.find(word), std::string::npos) << word;
  EXPECT_EQ(run("explain --help").code, kExitOk);
  EXPECT_EQ(run("").code, kExitUsage);
  EXPECT_EQ(run("explain").code, kExitUsage);
}

TEST_F(Cli, FmtPrintsChecksAndRewrites) {
  const std::string untidy = "pattern p{causal;# kept\n mask q/64<3;}\n";
  const std::string tidy = "pattern p {\n  causal; # kept\n  mask q/64 < 3;\n}\n";
  write("a.mask", untidy);
  write("b.mask", tidy);
  Outcome printed = run("fmt a.mask");
  EXPECT_EQ(printed.code, kExitOk) << printed.err;
  EXPECT_EQ(printed.out, tidy);
  Outcome checked = run("fmt --check a.mask b.mask");
  EXPECT_EQ(checked.code, kExitCheckFailed);
  EXPECT_EQ(checked.out, "a.mask\n");
  EXPECT_EQ(readFile(folder_ / "a.mask"), untidy) << "a check writes nothing";
  fs::permissions(folder_ / "a.mask", fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink(folder_ / "a.mask", folder_ / "link.mask");
  EXPECT_EQ(run("fmt -i link.mask b.mask").code, kExitOk);
  EXPECT_EQ(readFile(folder_ / "a.mask"), tidy);
  EXPECT_TRUE(fs::is_symlink(folder_ / "link.mask"));
  EXPECT_EQ(fs::status(folder_ / "a.mask").permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(run("fmt --check a.mask b.mask").code, kExitOk);

  write("bad.mask", "pattern p { mask q $ 3; }");
  EXPECT_FAILS(run("fmt -i bad.mask"), kExitUserError, "bad.mask:1:20: error: unexpected character '$'");
  EXPECT_EQ(readFile(folder_ / "bad.mask"), "pattern p { mask q $ 3; }");
  EXPECT_FAILS(run("fmt none.mask"), kExitUserError, "cannot read \"none.mask\"");
  EXPECT_FAILS(run("fmt a.mask b.mask"), kExitUsage, "several files need --check or -i");
  EXPECT_EQ(run("fmt -i --check a.mask").code, kExitUsage);
}

TEST_F(Cli, ExplainCountsCausalPairs) {
  Outcome result = run("explain " + pattern("causal") + " --seq 1000 --heads 3 --json");
  ASSERT_EQ(result.code, kExitOk) << result.err;
  auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["visible_pairs"], 3 * 1000 * 1001 / 2);
  EXPECT_DOUBLE_EQ(json["speedup_ceiling"], 1.0);
  EXPECT_EQ(json["ceiling_against"], "dense causal");
  EXPECT_EQ(json["tiles"]["full"], 3 * 28);
  EXPECT_EQ(json["tiles"]["partial"], 3 * 8);
  EXPECT_EQ(json["tiles"]["empty"], 3 * 28);
  EXPECT_EQ(json["heads"].size(), 1u);
}

TEST_F(Cli, ExplainPrintsRuns) {
  Outcome result = run("explain " + pattern("phi3_small") + " --seq 4096 --heads 32 --kv-heads 8 --runs");
  ASSERT_EQ(result.code, kExitOk) << result.err;
  EXPECT_NE(result.out.find("T"), std::string::npos);
  EXPECT_NE(result.out.find("mod"), std::string::npos) << result.out;
}

TEST_F(Cli, ExplainNamesTheKernels) {
  auto kernel = [&](const std::string &arguments) {
    Outcome result = run("explain " + pattern("causal") + " --seq 100 --json " + arguments);
    EXPECT_EQ(result.code, kExitOk) << result.err;
    return nlohmann::json::parse(result.out)["kernel"];
  };
  auto portable = kernel("--arch sm_80 --head-dim 64");
  EXPECT_EQ(portable["arch"], "sm_80");
  EXPECT_EQ(portable["config"], "portable_forward bf16 d=64 dv=64 tile=128x64 warps=4 stages=2 align=16");
  EXPECT_EQ(portable["otherwise"], "portable_forward bf16 d=64 dv=64 tile=128x64 warps=4 stages=2 align=2");
  auto hopper = kernel("--kernel hopper");
  EXPECT_EQ(hopper["config"].get<std::string>().substr(0, 14), "hopper_forward");
  EXPECT_EQ(hopper["otherwise"].get<std::string>().substr(0, 16), "portable_forward");
  EXPECT_NE(hopper["otherwise_when"].get<std::string>().find("2^40"), std::string::npos);
  Outcome prose = run("explain " + pattern("causal") + " --seq 100 --kernel hopper");
  EXPECT_NE(prose.out.find("kernel on sm_90a"), std::string::npos) << prose.out;
  EXPECT_FAILS(run("explain " + pattern("causal") + " --seq 100 --kernel hopper --arch sm_80"),
               kExitUserError, "hopper_forward is for sm_90a, not sm_80");
  EXPECT_FAILS(run("explain " + pattern("causal") + " --seq 100 --head-dim 7"), kExitUserError, "head_dim");
}

TEST_F(Cli, ExplainProves) {
  Outcome result = run("explain " + pattern("s2_local_stride") + " --seq 1048576 --heads 15 --json");
  ASSERT_EQ(result.code, kExitOk) << result.err;
  auto json = nlohmann::json::parse(result.out);
  auto proofs = json["proofs"];
  EXPECT_EQ(proofs["scope"]["query_heads"], 15);
  EXPECT_EQ(proofs["scope"]["params"]["block"], 64);
  EXPECT_EQ(proofs["scope"]["params"]["local"], (std::vector<int64_t>{0, 2147483647}));
  EXPECT_EQ(proofs["causal"]["status"], "proved");
  EXPECT_EQ(proofs["kv_efficient"]["status"], "proved");
  EXPECT_EQ(proofs["rows_nonempty"]["status"], "refuted");
  EXPECT_EQ(proofs["rows_nonempty"]["counterexample"]["params"]["local"], 0);
  EXPECT_EQ(proofs["rows_nonempty"]["at_given_params"]["status"], "proved");
  EXPECT_EQ(proofs["heads_cover_context"]["context"], "k <= q");
  auto hidden = proofs["heads_cover_context"]["at_given_params"]["counterexample"];
  int64_t q = hidden["q"], k = hidden["k"];
  EXPECT_EQ(k / 64 % 16, 1) << "the shard of the head that is missing";
  EXPECT_GE(q / 64 - k / 64, 16);
  EXPECT_GT(json["balance"]["most_pairs"], json["balance"]["fewest_pairs"]);
  EXPECT_GT(json["cost"]["flops"], 0);
  EXPECT_GT(json["speedup_ceiling"], json["tile_speedup_ceiling"]);

  Outcome prose = run("explain " + pattern("prefix") + " --seq 4096");
  EXPECT_NE(prose.out.find("rows_nonempty       proved"), std::string::npos) << prose.out;
  EXPECT_NE(prose.out.find("refuted: q=0 k=1"), std::string::npos) << prose.out;
  Outcome without = run("explain " + pattern("prefix") + " --seq 4096 --no-proofs --json");
  EXPECT_FALSE(nlohmann::json::parse(without.out).contains("proofs"));
}

TEST_F(Cli, Equal) {
  write("a.mask", "pattern a { param w in 1..100 = 8; causal; mask q - k < w; }");
  write("b.mask", "pattern b { param w in 1..100 = 9; mask !(k > q) && k + w > q; }");
  write("c.mask", "pattern c { causal; mask q - k < 8; }");
  write("d.mask", "pattern d { causal; mask q - k < 8; score s * 0.5; }");
  Outcome result = run("equal a.mask b.mask");
  EXPECT_EQ(result.code, kExitOk) << result.out << result.err;
  EXPECT_NE(result.out.find("a and b: equal"), std::string::npos) << result.out;
  EXPECT_EQ(run("equal a.mask c.mask --set w=8").code, kExitOk);
  result = run("equal a.mask c.mask --json");
  EXPECT_EQ(result.code, kExitCheckFailed);
  auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["answer"], "different");
  auto point = json["masks"]["counterexample"];
  int64_t distance = int64_t(point["q"]) - int64_t(point["k"]), w = point["params"]["w"];
  EXPECT_NE(distance < w, distance < 8);
  result = run("equal c.mask d.mask");
  EXPECT_EQ(result.code, kExitUndecided);
  EXPECT_NE(result.out.find("scores"), std::string::npos) << result.out;
  std::string variants = pattern("s2_variants");
  EXPECT_EQ(
      run("equal " + variants + " " + variants + " --pattern-a s2_per_kv_head --pattern-b s2_same_for_all")
          .code,
      kExitOk); // with one head
  EXPECT_EQ(run("equal " + variants + " " + variants +
                " --pattern-a s2_per_kv_head --pattern-b s2_same_for_all --heads 2")
                .code,
            kExitCheckFailed);
  EXPECT_FAILS(run("equal a.mask c.mask --set v=8"), kExitUserError, "has no parameter 'v'");
  EXPECT_FAILS(run("equal a.mask missing.mask"), kExitUserError, "missing.mask");
  EXPECT_EQ(run("equal a.mask").code, kExitUsage);
}

/// Of contents with thousands of entries a counterexample says what differs.
TEST_F(Cli, ExplainSaysWhichContentsItWants) {
  Outcome result = run("explain " + pattern("documents") + " --seq 100");
  EXPECT_EQ(result.code, kExitOk);
  EXPECT_NE(result.out.find("contents that are not given: --aux doc=FILE.npy"), std::string::npos);
  EXPECT_NE(result.out.find("causal              proved"), std::string::npos);
  nlohmann::json json =
      nlohmann::json::parse(run("explain --json " + pattern("documents") + " --seq 100").out);
  EXPECT_EQ(json["missing_aux"], nlohmann::json({"doc"}));
  EXPECT_TRUE(json["visible_pairs"].is_null());
  EXPECT_EQ(json["proofs"]["rows_nonempty"]["status"], "proved");
}

TEST_F(Cli, CounterexamplesOverAuxTensors) {
  write("a.mask", "pattern a { aux doc[b, q]: i32; causal; mask k < 5000 || doc[b, q] == doc[b, k]; }");
  write("b.mask", "pattern b { causal; }");
  Outcome result = run("equal a.mask b.mask");
  EXPECT_EQ(result.code, kExitCheckFailed);
  EXPECT_NE(result.out.find(", doc = 0 except [0,"), std::string::npos) << result.out;
  result = run("equal a.mask b.mask --json");
  auto point = nlohmann::json::parse(result.out)["masks"]["counterexample"];
  auto doc = point["aux"]["doc"];
  EXPECT_EQ(doc["extents"], (std::vector<int64_t>{1, point["Sk"]}));
  EXPECT_FALSE(doc.contains("values"));
  auto at = [&](int64_t token) {
    for (const auto &entry : doc["except"])
      if (entry["at"] == std::vector<int64_t>{0, token}) return entry["value"];
    return doc["value"];
  };
  EXPECT_GE(point["k"], 5000);
  EXPECT_NE(at(point["q"]), at(point["k"]));
}

TEST_F(Cli, MaskAgreesWithTiles) {
  Outcome dense = run("mask " + pattern("two_range") + " --seq 700 --heads 4 -o m.npy");
  ASSERT_EQ(dense.code, kExitOk) << dense.err;
  NpyArray mask = readNpy((folder_ / "m.npy").string());
  ASSERT_EQ(mask.shape, (std::vector<int64_t>{4, 700, 700}));
  Outcome tiles = run("mask " + pattern("two_range") + " --seq 700 --heads 4 --tiles 64x64 --json");
  ASSERT_EQ(tiles.code, kExitOk) << tiles.err;
  auto json = nlohmann::json::parse(tiles.out);
  ASSERT_EQ(json["shape"], (std::vector<int>{4, 11, 11}));
  for (int h = 0; h < 4; ++h)
    for (int i = 0; i < 10; ++i)
      for (int j = 0; j < 10; ++j) {
        bool any = false, every = true;
        for (int q = i * 64; q < i * 64 + 64; ++q)
          for (int k = j * 64; k < j * 64 + 64; ++k) {
            bool visible = mask.data[(h * 700 + q) * 700 + k];
            any |= visible;
            every &= visible;
          }
        EXPECT_EQ(json["heads"][h][i].get<std::string>()[j], !any    ? '.'
                                                             : every ? '#'
                                                                     : '%')
            << h << " " << i << " " << j;
      }
}

TEST_F(Cli, RunChecksAgainstTheInterpreter) {
  tensors(4, 2, 200, 64);
  for (const char *dtype : {"f32", "bf16", "f16"}) {
    Outcome result = run("run " + pattern("sink_window") + kTensors +
                         " --set window=50 --check --json --lse l.npy --dtype " + dtype);
    ASSERT_EQ(result.code, kExitOk) << result.out << result.err;
    auto json = nlohmann::json::parse(result.out);
    EXPECT_TRUE(json["check"]["passed"]);
    EXPECT_EQ(json["check"]["rows_checked"], 800);
    EXPECT_LE(json["check"]["max_abs_err"], json["check"]["tolerance"]);
    EXPECT_EQ(readNpy((folder_ / "o.npy").string()).shape, (std::vector<int64_t>{1, 4, 200, 64}));
    EXPECT_EQ(readNpy((folder_ / "l.npy").string()).shape, (std::vector<int64_t>{1, 4, 200}));
  }
}

TEST_F(Cli, RunKeepsTheDtypeOfQ) {
  tensors(2, 2, 40, 32, NpyType::F16);
  ASSERT_EQ(run("run " + pattern("causal") + kTensors + " --check").code, kExitOk);
  EXPECT_EQ(readNpy((folder_ / "o.npy").string()).type, NpyType::F16);
}

TEST_F(Cli, RunTakesAuxTensorsAndLengths) {
  tensors(2, 2, 90, 32);
  std::vector<int32_t> doc(90);
  for (int i = 0; i < 90; ++i) doc[i] = i / 37;
  NpyArray array = NpyArray::zeros({1, 90}, NpyType::I32);
  std::copy(doc.begin(), doc.end(), array.as<int32_t>());
  writeNpy((folder_ / "doc.npy").string(), array);
  Outcome result = run("run " + pattern("documents") + kTensors + " --aux doc=doc.npy --check");
  EXPECT_EQ(result.code, kExitOk) << result.out << result.err;

  NpyArray lengths = NpyArray::zeros({1}, NpyType::I32);
  lengths.as<int32_t>()[0] = 61;
  writeNpy((folder_ / "len.npy").string(), lengths);
  result =
      run("run " + pattern("causal") + kTensors + " --lengths-q len.npy --lengths-k len.npy --check --json");
  EXPECT_EQ(result.code, kExitOk) << result.out << result.err;
  EXPECT_EQ(nlohmann::json::parse(result.out)["check"]["rows_checked"], 2 * 61);
}

TEST_F(Cli, CompileWritesSourceAndManifest) {
  Outcome result = run("compile " + pattern("phi3_small") + " -o f.cu --head-dim 128");
  ASSERT_EQ(result.code, kExitOk) << result.err;
  auto manifest = nlohmann::json::parse(readFile(folder_ / "f.json"));
  EXPECT_NE(readFile(folder_ / "f.cu").find(manifest["entry"].get<std::string>()), std::string::npos);
  EXPECT_GT(manifest["parameters"]["fields"].size(), 10u);
  EXPECT_GT(manifest["dynamic_shared_bytes"], 0);
  EXPECT_EQ(manifest["params"][0]["name"], "local");

  result = run("compile " + pattern("phi3_small") + " -o f.cu --no-cache --json");
  ASSERT_EQ(result.code, kExitOk) << result.err;
  auto report = nlohmann::json::parse(result.out);
  EXPECT_EQ(report["source"], "compiled");
  EXPECT_GT(report["codegen_ms"], 0);
  EXPECT_EQ(report["nvrtc_ms"], 0) << "CUDA C++ takes no NVRTC";
  EXPECT_EQ(report["cache_ms"], 0);
}

TEST_F(Cli, TheHopperManifestDescribesTensorMaps) {
  Outcome result = run("compile " + pattern("phi3_small") +
                       " -o f.cu --kernel hopper --head-dim 80 --value-dim 96 --dtype f16");
  ASSERT_EQ(result.code, kExitOk) << result.err;
  auto manifest = nlohmann::json::parse(readFile(folder_ / "f.json"));
  EXPECT_EQ(manifest["kernel"], "hopper_forward");
  int tileQueries = manifest["tile"][0], tileKeys = manifest["tile"][1];
  EXPECT_EQ(manifest["block"][0], tileQueries * 2 + 128);
  EXPECT_EQ(manifest["grid"][0], "min(batch * heads * ceil(queries / tile_queries), multiprocessors)");
  EXPECT_EQ(manifest["parameters"]["tensor_maps_bytes"], 512);
  auto maps = manifest["tensor_maps"];
  ASSERT_EQ(maps.size(), 4u);
  EXPECT_EQ(maps[0]["name"], "q");
  EXPECT_EQ(maps[0]["dims"], (nlohmann::json{80, "queries", "heads", "batch"}));
  EXPECT_EQ(maps[0]["box"], (nlohmann::json{64, tileQueries, 1, 1}));
  EXPECT_EQ(maps[2]["offset"], 256);
  EXPECT_EQ(maps[2]["data_type"], "float16");
  EXPECT_EQ(maps[2]["dims"], (nlohmann::json{96, "keys", "kv_heads", "batch"}));
  EXPECT_EQ(maps[2]["box"], (nlohmann::json{64, tileKeys, 1, 1}));
  EXPECT_EQ(maps[2]["byte_strides"][0], "2 * v.token_stride");
  EXPECT_EQ(maps[3]["name"], "o");
  EXPECT_EQ(maps[3]["dims"], (nlohmann::json{96, "queries", "heads", "batch"}));
  EXPECT_EQ(maps[3]["box"], (nlohmann::json{64, tileQueries, 1, 1}));

  result = run("compile " + pattern("phi3_small") + " -o f.cu --kernel portable");
  ASSERT_EQ(result.code, kExitOk) << result.err;
  manifest = nlohmann::json::parse(readFile(folder_ / "f.json"));
  EXPECT_EQ(manifest["kernel"], "portable_forward");
  EXPECT_TRUE(manifest["tensor_maps"].empty());
  EXPECT_FAILS(run("compile " + pattern("phi3_small") + " -o f.cu --kernel hopper --arch sm_80"),
               kExitUserError, "hopper_forward is for sm_90a, not sm_80");
  EXPECT_FAILS(run("compile " + pattern("phi3_small") + " -o f.cu --kernel fast"), kExitUsage, "--kernel");
  tensors(2, 2, 64, 16);
  EXPECT_FAILS(run("run " + pattern("causal") + kTensors + " --kernel portable"), kExitUserError,
               "a kernel can be chosen for a GPU only");
}

TEST_F(Cli, CompilePtxAndCubinThroughTheCache) {
  if (nlohmann::json::parse(run("doctor --json").out)["findings"][0]["ok"] != true)
    GTEST_SKIP() << "no NVRTC on this machine";
  Outcome first = run("compile " + pattern("causal") + " -o f.cubin --arch sm_80 --json");
  ASSERT_EQ(first.code, kExitOk) << first.err;
  EXPECT_EQ(nlohmann::json::parse(first.out)["source"], "compiled");
  Outcome second = run("compile " + pattern("causal") + " -o g.ptx --arch sm_80 --json");
  ASSERT_EQ(second.code, kExitOk) << second.err;
  EXPECT_EQ(nlohmann::json::parse(second.out)["source"], "disk");
  EXPECT_NE(readFile(folder_ / "g.ptx").find(".target sm_80"), std::string::npos);
  EXPECT_NE(run("cache list").out.find("1 entries"), std::string::npos);
  EXPECT_EQ(run("cache verify").code, kExitOk);

  // A damaged entry is set aside with a warning and compiled again.
  for (const auto &file : fs::recursive_directory_iterator(folder_ / "cache"))
    if (file.path().extension() == ".cubin") {
      std::ofstream damaged(file.path(), std::ios::in | std::ios::out | std::ios::binary);
      damaged.seekp(100);
      damaged << "damage";
    }
  Outcome third = run("compile " + pattern("causal") + " -o f.cubin --arch sm_80 --json");
  EXPECT_EQ(third.code, kExitOk);
  EXPECT_EQ(nlohmann::json::parse(third.out)["source"], "compiled");
  EXPECT_FALSE(third.err.empty());
  EXPECT_EQ(run("cache gc --max-bytes 0").code, kExitOk);
  EXPECT_NE(run("cache list").out.find("0 entries"), std::string::npos);
}

TEST_F(Cli, UnknownArchitecture) {
  if (nlohmann::json::parse(run("doctor --json").out)["findings"][0]["ok"] != true)
    GTEST_SKIP() << "no NVRTC on this machine";
  EXPECT_FAILS(run("compile " + pattern("causal") + " -o f.ptx --arch sm_42"), kExitUserError,
               "unknown architecture 'sm_42'");
}

TEST_F(Cli, NvrtcMissing) {
  environment_ += " MASKLOOM_NVRTC_ONLY=1 MASKLOOM_NVRTC=/nonexistent";
  EXPECT_FAILS(run("compile " + pattern("causal") + " -o f.ptx"), kExitMachine, "NVRTC");
  Outcome doctor = run("doctor");
  EXPECT_EQ(doctor.code, kExitOk);
  EXPECT_NE(doctor.out.find("missing"), std::string::npos);
}

TEST_F(Cli, CacheNotWritableIsAWarning) {
  write("file", "in the way");
  environment_ = "MASKLOOM_CACHE_DIR=" + (folder_ / "file").string();
  tensors(1, 1, 20, 16);
  Outcome result = run("run " + pattern("causal") + kTensors + " --check");
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_NE(result.err.find("not kept on disk"), std::string::npos) << result.err;
}

TEST_F(Cli, PatternErrorsPointAtTheirPlace) {
  write("bad.mask", "pattern p {\n  causal;\n  mask q - k < windw;\n}\n");
  Outcome result = run("explain bad.mask --seq 100");
  EXPECT_EQ(result.code, kExitUserError);
  EXPECT_NE(result.err.find("bad.mask:3:16"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("windw"), std::string::npos);
  EXPECT_NE(result.err.find("^"), std::string::npos);
  EXPECT_FAILS(run("explain missing.mask --seq 100"), kExitUserError, "missing.mask");
}

TEST_F(Cli, BadTensors) {
  tensors(2, 2, 30, 16);
  tensor("flat.npy", {2, 30, 16});
  EXPECT_FAILS(run("run " + pattern("causal") + " --q flat.npy --k k.npy --v v.npy -o o.npy --device cpu"),
               kExitUserError, "flat.npy");
  tensor("other.npy", {1, 2, 31, 16});
  EXPECT_FAILS(run("run " + pattern("causal") + " --q q.npy --k k.npy --v other.npy -o o.npy --device cpu"),
               kExitUserError, "number of tokens is 31, expected 30");
  NpyArray integers = NpyArray::zeros({1, 2, 30, 16}, NpyType::I32);
  writeNpy((folder_ / "int.npy").string(), integers);
  EXPECT_FAILS(run("run " + pattern("causal") + " --q int.npy --k k.npy --v v.npy -o o.npy --device cpu"),
               kExitUserError, "int.npy");
  std::string bytes = readFile(folder_ / "q.npy");
  write("short.npy", bytes.substr(0, bytes.size() - 100));
  EXPECT_FAILS(run("run " + pattern("causal") + " --q short.npy --k k.npy --v v.npy -o o.npy --device cpu"),
               kExitUserError, "truncated");
  size_t order = bytes.find("False");
  ASSERT_NE(order, std::string::npos);
  write("fortran.npy", bytes.replace(order, 5, "True "));
  EXPECT_FAILS(run("run " + pattern("causal") + " --q fortran.npy --k k.npy --v v.npy -o o.npy --device cpu"),
               kExitUserError, "Fortran");
  tensor("k3.npy", {1, 3, 30, 16});
  EXPECT_FAILS(run("run " + pattern("causal") + " --q q.npy --k k3.npy --v k3.npy -o o.npy --device cpu"),
               kExitUserError, "not divisible");
  NpyArray shortDoc = NpyArray::zeros({1, 12}, NpyType::I32);
  writeNpy((folder_ / "doc.npy").string(), shortDoc);
  EXPECT_FAILS(run("run " + pattern("documents") + kTensors + " --aux doc=doc.npy"), kExitUserError, "doc");
  tensor("q12.npy", {1, 2, 30, 12});
  EXPECT_FAILS(run("run " + pattern("causal") + " --q q12.npy --k q12.npy --v q12.npy -o o.npy --device cpu"),
               kExitUserError, "head_dim is 12");
}

} // namespace
} // namespace maskloom
