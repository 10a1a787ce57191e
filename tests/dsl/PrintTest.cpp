#include "maskloom/dsl/Print.h"
#include "maskloom/dsl/Names.h"

#include <gtest/gtest.h>

using namespace maskloom;

TEST(Print, AsFewParenthesesAsTheTreeAllows) {
  Index q = query(), k = key(), h = head();
  EXPECT_EQ(
      toText((q >= k && (floordiv(q, 64) - floordiv(k, 64) < 16 || (floordiv(k, 64) + h) % 16 == 0)).expr()),
      "q >= k && (q / 64 - k / 64 < 16 || (k / 64 + h) % 16 == 0)");
  EXPECT_EQ(toText((q - (k - 1)).expr()), "q - (k - 1)");
  EXPECT_EQ(toText((q - k - 1).expr()), "q - k - 1");
  EXPECT_EQ(toText((2 * (q + k) % 3).expr()), "2 * (q + k) % 3");
  EXPECT_EQ(toText((2 * ((q + k) % 3)).expr()), "2 * ((q + k) % 3)");
  EXPECT_EQ(toText((!(q < k) && !all()).expr()), "!(q < k) && !all");
  EXPECT_EQ(toText((-(q + 1) * -3).expr()), "-(q + 1) * -3");
  EXPECT_EQ(toText(select(h == 1, min(q, 4), abs(k)).expr()), "select(h == 1, min(q, 4), abs(k))");
}

TEST(Print, FloatsReadBackAsTheyWere) {
  EXPECT_EQ(floatText(50), "50.0");
  EXPECT_EQ(floatText(0.1), "0.1");
  EXPECT_EQ(floatText(1e300), "1e+300");
  EXPECT_EQ(std::stod(floatText(1.0 / 3.0)), 1.0 / 3.0);
}

TEST(Print, WholePatterns) {
  Index q = query(), k = key();
  Param window("window", 8, 0, 64);
  AuxInt doc("doc", {axis::batch(), axis::query()});
  Layout layout;
  layout.heads(0, 3, q - k < window).heads(4, 7, doc(batch(), q) == doc(batch(), k));
  Pattern pattern("p", q >= k, layout);
  pattern.modifyScore(score() * 0.5).withSink(AuxFloat("sinks", {axis::head()}));
  pattern.withBlocks(AuxInt("table", {axis::head(), axis::query(128), axis::key(64)}));
  EXPECT_EQ(toText(pattern), "pattern p {\n"
                             "  param window in 0..64 = 8;\n"
                             "  aux doc[b, q]: i32;\n"
                             "  aux sinks[h]: f32;\n"
                             "  blocks table[h, q/128, k/64];\n"
                             "  mask q >= k;\n"
                             "  heads 0..3: q - k < window;\n"
                             "  heads 4..7: doc[b, q] == doc[b, k];\n"
                             "  score s * 0.5;\n"
                             "  sink sinks;\n"
                             "}\n");
}

TEST(Names, TheNearestNameIsOneThatWasMeant) {
  std::vector<std::string> names = {"window", "sink", "local", "kvh"};
  EXPECT_EQ(nearestName("widnow", names), "window");
  EXPECT_EQ(nearestName("windows", names), "window");
  EXPECT_EQ(nearestName("snk", names), "sink");
  EXPECT_EQ(nearestName("global", names), "local");
  EXPECT_EQ(nearestName("completely", names), "");
  EXPECT_EQ(nearestName("x", names), "");
  EXPECT_TRUE(isIdentifier("a_1"));
  EXPECT_FALSE(isIdentifier("1a"));
  EXPECT_FALSE(isIdentifier(""));
  EXPECT_TRUE(isReserved("kvh"));
  EXPECT_FALSE(isReserved("sink")) << "words that only begin items may be names";
}
