#include "maskloom/codegen/emit/ScoreParts.h"

#include "maskloom/codegen/emit/ValueRanges.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"

namespace maskloom::emit {
namespace {

namespace arith = mlir::arith;
namespace math = mlir::math;

std::optional<float> floatConstant(mlir::Value value) {
  auto constant = value.getDefiningOp<arith::ConstantOp>();
  auto attribute = constant ? mlir::dyn_cast<mlir::FloatAttr>(constant.getValue()) : mlir::FloatAttr();
  if (!attribute) return std::nullopt;
  return static_cast<float>(attribute.getValueAsDouble());
}

/// Float arithmetic at the end of a function, without the operations that constants decide. Null is 0.
class FloatBuilder {
public:
  FloatBuilder(mlir::Operation *before, Dependence &dependence) : builder_(before), dependence_(dependence) {}

  mlir::Value number(float value) { return made<arith::ConstantOp>(builder_.getF32FloatAttr(value)); }
  mlir::Value sum(mlir::Value a, mlir::Value b) {
    if (!a || !b) return a ? a : b;
    return made<arith::AddFOp>(a, b);
  }
  mlir::Value negated(mlir::Value a) {
    if (!a) return a;
    if (std::optional<float> value = floatConstant(a)) return number(-*value);
    return made<arith::NegFOp>(a);
  }
  mlir::Value product(mlir::Value a, mlir::Value b) {
    if (!a || !b) return {};
    std::optional<float> x = floatConstant(a), y = floatConstant(b);
    if (x && y) return number(*x * *y);
    if (x == 1.0f) return b;
    if (y == 1.0f) return a;
    if (x == -1.0f) return negated(b);
    if (y == -1.0f) return negated(a);
    return made<arith::MulFOp>(a, b);
  }
  mlir::Value inverse(mlir::Value a) {
    if (std::optional<float> value = floatConstant(a)) return number(1.0f / *value);
    return made<arith::DivFOp>(number(1.0f), a);
  }
  mlir::Value choice(mlir::Value condition, mlir::Value yes, mlir::Value no) {
    if (yes == no) return yes;
    return made<arith::SelectOp>(condition, yes ? yes : number(0.0f), no ? no : number(0.0f));
  }
  mlir::Value tanh(mlir::Value a) { return made<math::TanhOp>(a); }

private:
  template <typename Op, typename... Arguments>
  mlir::Value made(Arguments... arguments) {
    auto op = Op::create(builder_, builder_.getUnknownLoc(), arguments...);
    dependence_.add(op);
    return op->getResult(0);
  }

  mlir::OpBuilder builder_;
  Dependence &dependence_;
};

/// Finds ScoreParts bottom up. Every value is looked at once.
class PartFinder {
public:
  PartFinder(mlir::func::FuncOp score, Dependence &dependence)
      : dependence_(dependence), build_(score.getBody().front().getTerminator(), dependence),
        score_(score.getBody().front().getArgument(0)) {}

  using Parts = std::optional<ScoreParts>;

  Parts of(mlir::Value value) {
    auto known = known_.find(value);
    if (known != known_.end()) return known->second;
    Parts parts = find(value);
    known_[value] = parts;
    return parts;
  }

private:
  bool isFree(mlir::Value value) const {
    return !dependence_.onScore(value) && !(dependence_.positions(value) & kOnKey);
  }
  bool isScalar(mlir::Value value) const {
    return isFree(value) && dependence_.positions(value) == kNoPosition;
  }

  Parts find(mlir::Value value) {
    if (value == score_) return ScoreParts{build_.number(1.0f), {}, {}, false, {}};
    if (isFree(value)) return ScoreParts{{}, value, {}, false, {}};
    mlir::Operation *op = value.getDefiningOp();
    return llvm::TypeSwitch<mlir::Operation *, Parts>(op)
        .Case([&](arith::SIToFPOp) { return position(value); })
        .Case([&](arith::NegFOp) { return negated(of(op->getOperand(0))); })
        .Case([&](arith::AddFOp) { return sum(of(op->getOperand(0)), of(op->getOperand(1))); })
        .Case([&](arith::SubFOp) { return sum(of(op->getOperand(0)), negated(of(op->getOperand(1)))); })
        .Case([&](arith::MulFOp) {
          bool first = isFree(op->getOperand(0));
          return product(of(op->getOperand(first ? 1 : 0)), op->getOperand(first ? 0 : 1));
        })
        .Case([&](arith::DivFOp) {
          mlir::Value divisor = op->getOperand(1);
          if (!isFree(divisor)) return Parts();
          return product(of(op->getOperand(0)), build_.inverse(divisor));
        })
        .Case([&](arith::SelectOp select) {
          return choice(select.getCondition(), of(select.getTrueValue()), of(select.getFalseValue()));
        })
        .Case([&](math::TanhOp) { return capped(of(op->getOperand(0))); })
        .Default([](mlir::Operation *) { return Parts(); });
  }

  Parts position(mlir::Value value) {
    std::optional<int64_t> slope = keyCoefficient(value.getDefiningOp()->getOperand(0), dependence_);
    if (!slope) return std::nullopt;
    return ScoreParts{{}, value, build_.number(static_cast<float>(*slope)), false, {}};
  }

  Parts negated(Parts parts) {
    if (!parts) return parts;
    parts->factor = build_.negated(parts->factor);
    parts->base = build_.negated(parts->base);
    parts->slope = build_.negated(parts->slope);
    return parts;
  }

  Parts sum(const Parts &a, const Parts &b) {
    if (!a || !b || (a->factor && b->factor && (a->capped || b->capped))) return std::nullopt;
    ScoreParts result = a->capped ? *a : *b;
    result.factor = build_.sum(a->factor, b->factor);
    result.base = build_.sum(a->base, b->base);
    result.slope = build_.sum(a->slope, b->slope);
    return result;
  }

  Parts product(Parts parts, mlir::Value with) {
    if (!parts || !isFree(with) || (parts->factor && !isScalar(with))) return std::nullopt;
    parts->factor = build_.product(parts->factor, with);
    parts->base = build_.product(parts->base, with);
    parts->slope = build_.product(parts->slope, with);
    return parts;
  }

  Parts choice(mlir::Value condition, const Parts &a, const Parts &b) {
    if (!a || !b || a->capped || b->capped || !isFree(condition)) return std::nullopt;
    ScoreParts result;
    if (a->factor != b->factor && !isScalar(condition)) {
      std::optional<float> x = a->factor ? floatConstant(a->factor) : 0.0f;
      std::optional<float> y = b->factor ? floatConstant(b->factor) : 0.0f;
      if (!x || x != y) return std::nullopt;
      result.factor = a->factor;
    } else {
      result.factor = build_.choice(condition, a->factor, b->factor);
    }
    result.base = build_.choice(condition, a->base, b->base);
    result.slope = build_.choice(condition, a->slope, b->slope);
    return result;
  }

  Parts capped(const Parts &inner) {
    if (!inner || !inner->factor || inner->capped || inner->base || inner->slope) return std::nullopt;
    return ScoreParts{build_.number(1.0f), {}, {}, true, inner->factor};
  }

  Dependence &dependence_;
  FloatBuilder build_;
  mlir::Value score_;
  llvm::DenseMap<mlir::Value, Parts> known_;
};

/// The factor of k in integers. Every value is looked at once.
class KeyCoefficients {
public:
  explicit KeyCoefficients(const Dependence &dependence) : dependence_(dependence) {}

  std::optional<int64_t> of(mlir::Value integer) {
    if (!(dependence_.positions(integer) & kOnKey)) return 0;
    mlir::Operation *op = integer.getDefiningOp();
    if (!op) return 1; // k itself
    auto known = known_.find(op);
    if (known != known_.end()) return known->second;
    std::optional<int64_t> coefficient = find(op);
    known_[op] = coefficient;
    return coefficient;
  }

private:
  std::optional<int64_t> find(mlir::Operation *op) {
    if (mlir::isa<arith::ExtSIOp, arith::TruncIOp>(op)) return of(op->getOperand(0));
    int64_t result = 0;
    if (mlir::isa<arith::AddIOp, arith::SubIOp>(op)) {
      std::optional<int64_t> a = of(op->getOperand(0)), b = of(op->getOperand(1));
      if (!a || !b) return std::nullopt;
      bool overflows = mlir::isa<arith::AddIOp>(op) ? __builtin_add_overflow(*a, *b, &result)
                                                    : __builtin_sub_overflow(*a, *b, &result);
      return overflows ? std::nullopt : std::optional(result);
    }
    if (mlir::isa<arith::MulIOp>(op))
      for (unsigned i : {0u, 1u})
        if (std::optional<int64_t> factor = integerConstant(op->getOperand(i))) {
          std::optional<int64_t> inner = of(op->getOperand(1 - i));
          if (!inner || __builtin_mul_overflow(*inner, *factor, &result)) return std::nullopt;
          return result;
        }
    return std::nullopt;
  }

  const Dependence &dependence_;
  llvm::DenseMap<mlir::Operation *, std::optional<int64_t>> known_;
};

} // namespace

std::optional<int64_t> keyCoefficient(mlir::Value integer, const Dependence &dependence) {
  return KeyCoefficients(dependence).of(integer);
}

std::optional<ScoreParts> scoreParts(mlir::func::FuncOp score, Dependence &dependence) {
  mlir::Value result = score.getBody().front().getTerminator()->getOperand(0);
  std::optional<ScoreParts> parts = PartFinder(score, dependence).of(result);
  if (!parts || !parts->factor) return std::nullopt;
  if (parts->capped && (parts->base || parts->slope)) return std::nullopt;
  return parts;
}

void prepareForRows(mlir::func::FuncOp score) {
  mlir::Block &block = score.getBody().front();
  // Bounded, because values that are used several times are converted several times then.
  int left = 64;
  for (bool changed = true; changed;) {
    changed = false;
    for (mlir::Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
      auto convert = mlir::dyn_cast<arith::SIToFPOp>(&op);
      mlir::Operation *inner = convert ? convert.getIn().getDefiningOp() : nullptr;
      if (!inner || left == 0) continue;
      mlir::OpBuilder builder(&op);
      mlir::Type type = builder.getF32Type();
      auto converted = [&](unsigned i) {
        return arith::SIToFPOp::create(builder, op.getLoc(), type, inner->getOperand(i)).getResult();
      };
      mlir::Value result =
          llvm::TypeSwitch<mlir::Operation *, mlir::Value>(inner)
              .Case([&](math::AbsIOp) { return math::AbsFOp::create(builder, op.getLoc(), converted(0)); })
              .Case([&](arith::MinSIOp) {
                return arith::MinimumFOp::create(builder, op.getLoc(), converted(0), converted(1));
              })
              .Case([&](arith::MaxSIOp) {
                return arith::MaximumFOp::create(builder, op.getLoc(), converted(0), converted(1));
              })
              .Case([&](arith::SelectOp) {
                return arith::SelectOp::create(builder, op.getLoc(), inner->getOperand(0), converted(1),
                                               converted(2));
              })
              .Default([](mlir::Operation *) { return mlir::Value(); });
      if (!result) continue;
      convert.replaceAllUsesWith(result);
      convert.erase();
      changed = true;
      left--;
    }
  }

  Dependence dependence(score);
  for (mlir::Operation &op : llvm::make_early_inc_range(block)) {
    auto division = mlir::dyn_cast<arith::DivFOp>(&op);
    if (!division) continue;
    mlir::Value divisor = division.getRhs();
    auto varies = [&](mlir::Value value) {
      return dependence.onScore(value) || (dependence.positions(value) & kOnKey);
    };
    if (!varies(division.getLhs()) || varies(divisor)) continue;
    FloatBuilder build(&op, dependence);
    division.replaceAllUsesWith(build.product(division.getLhs(), build.inverse(divisor)));
    division.erase();
  }
}

} // namespace maskloom::emit
