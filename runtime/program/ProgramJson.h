// The JSON of a Program: how the kernel cache and manifests keep it. Exact round trip, except for
// Program::cpuObject, which is binary and kept in a file of its own.
#pragma once

#include "maskloom/program/Program.h"

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace maskloom {

/// Without the source, KernelProgram::source is left out (the cache keeps it as kernel.cu) and reads back
/// empty.
nlohmann::json toJson(const Program &program, bool withSource);

/// Strict: every field present and of its type, no unknown field, references in range, the schema version of
/// this build. Nothing on failure, and then `error` says what is wrong and where, as in
/// "program.groups[0].predicate[3]: unknown operation 'Foo'".
std::optional<Program> programFromJson(const nlohmann::json &json, std::string &error);
std::optional<Program> programFromText(std::string_view text, std::string &error);

/// A configuration alone, as it stands in the Program's JSON, and back: an object with some of its fields;
/// the others are `base`'s. Nothing on failure, with `error` as above.
std::string toJsonText(const KernelConfig &config);
std::optional<KernelConfig> configFromText(std::string_view text, const KernelConfig &base,
                                           std::string &error);

} // namespace maskloom
