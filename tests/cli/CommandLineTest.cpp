// What is wrong with a command line, and what the user is told of it.
#include "CliFixture.h"

namespace maskloom {
namespace {

TEST_F(Cli, UnknownCommandsNameTheNearest) {
  EXPECT_FAILS(run("explian " + pattern("causal") + " --seq 10"), kExitUsage,
               "there is no sub-command 'explian': did you mean 'explain'?\n");
  EXPECT_FAILS(run("frobnicate"), kExitUsage,
               "there is no sub-command 'frobnicate': choose one of explain, ");
  EXPECT_FAILS(run("''"), kExitUsage, "there is no sub-command ''");
  EXPECT_FAILS(run("--frobnicate"), kExitUsage, "A subcommand is required");
}

TEST_F(Cli, NumbersAreWhole) {
  const std::string explain = "explain " + pattern("causal") + " --no-proofs";
  for (const char *seq : {"1e3", "2k", "10.0", "'10 '", "x"})
    EXPECT_FAILS(run(explain + " --seq " + seq), kExitUsage, "--seq: expected an integer, found '");
  for (const char *seq : {"0", "-5", "1073741825", "99999999999999999999"})
    EXPECT_FAILS(run(explain + " --seq " + seq), kExitUsage, "not in range 1 to 1073741824");
  EXPECT_FAILS(run(explain + " --seq 10 --heads 4.0"), kExitUsage,
               "--heads: expected an integer, found '4.0'");
  EXPECT_EQ(run(explain + " --seq 10 --seq-q 3 --heads 4 --kv-heads 2").code, kExitOk);
}

/// What the command line leaves open is said before anything is read, and is no matter of the pattern.
TEST_F(Cli, OptionsThatNeedOthers) {
  EXPECT_FAILS(run("fmt none.mask neither.mask"), kExitUsage, "fmt: several files need --check or -i");
  EXPECT_FAILS(run("mask none.mask --seq 4"), kExitUsage, "mask: give -o FILE.npy");
  EXPECT_FAILS(run("mask none.mask --seq 4 -o m.npy --json"), kExitUsage, "mask: --json is for tile classes");
  EXPECT_FAILS(run("mask none.mask --seq 4 -o m.npy"), kExitUserError, "none.mask");
}

TEST_F(Cli, BadValues) {
  EXPECT_FAILS(run("explain " + pattern("sliding_window") + " --seq 100 --set windo=3"), kExitUserError,
               "has no parameter 'windo'");
  EXPECT_FAILS(run("explain " + pattern("sliding_window") + " --seq 100 --set window=-1"), kExitUserError,
               "declared range");
  EXPECT_FAILS(run("explain " + pattern("sliding_window") + " --seq 100 --set window"), kExitUserError,
               "expected NAME=VALUE");
  EXPECT_FAILS(run("explain " + pattern("causal") + " --seq 100 --heads 6 --kv-heads 4"), kExitUserError,
               "4");
  EXPECT_FAILS(run("mask " + pattern("documents") + " --seq 100 -o m.npy"), kExitUserError, "doc");
  write("large.mask",
        "pattern p { param w in 0..4611686018427387904 = 4611686018427387904; mask q + w + w > k; }");
  EXPECT_FAILS(run("mask large.mask --seq 4 -o m.npy"), kExitUserError, "does not fit in 64 bits");
  EXPECT_FAILS(run("compile " + pattern("causal") + " -o f.cu --head-dim 12"), kExitUserError,
               "multiple of 8 from 8 to 256");
  EXPECT_FAILS(run("compile " + pattern("causal") + " -o f.txt"), kExitUserError,
               "expected a name that ends in");
}

/// Known without NVRTC: explain and CUDA C++ do not load it.
TEST_F(Cli, Architectures) {
  environment_ += " MASKLOOM_NVRTC_ONLY=1 MASKLOOM_NVRTC=/nonexistent";
  const std::string explain = "explain " + pattern("causal") + " --seq 100 --no-proofs --arch ",
                    compile = "compile " + pattern("causal") + " -o f.cu --arch ";
  for (const char *arch : {"sm_10", "sm_75", "sm_80a", "sm_90f", "sm_1000", "sm_9", "90", "gfx942"})
    for (const std::string &command : {explain, compile})
      EXPECT_FAILS(run(command + arch), kExitUserError,
                   std::string("--arch ") + arch + ": expected sm_80 or later, for example sm_90a\n");
  for (const char *arch : {"sm_80", "sm_90", "sm_90a", "sm_100f", "sm_120a"})
    for (const std::string &command : {explain, compile})
      EXPECT_EQ(run(command + arch).code, kExitOk) << arch;
}

TEST_F(Cli, NamesOfParametersAndTensors) {
  const std::string window = "explain " + pattern("sliding_window") + " --seq 100 --no-proofs";
  EXPECT_FAILS(run(window + " --set windo=3"), kExitUserError,
               "pattern 'sliding_window' has no parameter 'windo': did you mean 'window'?");
  EXPECT_FAILS(run(window + " --set reach=3"), kExitUserError, "no parameter 'reach': it declares window");
  EXPECT_FAILS(run("explain " + pattern("causal") + " --seq 100 --set window=3"), kExitUserError,
               "pattern 'causal' has no parameter 'window': it has none");
  EXPECT_FAILS(run(window + " --set window=3 --set window=3"), kExitUserError,
               "--set: 'window' is given twice");

  writeNpy((folder_ / "doc.npy").string(), NpyArray::zeros({1, 64}, NpyType::I32));
  const std::string mask = "mask " + pattern("documents") + " --seq 64 --tiles 16x16";
  EXPECT_FAILS(run(mask), kExitUserError,
               "aux tensor 'doc' is missing: give --aux doc=FILE.npy, an array [b, q] of i32");
  EXPECT_FAILS(run(mask + " --aux docs=doc.npy"), kExitUserError,
               "pattern 'documents' has no aux tensor 'docs': did you mean 'doc'?");
  EXPECT_FAILS(run(mask + " --aux doc=doc.npy --aux doc=doc.npy"), kExitUserError,
               "--aux: 'doc' is given twice");
  EXPECT_EQ(run(mask + " --aux doc=doc.npy").code, kExitOk);
}

TEST_F(Cli, OutputsGoSomewhereElse) {
  tensors(1, 1, 20, 16);
  for (const char *lse : {"o.npy", "./o.npy", "../$(basename $PWD)/o.npy"})
    EXPECT_FAILS(run("run " + pattern("causal") + kTensors + " --lse " + lse), kExitUserError,
                 "-o and --lse name one file, o.npy");
  EXPECT_FALSE(fs::exists(folder_ / "o.npy"));
  EXPECT_EQ(run("run " + pattern("causal") + kTensors + " --lse l.npy").code, kExitOk);

  write("file", "in the way");
  EXPECT_FAILS(run("compile " + pattern("causal") + " -o f.cu --dump-ir file/ir"), kExitMachine,
               "cannot write file/ir");
}

} // namespace
} // namespace maskloom
