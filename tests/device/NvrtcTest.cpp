#include "maskloom/device/Nvrtc.h"
#include "maskloom/device/NvrtcSearch.h"
#include "tests/support/TemporaryDirectory.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

namespace maskloom {
namespace {

namespace fs = std::filesystem;

/// An environment variable for the length of a scope.
class Environment {
public:
  Environment(const char *name, const std::string &value) : name_(name) {
    if (const char *old = std::getenv(name)) old_ = old;
    ::setenv(name, value.c_str(), 1);
  }
  ~Environment() {
    if (old_)
      ::setenv(name_, old_->c_str(), 1);
    else
      ::unsetenv(name_);
  }

private:
  const char *name_;
  std::optional<std::string> old_;
};

constexpr const char *kKernel = R"(
extern "C" __global__ void reverse(float *x, int n) {
  extern __shared__ float dynamic[];
  __shared__ float fixed[64];
  fixed[threadIdx.x] = x[threadIdx.x];
  dynamic[threadIdx.x] = x[threadIdx.x + n];
  __syncthreads();
  x[threadIdx.x] = fixed[63 - threadIdx.x] + dynamic[63 - threadIdx.x];
}
)";

TEST(NvrtcMissing, SaysWhereItLookedAndWhatToDo) {
  Environment only("MASKLOOM_NVRTC_ONLY", "1"), nowhere("MASKLOOM_NVRTC", "/nowhere/libnvrtc.so");
  std::string why;
  EXPECT_EQ(Nvrtc::load(why), nullptr);
  EXPECT_EQ(
      why,
      "NVRTC was not found, so nothing can be compiled for a GPU. Looked in: MASKLOOM_NVRTC "
      "(/nowhere/libnvrtc.so).\n"
      "Install the CUDA toolkit (12.0 or later), or `pip install nvidia-cuda-nvrtc` (CUDA 13) or `pip "
      "install nvidia-cuda-nvrtc-cu12`, or set MASKLOOM_NVRTC to libnvrtc.so or to the folder that holds "
      "it.");
}

TEST(NvrtcMissing, SaysWhyAFileIsNotUsable) {
  TemporaryDirectory folder;
  std::ofstream(folder.path() / "libnvrtc.so.13") << "not a library";
  Environment only("MASKLOOM_NVRTC_ONLY", "1"), given("MASKLOOM_NVRTC", folder.path().string());
  std::string why;
  EXPECT_EQ(Nvrtc::load(why), nullptr);
  EXPECT_NE(why.find("Found, but not usable:\n  " + (folder.path() / "libnvrtc.so.13").string() + ": "),
            std::string::npos)
      << why;
}

TEST(NvrtcSearch, FindsWheelsInAGivenFolder) {
  TemporaryDirectory site;
  fs::path lib = site.path() / "nvidia" / "cu13" / "lib";
  fs::create_directories(lib);
  for (const char *name : {"libnvrtc.so.13", "libnvrtc.alt.so.13", "libnvrtc-builtins.so.13.1"})
    std::ofstream(lib / name) << "x";
  Environment only("MASKLOOM_NVRTC_ONLY", "1"), given("MASKLOOM_NVRTC", site.path().string());
  EXPECT_EQ(searchNvrtc().candidates, std::vector<std::string>{(lib / "libnvrtc.so.13").string()});

  EXPECT_EQ(nvrtcRelease(lib / "libnvrtc.so.13"), "13.1"); // from the builtins
  fs::create_directories(site.path() / "nvidia_cuda_nvrtc-13.1.42.dist-info");
  EXPECT_EQ(nvrtcRelease(lib / "libnvrtc.so.13"), "13.1.42");
}

TEST(NvrtcSearch, ReadsTheReleaseOfAToolkit) {
  TemporaryDirectory toolkit;
  fs::create_directories(toolkit.path() / "lib64");
  fs::path library = toolkit.path() / "lib64" / "libnvrtc.so.12";
  std::ofstream(library) << "x";
  EXPECT_EQ(nvrtcRelease(library), "");
  std::ofstream(toolkit.path() / "version.json") << R"({"cuda_nvrtc": {"version": "12.4.127"}})";
  EXPECT_EQ(nvrtcRelease(library), "12.4.127");
  std::ofstream(toolkit.path() / "version.json") << "{ damaged";
  EXPECT_EQ(nvrtcRelease(library), "");
  fs::rename(library, toolkit.path() / "lib64" / "libnvrtc.so.12.4.99");
  fs::create_symlink("libnvrtc.so.12.4.99", library);
  EXPECT_EQ(nvrtcRelease(library), "12.4.99"); // from the file behind the link
}

class NvrtcTest : public testing::Test {
protected:
  void SetUp() override {
    nvrtc_ = Nvrtc::get();
    if (!nvrtc_) GTEST_SKIP() << Nvrtc::why();
  }
  const Nvrtc *nvrtc_ = nullptr;
};

TEST_F(NvrtcTest, CompilesAndReportsResources) {
  NvrtcResult result = nvrtc_->compile(kKernel, "reverse.cu", "sm_90a", true, true);
  ASSERT_TRUE(result.ok) << result.log;
  EXPECT_EQ(result.cubin.substr(0, 4), "\x7f"
                                       "ELF");
  EXPECT_NE(result.ptx.find(".entry reverse"), std::string::npos);
  EXPECT_NE(result.ptx.find(".target sm_90a"), std::string::npos);
  ASSERT_EQ(result.resources.kernels.size(), 1u) << result.log;
  const KernelResources &kernel = result.resources.kernels[0];
  EXPECT_EQ(kernel.entry, "reverse");
  EXPECT_GT(kernel.registers, 0);
  EXPECT_EQ(kernel.sharedBytes, 256);
  EXPECT_EQ(kernel.barriers, 1);
  EXPECT_FALSE(kernel.spills());
  EXPECT_TRUE(result.resources.hopperWarnings.empty());
  EXPECT_GT(result.milliseconds, 0);
}

TEST_F(NvrtcTest, SeesSpills) {
  std::string source =
      "extern \"C\" __global__ void __launch_bounds__(1024, 2) spill(float *x) {\n  float a[64];\n"
      "  #pragma unroll\n  for (int i = 0; i < 64; ++i) a[i] = x[i * 1024 + threadIdx.x];\n"
      "  __syncthreads();\n  #pragma unroll\n"
      "  for (int i = 0; i < 64; ++i) x[i * 1024 + threadIdx.x] = a[63 - i] * a[i];\n}\n";
  NvrtcResult result = nvrtc_->compile(source, "spill.cu", "sm_80", true, false);
  ASSERT_TRUE(result.ok) << result.log;
  ASSERT_EQ(result.resources.kernels.size(), 1u);
  EXPECT_TRUE(result.resources.kernels[0].spills()) << result.log;
  EXPECT_EQ(result.resources.kernels[0].registers, 32);
}

TEST_F(NvrtcTest, MakesPtxAlone) {
  NvrtcResult result = nvrtc_->compile(kKernel, "reverse.cu", "sm_80", false, true);
  ASSERT_TRUE(result.ok) << result.log;
  EXPECT_NE(result.ptx.find(".target sm_80"), std::string::npos);
  EXPECT_NE(result.ptx.back(), '\0');
  EXPECT_TRUE(result.cubin.empty());
}

TEST_F(NvrtcTest, SourcesNeedNoDeviceQualifiers) { // -default-device
  NvrtcResult result =
      nvrtc_->compile("static int two() { return 2; }\nextern \"C\" __global__ void f(int *x) { "
                      "*x = two(); }",
                      "f.cu", "sm_80", true, false);
  EXPECT_TRUE(result.ok) << result.log;
}

TEST_F(NvrtcTest, CompileErrorsNameTheLine) {
  NvrtcResult result = nvrtc_->compile("\nint x = y;\n", "broken.cu", "sm_80", true, true);
  EXPECT_FALSE(result.ok);
  EXPECT_NE(result.log.find("broken.cu(2): error: identifier \"y\" is undefined"), std::string::npos)
      << result.log;
  EXPECT_TRUE(result.cubin.empty());
  EXPECT_TRUE(result.ptx.empty());
}

TEST_F(NvrtcTest, UnknownArchitecturesAreNamedWithTheKnownOnes) {
  for (const char *arch : {"sm_33", "sm_75", "sm_9000", "", "compute_80", "sm_80a", "bogus"}) {
    NvrtcResult result = nvrtc_->compile(kKernel, "reverse.cu", arch, true, false);
    EXPECT_FALSE(result.ok);
    EXPECT_EQ(result.log.rfind("unknown architecture '" + std::string(arch) + "': NVRTC " +
                                   nvrtc_->version() + " compiles for sm_80, ",
                               0),
              0u)
        << result.log;
    EXPECT_NE(result.log.find("sm_90a"), std::string::npos);
    EXPECT_EQ(nvrtc_->checkArchitecture(arch), result.log);
  }
}

TEST_F(NvrtcTest, EveryListedArchitectureCompiles) {
  std::vector<std::string> archs = nvrtc_->architectures();
  EXPECT_NE(std::find(archs.begin(), archs.end(), "sm_90a"), archs.end());
  for (const std::string &arch : archs) {
    NvrtcResult result = nvrtc_->compile(kKernel, "reverse.cu", arch, true, true);
    EXPECT_TRUE(result.ok) << arch << ": " << result.log;
    EXPECT_NE(result.ptx.find(".target " + arch), std::string::npos) << arch;
  }
}

TEST_F(NvrtcTest, TheSameSourceGivesTheSameCubin) {
  NvrtcResult a = nvrtc_->compile(kKernel, "reverse.cu", "sm_90a", true, false);
  NvrtcResult b = nvrtc_->compile(kKernel, "reverse.cu", "sm_90a", true, false);
  EXPECT_EQ(a.cubin, b.cubin);
}

TEST_F(NvrtcTest, SeveralThreadsCompileAtOnce) {
  std::vector<NvrtcResult> results(4);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < results.size(); ++i)
    threads.emplace_back([&, i] {
      results[i] = nvrtc_->compile(kKernel, "reverse.cu", i % 2 ? "sm_80" : "sm_90a", true, false);
    });
  for (auto &thread : threads) thread.join();
  for (const NvrtcResult &result : results) EXPECT_TRUE(result.ok) << result.log;
  EXPECT_EQ(results[0].cubin, results[2].cubin);
  EXPECT_EQ(results[1].cubin, results[3].cubin);
}

TEST_F(NvrtcTest, IdentityIsTheLoadedVersion) {
  EXPECT_EQ(Nvrtc::identity(), "nvrtc " + nvrtc_->version());
  EXPECT_NE(nvrtc_->version().find('.'), std::string::npos);
}

TEST(Resources, ReadsPtxasLines) {
  CompileResources resources = parseResources(
      "ptxas info    : 0 bytes gmem\n"
      "ptxas info    : Compiling entry function 'first' for 'sm_90a'\n"
      "ptxas info    : Function properties for first\n"
      "    16 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads\n"
      "ptxas info    : Used 168 registers, used 9 barriers, 16 bytes cumulative stack size, 1024 bytes smem\n"
      "ptxas info    : (C7510) Potential Performance Loss: wgmma.mma_async instructions are serialized due "
      "to "
      "insufficient register resources for the wgmma pipeline in the function 'first'\n"
      "ptxas info    : Compiling entry function 'second' for 'sm_90a'\n"
      "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
      "ptxas info    : Used 40 registers\n"
      "ptxas info    : (C7508) Potential Performance Loss: 'setmaxnreg' ignored to maintain minimum register "
      "requirements.\n");
  ASSERT_EQ(resources.kernels.size(), 2u);
  const KernelResources &first = resources.kernels[0], &second = resources.kernels[1];
  EXPECT_EQ(first.entry, "first");
  EXPECT_EQ(first.registers, 168);
  EXPECT_EQ(first.barriers, 9);
  EXPECT_EQ(first.stackBytes, 16);
  EXPECT_EQ(first.spillStoreBytes, 8);
  EXPECT_EQ(first.spillLoadBytes, 12);
  EXPECT_EQ(first.sharedBytes, 1024);
  EXPECT_TRUE(first.spills());
  EXPECT_EQ(second.entry, "second");
  EXPECT_EQ(second.registers, 40);
  EXPECT_EQ(second.sharedBytes, 0);
  EXPECT_FALSE(second.spills());
  ASSERT_EQ(resources.hopperWarnings.size(), 2u);
  EXPECT_NE(resources.hopperWarnings[0].find("serialized"), std::string::npos);
  EXPECT_NE(resources.hopperWarnings[1].find("setmaxnreg"), std::string::npos);
}

} // namespace
} // namespace maskloom
