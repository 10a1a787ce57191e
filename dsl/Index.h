// The C++ embedding: integer expressions (Index), parameters, masks and scores that read like the maths.
//
//   Index q = query(), k = key(), h = head();
//   Mask near = floordiv(q, 64) - floordiv(k, 64) < 16;
//   Mask strided = (floordiv(k, 64) + h) % 16 == 0;
//   Mask s2 = q >= k && (near || strided);
//
// Operators take `IntArg`, `MaskArg` and `ScoreArg`, whose implicit constructors record the place of the
// call, so that every diagnostic points at the user's line.
#pragma once

#include "maskloom/dsl/Expr.h"

#include <concepts>
#include <source_location>
#include <string_view>

namespace maskloom {

inline Location here(const std::source_location &at) { return {at.file_name(), at.line(), at.column()}; }

/// An integer expression over positions, heads, lengths, parameters and integer aux loads.
class Index {
public:
  explicit Index(Expr expr) : expr_(std::move(expr)) {}
  const Expr &expr() const { return expr_; }

private:
  Expr expr_;
};

/// A boolean expression: which keys a query may see.
class Mask {
public:
  explicit Mask(Expr expr) : expr_(std::move(expr)) {}
  const Expr &expr() const { return expr_; }

private:
  Expr expr_;
};

/// A float expression over the scaled score `s` and the indices.
class Score {
public:
  explicit Score(Expr expr) : expr_(std::move(expr)) {}
  const Expr &expr() const { return expr_; }

private:
  Expr expr_;
};

/// A run-time scalar. Linear uses stay symbolic (one kernel for every value); inside a divisor or modulus the
/// value is a compile-time constant and part of the pattern hash.
class Param : public Index {
public:
  Param(std::string_view name, int64_t defaultValue, int64_t low = 0, int64_t high = 2147483647,
        std::source_location at = std::source_location::current());
};

/// An auxiliary integer tensor given at run time: `AuxInt doc("doc", {Axis::batch(), Axis::query()})`, then
/// `doc(batch(), q) == doc(batch(), k)`.
namespace axis {
AuxAxis batch();
AuxAxis head();
AuxAxis kvHead();
AuxAxis query(int64_t block = 1);
AuxAxis key(int64_t block = 1);
AuxAxis fixed(int64_t extent);
} // namespace axis

struct IntArg {
  Expr expr;
  Location loc;
  IntArg(const Index &value, std::source_location at = std::source_location::current())
      : expr(value.expr()), loc(here(at)) {}
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  IntArg(T value, std::source_location at = std::source_location::current())
      : expr(makeInt(static_cast<int64_t>(value), here(at))), loc(here(at)) {}
};

struct MaskArg {
  Expr expr;
  Location loc;
  MaskArg(const Mask &value, std::source_location at = std::source_location::current())
      : expr(value.expr()), loc(here(at)) {}
};

struct ScoreArg {
  Expr expr;
  Location loc;
  ScoreArg(const Score &value, std::source_location at = std::source_location::current())
      : expr(value.expr()), loc(here(at)) {}
  /// An integer expression in a score is converted exactly to float.
  ScoreArg(const Index &value, std::source_location at = std::source_location::current());
  template <typename T>
    requires((std::integral<T> || std::floating_point<T>) && !std::same_as<T, bool>)
  ScoreArg(T value, std::source_location at = std::source_location::current())
      : expr(makeFloat(static_cast<double>(value), here(at))), loc(here(at)) {}
};

class AuxInt {
public:
  AuxInt(std::string_view name, std::vector<AuxAxis> axes,
         std::source_location at = std::source_location::current());
  explicit AuxInt(std::shared_ptr<const AuxDecl> decl) : decl_(std::move(decl)) {} ///< an I32 tensor
  Index operator()(IntArg i) const;
  Index operator()(IntArg i, IntArg j) const;
  Index operator()(IntArg i, IntArg j, IntArg l) const;
  const std::shared_ptr<const AuxDecl> &decl() const { return decl_; }

private:
  std::shared_ptr<const AuxDecl> decl_;
};

class AuxFloat {
public:
  AuxFloat(std::string_view name, std::vector<AuxAxis> axes,
           std::source_location at = std::source_location::current());
  explicit AuxFloat(std::shared_ptr<const AuxDecl> decl) : decl_(std::move(decl)) {} ///< an F32 tensor
  Score operator()(IntArg i) const;
  Score operator()(IntArg i, IntArg j) const;
  Score operator()(IntArg i, IntArg j, IntArg l) const;
  const std::shared_ptr<const AuxDecl> &decl() const { return decl_; }

private:
  std::shared_ptr<const AuxDecl> decl_;
};

using At = std::source_location;
Index query(At at = At::current());
Index key(At at = At::current());
Index head(At at = At::current());
Index kvHead(At at = At::current());
Index batch(At at = At::current());
Index queryLength(At at = At::current());
Index keyLength(At at = At::current());
Index heads(At at = At::current());
Index kvHeads(At at = At::current());
/// The scaled score `s`.
Score score(At at = At::current());
/// Every key, no key.
Mask all(At at = At::current());
Mask none(At at = At::current());

/// Coordinates of q and k in an N-D token space (row-major, last axis fastest): `Space s({30, 48, 80});
/// s.query(1)`.
class Space {
public:
  explicit Space(std::vector<int64_t> extents) : extents_(std::move(extents)) {}
  Index query(size_t axis, At at = At::current()) const;
  Index key(size_t axis, At at = At::current()) const;
  const std::vector<int64_t> &extents() const { return extents_; }

private:
  std::vector<int64_t> extents_;
};

Index operator+(IntArg a, IntArg b);
Index operator-(IntArg a, IntArg b);
Index operator*(IntArg a, IntArg b);
Index operator%(IntArg a, IntArg b); ///< floor modulus
Index operator-(IntArg a);
Index floordiv(IntArg a, IntArg b);
Index min(IntArg a, IntArg b);
Index max(IntArg a, IntArg b);
Index abs(IntArg a);
Index select(MaskArg condition, IntArg a, IntArg b);

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

// Score operators are constrained to calls with a Score on one side, so that integer arithmetic stays
// integer, and something that a score may be on the other.
template <typename A, typename B>
concept EitherScore =
    (std::derived_from<std::remove_cvref_t<A>, Score> || std::derived_from<std::remove_cvref_t<B>, Score>) &&
    std::convertible_to<A, ScoreArg> && std::convertible_to<B, ScoreArg>;

namespace detail {
Score scoreBinary(Op op, const ScoreArg &a, const ScoreArg &b);
Score scoreUnary(Op op, const ScoreArg &a);
} // namespace detail

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
Score toScore(ScoreArg a); ///< an integer expression or constant as a float expression
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

} // namespace maskloom
