/// @file
/// The expression tree every pattern is made of. One immutable, ref-counted node type serves the C++
/// embedding (Index, Mask, Score in Index.h), the pattern-file parser and the interpreter.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace maskloom {

/// Where an expression was written: a pattern file, or C++ source through std::source_location.
struct Location {
  std::string file;    ///< as it was opened or compiled
  unsigned line = 0;   ///< 1-based; 0 = unknown
  unsigned column = 0; ///< 1-based; 0 = unknown
};

/// What an expression's value is.
enum class Type : uint8_t {
  Int,  ///< a mathematical integer
  Bool, ///< a mask
  Float ///< a score
};

/// The indices and extents an expression may name. Positions are absolute: `q` is row + q_offset, `k` is
/// column + k_offset. Lengths are those of the batch entry.
enum class IndexVar : uint8_t { Query, Key, Head, KvHead, Batch, QueryLength, KeyLength, Heads, KvHeads };

/// Operations. Integers are mathematical; FloorDiv and Mod round towards minus infinity and their divisor is
/// a positive constant or a parameter (which then becomes a compile-time constant).
enum class Op : uint8_t {
  // leaves
  IntConst,
  FloatConst,
  BoolConst,
  Index,
  Param,
  AuxLoad, ///< operands: one integer index per axis of the aux tensor
  Score,   ///< `s`, the scaled score (float)
  // Int or Float, by type
  Add,
  Sub,
  Mul, ///< on Int at least one side is free of indices
  Min,
  Max,
  Abs,
  Neg,
  // Int
  FloorDiv,
  Mod,
  // Int or Float operands, Bool result
  Eq,
  Ne,
  Lt,
  Le,
  Gt,
  Ge,
  // Bool
  And,
  Or,
  Not,
  // Bool, T, T -> T
  Select,
  // Float
  ToFloat, ///< Int -> Float
  Div,     ///< real division
  Exp2,
  Exp,
  Log,
  Tanh,
  Sqrt,
};

/// A run-time integer parameter with its declared range [low, high].
struct ParamDecl {
  std::string name;          ///< by which a launch gives its value
  int64_t defaultValue = 0;  ///< where none is given
  int64_t low = 0;           ///< the smallest legal value
  int64_t high = 2147483647; ///< the largest legal value
  Location loc;              ///< where it was declared
};

/// The elements of an auxiliary tensor.
enum class AuxType : uint8_t {
  I32, ///< 32-bit integers, for masks and scores
  F32  ///< floats, for scores and sinks
};

/// One axis of an auxiliary tensor: its extent follows an index variable (in blocks of `block`), or is fixed.
/// An axis named q may be indexed by q or k when both are token positions; likewise k.
struct AuxAxis {
  /// What the extent follows.
  enum class Kind : uint8_t { Batch, Head, KvHead, Query, Key, Fixed };
  Kind kind = Kind::Fixed; ///< what the extent follows
  int64_t block = 1;       ///< Query and Key: tokens per entry; the extent is ceil(length / block)
  int64_t extent = 0;      ///< Fixed only
};

/// A tensor given at run time, rank 1 to 3, row-major unless strides are given.
struct AuxDecl {
  std::string name;            ///< by which a launch gives it
  std::vector<AuxAxis> axes;   ///< 1 to 3
  AuxType type = AuxType::I32; ///< of the elements
  Location loc;                ///< where it was declared
};

/// What is wrong with an expression that could not be built, for example a library mask whose arguments are
/// not legal. checkPattern reports it at the expression's place; a pattern file at the argument.
struct Fault {
  std::string message;  ///< what is wrong
  std::string hint;     ///< what to do; may be empty
  std::string argument; ///< the argument of a library call that is to blame; may be empty
  size_t entry = 0;     ///< of an argument with one entry for each axis: which
};

struct ExprNode;
/// An expression; subtrees are shared.
using Expr = std::shared_ptr<const ExprNode>;

/// One operation of an expression; the members that count depend on it.
struct ExprNode {
  Op op = Op::IntConst;                   ///< the operation
  Type type = Type::Int;                  ///< of the result
  IndexVar index = IndexVar::Query;       ///< Op::Index
  int64_t intValue = 0;                   ///< IntConst; BoolConst (0 or 1)
  double floatValue = 0;                  ///< FloatConst
  std::shared_ptr<const ParamDecl> param; ///< Param
  std::shared_ptr<const AuxDecl> aux;     ///< AuxLoad
  std::vector<Expr> operands;             ///< in the order of the operation
  std::shared_ptr<const Fault> fault;     ///< set: stands for no value, and the pattern is in error
  Location loc;                           ///< where it was written
};

/// Builds a node. `type` is the result type; operands are taken as they are (typing is the builder's job).
Expr makeExpr(Op op, Type type, std::vector<Expr> operands, Location loc = {});
Expr makeInt(int64_t value, Location loc = {});                            ///< a constant of type Int
Expr makeFloat(double value, Location loc = {});                           ///< a constant of type Float
Expr makeBool(bool value, Location loc = {});                              ///< `all` or `none`
Expr makeIndex(IndexVar index, Location loc = {});                         ///< of type Int
Expr makeParam(std::shared_ptr<const ParamDecl> param, Location loc = {}); ///< of type Int
/// Of type Int or Float, as the tensor is; one index an axis.
Expr makeLoad(std::shared_ptr<const AuxDecl> aux, std::vector<Expr> indices, Location loc = {});
Expr makeScore(Location loc = {}); ///< `s`
/// In the place of an expression of this type that cannot be built.
Expr makeFault(Type type, Fault fault, Location loc = {});
/// Coordinate `axis` of a position in an N-D token space (row-major, last axis fastest): (position / product
/// of the later extents) % extent. Axis 0 is not reduced: positions beyond the space go on along it. Null
/// when the space has no such axis.
Expr makeCoordinate(IndexVar position, const std::vector<int64_t> &extents, size_t axis, Location loc = {});

/// The expression with each node that was made in the source file `file` placed at `loc` instead, so that
/// diagnostics about a library mask point at its user.
Expr relocated(const Expr &root, const std::string &file, const Location &loc);

const char *spelling(IndexVar index); ///< as written in pattern files: "q", "kvh", "Sk"
const char *spelling(Op op);          ///< as written in pattern files: "+", "exp2"
const char *spelling(Type type);      ///< as messages have it

/// Division that rounds towards minus infinity; the divisor is > 0 or < 0.
constexpr int64_t floorDiv(int64_t a, int64_t b) {
  int64_t quotient = a / b;
  return quotient - ((a % b != 0) && ((a < 0) != (b < 0)));
}
/// Division that rounds towards infinity.
constexpr int64_t ceilDiv(int64_t a, int64_t b) { return -floorDiv(-a, b); }
/// a - b * floorDiv(a, b): of the sign of b.
constexpr int64_t floorMod(int64_t a, int64_t b) {
  int64_t remainder = a % b; // b * floorDiv(a, b) may lie beyond 64 bits
  return remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder;
}

} // namespace maskloom
