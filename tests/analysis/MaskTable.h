// Masks that people write, each with an independent definition in plain C++.
#pragma once

#include "maskloom/dsl/Pattern.h"

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

namespace maskloom::testing {

/// What a reference may use: positions, head, key length and the two parameters w and g.
struct Point {
  int64_t q, k, h, length, w, g;
};

struct TableMask {
  std::string name;
  Mask mask;
  std::function<bool(const Point &)> visible;
  std::vector<int64_t> heads; ///< heads to try
  bool usesParams = false;
  int64_t tokens = 640;   ///< largest length to try
  bool closedForm = true; ///< the runs alone give the classes, at every tile shape tried
  int64_t maxInexact = 0; ///< tiles a problem and head
  size_t maxTouched = 4, maxNotFull = 4;
};

std::vector<TableMask> tableMasks();
inline void PrintTo(const TableMask &mask, std::ostream *out) { *out << mask.name; }

} // namespace maskloom::testing
