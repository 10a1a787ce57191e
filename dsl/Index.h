/// @file
/// The C++ embedding: integer expressions (Index), parameters, masks and scores that read like the maths.
///
///     Index q = query(), k = key(), h = head();
///     Mask near = floordiv(q, 64) - floordiv(k, 64) < 16;
///     Mask strided = (floordiv(k, 64) + h) % 16 == 0;
///     Mask s2 = q >= k && (near || strided);
///
/// Operators take `IntArg`, `MaskArg` and `ScoreArg`, whose implicit constructors record the place of the
/// call, so that every diagnostic points at the user's line.
#pragma once

#include "maskloom/dsl/Expr.h"

#include <concepts>
#include <source_location>
#include <string_view>

namespace maskloom {

/// The place of a call.
inline Location here(const std::source_location &at) { return {at.file_name(), at.line(), at.column()}; }

/// An integer expression over positions, heads, lengths, parameters and integer aux loads.
class Index {
public:
  explicit Index(Expr expr) : expr_(std::move(expr)) {} ///< of type Int
  const Expr &expr() const { return expr_; }            ///< the tree

private:
  Expr expr_;
};

/// A boolean expression: which keys a query may see.
class Mask {
public:
  explicit Mask(Expr expr) : expr_(std::move(expr)) {} ///< of type Bool
  const Expr &expr() const { return expr_; }           ///< the tree

private:
  Expr expr_;
};

/// A float expression over the scaled score `s` and the indices.
class Score {
public:
  explicit Score(Expr expr) : expr_(std::move(expr)) {} ///< of type Float
  const Expr &expr() const { return expr_; }            ///< the tree

private:
  Expr expr_;
};

/// A run-time scalar. Linear uses stay symbolic (one kernel for every value); inside a divisor or modulus the
/// value is a compile-time constant and part of the pattern hash.
class Param : public Index {
public:
  /// Values outside [low, high] are an error of the launch.
  Param(std::string_view name, int64_t defaultValue, int64_t low = 0, int64_t high = 2147483647,
        std::source_location at = std::source_location::current());
};

/// What an axis of an auxiliary tensor follows, and so how long it is.
namespace axis {
AuxAxis batch();  ///< batch entries
AuxAxis head();   ///< query heads
AuxAxis kvHead(); ///< KV heads
AuxAxis
query(int64_t block = 1); ///< query positions, one entry for `block` of them; may be indexed by k as well
AuxAxis key(int64_t block = 1); ///< key positions, one entry for `block` of them; may be indexed by q as well
AuxAxis fixed(int64_t extent);  ///< `extent` entries
} // namespace axis

/// An operand where an integer is wanted: an Index, or an integer of C++.
struct IntArg {
  Expr expr;    ///< the operand
  Location loc; ///< of the call
  /// An expression.
  IntArg(const Index &value, std::source_location at = std::source_location::current())
      : expr(value.expr()), loc(here(at)) {}
  /// A constant.
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  IntArg(T value, std::source_location at = std::source_location::current())
      : expr(makeInt(static_cast<int64_t>(value), here(at))), loc(here(at)) {}
};

/// An operand where a mask is wanted.
struct MaskArg {
  Expr expr;    ///< the operand
  Location loc; ///< of the call
  /// A mask.
  MaskArg(const Mask &value, std::source_location at = std::source_location::current())
      : expr(value.expr()), loc(here(at)) {}
};

/// An operand where a score is wanted: a Score, an Index, or a number of C++.
struct ScoreArg {
  Expr expr;    ///< the operand
  Location loc; ///< of the call
  /// A score.
  ScoreArg(const Score &value, std::source_location at = std::source_location::current())
      : expr(value.expr()), loc(here(at)) {}
  /// An integer expression in a score is converted exactly to float.
  ScoreArg(const Index &value, std::source_location at = std::source_location::current());
  /// A constant.
  template <typename T>
    requires((std::integral<T> || std::floating_point<T>) && !std::same_as<T, bool>)
  ScoreArg(T value, std::source_location at = std::source_location::current())
      : expr(makeFloat(static_cast<double>(value), here(at))), loc(here(at)) {}
};

/// An auxiliary integer tensor given at run time: `AuxInt doc("doc", {axis::batch(), axis::query()})`, then
/// `doc(batch(), q) == doc(batch(), k)`. A load outside the tensor reads the nearest entry.
class AuxInt {
public:
  /// Rank 1 to 3, one entry of `axes` each.
  AuxInt(std::string_view name, std::vector<AuxAxis> axes,
         std::source_location at = std::source_location::current());
  explicit AuxInt(std::shared_ptr<const AuxDecl> decl) : decl_(std::move(decl)) {} ///< an I32 tensor
  Index operator()(IntArg i) const;                                    ///< a load from a tensor of rank 1
  Index operator()(IntArg i, IntArg j) const;                          ///< of rank 2
  Index operator()(IntArg i, IntArg j, IntArg l) const;                ///< of rank 3
  const std::shared_ptr<const AuxDecl> &decl() const { return decl_; } ///< the declaration

private:
  std::shared_ptr<const AuxDecl> decl_;
};

/// An auxiliary float tensor given at run time, for scores and sinks.
class AuxFloat {
public:
  /// Rank 1 to 3, one entry of `axes` each.
  AuxFloat(std::string_view name, std::vector<AuxAxis> axes,
           std::source_location at = std::source_location::current());
  explicit AuxFloat(std::shared_ptr<const AuxDecl> decl) : decl_(std::move(decl)) {} ///< an F32 tensor
  Score operator()(IntArg i) const;                                    ///< a load from a tensor of rank 1
  Score operator()(IntArg i, IntArg j) const;                          ///< of rank 2
  Score operator()(IntArg i, IntArg j, IntArg l) const;                ///< of rank 3
  const std::shared_ptr<const AuxDecl> &decl() const { return decl_; } ///< the declaration

private:
  std::shared_ptr<const AuxDecl> decl_;
};

using At = std::source_location;          ///< the place of the call, for diagnostics; never given by hand
Index query(At at = At::current());       ///< the query's absolute position, row + q_offset
Index key(At at = At::current());         ///< the key's absolute position, column + k_offset
Index head(At at = At::current());        ///< the query head, 0 .. H-1
Index kvHead(At at = At::current());      ///< its KV head, h / (H/Hkv)
Index batch(At at = At::current());       ///< the batch entry
Index queryLength(At at = At::current()); ///< Sq of the batch entry
Index keyLength(At at = At::current());   ///< Sk of the batch entry
Index heads(At at = At::current());       ///< H, the number of query heads
Index kvHeads(At at = At::current());     ///< Hkv, the number of KV heads
Score score(At at = At::current());       ///< the scaled score `s`; after a modification, its result
Mask all(At at = At::current());          ///< every key
Mask none(At at = At::current());         ///< no key

/// Coordinates of q and k in an N-D token space (row-major, last axis fastest): `Space s({30, 48, 80});
/// s.query(1)`.
class Space {
public:
  explicit Space(std::vector<int64_t> extents) : extents_(std::move(extents)) {} ///< 1 to 8 axes
  Index query(size_t axis, At at = At::current()) const; ///< the query's coordinate; axis 0 is not reduced
  Index key(size_t axis, At at = At::current()) const;   ///< the key's coordinate
  const std::vector<int64_t> &extents() const { return extents_; } ///< one an axis

private:
  std::vector<int64_t> extents_;
};

/// @name Integers
/// @{

/// Mathematical integers. Of two factors one is made of constants and parameters; divisors are, too, and
/// positive. Rounding is towards minus infinity: floordiv(-1, 4) is -1 and -1 % 4 is 3. select gives a where
/// the condition holds, else b.
Index operator+(IntArg a, IntArg b);
Index operator-(IntArg a, IntArg b);
Index operator*(IntArg a, IntArg b);
Index operator%(IntArg a, IntArg b);
Index operator-(IntArg a);
Index floordiv(IntArg a, IntArg b);
Index min(IntArg a, IntArg b);
Index max(IntArg a, IntArg b);
Index abs(IntArg a);
Index select(MaskArg condition, IntArg a, IntArg b);
/// @}

/// @name Masks
/// @{

/// A comparison of integers, or of masks by `&&`, `||` and `!`. These build an expression: nothing is
/// evaluated here. `&&`, `||` and select evaluate only what they need, so a condition may guard a load.
Mask operator==(IntArg a, IntArg b);
Mask operator!=(IntArg a, IntArg b);
Mask operator<(IntArg a, IntArg b);
Mask operator<=(IntArg a, IntArg b);
Mask operator>(IntArg a, IntArg b);
Mask operator>=(IntArg a, IntArg b);
Mask operator&&(MaskArg a, MaskArg b);
Mask operator||(MaskArg a, MaskArg b);
Mask operator!(MaskArg a);
Mask select(MaskArg condition, MaskArg a, MaskArg b);
/// @}

/// Score operators are constrained to calls with a Score on one side, so that integer arithmetic stays
/// integer, and something that a score may be on the other.
template <typename A, typename B>
concept EitherScore =
    (std::derived_from<std::remove_cvref_t<A>, Score> || std::derived_from<std::remove_cvref_t<B>, Score>) &&
    std::convertible_to<A, ScoreArg> && std::convertible_to<B, ScoreArg>;

namespace detail {
Score scoreBinary(Op op, const ScoreArg &a, const ScoreArg &b);
Score scoreUnary(Op op, const ScoreArg &a);
} // namespace detail

/// @name Scores
/// @{

/// Floats: single precision in kernels, double in the interpreter. An Index beside a Score is converted
/// exactly (toScore does it alone); `/` is real division. select gives a where the condition holds, else b.
template <typename A, typename B>
  requires EitherScore<A, B>
Score operator+(const A &a, const B &b) {
  return detail::scoreBinary(Op::Add, a, b);
}
template <typename A, typename B>
  requires EitherScore<A, B>
Score operator-(const A &a, const B &b) {
  return detail::scoreBinary(Op::Sub, a, b);
}
template <typename A, typename B>
  requires EitherScore<A, B>
Score operator*(const A &a, const B &b) {
  return detail::scoreBinary(Op::Mul, a, b);
}
template <typename A, typename B>
  requires EitherScore<A, B>
Score operator/(const A &a, const B &b) {
  return detail::scoreBinary(Op::Div, a, b);
}
Score toScore(ScoreArg a);
Score exp2(ScoreArg a);
Score exp(ScoreArg a);
Score log(ScoreArg a);
Score tanh(ScoreArg a);
Score sqrt(ScoreArg a);
Score operator-(const Score &a);
Score min(const Score &a, const Score &b);
Score max(const Score &a, const Score &b);
Score abs(const Score &a);
Score select(MaskArg condition, const Score &a, const Score &b);
/// @}

} // namespace maskloom
