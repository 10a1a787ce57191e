#include "maskloom/codegen/emit/IntervalSolver.h"

#include "maskloom/codegen/emit/OperationPrinter.h"
#include "maskloom/codegen/emit/ValueRanges.h"
#include "maskloom/codegen/ir/TileDialect.h"

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

/// A sum of multiples of values that depend on k, of texts that do not, and a constant.
struct Linear {
  std::vector<std::pair<mlir::Value, int64_t>> keys;
  std::vector<Multiple> rest;
  int64_t constant = 0;
};

} // namespace

class IntervalSolver::Impl {
public:
  Impl(mlir::func::FuncOp mask, const Dependence &dependence, const Program &program)
      : dependence_(dependence), ranges_(mask, program), printer_(mask, program) {}

  /// The keys where `value` holds, or where it does not; nothing when they are not at most two intervals.
  MaybeKeyIntervals solve(mlir::Value value, bool negate) {
    steps_ = kMostSteps;
    return condition(value, negate);
  }

  const std::string &locals() const { return printer_.locals(); }

private:
  //===-- Conditions --===//

  /// The keys where `value` holds, or where it does not.
  MaybeKeyIntervals condition(mlir::Value value, bool negate) {
    if (!spend()) return std::nullopt;
    if (isFree(value)) return gate(value, negate);
    mlir::Operation *op = value.getDefiningOp();
    return llvm::TypeSwitch<mlir::Operation *, MaybeKeyIntervals>(op)
        .Case<arith::AndIOp, arith::OrIOp>([&](auto) {
          MaybeKeyIntervals a = condition(op->getOperand(0), negate);
          if (!a) return a;
          MaybeKeyIntervals b = condition(op->getOperand(1), negate);
          return mlir::isa<arith::AndIOp>(op) != negate ? intersectionOf(a, b) : unionOf(a, b);
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

  MaybeKeyIntervals gate(mlir::Value value, bool negate) {
    if (auto constant = value.getDefiningOp<arith::ConstantOp>()) {
      bool holds = !mlir::cast<mlir::IntegerAttr>(constant.getValue()).getValue().isZero();
      return holds != negate ? KeyIntervals{KeyInterval{}} : KeyIntervals{};
    }
    if (!printer_.require(value, true)) return std::nullopt;
    KeyInterval interval;
    interval.gate = negate ? unary("!", printer_.text(value)) : printer_.text(value);
    return KeyIntervals{interval};
  }

  MaybeKeyIntervals exclusiveOr(mlir::Value a, mlir::Value b, bool negate) {
    if (auto constant = b.getDefiningOp<arith::ConstantOp>())
      return condition(a, negate == mlir::cast<mlir::IntegerAttr>(constant.getValue()).getValue().isZero());
    return unionOf(intersectionOf(condition(a, false), condition(b, !negate)),
                   intersectionOf(condition(a, true), condition(b, negate)));
  }

  /// `of(true)` where the condition of a select holds, `of(false)` elsewhere.
  template <typename Of>
  MaybeKeyIntervals chosen(mlir::Value selector, Of of) {
    MaybeKeyIntervals yes = of(true), no = of(false);
    if (!yes || !no) return std::nullopt;
    bool simple = yes->size() == 1 && no->size() == 1 && !(*yes)[0].gate && !(*no)[0].gate;
    if (!isFree(selector) || !simple || selector.getDefiningOp<arith::ConstantOp>())
      return unionOf(intersectionOf(condition(selector, false), yes),
                     intersectionOf(condition(selector, true), no));
    if (!printer_.require(selector, true)) return std::nullopt;
    const CppExpr &test = printer_.text(selector);
    KeyInterval a = (*yes)[0], b = (*no)[0], result;
    if (a.first || b.first)
      result.first = conditional(test, a.first.value_or(firstPosition()), b.first.value_or(firstPosition()));
    if (a.last || b.last)
      result.last = conditional(test, a.last.value_or(lastPosition()), b.last.value_or(lastPosition()));
    return KeyIntervals{result};
  }

  MaybeKeyIntervals comparison(arith::CmpIOp compare, bool negate) {
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
    case P::eq: return intersectionOf(atLeast(1, 0), atLeast(-1, 0));
    case P::ne: return unionOf(atLeast(1, 1), atLeast(-1, 1));
    default: return std::nullopt;
    }
  }

  //===-- Integers --===//

  /// The keys where `form` >= 0.
  MaybeKeyIntervals notNegative(const Linear &form) {
    if (!spend() || form.keys.size() > 1) return std::nullopt;
    std::optional<CppExpr> rest = total(form);
    if (!rest) return std::nullopt;
    if (form.keys.empty()) return gateNotNegative(*rest);
    auto [base, factor] = form.keys[0];
    Linear without = {{}, form.rest, form.constant};
    mlir::Operation *op = base.getDefiningOp();
    if (!op) return halfLine(without, factor);

    // base * factor + without, with `value` in place of the base
    auto with = [&](mlir::Value value, int64_t sign) -> MaybeKeyIntervals {
      std::optional<Linear> inner = linear(value);
      if (inner) inner = sum(without, *inner, sign * factor);
      return inner ? notNegative(*inner) : std::nullopt;
    };
    bool rising = factor > 0;
    return llvm::TypeSwitch<mlir::Operation *, MaybeKeyIntervals>(op)
        .Case([&](tile::FloorDivOp division) { return floorDivision(division, factor, without); })
        .Case<arith::MinSIOp, arith::MaxSIOp>([&](auto) {
          MaybeKeyIntervals a = with(op->getOperand(0), 1), b = with(op->getOperand(1), 1);
          return mlir::isa<arith::MinSIOp>(op) == rising ? intersectionOf(a, b) : unionOf(a, b);
        })
        .Case([&](math::AbsIOp) {
          MaybeKeyIntervals a = with(op->getOperand(0), 1), b = with(op->getOperand(0), -1);
          return rising ? unionOf(a, b) : intersectionOf(a, b);
        })
        .Case([&](arith::SelectOp select) {
          return chosen(select.getCondition(), [&](bool yes) {
            return with(yes ? select.getTrueValue() : select.getFalseValue(), 1);
          });
        })
        .Default([](mlir::Operation *) { return std::nullopt; });
  }

  MaybeKeyIntervals gateNotNegative(const CppExpr &value) {
    if (value.range.low >= 0) return KeyIntervals{KeyInterval{}};
    if (value.range.high < 0) return KeyIntervals{};
    KeyInterval interval;
    interval.gate = printer_.local("bool", "holds", binary(value, ">=", literal(0), Precedence::Relational));
    return KeyIntervals{interval};
  }

  /// k * factor + rest >= 0.
  MaybeKeyIntervals halfLine(const Linear &rest, int64_t factor) {
    KeyInterval interval;
    if (factor > 0) { // k >= ceil(-rest / factor)
      std::optional<Linear> numerator = sum({{}, {}, factor - 1}, rest, -1);
      std::optional<CppExpr> text = numerator ? total(*numerator) : std::nullopt;
      if (!text) return std::nullopt;
      interval.first = floorDivText(*text, factor);
    } else {
      interval.last = floorDivText(*total(rest), -factor);
    }
    return KeyIntervals{interval};
  }

  /// floor(x / divisor) * factor + rest >= 0.
  MaybeKeyIntervals floorDivision(tile::FloorDivOp division, int64_t factor, const Linear &rest) {
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
    if (std::optional<int64_t> number = integerConstant(value)) return Linear{{}, {}, *number};
    if (op && mlir::isa<arith::AddIOp, arith::SubIOp>(op)) {
      std::optional<Linear> a = linear(op->getOperand(0)), b = linear(op->getOperand(1));
      if (!a || !b) return std::nullopt;
      return sum(*a, *b, mlir::isa<arith::AddIOp>(op) ? 1 : -1);
    }
    if (op && mlir::isa<arith::MulIOp>(op))
      for (unsigned i = 0; i < 2; i++)
        if (std::optional<int64_t> factor = integerConstant(op->getOperand(i))) {
          std::optional<Linear> inner = linear(op->getOperand(1 - i));
          return inner ? sum({}, *inner, *factor) : std::nullopt;
        }
    if (op && mlir::isa<arith::ExtSIOp, arith::TruncIOp>(op)) return linear(op->getOperand(0));
    if (!isFree(value)) return Linear{{{value, 1}}, {}, 0};
    if (!printer_.require(value, true)) return std::nullopt;
    CppExpr text = printer_.text(value);
    text.range = ranges_.of(value);
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

  //===-- Helpers --===//

  bool isFree(mlir::Value value) const { return !(dependence_.positions(value) & kOnKey); }
  /// Bounds work and the depth of recursion, whatever the size of the mask.
  bool spend() { return steps_-- > 0; }

  const Dependence &dependence_;
  const ValueRanges ranges_;
  OperationPrinter printer_;
  static constexpr int kMostSteps = 300;
  int steps_ = kMostSteps;
};

IntervalSolver::IntervalSolver(mlir::func::FuncOp mask, const Dependence &dependence, const Program &program)
    : impl_(std::make_unique<Impl>(mask, dependence, program)) {}
IntervalSolver::~IntervalSolver() = default;

MaybeKeyIntervals IntervalSolver::solve(mlir::Value value, bool negate) {
  return impl_->solve(value, negate);
}

const std::string &IntervalSolver::locals() const { return impl_->locals(); }

} // namespace maskloom::emit
