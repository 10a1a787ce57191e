#include "maskloom/codegen/emit/EmitIntervals.h"

#include "maskloom/codegen/emit/EmitPairs.h"
#include "maskloom/codegen/emit/IntervalSolver.h"
#include "maskloom/codegen/emit/OperationPrinter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/TypeSwitch.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace maskloom::emit {
namespace {

namespace arith = mlir::arith;

/// A mask as a formula over intervals, conditions on k alone, and conditions on pairs.
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
      ends_.clear(), flags_.clear(), pairs_.clear();
      formula = decompose(root, false);
      if (!formula) return {};
      locals = solver.locals();
    }
    if (intervals_ + flags_.size() + pairs_.size() == 0) // nothing, or everything
      add(formula->text == "0u" ? KeyInterval{firstPosition(), firstPosition(), {}} : KeyInterval{}),
          formula = CppExpr{"intervals[0]"};
    constexpr size_t kMostIntervals = 4, kMostFlags = 2, kMostPairs = 2, kLongestText = 1600;
    if (intervals_ > kMostIntervals || flags_.size() > kMostFlags || pairs_.size() > kMostPairs ||
        ends_.size() > kLongestText)
      return {};

    OperationPrinter printer(mask_, program_);
    if (!printer.require(flags_)) return {};
    std::optional<std::string> pairs =
        pairs_.empty() ? noPairs() : emitPairs(mask_, dependence_, program_, pairs_);
    if (!pairs) return {};
    std::string text = fmt::format("  static constexpr int kIntervals = {}, kFlags = {}, kPairs = {};\n",
                                   intervals_, flags_.size(), pairs_.size());
    if (!flags_.empty() || !pairs_.empty()) { // the loop over columns is over them alone; loads overlap
      bool loads = llvm::any_of(flags_, [&](mlir::Value flag) { return dependence_.loads(flag); }) ||
                   llvm::any_of(pairs_, [&](mlir::Value pair) { return dependence_.loads(pair); });
      text += fmt::format("  static constexpr int kMaskUnroll = {};\n", loads ? 4 : 8);
    }
    text +=
        fmt::format("  static MASKLOOM_DEVICE void intervals(const Context &c, int q, int (&first)[{0}], int "
                    "(&last)[{0}]) {{\n    (void)c, (void)q, (void)first, (void)last;\n{1}{2}  }}\n",
                    std::max<size_t>(intervals_, 1), locals, ends_);
    text += fmt::format("  static MASKLOOM_DEVICE unsigned flags(const Context &c, int k) {{\n"
                        "    (void)c, (void)k;\n{}    return {};\n  }}\n",
                        printer.locals(), conditionBits(printer, flags_));
    text += *pairs;
    return text +
           fmt::format("  static constexpr MASKLOOM_DEVICE unsigned combine(const unsigned (&intervals)[{}], "
                       "const unsigned (&flags)[{}], const unsigned (&pairs)[{}]) {{\n"
                       "    (void)intervals, (void)flags, (void)pairs;\n    return {};\n  }}\n",
                       std::max<size_t>(intervals_, 1), std::max<size_t>(flags_.size(), 1),
                       std::max<size_t>(pairs_.size(), 1), formula->text);
  }

private:
  using MaybeText = std::optional<CppExpr>;

  std::string add(const KeyInterval &interval) {
    CppExpr first = clampToInt(interval.first.value_or(firstPosition()));
    CppExpr last = clampToInt(interval.last.value_or(lastPosition()));
    if (interval.gate) last = conditional(*interval.gate, last, firstPosition());
    ends_ += fmt::format("    first[{0}] = {1};\n    last[{0}] = {2};\n", intervals_, first.text, last.text);
    return fmt::format("intervals[{}]", intervals_++);
  }

  MaybeKeyIntervals solve(mlir::Value value, bool negate) {
    std::pair<mlir::Value, bool> key = {value, negate};
    if (llvm::is_contained(unsolved_, key)) return std::nullopt;
    MaybeKeyIntervals found = solver_->solve(value, negate);
    if (!found) unsolved_.push_back(key);
    return found;
  }

  static CppExpr none() { return {"0u"}; }
  static CppExpr all() { return {"~0u", Precedence::Unary}; }

  MaybeText words(const KeyIntervals &intervals) {
    MaybeText result;
    for (const KeyInterval &interval : intervals) {
      if (!interval.bounded() && !interval.gate) return all();
      CppExpr word = {add(interval)};
      result = result ? binary(*result, "|", word, Precedence::BitOr) : word;
    }
    return result ? result : none();
  }

  /// The word of `value`, or of its negation.
  MaybeText decompose(mlir::Value value, bool negate) {
    constexpr int kMostNodes = 64;
    if (nodes_++ > kMostNodes) return std::nullopt;
    if (MaybeKeyIntervals intervals = solve(value, negate)) return words(*intervals);
    if (dependence_.positions(value) == kOnKey) return flag(value, negate);
    mlir::Operation *op = value.getDefiningOp();
    if (!op) return std::nullopt;
    return llvm::TypeSwitch<mlir::Operation *, MaybeText>(op)
        .Case<arith::AndIOp, arith::OrIOp>([&](auto) { return chain(op, negate); })
        .Case([&](arith::XOrIOp) -> MaybeText {
          auto constant = op->getOperand(1).getDefiningOp<arith::ConstantOp>();
          if (!constant) return pair(value, negate);
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
        .Default([&](mlir::Operation *) { return pair(value, negate); });
  }

  MaybeText flag(mlir::Value value, bool negate) { return condition(flags_, "flags", value, negate); }
  MaybeText pair(mlir::Value value, bool negate) {
    if (!seesFewQueries(dependence_, value)) return std::nullopt;
    return condition(pairs_, "pairs", value, negate);
  }
  static CppExpr condition(llvm::SmallVector<mlir::Value> &conditions, const char *name, mlir::Value value,
                           bool negate) {
    auto found = llvm::find(conditions, value);
    size_t index = static_cast<size_t>(found - conditions.begin());
    if (found == conditions.end()) conditions.push_back(value);
    CppExpr word = {fmt::format("{}[{}]", name, index)};
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
    std::vector<KeyIntervals> solved;
    MaybeText result;
    auto join = [&](const CppExpr &word) {
      if (!result || result->text == (isAnd ? all() : none()).text)
        result = word;
      else
        result = binary(*result, isAnd ? "&" : "|", word, isAnd ? Precedence::BitAnd : Precedence::BitOr);
    };
    llvm::SmallVector<mlir::Value> others;
    for (mlir::Value member : members) {
      MaybeKeyIntervals intervals = solve(member, negate);
      if (!intervals) {
        others.push_back(member);
        continue;
      }
      bool merged = false;
      for (KeyIntervals &before : solved)
        if (MaybeKeyIntervals one = isAnd ? intersectionOf(before, intervals) : unionOf(before, intervals);
            one && one->size() <= std::max(before.size(), intervals->size())) {
          before = *one, merged = true;
          break;
        }
      if (!merged) solved.push_back(*intervals);
    }
    for (const KeyIntervals &intervals : solved) join(*words(intervals));
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
  llvm::SmallVector<mlir::Value> flags_, pairs_;
  int nodes_ = 0;
};

} // namespace

std::string emitIntervals(mlir::func::FuncOp mask, const Dependence &dependence, const Program &program) {
  return Formula(mask, dependence, program).print();
}

} // namespace maskloom::emit
