// Evaluation of a predicate at one point, on the host.
#pragma once

#include "maskloom/program/Arithmetic.h"
#include "maskloom/program/ScheduleWalker.h"

#include <algorithm>

namespace maskloom {

/// The value of an operation on the values of its operands; operations without (constants, symbols, loads)
/// have none: 0.
inline int64_t apply(PredicateNode::Op op, int64_t a, int64_t b, int64_t c) {
  using Op = PredicateNode::Op;
  switch (op) {
  case Op::Add: return a + b;
  case Op::Sub: return a - b;
  case Op::Mul: return a * b;
  case Op::Min: return std::min(a, b);
  case Op::Max: return std::max(a, b);
  case Op::Abs: return std::max(a, -a);
  case Op::Neg: return -a;
  case Op::FloorDiv: return integer::floorDiv(a, b);
  case Op::Mod: return integer::floorMod(a, b);
  case Op::Eq: return a == b;
  case Op::Ne: return a != b;
  case Op::Lt: return a < b;
  case Op::Le: return a <= b;
  case Op::Gt: return a > b;
  case Op::Ge: return a >= b;
  case Op::And: return a && b;
  case Op::Or: return a || b;
  case Op::Not: return !a;
  case Op::Select: return a ? b : c;
  case Op::Const:
  case Op::Bool:
  case Op::Symbol:
  case Op::AuxLoad: break;
  }
  return 0;
}

/// The value of `symbol` (not a position, tile or floor) in a context; AuxScalar symbols are loaded.
int64_t symbolValue(const Program &program, const ScheduleContext &context, Symbol symbol, int64_t index);

/// The predicate's value at positions q and k (offsets already added). Loads outside an aux tensor read the
/// nearest entry.
int64_t valueOf(const Program &program, const Predicate &predicate, const ScheduleContext &context, int64_t q,
                int64_t k);
/// The same of a mask.
bool evaluate(const Program &program, const Predicate &predicate, const ScheduleContext &context, int64_t q,
              int64_t k);

/// Element [i, j, l] of an integer aux tensor (unused indices 0), the nearest one outside its extents.
int64_t loadAux(const AuxView &view, const int64_t (&indices)[3]);

} // namespace maskloom
