// Every rule of the canonical form holds by the interpreter, a rule planted wrong is noticed, and both sides
// of every rule have one hash.
#include "maskloom/dsl/Canonical.h"
#include "maskloom/dsl/Interpreter.h"
#include "maskloom/dsl/Print.h"
#include "tests/support/RandomRule.h"
#include "tests/support/Seed.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

using namespace maskloom;
using namespace maskloom::testing;

namespace {

constexpr int kToRefute = 1000; // instances of a wrong rule, at most

/// Of each rule, half with constants near the ends of 64 bits.
int instancesOfThisRun() { return std::max(casesOfThisRun(2000) / 50, 12); }

std::string nameOf(const Rule &rule) { return fmt::format("Rules.cpp:{}", rule.from->loc.line); }

/// Positions on both sides of 0, and at the ends of 64 bits.
std::vector<Problem> places() {
  std::vector<Problem> result(3);
  for (Problem &problem : result) {
    problem.queries = problem.keys = 12;
    problem.heads = problem.kvHeads = 2;
    problem.queryOffset = -6;
    problem.keyOffset = -5;
  }
  result[1].queryOffset = INT64_MAX - 11;
  result[2].queryOffset = INT64_MIN + 1;
  result[2].keyOffset = INT64_MAX - 11;
  return result;
}

Pattern patternOf(const Expr &side) {
  if (side->type == Type::Bool) return Pattern("p", Mask(side));
  Pattern pattern("p", all());
  if (side->type == Type::Int) return Pattern("p", Index(side) == 0);
  pattern.modifyScore(Score(side));
  return pattern;
}

/// Where the sides differ, "" when nowhere. A point where a number leaves 64 bits counts for nothing.
std::string difference(const RuleInstances::Instance &sides, const Problem &problem, int64_t *points) {
  bool integers = sides.from->type == Type::Int;
  Pattern from = integers ? Pattern("p", Index(sides.from) == Index(sides.to)) : patternOf(sides.from);
  Pattern to = integers ? Pattern("p", all()) : patternOf(sides.to);
  Interpreter a(from, problem), b(to, problem);
  for (int64_t head = 0; head < problem.heads; ++head)
    for (int64_t row = 0; row < problem.queries; ++row)
      for (int64_t column = 0; column < problem.keys; ++column)
        try { // the interpreter divides by nothing below 1
          bool same = a.visible(0, head, row, column) == b.visible(0, head, row, column);
          double x = a.score(0.7, 0, head, row, column), y = b.score(0.7, 0, head, row, column);
          if (!same || (x != y && !(std::isnan(x) && std::isnan(y))))
            return fmt::format("h={} q={} k={}\n{}{}", head, row + *problem.queryOffset,
                               column + problem.keyOffset, toText(from), toText(to));
          ++*points;
        } catch (const std::overflow_error &) {
        } catch (const std::domain_error &undefined) {
          return undefined.what();
        }
  return "";
}

/// "" when the rule holds in all instances.
std::string refutation(const Rule &rule, uint64_t seed, int count, int64_t *points) {
  RuleInstances instances(seed);
  for (int i = 0; i < count; ++i) {
    auto sides = instances.draw(rule, i % 2, i % 4 == 0);
    if (!sides) return "the condition is never met";
    for (const Problem &problem : places())
      if (std::string differs = difference(*sides, problem, points); !differs.empty()) return differs;
  }
  return "";
}

bool isConstant(const ExprNode &node) {
  if (node.op != Op::Param) return false;
  Letter kind = letterOf(node);
  return kind == Letter::Constant || kind == Letter::Divisor || kind == Letter::Factor;
}

/// The expression with its `which`th constant (a letter or a number) one larger; counts them down.
Expr withOneMore(const Expr &expr, int &which) {
  if ((expr->op == Op::IntConst || isConstant(*expr)) && which-- == 0)
    return makeExpr(Op::Add, Type::Int, {expr, makeInt(1)});
  auto node = std::make_shared<ExprNode>(*expr);
  for (Expr &operand : node->operands) operand = withOneMore(operand, which);
  return node;
}

Expr wrong(const Expr &side) {
  switch (side->type) {
  case Type::Int: return (Index(side) + 1).expr();
  case Type::Bool: return (!Mask(side)).expr();
  case Type::Float: return (Score(side) + 1).expr();
  }
  return side;
}

TEST(Rules, EachHoldsByTheInterpreter) {
  const uint64_t seed = seedOfThisRun();
  for (const Rule &rule : simplificationRules()) {
    int64_t points = 0;
    EXPECT_EQ(refutation(rule, seed, instancesOfThisRun(), &points), "") << nameOf(rule) << ", seed " << seed;
    EXPECT_GE(points, 100 * instancesOfThisRun()) << nameOf(rule) << " is hardly tried";
  }
}

TEST(Rules, AMistakeInAnyOneIsNoticed) {
  const uint64_t seed = seedOfThisRun();
  int planted = 0, noticed = 0;
  for (const Rule &rule : simplificationRules()) {
    int64_t points = 0;
    Rule turned = rule;
    turned.to = wrong(rule.to);
    EXPECT_NE(refutation(turned, seed, kToRefute, &points), "")
        << nameOf(rule) << ": a wrong right side, seed " << seed;
    if (rule.when) {
      Rule unconditional = rule;
      unconditional.when = nullptr;
      EXPECT_NE(refutation(unconditional, seed, kToRefute, &points), "")
          << nameOf(rule) << ": no condition, seed " << seed;
    }
    for (int i = 0;; ++i) {
      Rule shifted = rule;
      int which = i;
      shifted.to = withOneMore(rule.to, which);
      if (which >= 0) break; // no such constant
      ++planted;
      noticed += !refutation(shifted, seed, kToRefute, &points).empty();
    }
  }
  // A few are right all the same: the residues of a modulus may lie around any number.
  EXPECT_GE(noticed, planted - 4) << "of " << planted << ", seed " << seed;
}

/// In an index of a tensor an integer stays what it is.
std::string textOf(const Expr &side) {
  AuxInt tensor("t", {axis::fixed(1000)});
  return canonicalText(
      canonicalize(side->type == Type::Int ? Pattern("p", tensor(Index(side)) == 1) : patternOf(side)));
}

TEST(Rules, BothSidesHaveOneHash) {
  const uint64_t seed = seedOfThisRun();
  RuleInstances instances(seed);
  for (const Rule &rule : simplificationRules())
    for (int i = 0; i < instancesOfThisRun(); ++i) {
      auto sides = instances.draw(rule, false, true);
      ASSERT_TRUE(sides) << nameOf(rule);
      EXPECT_EQ(textOf(sides->from), textOf(sides->to))
          << nameOf(rule) << ", seed " << seed << "\n"
          << toText(patternOf(sides->from)) << toText(patternOf(sides->to));
    }
}

} // namespace
