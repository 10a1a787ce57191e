// Affine forms: floor splitting, normalisation of constraints, limits of the arithmetic.
#include "maskloom/analysis/LinearSystem.h"
#include "maskloom/program/Arithmetic.h"

#include <gtest/gtest.h>

#include <map>

namespace maskloom::analysis {
namespace {

Constraint constraint(std::map<int, int64_t> coefficients, int64_t constant, bool equality = false) {
  Constraint c;
  for (auto [variable, coefficient] : coefficients) c.form[variable] = coefficient;
  c.form.constant = constant;
  c.equality = equality;
  return c;
}

TEST(Normalise, DividesAndRoundsBounds) {
  System system{constraint({{0, 4}, {1, -6}}, 5)}; // 4x - 6y + 5 >= 0 is 2x - 3y + 2 >= 0
  ASSERT_TRUE(normalise(system));
  EXPECT_EQ(system, (System{constraint({{0, 2}, {1, -3}}, 2)}));
}

TEST(Normalise, FindsContradictions) {
  System apart{constraint({{0, 1}}, -3), constraint({{0, -1}}, 2)}; // x >= 3, x <= 2
  EXPECT_FALSE(normalise(apart));
  System indivisible{constraint({{0, 2}, {1, 4}}, 1, true)};
  EXPECT_FALSE(normalise(indivisible));
  System negative{constraint({}, -1)};
  EXPECT_FALSE(normalise(negative));
  System equalities{constraint({{0, 1}}, -1, true), constraint({{0, -1}}, 2, true)}; // x = 1, x = 2
  EXPECT_FALSE(normalise(equalities));
}

TEST(Normalise, MeetingBoundsAreAnEquality) {
  System system{constraint({{0, 1}}, -3), constraint({{0, -1}}, 3)};
  ASSERT_TRUE(normalise(system));
  EXPECT_EQ(system, (System{constraint({{0, 1}}, -3, true)}));
}

TEST(Normalise, KeepsTheTightestOfParallelBounds) {
  System system{constraint({{0, 1}}, 5), constraint({{0, 1}}, 2), constraint({{0, 1}}, 9)};
  ASSERT_TRUE(normalise(system));
  EXPECT_EQ(system, (System{constraint({{0, 1}}, 2)}));
}

TEST(Form, ReportsOverflow) {
  Form a, b;
  b[0] = kMaxCoefficient;
  EXPECT_TRUE(a.add(b, 1));
  EXPECT_FALSE(a.add(b, 1));
  Form c, d;
  d.constant = INT64_MAX / 2;
  EXPECT_FALSE(c.add(d, 3));
}

struct TableFixture {
  Program program;
  VariableTable table{program, {128, 64}, Orientation::Forward, 48};
};

TEST(VariableTable, FloorSplitsTheDivisiblePart) {
  TableFixture f;
  Form q = *f.table.lower(Symbol::QueryPosition, 0); // 128 Q + r + query offset
  Form block = *f.table.floorOf(q, 64);
  EXPECT_EQ(block[f.table.outerTile()], 2);
  EXPECT_TRUE(f.table.hasLocal(block));
  EXPECT_EQ(*f.table.floorOf(q, 64), block); // known quotients are found again
}

TEST(VariableTable, FloorOfARangeWithinOnePeriodIsConstant) {
  TableFixture f;
  Form column = *f.table.lower(Symbol::KeyPosition, 0);
  Form offset = *f.table.lower(Symbol::KeyOffset, 0);
  ASSERT_TRUE(column.add(offset, -1)); // 64 K + c
  Form block = *f.table.floorOf(column, 64);
  EXPECT_EQ(block[f.table.innerTile()], 1);
  EXPECT_FALSE(f.table.hasLocal(block));
}

TEST(VariableTable, ResiduesHaveTheSmallestAbsoluteValue) {
  TableFixture f;
  Form head = *f.table.lower(Symbol::Head, 0), seven;
  ASSERT_TRUE(seven.add(head, 7));
  Form quotient = *f.table.floorOf(seven, 8); // 7h / 8 = h + floor(-h / 8)
  int variable = f.table.size() - 1;
  EXPECT_EQ(quotient[variable], 1);
  EXPECT_EQ(f.table[variable].denominator, 8);
  EXPECT_EQ(*f.table.highest(f.table[variable].numerator), 0);
}

TEST(VariableTable, SaysWhenItIsFull) {
  Program program;
  VariableTable table(program, {128, 64}, Orientation::Forward, 8);
  Form head = *table.lower(Symbol::Head, 0);
  bool full = false;
  for (int64_t divisor = 2; divisor < 20 && !full; ++divisor) full = !table.floorOf(head, divisor);
  EXPECT_TRUE(full);
}

} // namespace
} // namespace maskloom::analysis
