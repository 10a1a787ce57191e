// A mask or score as flat data: what codegen hands to the run analysis and to the host-side planner. Nodes
// are in evaluation order; the last node is the result.
#pragma once

#include <cstdint>
#include <vector>

namespace maskloom {

/// What a predicate or a schedule may depend on. Positions are absolute (offsets already added).
enum class Symbol : uint8_t {
  QueryPosition, ///< predicates only
  KeyPosition,   ///< predicates only
  OuterTile,     ///< schedules only: the Q tile (forward) or KV tile (transposed) whose runs are asked for
  InnerTile,     ///< schedules only: the unknown
  Head,
  KvHead,
  Batch,
  QueryLength,
  KeyLength,
  Heads,
  KvHeads,
  QueryOffset, ///< schedules only
  KeyOffset,   ///< schedules only
  Param,       ///< by index into Program::params
  Floor,       ///< schedules only: floor of an affine form, by index into the schedule's floors
  AuxScalar,   ///< an aux load indexed by b and h only, by index into Program::auxScalars
};

struct PredicateNode {
  enum class Op : uint8_t {
    Const,   ///< value
    Bool,    ///< value 0 or 1
    Symbol,  ///< symbol, value = its index where it has one
    AuxLoad, ///< value = index into Program::auxes; up to three integer operands
    Add,
    Sub,
    Mul,
    Min,
    Max,
    Abs,
    Neg,
    FloorDiv,
    Mod, ///< operand 1 is a Const
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    And,
    Or,
    Not,
    Select, ///< Bool, T, T
  };
  Op op = Op::Const;
  Symbol symbol = Symbol::QueryPosition;
  int64_t value = 0;
  int32_t operands[3] = {-1, -1, -1}; ///< indices of earlier nodes
  bool operator==(const PredicateNode &) const = default;
};

struct Predicate {
  std::vector<PredicateNode> nodes;
  bool operator==(const Predicate &) const = default;
};

} // namespace maskloom
