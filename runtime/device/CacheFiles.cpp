#include "maskloom/device/CacheFiles.h"

#include "maskloom/program/ProgramJson.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace maskloom {

namespace {

using nlohmann::json;

class FileDescriptor {
public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor &) = delete;
  FileDescriptor &operator=(const FileDescriptor &) = delete;
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

private:
  int fd_;
};

std::string hex(XXH128_hash_t hash) { return fmt::format("{:016x}{:016x}", hash.high64, hash.low64); }
std::string digestOf(const std::string &data) { return hex(XXH3_128bits(data.data(), data.size())); }
std::string systemError() { return std::strerror(errno); }

std::string dump(const json &value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace); // names may hold any bytes
}

/// A file of the open entry directory; never through a link. False and errno on failure.
bool readAt(int directory, const char *name, std::string &data) {
  FileDescriptor file(::openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat status{};
  if (!file.ok() || ::fstat(file.get(), &status) != 0) return false;
  data.resize(static_cast<size_t>(status.st_size));
  size_t done = 0;
  while (done < data.size()) {
    ssize_t n = ::read(file.get(), data.data() + done, data.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  data.resize(done);
  return true;
}

bool writeAt(int directory, const char *name, const std::string &data) {
  FileDescriptor file(::openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!file.ok()) return false;
  size_t done = 0;
  while (done < data.size()) {
    ssize_t n = ::write(file.get(), data.data() + done, data.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    done += static_cast<size_t>(n);
  }
  return ::fsync(file.get()) == 0;
}

json keyJson(const CacheKey &key) {
  // Through text, so that what was written compares equal to what is read even for bytes that are no UTF-8.
  return json::parse(dump({{"pattern", key.pattern},
                           {"config", key.config},
                           {"generator", key.generator},
                           {"compiler", key.compiler},
                           {"arch", key.arch},
                           {"options", key.options}}));
}

/// The digest that meta.json carries of itself.
std::string metaDigest(json meta) {
  meta.erase("digest");
  return digestOf(dump(meta));
}

std::string text(const json &object, const char *name) {
  auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// meta.json, checked; empty problem when sound.
std::string checkMeta(const std::string &data, const CacheKey *key, json &meta) {
  meta = json::parse(data, nullptr, false);
  if (!meta.is_object()) return "meta.json is not a JSON object";
  if (text(meta, "digest") != metaDigest(meta)) return "meta.json does not match its digest";
  if (!meta.contains("schema") || meta["schema"] != kCacheSchema) return "meta.json has another schema";
  if (!meta.contains("key") || !meta["key"].is_object() || !meta.contains("files") ||
      !meta["files"].is_object())
    return "meta.json is incomplete";
  if (key && meta["key"] != keyJson(*key)) return "the entry was made for another key";
  return {};
}

std::string checkFile(int directory, const json &files, const char *name, std::string &data) {
  auto record = files.find(name);
  if (record == files.end()) return {}; // this entry has no such file
  if (!record->is_object()) return fmt::format("meta.json is wrong about {}", name);
  if (!readAt(directory, name, data)) return fmt::format("{}: {}", name, systemError());
  if (!record->contains("bytes") || (*record)["bytes"] != data.size())
    return fmt::format("{} has {} bytes, not as many as written", name, data.size());
  if (text(*record, "xxh3") != digestOf(data)) return fmt::format("{} does not match its digest", name);
  return {};
}

} // namespace

std::string CacheKey::digest() const {
  std::string fields;
  auto add = [&](const std::string &field) {
    uint64_t length = field.size();
    for (int byte = 0; byte < 8; ++byte) fields.push_back(static_cast<char>(length >> (8 * byte)));
    fields += field;
  };
  add(fmt::format("maskloom {} {}", kCacheSchema, int{Program::kSchema}));
  for (const std::string *field : {&pattern, &config, &generator, &compiler, &arch}) add(*field);
  add(std::to_string(options.size()));
  for (const std::string &option : options) add(option);
  return digestOf(fields);
}

EntryRead readEntry(const std::filesystem::path &path, const CacheKey *key, bool contents) {
  EntryRead result;
  FileDescriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!directory.ok()) {
    if (errno == ENOENT)
      result.missing = true;
    else
      result.problem = fmt::format("cannot be opened: {}", systemError());
    return result;
  }
  struct stat opened{};
  ::fstat(directory.get(), &opened);
  // Another process may take the entry away while it is read: then it is missing, not damaged.
  auto failed = [&](std::string problem) {
    struct stat now{};
    result.missing = ::stat(path.c_str(), &now) != 0 || now.st_ino != opened.st_ino;
    if (!result.missing) result.problem = std::move(problem);
    result.info.problem = result.problem;
    return std::move(result);
  };

  result.info.digest = path.filename();
  std::error_code ignored;
  result.info.lastUse = std::filesystem::last_write_time(path, ignored);
  std::string data;
  json meta;
  if (!readAt(directory.get(), "meta.json", data)) return failed("meta.json: " + systemError());
  if (std::string problem = checkMeta(data, key, meta); !problem.empty()) return failed(problem);
  result.info.name = text(meta, "name");
  result.info.arch = text(meta["key"], "arch");
  result.info.config = text(meta["key"], "config");
  result.info.bytes = data.size();
  for (const auto &[name, record] : meta["files"].items())
    if (record.is_object() && record.contains("bytes") && record["bytes"].is_number_unsigned())
      result.info.bytes += record["bytes"].get<uint64_t>();
  if (!contents) return result;

  const json &files = meta["files"];
  if (!files.contains("program.json")) return failed("program.json is not listed");
  std::string programText, source, object, image;
  for (auto [name, target] : {std::pair{"program.json", &programText},
                              {"kernel.cu", &source},
                              {"kernel.cubin", &image},
                              {"cpu.o", &object}})
    if (std::string problem = checkFile(directory.get(), files, name, *target); !problem.empty())
      return failed(problem);
  std::string error;
  std::optional<Program> program = programFromText(programText, error);
  if (!program) return failed("program.json: " + error);
  program->kernel.source = std::move(source);
  program->cpuObject = std::move(object);
  result.entry = CacheEntry{std::move(*program), std::move(image)};
  ::futimens(directory.get(), nullptr); // the time of last use; a read-only cache keeps the old one
  return result;
}

std::string writeEntry(const std::filesystem::path &path, const CacheKey &key, const CacheEntry &entry) {
  if (::mkdir(path.c_str(), 0755) != 0) return fmt::format("{}: {}", path.string(), systemError());
  FileDescriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!directory.ok()) return fmt::format("{}: {}", path.string(), systemError());

  const std::string program = dump(toJson(entry.program, false));
  json files = json::object();
  auto write = [&](const char *name, const std::string &data) {
    files[name] = {{"bytes", data.size()}, {"xxh3", digestOf(data)}};
    return writeAt(directory.get(), name, data);
  };
  bool written = write("program.json", program);
  for (auto [name, data] : {std::pair{"kernel.cu", &entry.program.kernel.source},
                            {"kernel.cubin", &entry.image},
                            {"cpu.o", &entry.program.cpuObject}})
    if (!data->empty()) written = written && write(name, *data);
  if (written) {
    json meta = json::parse(dump(
        {{"schema", kCacheSchema}, {"name", entry.program.name}, {"key", keyJson(key)}, {"files", files}}));
    meta["digest"] = metaDigest(meta);
    written = writeAt(directory.get(), "meta.json", dump(meta));
  }
  if (!written || ::fsync(directory.get()) != 0) return fmt::format("{}: {}", path.string(), systemError());
  return {};
}

void syncDirectory(const std::filesystem::path &path) {
  FileDescriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.ok()) ::fsync(directory.get());
}

} // namespace maskloom
