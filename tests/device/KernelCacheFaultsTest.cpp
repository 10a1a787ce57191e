// The kernel cache where files are damaged, directories cannot be used, or other processes are in the way: it
// costs a warning at most.
#include "KernelCacheFixture.h"

#include <algorithm>
#include <chrono>
#include <csignal>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace maskloom {
namespace {

using namespace std::chrono_literals;

class KernelCacheFaultsTest : public KernelCacheFixture {};

class DamagedFile : public KernelCacheFaultsTest, public testing::WithParamInterface<const char *> {
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
        std::string data = readFile(file);
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

TEST_F(KernelCacheFaultsTest, AnEntryOfAnotherKeyIsDamaged) {
  KernelCache(options()).store(keyOf("a"), entryOf(1));
  fs::rename(entryPath(keyOf("a")), entryPath(keyOf("b")));
  EXPECT_FALSE(KernelCache(options()).load(keyOf("b")));
  expectOneWarning("the entry was made for another key");
}

TEST_F(KernelCacheFaultsTest, AFileInPlaceOfTheDirectoryCostsAWarning) {
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

TEST_F(KernelCacheFaultsTest, AFileOnTheWayToTheDirectoryCostsAWarning) {
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

TEST_F(KernelCacheFaultsTest, AReadOnlyDirectoryServesHitsAndWarnsOnce) {
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

TEST_F(KernelCacheFaultsTest, AFullDiskCostsAWarning) {
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

TEST_F(KernelCacheFaultsTest, ADirectoryThatOthersCanWriteIsRefused) {
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

TEST_F(KernelCacheFaultsTest, ADirectoryOfAnotherUserIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  fs::create_directory(directory_);
  ASSERT_EQ(::chown(directory_.c_str(), 65534, 65534), 0);
  KernelCache cache(options());
  EXPECT_FALSE(cache.usable());
  expectOneWarning("belongs to another user");
}

TEST_F(KernelCacheFaultsTest, TheEnvironmentChoosesTheDirectory) {
  CacheOptions fromEnvironment = options();
  fromEnvironment.directory.clear();
  ::setenv("MASKLOOM_CACHE_DIR", (directory_.string() + "/").c_str(), 1);
  EXPECT_EQ(KernelCache(fromEnvironment).directory(), directory_);
  ::unsetenv("MASKLOOM_CACHE_DIR");
  ::setenv("XDG_CACHE_HOME", temporary_.path().c_str(), 1);
  EXPECT_EQ(KernelCache(fromEnvironment).directory(), temporary_.path() / "maskloom");
  ::unsetenv("XDG_CACHE_HOME");
}

TEST_F(KernelCacheFaultsTest, ProcessesThatRaceAllGetTheEntry) {
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
    EXPECT_EQ(readFile(temporary_.path() / ("made-" + std::to_string(round))), "x");
}

TEST_F(KernelCacheFaultsTest, LosingTheRaceIsSuccess) {
  KernelCache one(options()), other(options());
  one.store(keyOf("a"), entryOf(1));
  other.store(keyOf("a"), entryOf(2));
  EXPECT_TRUE(warnings_.empty());
  expectSame(KernelCache(options()).load(keyOf("a"))->program, entryOf(1).program);
  for (const auto &item : fs::directory_iterator(directory_))
    EXPECT_NE(item.path().filename().string().rfind(".tmp-", 0), 0u) << item.path();
}

TEST_F(KernelCacheFaultsTest, AForeignLockIsWaitedForOnlySoLong) {
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

} // namespace
} // namespace maskloom
