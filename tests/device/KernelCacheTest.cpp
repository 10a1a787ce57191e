#include "RandomProgram.h"
#include "TemporaryDirectory.h"

#include "maskloom/device/KernelCache.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace maskloom {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

CacheKey keyOf(const std::string &pattern) {
  return {pattern, "portable_forward", "generator", "nvrtc 13.0.88", "sm_90a", {"-v"}};
}

CacheEntry entryOf(unsigned seed, size_t imageBytes = 1000) {
  CacheEntry entry{randomProgram(seed), std::string(imageBytes, 'x')};
  entry.image[0] = '\0';
  return entry;
}

std::string slurp(const fs::path &file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

class KernelCacheTest : public testing::Test {
protected:
  TemporaryDirectory temporary_;
  fs::path directory_ = temporary_.path() / "cache";
  std::vector<std::string> warnings_;
  std::mutex warningsMutex_;

  CacheOptions options() {
    CacheOptions options;
    options.directory = directory_;
    options.warn = [this](const std::string &message) {
      std::lock_guard lock(warningsMutex_);
      warnings_.push_back(message);
    };
    return options;
  }
  fs::path entryPath(const CacheKey &key) const { return directory_ / key.digest(); }
  void expectOneWarning(const std::string &part) {
    ASSERT_EQ(warnings_.size(), 1u);
    EXPECT_NE(warnings_[0].find(part), std::string::npos) << warnings_[0];
  }
};

TEST(CacheKey, EveryFieldCountsAndBoundariesToo) {
  CacheKey key = keyOf("q >= k");
  std::string digest = key.digest();
  EXPECT_EQ(digest.size(), 32u);
  EXPECT_EQ(digest.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(keyOf("q >= k").digest(), digest);
  for (std::string CacheKey::*field :
       {&CacheKey::pattern, &CacheKey::config, &CacheKey::generator, &CacheKey::compiler, &CacheKey::arch}) {
    CacheKey other = key;
    other.*field += "a";
    EXPECT_NE(other.digest(), digest);
  }
  CacheKey split = key, joined = key;
  split.options = {"a", "b"};
  joined.options = {"ab"};
  EXPECT_NE(split.digest(), joined.digest());
  CacheKey left = key, right = key; // the same text, divided elsewhere
  left.pattern = "ab", left.config = "c";
  right.pattern = "a", right.config = "bc";
  EXPECT_NE(left.digest(), right.digest());
}

TEST_F(KernelCacheTest, KeepsAnEntryExactly) {
  CacheEntry entry = entryOf(1);
  KernelCache(options()).store(keyOf("a"), entry);
  EXPECT_EQ(slurp(entryPath(keyOf("a")) / "kernel.cubin"), entry.image); // raw, for cuobjdump
  EXPECT_EQ(slurp(entryPath(keyOf("a")) / "kernel.cu"), entry.program.kernel.source);
  EXPECT_EQ(slurp(entryPath(keyOf("a")) / "cpu.o"), entry.program.cpuObject);
  KernelCache fresh(options());
  auto read = fresh.load(keyOf("a"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->image, entry.image);
  expectSame(read->program, entry.program);
  EXPECT_FALSE(fresh.load(keyOf("b")));
  EXPECT_TRUE(warnings_.empty());
  EXPECT_EQ(fs::status(directory_).permissions() & fs::perms::all, fs::perms::owner_all);
}

TEST_F(KernelCacheTest, AHitIsFast) {
  CacheEntry entry = entryOf(2, 200'000);
  entry.program.kernel.source = std::string(60'000, 's');
  KernelCache(options()).store(keyOf("a"), entry);
  double best = 1e9;
  for (int i = 0; i < 10; ++i) {
    auto start = std::chrono::steady_clock::now();
    KernelCache fresh(options());
    ASSERT_TRUE(fresh.load(keyOf("a")));
    best = std::min(
        best, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  RecordProperty("microseconds", static_cast<int>(best * 1000));
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr double kBudget = 100; // milliseconds
#else
  constexpr double kBudget = 5;
#endif
  EXPECT_LT(best, kBudget);
}

TEST_F(KernelCacheTest, GetOrMakeSaysWhereItCameFrom) {
  int made = 0;
  auto make = [&] { return ++made, entryOf(3); };
  bool hit = true;
  CacheSource source{};
  KernelCache first(options()), second(options());
  first.getOrMake(keyOf("a"), make, &hit, &source);
  EXPECT_FALSE(hit);
  EXPECT_EQ(source, CacheSource::Made);
  first.getOrMake(keyOf("a"), make, &hit, &source);
  EXPECT_TRUE(hit);
  EXPECT_EQ(source, CacheSource::Memory);
  second.getOrMake(keyOf("a"), make, &hit, &source);
  EXPECT_TRUE(hit);
  EXPECT_EQ(source, CacheSource::Disk);
  EXPECT_EQ(made, 1);
}

TEST_F(KernelCacheTest, AFailedMakeLeavesNothingLocked) {
  KernelCache cache(options());
  EXPECT_THROW(cache.getOrMake(keyOf("a"), []() -> CacheEntry { throw std::runtime_error("no"); }),
               std::runtime_error);
  bool hit = true;
  cache.getOrMake(keyOf("a"), [] { return entryOf(1); }, &hit);
  EXPECT_FALSE(hit);
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(KernelCacheTest, ThreadsMakeAnEntryOnce) {
  KernelCache cache(options());
  std::atomic<int> made{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      cache.getOrMake(keyOf("a"), [&] {
        ++made;
        std::this_thread::sleep_for(20ms);
        return entryOf(1);
      });
    });
  for (auto &thread : threads) thread.join();
  EXPECT_EQ(made, 1);
}

class DamagedFile : public KernelCacheTest, public testing::WithParamInterface<const char *> {
protected:
  /// Damages the file, expects that it is noticed, and that the entry is made again and then sound.
  void expectRecovery(const std::function<void(const fs::path &)> &damage, const std::string &warning) {
    CacheKey key = keyOf("a");
    KernelCache(options()).store(key, entryOf(4));
    damage(entryPath(key) / GetParam());
    bool hit = true;
    KernelCache(options()).getOrMake(key, [] { return entryOf(5); }, &hit);
    EXPECT_FALSE(hit);
    expectOneWarning(GetParam());
    expectOneWarning("damaged entry in the kernel cache, moved away");
    expectOneWarning(warning);
    EXPECT_EQ(std::distance(fs::directory_iterator(directory_ / ".quarantine"), {}), 1);
    auto again = KernelCache(options()).load(key);
    ASSERT_TRUE(again);
    expectSame(again->program, entryOf(5).program);
    EXPECT_EQ(warnings_.size(), 1u);
  }
};

TEST_P(DamagedFile, Changed) {
  expectRecovery(
      [](const fs::path &file) {
        std::string data = slurp(file);
        data[data.size() / 2] ^= 1;
        std::ofstream(file, std::ios::binary) << data;
      },
      "");
}
TEST_P(DamagedFile, Truncated) {
  expectRecovery([](const fs::path &file) { fs::resize_file(file, fs::file_size(file) / 2); }, "");
}
TEST_P(DamagedFile, Empty) {
  expectRecovery([](const fs::path &file) { fs::resize_file(file, 0); }, "");
}
TEST_P(DamagedFile, Missing) {
  expectRecovery([](const fs::path &file) { fs::remove(file); }, "No such file");
}
TEST_P(DamagedFile, ALinkElsewhere) {
  expectRecovery(
      [](const fs::path &file) {
        fs::rename(file, file.string() + ".moved");
        fs::create_symlink(file.string() + ".moved", file);
      },
      "");
}
INSTANTIATE_TEST_SUITE_P(Each, DamagedFile,
                         testing::Values("kernel.cu", "kernel.cubin", "cpu.o", "program.json", "meta.json"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

TEST_F(KernelCacheTest, AnEntryOfAnotherKeyIsDamaged) {
  KernelCache(options()).store(keyOf("a"), entryOf(1));
  fs::rename(entryPath(keyOf("a")), entryPath(keyOf("b")));
  EXPECT_FALSE(KernelCache(options()).load(keyOf("b")));
  expectOneWarning("the entry was made for another key");
}

TEST_F(KernelCacheTest, AFileInPlaceOfTheDirectoryCostsAWarning) {
  std::ofstream(directory_) << "not a directory";
  KernelCache cache(options());
  EXPECT_FALSE(cache.usable());
  expectOneWarning("is not a directory");
  bool hit = true;
  EXPECT_EQ(cache.getOrMake(keyOf("a"), [] { return entryOf(1); }, &hit).image, entryOf(1).image);
  EXPECT_FALSE(hit);
  cache.getOrMake(keyOf("a"), [] { return entryOf(1); }, &hit);
  EXPECT_TRUE(hit); // from memory
  EXPECT_EQ(warnings_.size(), 1u);
}

TEST_F(KernelCacheTest, AFileOnTheWayToTheDirectoryCostsAWarning) {
  std::ofstream(temporary_.path() / "file") << "x";
  directory_ = temporary_.path() / "file" / "cache";
  KernelCache cache(options());
  EXPECT_FALSE(cache.usable());
  expectOneWarning("cannot be made");
  cache.store(keyOf("a"), entryOf(1));
  EXPECT_EQ(warnings_.size(), 1u);
}

/// Runs `body` in a child process; true when it returns true there.
bool inChild(const std::function<bool()> &body) {
  pid_t child = ::fork();
  if (child == 0) ::_exit(body() ? 0 : 1);
  int status = 1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(KernelCacheTest, AReadOnlyDirectoryServesHitsAndWarnsOnce) {
  KernelCache(options()).store(keyOf("a"), entryOf(1));
  ASSERT_EQ(::chmod(temporary_.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod(directory_.c_str(), 0555), 0);
  bool fine = inChild([&] {
    // Nothing stops root, so become nobody; the directory then belongs to root, which is trusted.
    if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) return false;
    KernelCache cache(options());
    bool hit = false;
    cache.getOrMake(keyOf("a"), [] { return entryOf(9); }, &hit);
    if (!hit || !cache.usable() || !warnings_.empty()) return false;
    for (const char *pattern : {"b", "c"}) {
      cache.getOrMake(keyOf(pattern), [] { return entryOf(2); }, &hit);
      if (hit) return false;
    }
    return warnings_.size() == 1 && warnings_[0].find("could not be kept on disk") != std::string::npos &&
           warnings_[0].find("Permission denied") != std::string::npos;
  });
  EXPECT_TRUE(fine);
  ::chmod(directory_.c_str(), 0755);
}

TEST_F(KernelCacheTest, AFullDiskCostsAWarning) {
  bool fine = inChild([&] {
    // A limit on file sizes fails writes as a full disk does.
    rlimit limit{500, 500};
    ::signal(SIGXFSZ, SIG_IGN);
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return false;
    KernelCache cache(options());
    bool hit = true;
    cache.getOrMake(keyOf("a"), [] { return entryOf(1, 100'000); }, &hit);
    return !hit && warnings_.size() == 1 &&
           warnings_[0].find("could not be kept on disk") != std::string::npos;
  });
  EXPECT_TRUE(fine);
  EXPECT_FALSE(fs::exists(entryPath(keyOf("a"))));
  for (const auto &item : fs::directory_iterator(directory_)) // no half-written leftovers
    EXPECT_EQ(item.path().filename(), ".locks");
}

TEST_F(KernelCacheTest, ADirectoryThatOthersCanWriteIsRefused) {
  fs::create_directory(directory_);
  for (mode_t mode : {0777, 0775, 01777}) {
    SCOPED_TRACE(mode);
    warnings_.clear();
    ASSERT_EQ(::chmod(directory_.c_str(), mode), 0);
    KernelCache cache(options());
    EXPECT_FALSE(cache.usable());
    expectOneWarning("others can write to " + directory_.string());
    cache.store(keyOf("a"), entryOf(1));
    EXPECT_TRUE(fs::is_empty(directory_));
  }
  warnings_.clear();
  CacheOptions trusting = options();
  trusting.trustDirectory = true;
  KernelCache cache(trusting);
  EXPECT_TRUE(cache.usable());
  cache.store(keyOf("a"), entryOf(1));
  EXPECT_TRUE(fs::exists(entryPath(keyOf("a"))));
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(KernelCacheTest, ADirectoryOfAnotherUserIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  fs::create_directory(directory_);
  ASSERT_EQ(::chown(directory_.c_str(), 65534, 65534), 0);
  KernelCache cache(options());
  EXPECT_FALSE(cache.usable());
  expectOneWarning("belongs to another user");
}

TEST_F(KernelCacheTest, TheEnvironmentChoosesTheDirectory) {
  CacheOptions fromEnvironment = options();
  fromEnvironment.directory.clear();
  ::setenv("MASKLOOM_CACHE_DIR", (directory_.string() + "/").c_str(), 1);
  EXPECT_EQ(KernelCache(fromEnvironment).directory(), directory_);
  ::unsetenv("MASKLOOM_CACHE_DIR");
  ::setenv("XDG_CACHE_HOME", temporary_.path().c_str(), 1);
  EXPECT_EQ(KernelCache(fromEnvironment).directory(), temporary_.path() / "maskloom");
  ::unsetenv("XDG_CACHE_HOME");
}

TEST_F(KernelCacheTest, ProcessesThatRaceAllGetTheEntry) {
  constexpr int kProcesses = 4;
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    pid_t child = ::fork();
    if (child == 0) {
      bool fine = true;
      for (int round = 0; round < 10; ++round) {
        std::string pattern = "pattern " + std::to_string(round);
        CacheEntry entry = KernelCache(options()).getOrMake(keyOf(pattern), [&] {
          // Who makes it leaves a mark; two makers of one key would leave two.
          std::ofstream(temporary_.path() / ("made-" + std::to_string(round)), std::ios::app) << "x";
          return entryOf(round);
        });
        fine = fine && entry.image == entryOf(round).image && warnings_.empty();
      }
      ::_exit(fine ? 0 : 1);
    }
    children.push_back(child);
  }
  for (pid_t child : children) {
    int status = 1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  KernelCache cache(options());
  EXPECT_EQ(cache.verify().size(), 10u);
  EXPECT_TRUE(warnings_.empty());
  for (int round = 0; round < 10; ++round)
    EXPECT_EQ(slurp(temporary_.path() / ("made-" + std::to_string(round))), "x");
}

TEST_F(KernelCacheTest, LosingTheRaceIsSuccess) {
  KernelCache one(options()), other(options());
  one.store(keyOf("a"), entryOf(1));
  other.store(keyOf("a"), entryOf(2));
  EXPECT_TRUE(warnings_.empty());
  expectSame(KernelCache(options()).load(keyOf("a"))->program, entryOf(1).program);
  for (const auto &item : fs::directory_iterator(directory_))
    EXPECT_NE(item.path().filename().string().rfind(".tmp-", 0), 0u) << item.path();
}

TEST_F(KernelCacheTest, AForeignLockIsWaitedForOnlySoLong) {
  fs::create_directory(directory_);
  fs::create_directory(directory_ / ".locks");
  int ready[2], done[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(done), 0);
  pid_t child = ::fork();
  if (child == 0) { // holds the lock until told
    int fd = ::open((directory_ / ".locks" / keyOf("a").digest()).c_str(), O_RDWR | O_CREAT, 0644);
    ::flock(fd, LOCK_EX);
    char byte = 1;
    if (::write(ready[1], &byte, 1) != 1 || ::read(done[0], &byte, 1) != 1) ::_exit(1);
    ::_exit(0);
  }
  char byte;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  CacheOptions impatient = options();
  impatient.lockWait = 100ms;
  KernelCache cache(impatient);
  bool hit = true;
  auto start = std::chrono::steady_clock::now();
  cache.getOrMake(keyOf("a"), [] { return entryOf(1); }, &hit);
  auto waited = std::chrono::steady_clock::now() - start;
  EXPECT_FALSE(hit);
  EXPECT_GE(waited, 95ms); // clocks may disagree by a little
  EXPECT_LT(waited, 5s);
  expectOneWarning("another process has been making kernel");
  EXPECT_FALSE(fs::exists(entryPath(keyOf("a")))); // not kept

  // A holder that is killed leaves no lock behind.
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  warnings_.clear();
  KernelCache(impatient).getOrMake(keyOf("a"), [] { return entryOf(1); });
  EXPECT_TRUE(warnings_.empty());
  EXPECT_TRUE(fs::exists(entryPath(keyOf("a"))));
}

/// Sets the time of last use.
void age(const fs::path &path, std::chrono::hours by) {
  fs::last_write_time(path, fs::file_time_type::clock::now() - by);
}

TEST_F(KernelCacheTest, GcRemovesTheLeastRecentlyUsed) {
  KernelCache cache(options());
  for (int i = 0; i < 4; ++i) {
    cache.store(keyOf(std::to_string(i)), entryOf(1, 50'000));
    age(entryPath(keyOf(std::to_string(i))), std::chrono::hours(10 - i));
  }
  ASSERT_TRUE(KernelCache(options()).load(keyOf("0"))); // used now: the oldest becomes the newest
  uint64_t bytes = 0;
  for (const auto &info : cache.list()) bytes += info.bytes;
  EXPECT_GT(bytes, 200'000u);
  uint64_t freed = cache.gc(bytes / 2);
  EXPECT_GE(freed, bytes / 2);
  EXPECT_TRUE(fs::exists(entryPath(keyOf("0"))));
  EXPECT_FALSE(fs::exists(entryPath(keyOf("1"))));
  EXPECT_FALSE(fs::exists(entryPath(keyOf("2"))));
  EXPECT_TRUE(fs::exists(entryPath(keyOf("3"))));
  EXPECT_GT(cache.gc(0), 0u);
  EXPECT_TRUE(cache.list().empty());
}

TEST_F(KernelCacheTest, StoringKeepsTheCacheUnderItsCap) {
  CacheOptions small = options();
  small.maxBytes = 300'000;
  KernelCache cache(small);
  for (int i = 0; i < 20; ++i) {
    cache.store(keyOf(std::to_string(i)), entryOf(1, 50'000));
    age(entryPath(keyOf(std::to_string(i))), std::chrono::hours(100 - i));
    uint64_t bytes = 0;
    for (const auto &info : cache.list()) bytes += info.bytes;
    EXPECT_LE(bytes, small.maxBytes);
  }
  EXPECT_TRUE(fs::exists(entryPath(keyOf("19"))));
  EXPECT_FALSE(fs::exists(entryPath(keyOf("0"))));
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(KernelCacheTest, GcRemovesLeftoversButNoWorkInProgress) {
  KernelCache cache(options());
  fs::path old = directory_ / ".tmp-0123-1-1", fresh = directory_ / ".tmp-0123-1-2",
           quarantined = directory_ / ".quarantine" / "0123-1-1", foreign = directory_ / "README";
  for (const fs::path &path : {old, fresh, quarantined, foreign}) fs::create_directories(path);
  age(old, std::chrono::hours(2));
  cache.gc(1 << 30);
  EXPECT_FALSE(fs::exists(old));
  EXPECT_TRUE(fs::exists(fresh));
  EXPECT_FALSE(fs::exists(quarantined));
  EXPECT_TRUE(fs::exists(foreign));
}

TEST_F(KernelCacheTest, ListAndVerifyReport) {
  KernelCache cache(options());
  cache.store(keyOf("good"), entryOf(1));
  cache.store(keyOf("bad"), entryOf(2));
  age(entryPath(keyOf("bad")), std::chrono::hours(5));
  auto listed = cache.list();
  ASSERT_EQ(listed.size(), 2u);
  EXPECT_EQ(listed[0].digest, keyOf("good").digest());
  EXPECT_EQ(listed[0].name, entryOf(1).program.name);
  EXPECT_EQ(listed[0].arch, "sm_90a");
  EXPECT_EQ(listed[0].config, "portable_forward");
  EXPECT_GT(listed[0].bytes, 1000u);

  std::ofstream(entryPath(keyOf("bad")) / "kernel.cubin", std::ios::app) << "more";
  auto verified = cache.verify();
  ASSERT_EQ(verified.size(), 2u);
  EXPECT_EQ(verified[0].problem, "");
  EXPECT_EQ(verified[1].digest, keyOf("bad").digest());
  EXPECT_EQ(verified[1].problem, "kernel.cubin has 1004 bytes, not as many as written");
  EXPECT_EQ(cache.list().size(), 1u);
}

} // namespace
} // namespace maskloom
