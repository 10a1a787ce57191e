// Congruences as progressions, against counting one by one.
#include "maskloom/program/Arithmetic.h"
#include "maskloom/program/ScheduleInstance.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace maskloom {
namespace {

bool member(int64_t a, int64_t phase, int64_t period, int64_t width, int64_t x) {
  return integer::floorMod(a * x + phase, period) <= width;
}

TEST(Progression, AgreesWithTheCongruence) {
  for (int64_t period : {1, 2, 5, 6, 12, 16, 35})
    for (int64_t a = -period; a <= period; ++a)
      for (int64_t phase : {-17, -1, 0, 3, 40})
        for (int64_t width = -1; width <= period; ++width) {
          bool empty = false;
          Progression p = Progression::normalised(a, phase, period, width, empty);
          std::vector<bool> expected;
          for (int64_t x = 0; x < 90; ++x) expected.push_back(member(a, phase, period, width, x));
          ASSERT_EQ(empty, std::find(expected.begin(), expected.end(), true) == expected.end());
          if (empty) continue;
          int64_t seen = 0;
          for (int64_t x = 0; x < 80 - period; ++x) {
            ASSERT_EQ(p.contains(x), expected[x])
                << a << " " << phase << " " << period << " " << width << " " << x;
            int64_t next = std::find(expected.begin() + x, expected.end(), true) - expected.begin();
            ASSERT_EQ(p.next(x), next) << a << " " << phase << " " << period << " " << width << " " << x;
            if (expected[x]) {
              int64_t last = p.lastOfStretch(x);
              int64_t stop = std::find(expected.begin() + x, expected.end(), false) - expected.begin();
              ASSERT_TRUE(stop == static_cast<int64_t>(expected.size()) || last == stop - 1);
            }
            seen += expected[x];
            ASSERT_EQ(p.count(0, x), seen) << a << " " << phase << " " << period << " " << width << " " << x;
          }
          ASSERT_EQ(p.count(7, 45), std::count(expected.begin() + 7, expected.begin() + 46, true));
        }
}

} // namespace
} // namespace maskloom
