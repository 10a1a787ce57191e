#include "maskloom/codegen/emit/EmitIntervals.h"

#include "maskloom/codegen/emit/OperationPrinter.h"
#include "maskloom/codegen/ir/TileDialect.h"
#include "maskloom/program/InputRanges.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace maskloom::emit {
namespace {

namespace arith = mlir::arith;
namespace math = mlir::math;

/// The keys from `first` to `last` where `gate` holds; what is absent does not limit.
struct Piece {
  std::optional<CppExpr> first, last, gate;
  bool bounded() const { return first || last; }
};

/// Empty: no key at all.
using Union = std::vector<Piece>;
using MaybeUnion = std::optional<Union>; ///< nothing: not of this form, or too many pieces

/// A sum of multiples of values that depend on k, of texts that do not, and a constant.
struct Linear {
  std::vector<std::pair<mlir::Value, int64_t>> keys;
  std::vector<Multiple> rest;
  int64_t constant = 0;
};

bool same(const std::optional<CppExpr> &a, const std::optional<CppExpr> &b) {
  return a.has_value() == b.has_value() && (!a || a->text == b->text);
}

CppExpr both(const CppExpr &a, const CppExpr &b) {
  return a.text == b.text ? a : binary(a, "&", b, Precedence::BitAnd);
}
CppExpr either(const CppExpr &a, const CppExpr &b) {
  return a.text == b.text ? a : binary(a, "|", b, Precedence::BitOr);
}
CppExpr choice(const CppExpr &condition, const CppExpr &yes, const CppExpr &no) {
  CppExpr result;
  result.wide = yes.wide || no.wide;
  auto side = [&](const CppExpr &value) {
    return (result.wide ? widened(value) : value).at(Precedence::LogicalOr);
  };
  result.text = fmt::format("{} ? {} : {}", condition.at(Precedence::LogicalOr), side(yes), side(no));
  result.precedence = Precedence::Conditional;
  result.range = join(yes.range, no.range);
  return result;
}

// Ends of intervals that do not limit; of mask_words.cuh.
CppExpr lowest() { return {"kFirstPosition", Precedence::Primary, false, {INT32_MIN, INT32_MIN}}; }
CppExpr highest() { return {"kLastPosition", Precedence::Primary, false, {INT32_MAX, INT32_MAX}}; }

std::optional<CppExpr> extreme(const char *function, const std::optional<CppExpr> &a,
                               const std::optional<CppExpr> &b) {
  if (!a || !b) return a ? a : b;
  return a->text == b->text ? *a : minMaxText(function, *a, *b);
}

/// One piece for two, where that is as good.
std::optional<Piece> merged(const Piece &a, const Piece &b) {
  if (same(a.gate, b.gate)) {
    if (same(a.first, b.first))
      return Piece{a.first, a.last && b.last ? extreme("max", a.last, b.last) : std::nullopt, a.gate};
    if (same(a.last, b.last))
      return Piece{a.first && b.first ? extreme("min", a.first, b.first) : std::nullopt, a.last, a.gate};
  }
  // A condition on q alone shows every key.
  const Piece &open = a.bounded() ? b : a, &other = a.bounded() ? a : b;
  if (open.bounded()) return std::nullopt;
  const CppExpr &gate = *open.gate;
  Piece result;
  if (other.first) result.first = choice(gate, lowest(), *other.first);
  if (other.last) result.last = choice(gate, highest(), *other.last);
  if (other.gate) result.gate = either(gate, *other.gate);
  return result;
}

MaybeUnion joined(const MaybeUnion &a, const MaybeUnion &b) {
  constexpr size_t kMostPieces = 2;
  if (!a || !b) return std::nullopt;
  Union all = *a;
  all.insert(all.end(), b->begin(), b->end());
  for (const Piece &piece : all)
    if (!piece.bounded() && !piece.gate) return Union{Piece{}};
  for (size_t i = 0; i < all.size(); i++)
    for (size_t j = i + 1; j < all.size(); j++)
      if (std::optional<Piece> one = merged(all[i], all[j])) {
        all[i] = *one;
        all.erase(all.begin() + static_cast<std::ptrdiff_t>(j));
        j = i;
      }
  if (all.size() > kMostPieces) return std::nullopt;
  return all;
}

MaybeUnion cut(const MaybeUnion &a, const MaybeUnion &b) {
  if (!a || !b) return std::nullopt;
  MaybeUnion result = Union{};
  for (const Piece &x : *a)
    for (const Piece &y : *b) {
      Piece piece = {extreme("max", x.first, y.first), extreme("min", x.last, y.last),
                     x.gate ? x.gate : y.gate};
      if (x.gate && y.gate) piece.gate = both(*x.gate, *y.gate);
      bool empty = piece.first && piece.last && piece.first->range.low > piece.last->range.high;
      if (!empty) result = joined(result, Union{piece});
    }
  return result;
}

class IntervalSolver {
public:
  IntervalSolver(mlir::func::FuncOp mask, const Dependence &dependence, const Program &program)
      : dependence_(dependence), program_(program), printer_(mask, program) {
    for (mlir::Operation &op : mask.getBody().front())
      if (op.getNumResults() == 1 && op.getResult(0).getType().isIntOrIndex())
        ranges_[op.getResult(0)] = rangeOf(&op);
  }

  /// The keys where `value` holds, or where it does not; nothing when they are not at most two intervals.
  MaybeUnion solve(mlir::Value value, bool negate) {
    steps_ = kMostSteps;
    return condition(value, negate);
  }

  /// Statements that set interval `index`.
  std::string print(const Piece &piece, size_t index) {
    CppExpr first = clampToInt(piece.first.value_or(lowest()));
    CppExpr last = clampToInt(piece.last.value_or(highest()));
    if (piece.gate) last = choice(*piece.gate, last, lowest());
    return fmt::format("    first[{0}] = {1};\n    last[{0}] = {2};\n", index, first.text, last.text);
  }
  const std::string &locals() const { return printer_.locals(); }

private:
  //===-- Conditions --===//

  /// The keys where `value` holds, or where it does not.
  MaybeUnion condition(mlir::Value value, bool negate) {
    if (!spend()) return std::nullopt;
    if (isFree(value)) return gate(value, negate);
    mlir::Operation *op = value.getDefiningOp();
    return llvm::TypeSwitch<mlir::Operation *, MaybeUnion>(op)
        .Case<arith::AndIOp, arith::OrIOp>([&](auto) {
          MaybeUnion a = condition(op->getOperand(0), negate);
          if (!a) return a;
          MaybeUnion b = condition(op->getOperand(1), negate);
          return mlir::isa<arith::AndIOp>(op) != negate ? cut(a, b) : joined(a, b);
        })
        .Case([&](arith::XOrIOp) { return exclusiveOr(op->getOperand(0), op->getOperand(1), negate); })
        .Case([&](arith::SelectOp select) {
          return chosen(select.getCondition(), [&](bool yes) {
            return condition(yes ? select.getTrueValue() : select.getFalseValue(), negate);
          });
        })
        .Case([&](arith::CmpIOp compare) { return comparison(compare, negate); })
        .Default([](mlir::Operation *) { return std::nullopt; });
  }

  MaybeUnion gate(mlir::Value value, bool negate) {
    if (auto constant = value.getDefiningOp<arith::ConstantOp>()) {
      bool holds = !mlir::cast<mlir::IntegerAttr>(constant.getValue()).getValue().isZero();
      return holds != negate ? Union{Piece{}} : Union{};
    }
    if (!printer_.require(value, true)) return std::nullopt;
    Piece piece;
    piece.gate = negate ? unary("!", printer_.text(value)) : printer_.text(value);
    return Union{piece};
  }

  MaybeUnion exclusiveOr(mlir::Value a, mlir::Value b, bool negate) {
    if (auto constant = b.getDefiningOp<arith::ConstantOp>())
      return condition(a, negate == mlir::cast<mlir::IntegerAttr>(constant.getValue()).getValue().isZero());
    return joined(cut(condition(a, false), condition(b, !negate)),
                  cut(condition(a, true), condition(b, negate)));
  }

  /// `of(true)` where the condition of a select holds, `of(false)` elsewhere.
  template <typename Of>
  MaybeUnion chosen(mlir::Value selector, Of of) {
    MaybeUnion yes = of(true), no = of(false);
    if (!yes || !no) return std::nullopt;
    bool simple = yes->size() == 1 && no->size() == 1 && !(*yes)[0].gate && !(*no)[0].gate;
    if (!isFree(selector) || !simple || selector.getDefiningOp<arith::ConstantOp>())
      return joined(cut(condition(selector, false), yes), cut(condition(selector, true), no));
    if (!printer_.require(selector, true)) return std::nullopt;
    const CppExpr &test = printer_.text(selector);
    Piece a = (*yes)[0], b = (*no)[0], result;
    if (a.first || b.first)
      result.first = choice(test, a.first.value_or(lowest()), b.first.value_or(lowest()));
    if (a.last || b.last) result.last = choice(test, a.last.value_or(highest()), b.last.value_or(highest()));
    return Union{result};
  }

  MaybeUnion comparison(arith::CmpIOp compare, bool negate) {
    using P = arith::CmpIPredicate;
    if (compare.getLhs().getType().isInteger(1)) return std::nullopt;
    std::optional<Linear> left = linear(compare.getLhs()), right = linear(compare.getRhs());
    if (!left || !right) return std::nullopt;
    std::optional<Linear> difference = sum(*left, *right, -1);
    if (!difference) return std::nullopt;
    auto atLeast = [&](int64_t sign, int64_t bound) { // sign * difference >= bound
      std::optional<Linear> form = sum({{}, {}, -bound}, *difference, sign);
      return form ? notNegative(*form) : std::nullopt;
    };
    P predicate = negate ? arith::invertPredicate(compare.getPredicate()) : compare.getPredicate();
    switch (predicate) {
    case P::sge: return atLeast(1, 0);
    case P::sgt: return atLeast(1, 1);
    case P::sle: return atLeast(-1, 0);
    case P::slt: return atLeast(-1, 1);
    case P::eq: return cut(atLeast(1, 0), atLeast(-1, 0));
    case P::ne: return joined(atLeast(1, 1), atLeast(-1, 1));
    default: return std::nullopt;
    }
  }

  //===-- Integers --===//

  /// The keys where `form` >= 0.
  MaybeUnion notNegative(const Linear &form) {
    if (!spend() || form.keys.size() > 1) return std::nullopt;
    std::optional<CppExpr> rest = total(form);
    if (!rest) return std::nullopt;
    if (form.keys.empty()) return gateNotNegative(*rest);
    auto [base, factor] = form.keys[0];
    Linear without = {{}, form.rest, form.constant};
    mlir::Operation *op = base.getDefiningOp();
    if (!op) return halfLine(without, factor);

    // base * factor + without, with `value` in place of the base
    auto with = [&](mlir::Value value, int64_t sign) -> MaybeUnion {
      std::optional<Linear> inner = linear(value);
      if (inner) inner = sum(without, *inner, sign * factor);
      return inner ? notNegative(*inner) : std::nullopt;
    };
    bool rising = factor > 0;
    return llvm::TypeSwitch<mlir::Operation *, MaybeUnion>(op)
        .Case([&](tile::FloorDivOp division) { return floorDivision(division, factor, without); })
        .Case<arith::MinSIOp, arith::MaxSIOp>([&](auto) {
          MaybeUnion a = with(op->getOperand(0), 1), b = with(op->getOperand(1), 1);
          return mlir::isa<arith::MinSIOp>(op) == rising ? cut(a, b) : joined(a, b);
        })
        .Case([&](math::AbsIOp) {
          MaybeUnion a = with(op->getOperand(0), 1), b = with(op->getOperand(0), -1);
          return rising ? joined(a, b) : cut(a, b);
        })
        .Case([&](arith::SelectOp select) {
          return chosen(select.getCondition(), [&](bool yes) {
            return with(yes ? select.getTrueValue() : select.getFalseValue(), 1);
          });
        })
        .Default([](mlir::Operation *) { return std::nullopt; });
  }

  MaybeUnion gateNotNegative(const CppExpr &value) {
    if (value.range.low >= 0) return Union{Piece{}};
    if (value.range.high < 0) return Union{};
    Piece piece;
    piece.gate = printer_.local("bool", "holds", binary(value, ">=", literal(0), Precedence::Relational));
    return Union{piece};
  }

  /// k * factor + rest >= 0.
  MaybeUnion halfLine(const Linear &rest, int64_t factor) {
    Piece piece;
    if (factor > 0) { // k >= ceil(-rest / factor)
      std::optional<Linear> numerator = sum({{}, {}, factor - 1}, rest, -1);
      std::optional<CppExpr> text = numerator ? total(*numerator) : std::nullopt;
      if (!text) return std::nullopt;
      piece.first = floorDivText(*text, factor);
    } else {
      piece.last = floorDivText(*total(rest), -factor);
    }
    return Union{piece};
  }

  /// floor(x / divisor) * factor + rest >= 0.
  MaybeUnion floorDivision(tile::FloorDivOp division, int64_t factor, const Linear &rest) {
    std::optional<Linear> inner = linear(division.getOperand());
    int64_t divisor = static_cast<int64_t>(division.getDivisor()), size = std::abs(factor);
    if (!inner) return std::nullopt;
    Linear bound = rest; // floor(rest / size): the quotient is at least -bound, or at most bound
    if (size != 1) {
      std::optional<CppExpr> text = total(rest);
      if (!text) return std::nullopt;
      CppExpr quotient = floorDivText(*text, size);
      bound = {{}, {{printer_.local(quotient.wide ? "long long" : "int", "bound", quotient), 1}}, 0};
    }
    // quotient >= -bound: x >= -bound * divisor; quotient <= bound: x <= bound * divisor + divisor - 1
    bool rising = factor > 0;
    std::optional<Linear> form = sum({{}, {}, rising ? 0 : divisor - 1}, bound, divisor);
    if (form) form = sum(*form, *inner, rising ? 1 : -1);
    return form ? notNegative(*form) : std::nullopt;
  }

  /// `value` as a sum, k-free parts down to what is not a sum.
  std::optional<Linear> linear(mlir::Value value) {
    if (!spend()) return std::nullopt;
    mlir::Operation *op = value.getDefiningOp();
    if (std::optional<int64_t> number = constant(value)) return Linear{{}, {}, *number};
    if (op && mlir::isa<arith::AddIOp, arith::SubIOp>(op)) {
      std::optional<Linear> a = linear(op->getOperand(0)), b = linear(op->getOperand(1));
      if (!a || !b) return std::nullopt;
      return sum(*a, *b, mlir::isa<arith::AddIOp>(op) ? 1 : -1);
    }
    if (op && mlir::isa<arith::MulIOp>(op))
      for (unsigned i = 0; i < 2; i++)
        if (std::optional<int64_t> factor = constant(op->getOperand(i))) {
          std::optional<Linear> inner = linear(op->getOperand(1 - i));
          return inner ? sum({}, *inner, *factor) : std::nullopt;
        }
    if (op && mlir::isa<arith::ExtSIOp, arith::TruncIOp>(op)) return linear(op->getOperand(0));
    if (!isFree(value)) return Linear{{{value, 1}}, {}, 0};
    if (!printer_.require(value, true)) return std::nullopt;
    CppExpr text = printer_.text(value);
    text.range = op ? ranges_.lookup(value) : positions();
    return Linear{{}, {{text, 1}}, 0};
  }

  /// a + factor * b.
  static std::optional<Linear> sum(Linear a, const Linear &b, int64_t factor) {
    bool overflows = false;
    auto add = [&](int64_t &to, int64_t value) {
      int64_t product = 0;
      overflows |=
          __builtin_mul_overflow(value, factor, &product) || __builtin_add_overflow(to, product, &to);
    };
    add(a.constant, b.constant);
    for (auto [base, coefficient] : b.keys) {
      auto found = std::find_if(a.keys.begin(), a.keys.end(), [&](auto &key) { return key.first == base; });
      if (found == a.keys.end()) found = a.keys.insert(found, {base, 0});
      add(found->second, coefficient);
    }
    for (const Multiple &term : b.rest) {
      auto found = std::find_if(a.rest.begin(), a.rest.end(),
                                [&](const Multiple &m) { return m.value.text == term.value.text; });
      if (found == a.rest.end()) found = a.rest.insert(found, {term.value, 0});
      add(found->coefficient, term.coefficient);
    }
    llvm::erase_if(a.keys, [](auto &key) { return key.second == 0; });
    llvm::erase_if(a.rest, [](const Multiple &m) { return m.coefficient == 0; });
    constexpr int64_t kMost = int64_t{1} << 60;
    for (auto &key : a.keys) overflows |= std::abs(key.second) >= kMost;
    if (overflows || std::abs(a.constant) >= kMost) return std::nullopt;
    return a;
  }

  /// The k-free part, where it fits 64 bits.
  static std::optional<CppExpr> total(const Linear &form) {
    __int128 magnitude = std::abs(form.constant);
    for (const Multiple &term : form.rest) {
      Range range = term.value.range * term.coefficient;
      magnitude += std::max(range.high, -range.low);
    }
    if (magnitude >= Range::kLimit) return std::nullopt;
    return sumText(form.rest, form.constant);
  }

  //===-- Ranges --===//

  static Range positions() { // a little beyond: rows that fill up a tile
    return {InputRanges::kPositionLow, InputRanges::kPositionHigh + 4096};
  }

  Range rangeOf(mlir::Operation *op) {
    auto in = [&](unsigned i) {
      mlir::Value value = op->getOperand(i);
      return value.getDefiningOp() ? ranges_.lookup(value) : positions();
    };
    Range whole = op->getResult(0).getType().isInteger(64) ? Range::anyLong() : Range::anyInt();
    Range range =
        llvm::TypeSwitch<mlir::Operation *, Range>(op)
            .Case([&](arith::ConstantOp) {
              std::optional<int64_t> value = constant(op->getResult(0));
              return value ? Range{*value, *value} : whole;
            })
            .Case([&](tile::ParamOp param) {
              const ProgramParam &declared = program_.params[param.getIndex()];
              return Range{declared.low, declared.high};
            })
            .Case([&](tile::SymbolOp symbol) {
              bool length = symbol.getSymbol() == "query_length" || symbol.getSymbol() == "key_length";
              return Range{0, length ? InputRanges::kLongest : InputRanges::kMostHeads};
            })
            .Case([&](arith::AddIOp) { return in(0) + in(1); })
            .Case([&](arith::SubIOp) { return in(0) + in(1) * -1; })
            .Case([&](arith::MulIOp) {
              std::optional<int64_t> a = constant(op->getOperand(0)), b = constant(op->getOperand(1));
              return b ? in(0) * *b : a ? in(1) * *a : whole;
            })
            .Case([&](arith::MinSIOp) {
              return Range{std::min(in(0).low, in(1).low), std::min(in(0).high, in(1).high)};
            })
            .Case([&](arith::MaxSIOp) {
              return Range{std::max(in(0).low, in(1).low), std::max(in(0).high, in(1).high)};
            })
            .Case([&](math::AbsIOp) {
              return Range{std::max({int64_t{0}, in(0).low, -in(0).high}), std::max(in(0).high, -in(0).low)};
            })
            .Case<arith::ExtSIOp, arith::TruncIOp>([&](auto) { return in(0); })
            .Case([&](tile::FloorDivOp o) { return floorDiv(in(0), static_cast<int64_t>(o.getDivisor())); })
            .Case([&](tile::FloorModOp o) { return Range{0, static_cast<int64_t>(o.getDivisor()) - 1}; })
            .Case([&](arith::SelectOp) { return join(in(1), in(2)); })
            .Default([&](mlir::Operation *) { return whole; });
    return {std::clamp(range.low, whole.low, whole.high), std::clamp(range.high, whole.low, whole.high)};
  }

  //===-- Helpers --===//

  static std::optional<int64_t> constant(mlir::Value value) {
    auto op = value.getDefiningOp<arith::ConstantOp>();
    if (!op || !mlir::isa<mlir::IntegerAttr>(op.getValue())) return std::nullopt;
    return mlir::cast<mlir::IntegerAttr>(op.getValue()).getValue().getSExtValue();
  }

  bool isFree(mlir::Value value) const { return !(dependence_.positions(value) & kOnKey); }
  /// Bounds work and the depth of recursion, whatever the size of the mask.
  bool spend() { return steps_-- > 0; }

  const Dependence &dependence_;
  const Program &program_;
  OperationPrinter printer_;
  llvm::DenseMap<mlir::Value, Range> ranges_;
  static constexpr int kMostSteps = 300;
  int steps_ = kMostSteps;
};

/// A mask as a formula over intervals and conditions on k alone.
class Formula {
public:
  Formula(mlir::func::FuncOp mask, const Dependence &dependence, const Program &program)
      : mask_(mask), dependence_(dependence), program_(program) {}

  std::string print() {
    // Once to see which parts are intervals, then again without the parts that are not: what was printed for
    // those is not in the way.
    mlir::Value root = mask_.getBody().front().getTerminator()->getOperand(0);
    std::optional<CppExpr> formula;
    std::string locals;
    for (int round = 0; round < 2; round++) {
      IntervalSolver solver(mask_, dependence_, program_);
      solver_ = &solver;
      intervals_ = 0, nodes_ = 0;
      ends_.clear(), flags_.clear();
      formula = decompose(root, false);
      if (!formula) return {};
      locals = solver.locals();
    }
    if (intervals_ + flags_.size() == 0) // nothing, or everything
      add(formula->text == "0u" ? Piece{lowest(), lowest(), {}} : Piece{}), formula = CppExpr{"intervals[0]"};
    constexpr size_t kMostIntervals = 4, kMostFlags = 2, kLongestText = 1600;
    if (intervals_ > kMostIntervals || flags_.size() > kMostFlags || ends_.size() > kLongestText) return {};

    OperationPrinter printer(mask_, program_);
    std::string flags;
    if (!printer.require(flags_)) return {};
    for (size_t i = 0; i < flags_.size(); i++) {
      CppExpr bit = {fmt::format("unsigned({})", printer.text(flags_[i]).text)};
      if (i) bit = binary(bit, "<<", literal(static_cast<int64_t>(i)), Precedence::Shift);
      flags += (i ? " | " : "") + bit.at(Precedence::Unary);
    }
    std::string text =
        fmt::format("  static constexpr int kIntervals = {}, kFlags = {};\n", intervals_, flags_.size());
    if (!flags_.empty()) { // the loop over columns is over them alone; loads overlap
      bool loads = llvm::any_of(flags_, [&](mlir::Value flag) { return dependence_.loads(flag); });
      text += fmt::format("  static constexpr int kMaskUnroll = {};\n", loads ? 4 : 8);
    }
    text +=
        fmt::format("  static MASKLOOM_DEVICE void intervals(const Context &c, int q, int (&first)[{0}], int "
                    "(&last)[{0}]) {{\n    (void)c, (void)q, (void)first, (void)last;\n{1}{2}  }}\n",
                    std::max<size_t>(intervals_, 1), locals, ends_);
    text += fmt::format("  static MASKLOOM_DEVICE unsigned flags(const Context &c, int k) {{\n"
                        "    (void)c, (void)k;\n{}    return {};\n  }}\n",
                        printer.locals(), flags.empty() ? "0u" : flags);
    return text +
           fmt::format(
               "  static constexpr MASKLOOM_DEVICE unsigned combine(const unsigned (&intervals)[{}], const "
               "unsigned (&flags)[{}]) {{\n    (void)intervals, (void)flags;\n    return {};\n  }}\n",
               std::max<size_t>(intervals_, 1), std::max<size_t>(flags_.size(), 1), formula->text);
  }

private:
  using MaybeText = std::optional<CppExpr>;

  std::string add(const Piece &piece) {
    ends_ += solver_->print(piece, intervals_);
    return fmt::format("intervals[{}]", intervals_++);
  }

  MaybeUnion solve(mlir::Value value, bool negate) {
    std::pair<mlir::Value, bool> key = {value, negate};
    if (llvm::is_contained(unsolved_, key)) return std::nullopt;
    MaybeUnion found = solver_->solve(value, negate);
    if (!found) unsolved_.push_back(key);
    return found;
  }

  static CppExpr none() { return {"0u"}; }
  static CppExpr all() { return {"~0u", Precedence::Unary}; }

  MaybeText words(const Union &pieces) {
    MaybeText result;
    for (const Piece &piece : pieces) {
      if (!piece.bounded() && !piece.gate) return all();
      CppExpr word = {add(piece)};
      result = result ? binary(*result, "|", word, Precedence::BitOr) : word;
    }
    return result ? result : none();
  }

  /// The word of `value`, or of its negation.
  MaybeText decompose(mlir::Value value, bool negate) {
    constexpr int kMostNodes = 64;
    if (nodes_++ > kMostNodes) return std::nullopt;
    if (MaybeUnion pieces = solve(value, negate)) return words(*pieces);
    if (dependence_.positions(value) == kOnKey) return flag(value, negate);
    mlir::Operation *op = value.getDefiningOp();
    if (!op) return std::nullopt;
    return llvm::TypeSwitch<mlir::Operation *, MaybeText>(op)
        .Case<arith::AndIOp, arith::OrIOp>([&](auto) { return chain(op, negate); })
        .Case([&](arith::XOrIOp) -> MaybeText {
          auto constant = op->getOperand(1).getDefiningOp<arith::ConstantOp>();
          if (!constant) return std::nullopt;
          bool flips = !mlir::cast<mlir::IntegerAttr>(constant.getValue()).getValue().isZero();
          return decompose(op->getOperand(0), negate != flips);
        })
        .Case([&](arith::SelectOp select) -> MaybeText {
          MaybeText test = decompose(select.getCondition(), false);
          MaybeText yes = test ? decompose(select.getTrueValue(), negate) : test;
          MaybeText no = yes ? decompose(select.getFalseValue(), negate) : yes;
          if (!no) return no;
          CppExpr taken = binary(*test, "&", *yes, Precedence::BitAnd);
          CppExpr otherwise = binary(unary("~", *test), "&", *no, Precedence::BitAnd);
          return binary(taken, "|", otherwise, Precedence::BitOr);
        })
        .Default([](mlir::Operation *) { return std::nullopt; });
  }

  MaybeText flag(mlir::Value value, bool negate) {
    auto found = llvm::find(flags_, value);
    size_t index = static_cast<size_t>(found - flags_.begin());
    if (found == flags_.end()) flags_.push_back(value);
    CppExpr word = {fmt::format("flags[{}]", index)};
    return negate ? unary("~", word) : word;
  }

  /// A chain of `and`s, or of `or`s: its members that are intervals become as few of them as they can.
  MaybeText chain(mlir::Operation *root, bool negate) {
    bool isAnd = mlir::isa<arith::AndIOp>(root) != negate;
    llvm::SmallVector<mlir::Value> open = {root->getResult(0)}, members;
    while (!open.empty()) {
      mlir::Value value = open.pop_back_val();
      mlir::Operation *op = value.getDefiningOp();
      if (op && op->getName() == root->getName()) {
        open.push_back(op->getOperand(1));
        open.push_back(op->getOperand(0));
      } else {
        members.push_back(value);
      }
    }
    std::vector<Union> solved;
    MaybeText result;
    auto join = [&](const CppExpr &word) {
      if (!result || result->text == (isAnd ? all() : none()).text)
        result = word;
      else
        result = binary(*result, isAnd ? "&" : "|", word, isAnd ? Precedence::BitAnd : Precedence::BitOr);
    };
    llvm::SmallVector<mlir::Value> others;
    for (mlir::Value member : members) {
      MaybeUnion pieces = solve(member, negate);
      if (!pieces) {
        others.push_back(member);
        continue;
      }
      bool merged = false;
      for (Union &before : solved)
        if (MaybeUnion one = isAnd ? cut(before, pieces) : joined(before, pieces);
            one && one->size() <= std::max(before.size(), pieces->size())) {
          before = *one, merged = true;
          break;
        }
      if (!merged) solved.push_back(*pieces);
    }
    for (const Union &pieces : solved) join(*words(pieces));
    for (mlir::Value member : others) {
      MaybeText word = decompose(member, negate);
      if (!word) return std::nullopt;
      join(*word);
    }
    return result;
  }

  mlir::func::FuncOp mask_;
  const Dependence &dependence_;
  const Program &program_;
  IntervalSolver *solver_ = nullptr;
  llvm::SmallVector<std::pair<mlir::Value, bool>> unsolved_;
  std::string ends_;
  size_t intervals_ = 0;
  llvm::SmallVector<mlir::Value> flags_;
  int nodes_ = 0;
};

} // namespace

std::string emitIntervals(mlir::func::FuncOp mask, const Dependence &dependence, const Program &program) {
  return Formula(mask, dependence, program).print();
}

} // namespace maskloom::emit
