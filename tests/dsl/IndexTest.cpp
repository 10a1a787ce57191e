// The C++ embedding builds the tree that was written, with the user's places.
#include "maskloom/dsl/Pattern.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace maskloom;

TEST(Index, BuildsTheTreeAsWritten) {
  Index q = query(), k = key(), h = head();
  Mask strided = (floordiv(k, 64) + h) % 16 == 0;
  const Expr &e = strided.expr();
  ASSERT_EQ(e->op, Op::Eq);
  ASSERT_EQ(e->operands[0]->op, Op::Mod);
  ASSERT_EQ(e->operands[0]->operands[0]->op, Op::Add);
  EXPECT_EQ(e->operands[0]->operands[0]->operands[0]->op, Op::FloorDiv);
  EXPECT_EQ(e->operands[0]->operands[1]->intValue, 16);
  EXPECT_EQ((q >= k && strided).expr()->operands[1], e) << "subtrees are shared, not copied";
}

TEST(Index, RecordsThePlaceOfEveryExpression) {
  Index q = query(), k = key();
  unsigned line = __LINE__ + 1;
  Mask mask = q - k < 7;
  EXPECT_EQ(mask.expr()->loc.line, line);
  EXPECT_NE(mask.expr()->loc.file.find("IndexTest.cpp"), std::string::npos);
  EXPECT_EQ(mask.expr()->operands[1]->loc.line, line);
}

TEST(Index, ScoresRecordTheUsersLineNotTheHeaders) {
  Score s = score();
  Score doubled = 2.0 * s;
  EXPECT_NE(doubled.expr()->operands[0]->loc.file.find("IndexTest.cpp"), std::string::npos);
  EXPECT_NE((s + (query() - key())).expr()->loc.file.find("IndexTest.cpp"), std::string::npos);
  EXPECT_EQ((s + (query() - key())).expr()->operands[1]->op, Op::ToFloat);
}

TEST(Index, SpaceCoordinatesAreFloorDivAndMod) {
  Space space({30, 48, 80});
  Expr first = space.query(0).expr(), middle = space.query(1).expr(), last = space.key(2).expr();
  EXPECT_EQ(first->op, Op::FloorDiv);
  EXPECT_EQ(first->operands[1]->intValue, 48 * 80);
  ASSERT_EQ(middle->op, Op::Mod);
  EXPECT_EQ(middle->operands[0]->operands[1]->intValue, 80);
  EXPECT_EQ(middle->operands[1]->intValue, 48);
  ASSERT_EQ(last->op, Op::Mod);
  EXPECT_EQ(last->operands[0]->op, Op::Index);
}

TEST(Index, BandsAreNestedSelects) {
  Index q = query(), k = key();
  Expr e = bands(q - k, {{16, all()}, {128, k % 4 == 0}}, none()).expr();
  ASSERT_EQ(e->op, Op::Select);
  EXPECT_EQ(e->operands[0]->operands[1]->intValue, 16);
  ASSERT_EQ(e->operands[2]->op, Op::Select);
  EXPECT_EQ(e->operands[2]->operands[0]->operands[1]->intValue, 128);
  EXPECT_EQ(e->operands[2]->operands[2]->op, Op::BoolConst);
}

TEST(Index, FloorDivisionRoundsTowardsMinusInfinity) {
  EXPECT_EQ(floorDiv(-1, 4), -1);
  EXPECT_EQ(floorDiv(-4, 4), -1);
  EXPECT_EQ(floorDiv(-5, 4), -2);
  EXPECT_EQ(floorMod(-5, 4), 3);
  EXPECT_EQ(floorMod(5, 4), 1);
  EXPECT_EQ(ceilDiv(5, 4), 2);
  EXPECT_EQ(ceilDiv(-5, 4), -1);
}

TEST(Pattern, CollectsParametersAndTensorsOnce) {
  Index q = query(), k = key();
  Param window("window", 32);
  AuxInt doc("doc", {axis::batch(), axis::query()});
  Pattern p("p", q - k < window && k - q < window && doc(batch(), q) == doc(batch(), k));
  EXPECT_EQ(p.params.size(), 1u);
  EXPECT_EQ(p.auxes.size(), 1u);
  EXPECT_EQ(p.findParam("window")->defaultValue, 32);
  EXPECT_EQ(p.findAux("doc"), doc.decl().get());
  EXPECT_EQ(p.findParam("doc"), nullptr);
}

TEST(Pattern, ParametersInDivisorsAndProductsAreConstants) {
  Index q = query(), k = key();
  Param block("block", 64, 1, 128), local("local", 16), stride("stride", 8, 1, 64), step("step", 2);
  Pattern p("p", floordiv(q, block) - floordiv(k, block) < local || (k + head() * step) % stride == 0);
  std::vector<std::string> names;
  for (const auto &param : constantParams(p)) names.push_back(param->name);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"block", "step", "stride"}));
}
