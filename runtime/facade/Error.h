/// @file
/// The one exception.
#pragma once

#include <stdexcept>
#include <string>

namespace maskloom {

/// Whose fault an error is.
enum class ErrorKind {
  User,     ///< bad input: pattern, arguments, files
  Machine,  ///< the machine: no driver, no NVRTC, disk full, out of memory
  Internal, ///< ours
};

/// The only exception that leaves the library's C++ API. what() says what is wrong and what to do; for
/// patterns it is the rendered diagnostics, with file, line, column and caret.
class Error : public std::runtime_error {
public:
  /// As the library throws it.
  Error(ErrorKind kind, const std::string &message, std::string reproducer = {})
      : std::runtime_error(message), kind_(kind), reproducer_(std::move(reproducer)) {}
  /// Whose fault it is.
  ErrorKind kind() const { return kind_; }
  /// Internal errors: the IR before the failing step or the generated source, worth attaching to a report.
  /// May be empty.
  const std::string &reproducer() const { return reproducer_; }

private:
  ErrorKind kind_;
  std::string reproducer_;
};

} // namespace maskloom
