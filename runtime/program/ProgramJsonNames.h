// The names of enumerators in the JSON of a Program, for its writer and its reader.
#pragma once

#include "maskloom/program/Program.h"

#include <array>

namespace maskloom::program_json {

// In the order of their declarations.
inline constexpr std::array kDTypes = {"f16", "bf16", "f32"};
inline constexpr std::array kSymbols = {"q",        "k",     "outer", "inner",     "h",   "kvh",
                                        "b",        "Sq",    "Sk",    "H",         "Hkv", "q_offset",
                                        "k_offset", "param", "floor", "aux_scalar"};
inline constexpr std::array kOps = {"const", "bool", "symbol", "load",     "add", "sub", "mul",   "min",
                                    "max",   "abs",  "neg",    "floordiv", "mod", "eq",  "ne",    "lt",
                                    "le",    "gt",   "ge",     "and",      "or",  "not", "select"};
inline constexpr std::array kAxisKinds = {"b", "h", "kvh", "q", "k", "fixed"};
inline constexpr std::array kOrientations = {"forward", "transposed"};
static_assert(kSymbols.size() == static_cast<size_t>(Symbol::AuxScalar) + 1);
static_assert(kOps.size() == static_cast<size_t>(PredicateNode::Op::Select) + 1);
static_assert(kAxisKinds.size() == static_cast<size_t>(ProgramAux::Axis::Kind::Fixed) + 1);

} // namespace maskloom::program_json
