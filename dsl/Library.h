// The functions that a pattern file calls by name, with keyword arguments:
//
//   mask neighborhood(window = (7, 7), stride = 2, causal = (true, false));
//
// Each stands for the mask or score of the same name in Masks.h, Neighborhood.h or Scores.h.
#pragma once

#include "maskloom/dsl/Index.h"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace maskloom {

struct LibraryArgument {
  enum class Kind : uint8_t {
    Integer,    ///< any integer expression
    Range,      ///< (begin, end), two integer expressions
    Axes,       ///< an integer constant, or one for each axis: (7, 7)
    AxisFlags,  ///< true or false, or one for each axis
    Flag,       ///< true or false
    Number,     ///< a constant number
    IntTensor,  ///< the name of an i32 tensor
    FloatTensor ///< the name of an f32 tensor
  };
  const char *name;
  Kind kind;
  const char *absent = nullptr; ///< what holds when it is not given, as text; null: it must be given
};

/// What one argument was given; which members count depends on its kind.
struct ArgumentValue {
  Expr first, second;            ///< Integer, Range
  std::vector<int64_t> integers; ///< Axes
  std::vector<bool> flags;       ///< AxisFlags, Flag
  double number = 0;             ///< Number
  std::shared_ptr<const AuxDecl> tensor;
  Location loc;
  std::vector<Location> entryLocs; ///< of the entries of Axes and AxisFlags
};

struct LibraryCall {
  std::map<std::string, ArgumentValue, std::less<>> arguments;
  std::vector<int64_t> space; ///< of the pattern; empty: none was declared

  bool has(std::string_view name) const { return arguments.find(name) != arguments.end(); }
  Index integer(std::string_view name) const;
  Index integer(std::string_view name, const Index &absent) const;
  bool flag(std::string_view name, bool absent) const;
  std::vector<int64_t> axes(std::string_view name) const;
  std::vector<bool> axisFlags(std::string_view name) const;
  AuxInt ints(std::string_view name) const;
  AuxFloat floats(std::string_view name) const;
};

struct LibraryFunction {
  const char *name;
  std::vector<LibraryArgument> arguments;
  std::function<Expr(const LibraryCall &)> build;

  const LibraryArgument *find(std::string_view argument) const;
  /// "sink_window(sink = ..., window = ...)": arguments that may be left out with what then holds.
  std::string signature() const;
};

/// Ordered as docs/language.md lists them.
const std::vector<LibraryFunction> &libraryFunctions();
const LibraryFunction *findLibraryFunction(std::string_view name);
/// The expression of a call with all its nodes at `loc`, those of the arguments excepted. All arguments that
/// must be given are there. Arguments that are not legal leave nodes with a `fault`.
Expr expandCall(const LibraryFunction &function, const LibraryCall &call, const Location &loc);

} // namespace maskloom
