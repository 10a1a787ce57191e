#include "maskloom/dsl/Index.h"

namespace maskloom {

namespace {

Index intNode(Op op, std::initializer_list<Expr> operands, const Location &loc) {
  return Index(makeExpr(op, Type::Int, operands, loc));
}
Mask boolNode(Op op, std::initializer_list<Expr> operands, const Location &loc) {
  return Mask(makeExpr(op, Type::Bool, operands, loc));
}
Score floatNode(Op op, std::initializer_list<Expr> operands, const Location &loc) {
  return Score(makeExpr(op, Type::Float, operands, loc));
}

std::shared_ptr<const AuxDecl> makeAux(std::string_view name, std::vector<AuxAxis> axes, AuxType type,
                                       const At &at) {
  auto decl = std::make_shared<AuxDecl>();
  decl->name = name;
  decl->axes = std::move(axes);
  decl->type = type;
  decl->loc = here(at);
  return decl;
}

Index coordinate(IndexVar position, const std::vector<int64_t> &extents, size_t axis, const At &at) {
  Expr value = makeCoordinate(position, extents, axis, here(at));
  return Index(value ? value
                     : makeFault(Type::Int, {"the token space has no such axis", "", "", 0}, here(at)));
}

} // namespace

Param::Param(std::string_view name, int64_t defaultValue, int64_t low, int64_t high, std::source_location at)
    : Index(makeParam(
          std::make_shared<const ParamDecl>(ParamDecl{std::string(name), defaultValue, low, high, here(at)}),
          here(at))) {}

namespace axis {
AuxAxis batch() { return {AuxAxis::Kind::Batch, 1, 0}; }
AuxAxis head() { return {AuxAxis::Kind::Head, 1, 0}; }
AuxAxis kvHead() { return {AuxAxis::Kind::KvHead, 1, 0}; }
AuxAxis query(int64_t block) { return {AuxAxis::Kind::Query, block, 0}; }
AuxAxis key(int64_t block) { return {AuxAxis::Kind::Key, block, 0}; }
AuxAxis fixed(int64_t extent) { return {AuxAxis::Kind::Fixed, 1, extent}; }
} // namespace axis

ScoreArg::ScoreArg(const Index &value, std::source_location at)
    : expr(makeExpr(Op::ToFloat, Type::Float, {value.expr()}, value.expr()->loc)), loc(here(at)) {}

AuxInt::AuxInt(std::string_view name, std::vector<AuxAxis> axes, std::source_location at)
    : decl_(makeAux(name, std::move(axes), AuxType::I32, at)) {}
Index AuxInt::operator()(IntArg i) const { return Index(makeLoad(decl_, {i.expr}, i.loc)); }
Index AuxInt::operator()(IntArg i, IntArg j) const { return Index(makeLoad(decl_, {i.expr, j.expr}, i.loc)); }
Index AuxInt::operator()(IntArg i, IntArg j, IntArg l) const {
  return Index(makeLoad(decl_, {i.expr, j.expr, l.expr}, i.loc));
}

AuxFloat::AuxFloat(std::string_view name, std::vector<AuxAxis> axes, std::source_location at)
    : decl_(makeAux(name, std::move(axes), AuxType::F32, at)) {}
Score AuxFloat::operator()(IntArg i) const { return Score(makeLoad(decl_, {i.expr}, i.loc)); }
Score AuxFloat::operator()(IntArg i, IntArg j) const {
  return Score(makeLoad(decl_, {i.expr, j.expr}, i.loc));
}
Score AuxFloat::operator()(IntArg i, IntArg j, IntArg l) const {
  return Score(makeLoad(decl_, {i.expr, j.expr, l.expr}, i.loc));
}

Index query(At at) { return Index(makeIndex(IndexVar::Query, here(at))); }
Index key(At at) { return Index(makeIndex(IndexVar::Key, here(at))); }
Index head(At at) { return Index(makeIndex(IndexVar::Head, here(at))); }
Index kvHead(At at) { return Index(makeIndex(IndexVar::KvHead, here(at))); }
Index batch(At at) { return Index(makeIndex(IndexVar::Batch, here(at))); }
Index queryLength(At at) { return Index(makeIndex(IndexVar::QueryLength, here(at))); }
Index keyLength(At at) { return Index(makeIndex(IndexVar::KeyLength, here(at))); }
Index heads(At at) { return Index(makeIndex(IndexVar::Heads, here(at))); }
Index kvHeads(At at) { return Index(makeIndex(IndexVar::KvHeads, here(at))); }
Score score(At at) { return Score(makeScore(here(at))); }
Mask all(At at) { return Mask(makeBool(true, here(at))); }
Mask none(At at) { return Mask(makeBool(false, here(at))); }

Index Space::query(size_t axis, At at) const { return coordinate(IndexVar::Query, extents_, axis, at); }
Index Space::key(size_t axis, At at) const { return coordinate(IndexVar::Key, extents_, axis, at); }

Index operator+(IntArg a, IntArg b) { return intNode(Op::Add, {a.expr, b.expr}, a.loc); }
Index operator-(IntArg a, IntArg b) { return intNode(Op::Sub, {a.expr, b.expr}, a.loc); }
Index operator*(IntArg a, IntArg b) { return intNode(Op::Mul, {a.expr, b.expr}, a.loc); }
Index operator%(IntArg a, IntArg b) { return intNode(Op::Mod, {a.expr, b.expr}, a.loc); }
Index operator-(IntArg a) { return intNode(Op::Neg, {a.expr}, a.loc); }
Index floordiv(IntArg a, IntArg b) { return intNode(Op::FloorDiv, {a.expr, b.expr}, a.loc); }
Index min(IntArg a, IntArg b) { return intNode(Op::Min, {a.expr, b.expr}, a.loc); }
Index max(IntArg a, IntArg b) { return intNode(Op::Max, {a.expr, b.expr}, a.loc); }
Index abs(IntArg a) { return intNode(Op::Abs, {a.expr}, a.loc); }
Index select(MaskArg condition, IntArg a, IntArg b) {
  return intNode(Op::Select, {condition.expr, a.expr, b.expr}, condition.loc);
}

Mask operator==(IntArg a, IntArg b) { return boolNode(Op::Eq, {a.expr, b.expr}, a.loc); }
Mask operator!=(IntArg a, IntArg b) { return boolNode(Op::Ne, {a.expr, b.expr}, a.loc); }
Mask operator<(IntArg a, IntArg b) { return boolNode(Op::Lt, {a.expr, b.expr}, a.loc); }
Mask operator<=(IntArg a, IntArg b) { return boolNode(Op::Le, {a.expr, b.expr}, a.loc); }
Mask operator>(IntArg a, IntArg b) { return boolNode(Op::Gt, {a.expr, b.expr}, a.loc); }
Mask operator>=(IntArg a, IntArg b) { return boolNode(Op::Ge, {a.expr, b.expr}, a.loc); }
Mask operator&&(MaskArg a, MaskArg b) { return boolNode(Op::And, {a.expr, b.expr}, a.loc); }
Mask operator||(MaskArg a, MaskArg b) { return boolNode(Op::Or, {a.expr, b.expr}, a.loc); }
Mask operator!(MaskArg a) { return boolNode(Op::Not, {a.expr}, a.loc); }
Mask select(MaskArg condition, MaskArg a, MaskArg b) {
  return boolNode(Op::Select, {condition.expr, a.expr, b.expr}, condition.loc);
}

// Arguments reach the score operators through templates of the header, so their own `loc` is a line of that
// header; the places of the expressions are the user's. A number takes the place of the other side.
namespace detail {
Score scoreBinary(Op op, const ScoreArg &a, const ScoreArg &b) {
  bool leftIsNumber = a.expr->op == Op::FloatConst;
  const Location &loc = leftIsNumber ? b.expr->loc : a.expr->loc;
  auto placed = [&](const Expr &e) { return e->op == Op::FloatConst ? makeFloat(e->floatValue, loc) : e; };
  return floatNode(op, {placed(a.expr), placed(b.expr)}, loc);
}
Score scoreUnary(Op op, const ScoreArg &a) { return floatNode(op, {a.expr}, a.loc); }
} // namespace detail

Score toScore(ScoreArg a) { return Score(a.expr); }
Score exp2(ScoreArg a) { return detail::scoreUnary(Op::Exp2, a); }
Score exp(ScoreArg a) { return detail::scoreUnary(Op::Exp, a); }
Score log(ScoreArg a) { return detail::scoreUnary(Op::Log, a); }
Score tanh(ScoreArg a) { return detail::scoreUnary(Op::Tanh, a); }
Score sqrt(ScoreArg a) { return detail::scoreUnary(Op::Sqrt, a); }
Score operator-(const Score &a) { return floatNode(Op::Neg, {a.expr()}, a.expr()->loc); }
Score min(const Score &a, const Score &b) { return floatNode(Op::Min, {a.expr(), b.expr()}, a.expr()->loc); }
Score max(const Score &a, const Score &b) { return floatNode(Op::Max, {a.expr(), b.expr()}, a.expr()->loc); }
Score abs(const Score &a) { return floatNode(Op::Abs, {a.expr()}, a.expr()->loc); }
Score select(MaskArg condition, const Score &a, const Score &b) {
  return floatNode(Op::Select, {condition.expr, a.expr(), b.expr()}, condition.loc);
}

} // namespace maskloom
