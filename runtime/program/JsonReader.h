// Reading JSON that may be anything: every access checks what it finds and says where it stands.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace maskloom {

/// What is wrong, and where.
struct JsonError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A value and where it stands; every accessor checks. The place is a chain of readers, spelt out only for an
/// error, so a reader must not outlive the one it came from.
class JsonReader {
public:
  JsonReader(const nlohmann::json &value, const JsonReader *parent, const char *name, size_t index = 0)
      : value_(value), parent_(parent), name_(name), index_(index) {}

  [[noreturn]] void fail(const std::string &what) const { throw JsonError(place() + ": " + what); }

  template <class T = int64_t>
  T integer(int64_t low = std::numeric_limits<T>::min()) const {
    bool fits = value_.is_number_unsigned()
                    ? value_.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<T>::max())
                    : value_.is_number_integer() && value_.get<int64_t>() <= std::numeric_limits<T>::max();
    if (!value_.is_number_integer()) fail(fmt::format("expected an integer, found {}", value_.type_name()));
    if (!fits || value_.get<int64_t>() < low) fail("integer out of range");
    return static_cast<T>(value_.get<int64_t>());
  }
  bool boolean() const {
    if (!value_.is_boolean()) fail(fmt::format("expected a boolean, found {}", value_.type_name()));
    return value_.get<bool>();
  }
  std::string string() const {
    if (!value_.is_string()) fail(fmt::format("expected a string, found {}", value_.type_name()));
    return value_.get<std::string>();
  }
  template <class E, size_t N>
  E enumerator(const std::array<const char *, N> &names, const char *what) const {
    if (!value_.is_string()) string(); // fails
    const std::string &name = value_.get_ref<const std::string &>();
    for (size_t i = 0; i < N; ++i)
      if (name == names[i]) return static_cast<E>(i);
    fail(fmt::format("unknown {} '{}'", what, name));
  }

  size_t size() const {
    if (!value_.is_array()) fail(fmt::format("expected an array, found {}", value_.type_name()));
    return value_.size();
  }
  JsonReader at(size_t index) const { return {value_[index], this, nullptr, index}; }
  /// An array used as a record of a fixed number of fields.
  const JsonReader &record(size_t fields) const {
    if (size() != fields) fail(fmt::format("expected {} entries, found {}", fields, value_.size()));
    return *this;
  }
  template <class F>
  auto list(F &&convert) const {
    std::vector<decltype(convert(at(0)))> out;
    size_t n = size();
    out.reserve(n);
    for (size_t i = 0; i < n; ++i) out.push_back(convert(at(i)));
    return out;
  }

  /// An object of `fields` fields; `operator[]` demands each, so that none is unknown.
  const JsonReader &object(size_t fields) const {
    if (!value_.is_object()) fail(fmt::format("expected an object, found {}", value_.type_name()));
    if (value_.size() > fields)
      fail(fmt::format("unknown fields: expected {}, found {}", fields, value_.size()));
    return *this;
  }
  bool has(const char *name) const { return value_.is_object() && value_.contains(name); }
  JsonReader operator[](const char *name) const {
    auto found = value_.find(name);
    if (found == value_.end()) fail(fmt::format("field '{}' is missing", name));
    return {*found, this, name};
  }

private:
  std::string place() const {
    if (!parent_) return name_;
    return name_ ? fmt::format("{}.{}", parent_->place(), name_)
                 : fmt::format("{}[{}]", parent_->place(), index_);
  }

  const nlohmann::json &value_;
  const JsonReader *parent_;
  const char *name_; ///< of a field; null for an entry of an array
  size_t index_;
};

} // namespace maskloom
