// mask-lower-to-arith: mathematical integers to i32 and i64.
//
// An operation is computed at the width that its operands and its result need, and its result is narrowed to
// the width that its own interval needs; nothing overflows, so no wrap-around is relied upon.
#include "maskloom/codegen/Passes.h"
#include "maskloom/codegen/RangeAnalysis.h"
#include "maskloom/codegen/ir/TileDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/CSE.h"
#include "llvm/ADT/TypeSwitch.h"

#include <fmt/format.h>

using namespace mlir;

namespace maskloom {

#define GEN_PASS_DEF_MASKLOWERTOARITH
#include "maskloom-ir/Passes.h.inc"

namespace {

/// Names of lowered values, for people who read the emitted code: q_block, distance, phase.
class ValueNames {
public:
  explicit ValueNames(mask::PatternOp pattern) : pattern_(pattern) {}

  /// Empty where there is no good name. Looks at a few operations at most, whatever the size of the mask.
  std::string of(Value value, int depth = 3) const {
    Operation *op = value.getDefiningOp();
    if (!op) return "s";
    if (depth == 0) return {};
    if (auto index = dyn_cast<mask::IndexOp>(op)) {
      if (index.getVariable() == mask::IndexVariable::Query) return "q";
      if (index.getVariable() == mask::IndexVariable::Key) return "k";
      return mask::stringifyIndexVariable(index.getVariable()).str();
    }
    if (auto param = dyn_cast<mask::ParamOp>(op))
      return cast<mask::ParamAttr>(pattern_.getParams()[param.getIndex()]).getName().str();
    if (auto load = dyn_cast<mask::AuxLoadOp>(op)) return nameOf(load);
    if (auto division = dyn_cast<mask::FloorDivOp>(op)) {
      std::string inner = of(division.getValue(), depth - 1);
      return inner.empty() ? "block" : inner + "_block";
    }
    if (isa<mask::ModOp>(op)) return "phase";
    if (isa<mask::SubOp>(op)) {
      std::string a = of(op->getOperand(0), depth - 1), b = of(op->getOperand(1), depth - 1);
      if (a == "q" && b == "k") return "distance";
      if (a == "q_block" && b == "k_block") return "block_distance";
    }
    return {};
  }

private:
  std::string nameOf(mask::AuxLoadOp load) const {
    std::string name = cast<mask::AuxAttr>(pattern_.getAuxes()[load.getAux()]).getName().str();
    for (Value index : load.getIndices()) {
      std::string of = this->of(index);
      if (of == "q" || of == "k" || of == "q_block" || of == "k_block") name += {'_', of.front()};
    }
    return name;
  }

  mutable mask::PatternOp pattern_; // a handle: its accessors are not const
};

/// Lowers the region of one group or score into the block of its function.
class RegionLowering {
public:
  RegionLowering(OpBuilder &builder, const RangeAnalysis &ranges, const ValueNames &names)
      : builder_(builder), ranges_(ranges), names_(names) {}

  void bind(Value from, Value to) { values_.map(from, to); }
  void setPositions(Value query, Value key) { query_ = query, key_ = key; }
  int64_t wideOperations() const { return wide_; }

  LogicalResult lower(Block &body) {
    for (Operation &op : body) {
      if (auto yield = dyn_cast<mask::YieldOp>(op)) {
        func::ReturnOp::create(builder_, yield.getLoc(), values_.lookup(yield.getValue()));
        continue;
      }
      if (!isa<mask::MaskDialect>(op.getDialect())) { // floats of arith and math stay as they are
        builder_.clone(op, values_);
        continue;
      }
      loc_ = named(op);
      Value lowered = lowerOne(op);
      if (!lowered) return op.emitOpError("expected an operation that has a lowered form");
      values_.map(op.getResult(0), lowered);
    }
    return success();
  }

private:
  Value lowerOne(Operation &op) {
    return llvm::TypeSwitch<Operation *, Value>(&op)
        .Case([&](mask::ConstOp c) { return constant(c.getValue(), width(c)); })
        .Case([&](mask::BoolOp b) { return truth(b.getValue()); })
        .Case([&](mask::IndexOp i) { return index(i); })
        .Case([&](mask::ParamOp p) {
          return tile::ParamOp::create(builder_, loc_, intType(width(p)), p.getIndex());
        })
        .Case([&](mask::AuxLoadOp load) { return auxLoad(load); })
        .Case([&](mask::AddOp) { return integer<arith::AddIOp>(op); })
        .Case([&](mask::SubOp) { return integer<arith::SubIOp>(op); })
        .Case([&](mask::MulOp) { return integer<arith::MulIOp>(op); })
        .Case([&](mask::MinOp) { return integer<arith::MinSIOp>(op); })
        .Case([&](mask::MaxOp) { return integer<arith::MaxSIOp>(op); })
        .Case([&](mask::AbsOp) { return integer<math::AbsIOp>(op); })
        .Case([&](mask::NegOp) { return negation(op); })
        .Case([&](mask::FloorDivOp d) { return division<tile::FloorDivOp>(op, d.getDivisor()); })
        .Case([&](mask::ModOp d) { return division<tile::FloorModOp>(op, d.getDivisor()); })
        .Case([&](mask::CmpOp c) { return compare(c); })
        .Case([&](mask::AndOp) { return logic<arith::AndIOp>(op); })
        .Case([&](mask::OrOp) { return logic<arith::OrIOp>(op); })
        .Case([&](mask::NotOp) { return arith::XOrIOp::create(builder_, loc_, in(op, 0), truth(true)); })
        .Case([&](mask::SelectOp s) { return select(s); })
        .Case([&](mask::ToFloatOp t) {
          return arith::SIToFPOp::create(builder_, loc_, builder_.getF32Type(), in(*t, 0));
        })
        .Default([](Operation *) { return Value(); });
  }

  //===-- Leaves --===//

  Value index(mask::IndexOp op) {
    if (op.getVariable() == mask::IndexVariable::Query) return query_;
    if (op.getVariable() == mask::IndexVariable::Key) return key_;
    return tile::SymbolOp::create(builder_, loc_, builder_.getI32Type(),
                                  mask::stringifyIndexVariable(op.getVariable()));
  }

  Value auxLoad(mask::AuxLoadOp load) {
    SmallVector<Value, 3> indices;
    for (Value index : load.getIndices()) indices.push_back(values_.lookup(index));
    Type type = isa<FloatType>(load.getType()) ? load.getType() : Type(builder_.getI32Type());
    return tile::AuxLoadOp::create(builder_, loc_, type, load.getAux(), indices);
  }

  //===-- Integers --===//

  template <typename ArithOp>
  Value integer(Operation &op) {
    unsigned common = commonWidth(op.getOperands(), op.getResult(0));
    SmallVector<Value, 2> operands;
    for (unsigned i = 0; i < op.getNumOperands(); ++i) operands.push_back(resize(in(op, i), common));
    Value wideResult = ArithOp::create(builder_, loc_, intType(common), operands);
    return resize(wideResult, width(op.getResult(0)));
  }

  Value negation(Operation &op) {
    unsigned common = commonWidth(op.getOperands(), op.getResult(0));
    Value result = arith::SubIOp::create(builder_, loc_, constant(0, common), resize(in(op, 0), common));
    return resize(result, width(op.getResult(0)));
  }

  /// The divisor is a constant, so a 32-bit dividend by a larger one is widened too.
  template <typename TileOp>
  Value division(Operation &op, int64_t divisor) {
    unsigned common = commonWidth(op.getOperands(), op.getResult(0));
    if (divisor > INT32_MAX) common = 64;
    wide_ += common == 64;
    Value result = TileOp::create(builder_, loc_, intType(common), resize(in(op, 0), common), divisor);
    return resize(result, width(op.getResult(0)));
  }

  //===-- Truth values --===//

  Value compare(mask::CmpOp op) {
    unsigned common = std::max(width(op.getLhs()), width(op.getRhs()));
    wide_ += common == 64;
    return arith::CmpIOp::create(builder_, loc_, predicate(op.getComparison()), resize(in(*op, 0), common),
                                 resize(in(*op, 1), common));
  }

  template <typename ArithOp>
  Value logic(Operation &op) {
    return ArithOp::create(builder_, loc_, in(op, 0), in(op, 1));
  }

  Value select(mask::SelectOp op) {
    Value condition = in(*op, 0), yes = in(*op, 1), no = in(*op, 2);
    if (isa<mask::IntType>(op.getType())) {
      unsigned result = width(op.getResult());
      yes = resize(yes, result), no = resize(no, result);
    }
    return arith::SelectOp::create(builder_, loc_, condition, yes, no);
  }

  static arith::CmpIPredicate predicate(mask::Comparison comparison) {
    switch (comparison) {
    case mask::Comparison::Eq: return arith::CmpIPredicate::eq;
    case mask::Comparison::Ne: return arith::CmpIPredicate::ne;
    case mask::Comparison::Lt: return arith::CmpIPredicate::slt;
    case mask::Comparison::Le: return arith::CmpIPredicate::sle;
    case mask::Comparison::Gt: return arith::CmpIPredicate::sgt;
    case mask::Comparison::Ge: return arith::CmpIPredicate::sge;
    }
    return arith::CmpIPredicate::eq;
  }

  //===-- Helpers --===//

  Value in(Operation &op, unsigned i) { return values_.lookup(op.getOperand(i)); }
  unsigned width(Value value) const { return ranges_.widthOf(value); }
  unsigned commonWidth(ValueRange operands, Value result) {
    unsigned common = width(result);
    for (Value operand : operands) common = std::max(common, width(operand));
    wide_ += common == 64;
    return common;
  }
  Type intType(unsigned bits) { return builder_.getIntegerType(bits); }

  Value resize(Value value, unsigned bits) {
    unsigned from = value.getType().getIntOrFloatBitWidth();
    if (from == bits) return value;
    Type type = intType(bits);
    auto plain = value.getDefiningOp<arith::ConstantOp>();
    if (plain) return constant(cast<IntegerAttr>(plain.getValue()).getInt(), bits);
    if (from < bits) return arith::ExtSIOp::create(builder_, loc_, type, value);
    return arith::TruncIOp::create(builder_, loc_, type, value);
  }

  Value constant(int64_t value, unsigned bits) {
    return arith::ConstantOp::create(builder_, loc_, builder_.getIntegerAttr(intType(bits), value));
  }
  Value truth(bool value) { return arith::ConstantOp::create(builder_, loc_, builder_.getBoolAttr(value)); }

  Location named(Operation &op) {
    std::string name = names_.of(op.getResult(0));
    return name.empty() ? op.getLoc() : Location(NameLoc::get(builder_.getStringAttr(name), op.getLoc()));
  }

  OpBuilder &builder_;
  const RangeAnalysis &ranges_;
  const ValueNames &names_;
  IRMapping values_;
  Value query_, key_;
  Location loc_ = builder_.getUnknownLoc();
  int64_t wide_ = 0;
};

struct MaskLowerToArith : impl::MaskLowerToArithBase<MaskLowerToArith> {
  using impl::MaskLowerToArithBase<MaskLowerToArith>::MaskLowerToArithBase;

  void runOnOperation() override {
    for (auto pattern : llvm::make_early_inc_range(getOperation().getOps<mask::PatternOp>())) {
      if (failed(lower(pattern))) return signalPassFailure();
      pattern.erase();
    }
    IRRewriter rewriter(&getContext());
    DominanceInfo dominance(getOperation());
    eliminateCommonSubExpressions(rewriter, dominance, getOperation());
  }

private:
  LogicalResult lower(mask::PatternOp pattern) {
    RangeAnalysis ranges(pattern);
    if (failed(ranges.check())) return failure();
    describe(pattern);
    ValueNames names(pattern);
    OpBuilder builder(pattern->getContext());
    builder.setInsertionPointToEnd(getOperation().getBody());
    Type i32 = builder.getI32Type(), f32 = builder.getF32Type(), i1 = builder.getI1Type();
    size_t group = 0;
    for (Operation &part : pattern.getBody().front()) {
      bool isScore = isa<mask::ScoreOp>(part);
      SmallVector<Type> inputs = isScore ? SmallVector<Type>{f32, i32, i32} : SmallVector<Type>{i32, i32};
      SmallVector<StringRef> names3 =
          isScore ? SmallVector<StringRef>{"s", "q", "k"} : SmallVector<StringRef>{"q", "k"};
      std::string name = isScore ? "score" : fmt::format("visible_{}", group++);
      OpBuilder::InsertionGuard guard(builder);
      auto function = func::FuncOp::create(builder, part.getLoc(), name,
                                           builder.getFunctionType(inputs, isScore ? f32 : i1));
      Block *entry = builder.createBlock(&function.getBody());
      for (auto [type, argument] : llvm::zip(inputs, names3))
        entry->addArgument(type, NameLoc::get(builder.getStringAttr(argument), part.getLoc()));
      RegionLowering lowering(builder, ranges, names);
      lowering.setPositions(entry->getArgument(inputs.size() - 2), entry->getArgument(inputs.size() - 1));
      Block &body = part.getRegion(0).front();
      if (isScore) lowering.bind(body.getArgument(0), entry->getArgument(0));
      if (failed(lowering.lower(body))) return failure();
      wide += lowering.wideOperations();
    }
    return success();
  }

  /// What the pattern declares, as attributes of the module.
  void describe(mask::PatternOp pattern) {
    ModuleOp module = getOperation();
    Builder builder(&getContext());
    SmallVector<Attribute> groups, params, auxes;
    for (auto group : pattern.getOps<mask::GroupOp>())
      groups.push_back(tile::GroupAttr::get(&getContext(), group.getFirst(), group.getLast()));
    for (auto param : pattern.getParams().getAsRange<mask::ParamAttr>())
      params.push_back(tile::ParamAttr::get(&getContext(), param.getName(), param.getLow(), param.getHigh()));
    for (auto aux : pattern.getAuxes().getAsRange<mask::AuxAttr>())
      auxes.push_back(tile::AuxAttr::get(&getContext(), aux.getName(), aux.getRank(), aux.getElementType()));
    module->setAttr(tile::kPatternAttr, builder.getStringAttr(pattern.getSymName()));
    if (pattern.getHash()) module->setAttr(tile::kHashAttr, pattern.getHashAttr());
    module->setAttr(tile::kGroupsAttr, builder.getArrayAttr(groups));
    if (pattern.getByKvHead()) module->setAttr(tile::kGroupsByKvHeadAttr, builder.getUnitAttr());
    module->setAttr(tile::kParamsAttr, builder.getArrayAttr(params));
    module->setAttr(tile::kAuxesAttr, builder.getArrayAttr(auxes));
  }
};

} // namespace
} // namespace maskloom
