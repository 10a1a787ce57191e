#include "maskloom/cli/Cli.h"
#include "maskloom/cli/Commands.h"
#include "maskloom/dsl/Format.h"

#include <filesystem>
#include <fstream>
#include <memory>

#include <fmt/format.h>

namespace maskloom {

namespace {

namespace fs = std::filesystem;

struct FmtArguments {
  std::vector<std::string> files;
  bool check = false, inPlace = false;
};

// Through a new file beside the old one, so that an interrupted write loses nothing. Links stay links.
void replaceFile(const std::string &name, const std::string &text) {
  auto failed = [&](const std::error_code &code) {
    return Error(ErrorKind::Machine, fmt::format("cannot write {}: {}", name, code.message()));
  };
  std::error_code code;
  fs::path path = fs::canonical(name, code);
  if (code) throw failed(code);
  fs::path fresh = path;
  fresh += ".new";
  {
    std::ofstream stream(fresh, std::ios::binary);
    stream << text;
    stream.close();
    if (!stream) code = std::make_error_code(std::errc::io_error);
  }
  if (!code) fs::permissions(fresh, fs::status(path).permissions(), code);
  if (!code) fs::rename(fresh, path, code);
  if (!code) return;
  std::error_code ignored;
  fs::remove(fresh, ignored);
  throw failed(code);
}

int formatFiles(const FmtArguments &arguments) {
  std::string errors;
  bool differs = false;
  for (const std::string &file : arguments.files) {
    FormatResult result = formatPatternFile(file);
    if (!result.ok()) {
      errors += render(result.diagnostics);
      continue;
    }
    if (arguments.check) {
      if (result.changed) fmt::print("{}\n", file);
      differs |= result.changed;
    } else if (arguments.inPlace) {
      if (result.changed) replaceFile(file, result.text);
    } else {
      fmt::print("{}", result.text);
    }
  }
  if (!errors.empty()) throw Error(ErrorKind::User, errors);
  return differs ? kExitCheckFailed : kExitOk;
}

} // namespace

void addFmtCommand(CLI::App &app, Action &action) {
  auto arguments = std::make_shared<FmtArguments>();
  CLI::App *command =
      app.add_subcommand("fmt", "Lays pattern files out in the usual way; comments and line breaks stay");
  command->add_option("files", arguments->files, "Pattern files")->required();
  CLI::Option *check = command->add_flag("--check", arguments->check,
                                         "Write nothing: print the files that would change, exit code 5");
  command->add_flag("-i,--in-place", arguments->inPlace, "Rewrite the files instead of printing one")
      ->excludes(check);
  command->callback([arguments, &action] {
    if (!arguments->check && !arguments->inPlace && arguments->files.size() > 1)
      throw CLI::ValidationError("fmt: several files need --check or -i");
    action = [arguments] { return formatFiles(*arguments); };
  });
}

} // namespace maskloom
