// The hash on random patterns: written differently it stays, with another meaning it never does.
#include "maskloom/dsl/Canonical.h"
#include "maskloom/dsl/Print.h"
#include "tests/support/RandomPattern.h"
#include "tests/support/RandomRule.h"
#include "tests/support/Seed.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <map>

using namespace maskloom;
using namespace maskloom::testing;

namespace {

/// Says the same in other words: order, De Morgan, negation, turned and shifted comparisons, constants and
/// multiples of divisors added and taken away.
class Paraphrase {
public:
  explicit Paraphrase(uint64_t seed) : random_(seed) {}

  Pattern of(const Pattern &pattern) {
    Pattern result = pattern;
    result.name = "another_name";
    result.mask = expr(pattern.mask);
    for (HeadGroup &group : result.layout.groups) group.mask = expr(group.mask);
    std::vector<HeadGroup> &groups = result.layout.groups;
    if (!groups.empty() && groups.back().first < groups.back().last) { // one group as two
      HeadGroup last = groups.back();
      groups.back().last = last.first;
      ++last.first;
      last.mask = expr(last.mask);
      groups.insert(groups.begin(), last);
    }
    return result;
  }

private:
  Expr expr(const Expr &written) {
    if (written->operands.empty()) return written;
    auto copy = std::make_shared<ExprNode>(*written);
    for (Expr &operand : copy->operands) operand = expr(operand);
    if (random_.chance(50)) return copy;
    return copy->type == Type::Bool ? mask(*copy) : copy->type == Type::Int ? integer(*copy) : copy;
  }

  Expr mask(const ExprNode &node) {
    auto operand = [&](size_t i) { return Mask(node.operands[i]); };
    bool first = random_.chance(50);
    switch (node.op) {
    case Op::And: return (first ? operand(1) && operand(0) : !(!operand(1) || !operand(0))).expr();
    case Op::Or:
      return (first ? operand(1) || (operand(0) || operand(1)) : !(!operand(0) && !operand(1))).expr();
    case Op::Not: return (!!!operand(0)).expr();
    case Op::Select: return select(!operand(0), operand(2), operand(1)).expr();
    default: break;
    }
    if (node.operands[0]->type != Type::Int) return std::make_shared<ExprNode>(node);
    Index a(node.operands[0]), b(node.operands[1]);
    int64_t shift = random_.uniform(-30, 30);
    switch (node.op) {
    case Op::Eq: return (first ? b == a : !(a + shift != b + shift)).expr();
    case Op::Ne: return (first ? b + shift != a + shift : !(a == b)).expr();
    case Op::Lt: return (first ? b > a : a + 1 <= b).expr();
    case Op::Le: return (first ? b + 1 > a : !(b < a)).expr();
    case Op::Gt: return (first ? 2 * b < 2 * a : b - a < 0).expr();
    default: return (first ? !(a < b) : a + shift > b + (shift - 1)).expr();
    }
  }

  Expr integer(const ExprNode &node) {
    auto operand = [&](size_t i) { return Index(node.operands[i]); };
    bool first = random_.chance(50);
    int64_t shift = random_.uniform(-30, 30);
    switch (node.op) {
    case Op::Add: return (first ? operand(1) + operand(0) : operand(0) - (-operand(1))).expr();
    case Op::Sub:
      return (first ? -operand(1) + operand(0) : (operand(0) + shift) - operand(1) - shift).expr();
    case Op::Mul: return (first ? operand(1) * operand(0) : -(operand(0) * -operand(1))).expr();
    case Op::Min:
      if (node.operands[1]->op == Op::Min) return min(operand(1), operand(0)).expr();
      return min(operand(1), min(operand(0), operand(1) + (shift & 7))).expr();
    case Op::Max: return max(operand(1), operand(0)).expr();
    case Op::Abs: return abs(-operand(0)).expr();
    case Op::FloorDiv: return (floordiv(operand(0) + shift * operand(1), operand(1)) - shift).expr();
    case Op::Mod: return ((operand(0) + shift * operand(1)) % operand(1)).expr();
    case Op::Select: return select(!Mask(node.operands[0]), operand(2), operand(1)).expr();
    default: return std::make_shared<ExprNode>(node);
    }
  }

  RuleInstances random_;
};

TEST(CanonicalProperty, WrittenDifferentlyTheHashIsTheSame) {
  const uint64_t seed = seedOfThisRun();
  Paraphrase paraphrase(seed);
  for (int i = 0; i < casesOfThisRun(2000); ++i) {
    RandomCase test = randomCase(seed, static_cast<uint64_t>(i), {.maxTokens = 32, .maxHeads = 6});
    Pattern other = paraphrase.of(test.pattern);
    ASSERT_EQ(canonicalText(canonicalize(test.pattern, test.problem.params)),
              canonicalText(canonicalize(other, test.problem.params)))
        << "seed " << seed << " case " << i << "\n"
        << toText(test.pattern) << toText(other);
  }
}

/// Which of the places of a small problem are visible, one bit each.
std::string meaningOf(const Pattern &pattern, const Problem &problem) {
  Interpreter interpreter(pattern, problem);
  std::string bits;
  for (int64_t head = 0; head < problem.heads; ++head)
    for (int64_t row = 0; row < problem.queries; ++row)
      for (int64_t column = 0; column < problem.keys; ++column)
        bits += interpreter.visible(0, head, row, column) ? '1' : '0';
  return bits;
}

TEST(CanonicalProperty, WithAnotherMeaningTheHashIsAnother) {
  const uint64_t seed = seedOfThisRun();
  RuleInstances random(seed);
  Problem problem;
  problem.queries = problem.keys = 10;
  problem.queryOffset = -4;
  problem.heads = problem.kvHeads = 2;
  std::map<std::string, std::pair<std::string, std::string>> known; // by hash: meaning, text
  const int cases = casesOfThisRun(2000) * 3;
  int repeated = 0;
  for (int i = 0; i < cases; ++i) {
    // Small ones, of which many mean the same in different words.
    Pattern pattern("p", random.mask(static_cast<int>(random.uniform(0, 2))));
    std::string meaning = meaningOf(pattern, problem);
    auto [entry, fresh] =
        known.try_emplace(patternHash(canonicalize(pattern)), std::pair(meaning, toText(pattern)));
    ASSERT_EQ(entry->second.first, meaning) << "seed " << seed << "\n"
                                            << entry->second.second << toText(pattern);
    repeated += !fresh && entry->second.second != toText(pattern);
  }
  EXPECT_GE(repeated, cases / 50) << "too few written differently, seed " << seed;
}

// One number changed: where that changes what is visible it changes the hash.
TEST(CanonicalProperty, AChangedNumberChangesTheHashWhereItChangesTheMeaning) {
  const uint64_t seed = seedOfThisRun();
  RuleInstances random(seed);
  int changed = 0;
  const int cases = casesOfThisRun(2000) / 4;
  for (int i = 0; i < cases; ++i) {
    RandomCase test =
        randomCase(seed + 1, static_cast<uint64_t>(i), {.maxTokens = 24, .maxHeads = 2, .batches = false});
    int64_t shift = random.uniform(1, 2);
    int64_t which = random.uniform(0, 5);
    auto edit = [&](auto &self, const Expr &written) -> Expr {
      if (written->op == Op::IntConst && which-- == 0) return makeInt(written->intValue + shift);
      auto copy = std::make_shared<ExprNode>(*written);
      for (Expr &operand : copy->operands) operand = self(self, operand);
      return copy;
    };
    Pattern other = test.pattern;
    other.mask = edit(edit, test.pattern.mask);
    if (meaningOf(test.pattern, test.problem) == meaningOf(other, test.problem)) continue;
    ++changed;
    ASSERT_NE(patternHash(canonicalize(test.pattern, test.problem.params)),
              patternHash(canonicalize(other, test.problem.params)))
        << toText(test.pattern) << toText(other);
  }
  EXPECT_GE(changed, cases / 10);
}

} // namespace
