// Emitted C++ compiled by the host's compiler and loaded: what the tests compare with interpreters.
#pragma once

#include <memory>
#include <string>

namespace maskloom::testing {

class HostModule {
public:
  /// Compiles `source` after templates/foundation.cuh into a shared object and loads it. On failure null, and
  /// the compiler's messages in `error`.
  static std::unique_ptr<HostModule> compile(const std::string &source, std::string &error);
  ~HostModule();

  /// An extern "C" function of the source, null when it has none of that name.
  template <class Function>
  Function *function(const std::string &name) const {
    return reinterpret_cast<Function *>(symbol(name));
  }

private:
  explicit HostModule(void *handle) : handle_(handle) {}
  void *symbol(const std::string &name) const;
  void *handle_;
};

} // namespace maskloom::testing
