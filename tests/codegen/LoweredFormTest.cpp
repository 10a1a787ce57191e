// The lowered functions, evaluated operation by operation: they agree with the predicate everywhere, also at
// the ends of the input ranges, and no operation leaves the width that range analysis gave it.
#include "maskloom/codegen/Import.h"
#include "maskloom/codegen/Pipeline.h"
#include "maskloom/codegen/PredicateOf.h"
#include "maskloom/codegen/RangeAnalysis.h"
#include "maskloom/codegen/ir/TileDialect.h"
#include "maskloom/program/PredicateEvaluation.h"
#include "tests/support/ExprPredicate.h"
#include "tests/support/RandomPattern.h"
#include "tests/support/Seed.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"

#include <gtest/gtest.h>

#include <random>

using namespace maskloom;
using maskloom::testing::ContextOf;

namespace {

using Wide = __int128;

/// Evaluates a mask function of the lowered form in wide integers.
class LoweredEvaluator {
public:
  LoweredEvaluator(mlir::func::FuncOp function, const ScheduleContext &context)
      : function_(function), context_(context) {}

  bool visible(int64_t q, int64_t k) {
    mlir::Block &body = function_.getBody().front();
    values_[body.getArgument(0)] = q;
    values_[body.getArgument(1)] = k;
    for (mlir::Operation &op : body) {
      if (auto result = mlir::dyn_cast<mlir::func::ReturnOp>(op)) return value(result.getOperand(0)) != 0;
      Wide v = compute(op);
      unsigned bits = op.getResult(0).getType().getIntOrFloatBitWidth();
      Wide limit = Wide{1} << (bits - 1);
      if (bits > 1 && (v < -limit || v >= limit)) overflowed = op.getName().getStringRef().str();
      values_[op.getResult(0)] = v;
    }
    return false;
  }

  std::string overflowed; ///< an operation whose result did not fit its type

private:
  Wide value(mlir::Value v) { return values_.at(v); }
  Wide floorQuotient(Wide a, Wide b) { return a / b - (a % b != 0 && a < 0); }

  Wide compute(mlir::Operation &op) {
    using namespace mlir;
    auto in = [&](unsigned i) { return value(op.getOperand(i)); };
    return llvm::TypeSwitch<Operation *, Wide>(&op)
        .Case([&](arith::ConstantOp c) -> Wide {
          auto attribute = cast<IntegerAttr>(c.getValue());
          if (attribute.getType().isInteger(1)) return attribute.getValue().getBoolValue();
          return attribute.getInt();
        })
        .Case([&](arith::AddIOp) { return in(0) + in(1); })
        .Case([&](arith::SubIOp) { return in(0) - in(1); })
        .Case([&](arith::MulIOp) { return in(0) * in(1); })
        .Case([&](arith::MinSIOp) { return std::min(in(0), in(1)); })
        .Case([&](arith::MaxSIOp) { return std::max(in(0), in(1)); })
        .Case([&](arith::AndIOp) { return in(0) & in(1); })
        .Case([&](arith::OrIOp) { return in(0) | in(1); })
        .Case([&](arith::XOrIOp) { return in(0) ^ in(1); })
        .Case([&](arith::ExtSIOp) { return in(0); })
        .Case([&](arith::TruncIOp) { return in(0); })
        .Case([&](arith::SelectOp) { return in(0) != 0 ? in(1) : in(2); })
        .Case([&](math::AbsIOp) { return in(0) < 0 ? -in(0) : in(0); })
        .Case([&](arith::CmpIOp c) -> Wide { return compare(c.getPredicate(), in(0), in(1)); })
        .Case([&](tile::FloorDivOp d) { return floorQuotient(in(0), static_cast<int64_t>(d.getDivisor())); })
        .Case([&](tile::FloorModOp d) {
          Wide divisor = static_cast<int64_t>(d.getDivisor());
          return in(0) - divisor * floorQuotient(in(0), divisor);
        })
        .Case([&](tile::SymbolOp s) -> Wide { return symbol(s.getSymbol()); })
        .Case([&](tile::ParamOp p) -> Wide { return context_.params[p.getIndex()]; })
        .Default([&](Operation *other) -> Wide {
          ADD_FAILURE() << "not part of the lowered form: " << other->getName().getStringRef().str();
          return 0;
        });
  }

  static bool compare(mlir::arith::CmpIPredicate predicate, Wide a, Wide b) {
    switch (predicate) {
    case mlir::arith::CmpIPredicate::eq: return a == b;
    case mlir::arith::CmpIPredicate::ne: return a != b;
    case mlir::arith::CmpIPredicate::slt: return a < b;
    case mlir::arith::CmpIPredicate::sle: return a <= b;
    case mlir::arith::CmpIPredicate::sgt: return a > b;
    case mlir::arith::CmpIPredicate::sge: return a >= b;
    default: ADD_FAILURE() << "an unsigned comparison"; return false;
    }
  }

  int64_t symbol(llvm::StringRef name) {
    if (name == "batch") return context_.batch;
    if (name == "head") return context_.head;
    if (name == "kv_head") return context_.kvHead;
    if (name == "heads") return context_.heads;
    if (name == "kv_heads") return context_.kvHeads;
    if (name == "query_length") return context_.queryLength;
    return context_.keyLength;
  }

  mlir::func::FuncOp function_;
  const ScheduleContext &context_;
  std::map<mlir::Value, Wide, decltype([](mlir::Value a, mlir::Value b) {
             return a.getAsOpaquePointer() < b.getAsOpaquePointer();
           })>
      values_;
};

std::string text(mlir::ModuleOp module) {
  std::string result;
  llvm::raw_string_ostream(result) << module;
  return result;
}

} // namespace

TEST(LoweredForm, AgreesWithThePredicateAndNeverOverflows) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<mask::MaskDialect, tile::TileDialect, mlir::arith::ArithDialect,
                      mlir::func::FuncDialect, mlir::math::MathDialect>();
  std::mt19937_64 random(4);
  const uint64_t seed = maskloom::testing::seedOfThisRun();
  const auto cases = static_cast<uint64_t>(maskloom::testing::casesOfThisRun(2000));
  for (uint64_t i = 0; i < cases; ++i) {
    maskloom::testing::RandomCase c = maskloom::testing::randomCase(seed, i);
    std::vector<Diagnostic> errors;
    mlir::OwningOpRef<mlir::ModuleOp> module = importPattern(context, c.pattern, c.problem.params, errors);
    ASSERT_TRUE(module) << c.describe();
    Program program = programOf(*module->getOps<mask::PatternOp>().begin());
    std::vector<PipelineStep> steps = scheduleSteps({128, 128});
    steps.pop_back(); // the derivation has tests of its own
    for (PipelineStep &step : loweringSteps()) steps.push_back(std::move(step));
    Pipeline pipeline(*module, {});
    ASSERT_EQ(pipeline.run(std::move(steps)), Pipeline::Outcome::Done) << c.describe() << pipeline.problem();

    for (size_t g = 0; g < program.groups.size(); ++g) {
      auto function = module->lookupSymbol<mlir::func::FuncOp>("visible_" + std::to_string(g));
      ASSERT_TRUE(function);
      int64_t head =
          program.groups[g].first * (program.groupsByKvHead ? c.problem.heads / c.problem.kvHeads : 1);
      ContextOf of(program, c.problem, 0, std::min(head, c.problem.heads - 1));
      LoweredEvaluator lowered(function, *of);
      constexpr int64_t low = InputRanges::kPositionLow, high = InputRanges::kPositionHigh;
      for (int point = 0; point < 200; ++point) {
        auto position = [&]() -> int64_t {
          uint64_t bits = random();
          if (point % 4 == 0)
            return bits % 2 ? low + static_cast<int64_t>(bits % 5) : high - static_cast<int64_t>(bits % 5);
          return static_cast<int64_t>(bits % 600) - 100;
        };
        int64_t q = position(), k = position();
        ASSERT_EQ(lowered.visible(q, k), evaluate(program, program.groups[g].predicate, *of, q, k))
            << c.describe() << " q=" << q << " k=" << k << " group " << g << "\n"
            << text(*module);
        ASSERT_EQ(lowered.overflowed, "") << c.describe() << " q=" << q << " k=" << k << "\n"
                                          << text(*module);
      }
    }
  }
}
