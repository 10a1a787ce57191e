#include "maskloom/dsl/CheckExpr.h"

#include "maskloom/dsl/Limits.h"
#include "maskloom/dsl/Print.h"
#include "maskloom/dsl/Walk.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace maskloom {

namespace {

const char *article(Type type) {
  switch (type) {
  case Type::Int: return "an integer";
  case Type::Bool: return "a mask";
  case Type::Float: return "a float";
  }
  return "?";
}

// Text of a subexpression in a message, shortened.
std::string quoted(const Expr &expr) {
  std::string text = toText(expr);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return "'" + text + "'";
}

class ExprCheck {
public:
  ExprCheck(bool isScore, std::vector<Diagnostic> &diagnostics)
      : isScore_(isScore), diagnostics_(diagnostics) {}

  void run(const Expr &root) {
    ExprExtent extent = extentOf(root);
    if (extent.depth > kDeepestExpression)
      return error(root->loc,
                   fmt::format("the expression is nested more than {} levels deep", kDeepestExpression));
    if (extent.size > kLargestExpression)
      return error(root->loc, fmt::format("the expression has more than {} operations", kLargestExpression));
    checkRoot(root);
    learn(root);
    forEachNode(root, [&](const ExprNode &node) { checkNode(node); });
  }

private:
  void error(const Location &loc, std::string message, std::string hint = {}) {
    diagnostics_.push_back(makeError(loc, std::move(message), std::move(hint)));
  }

  /// Learnt once for every node, so that no check walks a subtree again.
  struct Facts {
    bool indexFree = true, constant = true; ///< made of constants and parameters; of constants alone
    std::optional<ValueRange> range;        ///< of an index-free integer, when it fits in 64 bits
  };

  // Operands first. The depth is known to be limited.
  const Facts &learn(const Expr &expr) {
    if (auto known = facts_.find(expr.get()); known != facts_.end()) return known->second;
    Facts facts;
    facts.indexFree = expr->op != Op::Index && expr->op != Op::AuxLoad && expr->op != Op::Score;
    facts.constant = facts.indexFree && expr->op != Op::Param;
    std::vector<ValueRange> ranges;
    for (const Expr &operand : expr->operands) {
      const Facts &below = learn(operand);
      facts.indexFree &= below.indexFree;
      facts.constant &= below.constant;
      if (below.range) ranges.push_back(*below.range);
    }
    bool known = facts.indexFree && expr->type == Type::Int && ranges.size() == expr->operands.size();
    if (known) facts.range = rangeOf(*expr, ranges);
    if (known && facts.constant && !facts.range && hasRange(*expr))
      error(expr->loc, fmt::format("the value of {} does not fit in 64 bits", quoted(expr)));
    return facts_[expr.get()] = facts;
  }

  // Is `rangeOf` about it, or is something else wrong (a division by zero)?
  bool hasRange(const ExprNode &node) const {
    return node.op == Op::Add || node.op == Op::Sub || node.op == Op::Mul || node.op == Op::Neg ||
           node.op == Op::Abs;
  }

  void checkRoot(const Expr &root) {
    if (isScore_) {
      if (root->type == Type::Bool)
        error(root->loc, "a score must be a number, found a mask",
              "use a 'mask' item, or select(mask, s, other)");
    } else if (root->type != Type::Bool) {
      error(root->loc, fmt::format("a mask must be true or false, found {}", article(root->type)),
            "compare it with something, for example '... >= 0'");
    }
  }

  void checkNode(const ExprNode &node) {
    if (node.fault) return error(node.loc, node.fault->message, node.fault->hint);
    switch (node.op) {
    case Op::IntConst:
    case Op::BoolConst:
    case Op::Index:
    case Op::Param: return;
    case Op::FloatConst:
      if (!std::isfinite(node.floatValue))
        error(node.loc, "a number in a score must be finite",
              "keys are hidden by a mask, not by a score of -inf");
      return notInMask(node, "a floating-point number");
    case Op::Score: return notInMask(node, "the score 's'");
    case Op::AuxLoad: return checkLoad(node);
    case Op::Add:
    case Op::Sub:
    case Op::Min:
    case Op::Max:
    case Op::Abs:
    case Op::Neg: return checkArithmetic(node);
    case Op::Mul: checkArithmetic(node); return checkProduct(node);
    case Op::FloorDiv:
    case Op::Mod: checkArithmetic(node); return checkDivisor(node);
    case Op::Eq:
    case Op::Ne:
    case Op::Lt:
    case Op::Le:
    case Op::Gt:
    case Op::Ge: return checkComparison(node);
    case Op::And:
    case Op::Or:
    case Op::Not:
      for (const Expr &operand : node.operands) expectMask(node, operand);
      return;
    case Op::Select: return checkSelect(node);
    case Op::ToFloat:
      if (node.operands[0]->type != Type::Int)
        error(node.operands[0]->loc,
              fmt::format("an integer is needed here, found {}", article(node.operands[0]->type)));
      return;
    case Op::Div:
    case Op::Exp2:
    case Op::Exp:
    case Op::Log:
    case Op::Tanh:
    case Op::Sqrt:
      for (const Expr &operand : node.operands)
        if (operand->type == Type::Bool)
          error(operand->loc, fmt::format("'{}' needs numbers, found a mask", spelling(node.op)));
      return;
    }
  }

  void notInMask(const ExprNode &node, const char *what) {
    if (isScore_ || floatReported_) return;
    floatReported_ = true; // one float makes others: the first says enough
    error(node.loc, fmt::format("a mask cannot use {}", what),
          "masks are over integers; scores may use floats");
  }

  void checkArithmetic(const ExprNode &node) {
    for (const Expr &operand : node.operands) {
      if (operand->type == Type::Bool)
        error(operand->loc, fmt::format("'{}' needs numbers, found a mask", spelling(node.op)),
              "a mask is true or false; combine masks with '&&', '||' and '!'");
      else if (operand->type != node.type)
        error(operand->loc,
              fmt::format("'{}' needs {}s, found {}", spelling(node.op), spelling(node.type),
                          article(operand->type)),
              node.type == Type::Int ? "integers and floats mix in scores only" : "");
    }
  }

  void checkComparison(const ExprNode &node) {
    const Expr &a = node.operands[0], &b = node.operands[1];
    for (const Expr &operand : node.operands)
      if (operand->op == Op::Not && operand->operands[0]->type != Type::Bool) return; // "!q < k": said at '!'
    for (const Expr &operand : node.operands)
      if (operand->type == Type::Bool)
        return error(operand->loc, fmt::format("'{}' compares numbers, found a mask", spelling(node.op)),
                     "comparisons do not chain: write 'a < b && b < c'");
    if (a->type != b->type)
      error(node.loc,
            fmt::format("'{}' compares {} with {}", spelling(node.op), article(a->type), article(b->type)));
  }

  void expectMask(const ExprNode &node, const Expr &operand) {
    if (operand->type == Type::Bool) return;
    error(operand->loc, fmt::format("'{}' needs masks, found {}", spelling(node.op), article(operand->type)),
          node.op == Op::Not ? "'!' binds tighter than a comparison: write '!(a < b)'"
                             : "compare it with something, for example '... != 0'");
  }

  void checkSelect(const ExprNode &node) {
    expectMask(node, node.operands[0]);
    const Expr &a = node.operands[1], &b = node.operands[2];
    if (a->type != b->type)
      error(node.loc, fmt::format("'select' chooses between {} and {}: both must be of one type",
                                  article(a->type), article(b->type)));
  }

  void checkProduct(const ExprNode &node) {
    if (node.type != Type::Int) return;
    const Expr &a = node.operands[0], &b = node.operands[1];
    if (learn(a).indexFree || learn(b).indexFree) return;
    error(node.loc, fmt::format("product of two indices: {} and {}", quoted(a), quoted(b)),
          "one factor must be made of constants and parameters");
  }

  void checkDivisor(const ExprNode &node) {
    const Expr &divisor = node.operands[1];
    if (divisor->type != Type::Int) return; // reported as a type error
    if (!learn(divisor).indexFree)
      return error(divisor->loc, fmt::format("division by a non-constant: {}", quoted(divisor)),
                   "the divisor of '/' and '%' must be a positive integer or a parameter");
    std::optional<ValueRange> range = learn(divisor).range;
    if (!range)
      return error(divisor->loc, fmt::format("the divisor {} does not fit in 64 bits", quoted(divisor)));
    if (range->low >= 1) return;
    if (range->low == 0 && range->high == 0) return error(divisor->loc, "division by zero");
    if (range->low == range->high)
      return error(divisor->loc, fmt::format("division by the negative number {}", range->low),
                   "divisors must be positive");
    std::string hint = "restrict the ranges of its parameters so that it is at least 1";
    if (divisor->op == Op::Param)
      hint = fmt::format("declare it as 'param {} in 1..{} = {};'", divisor->param->name,
                         std::max<int64_t>(divisor->param->high, 1),
                         std::max<int64_t>(divisor->param->defaultValue, 1));
    error(divisor->loc,
          fmt::format("the divisor {} can be {}: its range is {}..{}", quoted(divisor),
                      range->low <= 0 && range->high >= 0 ? 0 : range->low, range->low, range->high),
          hint);
  }

  void checkLoad(const ExprNode &node) {
    const AuxDecl &aux = *node.aux;
    if (aux.type == AuxType::F32) notInMask(node, "an f32 tensor");
    if (node.operands.size() != aux.axes.size())
      return error(node.loc, fmt::format("aux tensor '{}' has {} axes, indexed by {}", aux.name,
                                         aux.axes.size(), node.operands.size()));
    for (size_t i = 0; i < aux.axes.size(); ++i) {
      if (node.operands[i]->type == Type::Int)
        checkAuxIndex(aux, i, node.operands[i]);
      else
        error(node.operands[i]->loc, fmt::format("an index of '{}' must be an integer, found {}", aux.name,
                                                 article(node.operands[i]->type)));
    }
  }

  // An axis must be indexed by what its extent follows, so that extents can be checked before a launch.
  void checkAuxIndex(const AuxDecl &aux, size_t axisNumber, const Expr &index) {
    const AuxAxis &axis = aux.axes[axisNumber];
    auto allowed = [&](std::initializer_list<IndexVar> variables) {
      return !anyNode(index, [&](const ExprNode &n) {
        if (n.op == Op::AuxLoad) return true;
        return n.op == Op::Index && std::find(variables.begin(), variables.end(), n.index) == variables.end();
      });
    };
    bool fits = true;
    switch (axis.kind) {
    case AuxAxis::Kind::Batch: fits = allowed({IndexVar::Batch}); break;
    case AuxAxis::Kind::Head: fits = allowed({IndexVar::Head, IndexVar::KvHead}); break;
    case AuxAxis::Kind::KvHead: fits = allowed({IndexVar::KvHead}); break;
    case AuxAxis::Kind::Query:
    case AuxAxis::Kind::Key:
      fits = allowed({IndexVar::Query, IndexVar::Key, IndexVar::QueryLength, IndexVar::KeyLength});
      break;
    case AuxAxis::Kind::Fixed:
      // A launch may have more heads or batch entries than the axis has entries: emitted code relies on such
      // an index being inside.
      if (index->op == Op::Index && (index->index == IndexVar::Batch || index->index == IndexVar::Head ||
                                     index->index == IndexVar::KvHead))
        return error(index->loc,
                     fmt::format("axis {} of '{}' has {} entries, whatever the number of heads and batch "
                                 "entries, and cannot be "
                                 "indexed by {}",
                                 axisNumber, aux.name, axis.extent, quoted(index)),
                     fmt::format("declare the axis as {}", quoted(index)));
      break;
    }
    if (!fits)
      return error(index->loc, fmt::format("axis {} of '{}' follows {} and cannot be indexed by {}",
                                           axisNumber, aux.name, toText(axis), quoted(index)));
    bool positions = axis.kind == AuxAxis::Kind::Query || axis.kind == AuxAxis::Kind::Key;
    if (!positions || axis.block <= 1) return;
    bool blocked = index->op == Op::FloorDiv && index->operands[1]->op == Op::IntConst &&
                   index->operands[1]->intValue >= axis.block;
    if (!blocked)
      error(index->loc,
            fmt::format("axis {} of '{}' has one entry for {} tokens, indexed by {}", axisNumber, aux.name,
                        axis.block, quoted(index)),
            fmt::format("index it by '{}'", toText(axis)));
  }

  std::unordered_map<const ExprNode *, Facts> facts_;
  bool isScore_;
  bool floatReported_ = false;
  std::vector<Diagnostic> &diagnostics_;
};

} // namespace

// Without recursion: nothing is known about the expression yet.
ExprExtent extentOf(const Expr &root) {
  std::unordered_map<const ExprNode *, ExprExtent> known;
  std::vector<std::pair<const ExprNode *, bool>> pending = {{root.get(), false}};
  while (!pending.empty()) {
    auto [node, operandsDone] = pending.back();
    pending.pop_back();
    if (known.count(node)) continue;
    if (!operandsDone) {
      pending.push_back({node, true});
      for (const Expr &operand : node->operands)
        if (operand && !known.count(operand.get())) pending.push_back({operand.get(), false});
      continue;
    }
    ExprExtent extent;
    for (const Expr &operand : node->operands) {
      if (!operand) continue;
      const ExprExtent &below = known[operand.get()];
      extent.depth = std::max(extent.depth, below.depth + 1);
      extent.size = std::min(extent.size + below.size, kLargestExpression + 1);
    }
    known[node] = extent;
  }
  return known[root.get()];
}

void checkMaskExpr(const Expr &mask, std::vector<Diagnostic> &diagnostics) {
  ExprCheck(false, diagnostics).run(mask);
}

void checkScoreExpr(const Expr &score, std::vector<Diagnostic> &diagnostics) {
  ExprCheck(true, diagnostics).run(score);
}

std::optional<ValueRange> rangeOfIndexFree(const Expr &expr) {
  std::vector<ValueRange> ranges;
  for (const Expr &operand : expr->operands) {
    auto range = operand->type == Type::Int ? rangeOfIndexFree(operand) : std::nullopt;
    if (!range) return std::nullopt;
    ranges.push_back(*range);
  }
  return rangeOf(*expr, ranges);
}

std::optional<ValueRange> rangeOf(const ExprNode &node, const std::vector<ValueRange> &ranges) {
  if (node.op == Op::IntConst) return ValueRange{node.intValue, node.intValue};
  if (node.op == Op::Param) return ValueRange{node.param->low, node.param->high};
  // The result lies between the results at the corners: every operation here is monotone in each operand,
  // except abs and modulus, which are treated apart.
  auto corners = [&](auto operation) -> std::optional<ValueRange> {
    std::optional<ValueRange> result;
    for (int64_t a : {ranges[0].low, ranges[0].high})
      for (int64_t b : {ranges[1].low, ranges[1].high}) {
        int64_t value = 0;
        if (operation(a, b, &value)) return std::nullopt;
        result = result ? ValueRange{std::min(result->low, value), std::max(result->high, value)}
                        : ValueRange{value, value};
      }
    return result;
  };
  switch (node.op) {
  case Op::Add:
    return corners([](int64_t a, int64_t b, int64_t *r) { return __builtin_add_overflow(a, b, r); });
  case Op::Sub:
    return corners([](int64_t a, int64_t b, int64_t *r) { return __builtin_sub_overflow(a, b, r); });
  case Op::Mul:
    return corners([](int64_t a, int64_t b, int64_t *r) { return __builtin_mul_overflow(a, b, r); });
  case Op::Min: return corners([](int64_t a, int64_t b, int64_t *r) { return *r = std::min(a, b), false; });
  case Op::Max: return corners([](int64_t a, int64_t b, int64_t *r) { return *r = std::max(a, b), false; });
  case Op::FloorDiv:
    if (ranges[1].low < 1) return std::nullopt;
    return corners([](int64_t a, int64_t b, int64_t *r) { return *r = floorDiv(a, b), false; });
  case Op::Mod:
    if (ranges[1].low < 1) return std::nullopt;
    return ValueRange{0, ranges[1].high - 1};
  case Op::Neg:
    if (ranges[0].low == INT64_MIN) return std::nullopt;
    return ValueRange{-ranges[0].high, -ranges[0].low};
  case Op::Abs: {
    auto [low, high] = ranges[0];
    if (low == INT64_MIN) return std::nullopt;
    return ValueRange{low > 0 ? low : high < 0 ? -high : 0, std::max(-low, high)};
  }
  default: return std::nullopt;
  }
}

} // namespace maskloom
