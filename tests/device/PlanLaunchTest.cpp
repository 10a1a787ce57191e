// Launches of kernels that need a plan: when it is made, and where it is kept.
#include "LauncherFixture.h"

#include <set>
#include <thread>

namespace maskloom {
namespace {

using PlanLaunch = LauncherTest;

TEST_F(PlanLaunch, PlansOnceForAShape) {
  Launcher l = launcher(true);
  // 3 * 8 heads, 16 Q tiles, two sets, ceil(157 KV tiles / 32) = 5 words of 4 bytes.
  EXPECT_EQ(l.workspaceBytes(args()), 3u * 8 * 16 * 2 * 5 * 4);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(l.forward(args(), {.stream = kStreamA}), "");
  ASSERT_EQ(fake().launches.size(), 4u);
  const FakeLaunch &plan = fake().launches[0], &forward = fake().launches[1];
  EXPECT_EQ(plan.grid, 3u * 8 * 16);
  EXPECT_EQ(plan.threads, 128u);
  EXPECT_EQ(plan.sharedBytes, 0u);
  EXPECT_EQ(plan.stream, kStreamA);
  EXPECT_NE(plan.args.plan, nullptr);
  EXPECT_EQ(forward.args.plan, plan.args.plan);
  EXPECT_EQ(functions(), (Names{"forward_plan", "forward", "forward", "forward"}));
  EXPECT_EQ(fake().calls, (Names{"attribute forward 8 100000", "allocate 15360"}));
  EXPECT_EQ(fake().synchronized, 0u);
}

TEST_F(PlanLaunch, SortsTheUnitsOfAPlan) {
  Launcher l = sortingLauncher();
  constexpr size_t kUnits = 3 * 8 * 16, kBitmapWords = kUnits * 2 * 5;
  EXPECT_EQ(l.workspaceBytes(args()), (kBitmapWords + kUnits * 2) * 4);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(l.forward(args(), {.stream = kStreamA}), "");
  ASSERT_EQ(fake().launches.size(), 4u);
  const FakeLaunch &plan = fake().launches[0], &order = fake().launches[1];
  EXPECT_EQ(plan.args.unit_order, plan.args.plan + kBitmapWords);
  EXPECT_EQ(order.args.unit_order, plan.args.unit_order);
  EXPECT_EQ(order.threads, 256u);
  EXPECT_EQ(order.stream, kStreamA);
  // A block a section: the last has all 24 pairs of batch entry and head, whose K and V are small.
  EXPECT_EQ(order.args.last_section_heads, 24);
  EXPECT_EQ(order.grid, 1u);
  EXPECT_EQ(fake().launches[3].args.unit_order, plan.args.unit_order);
  EXPECT_EQ(functions(), (Names{"forward_plan", "forward_order", "forward", "forward"}));

  // Heads whose K and V the cache does not hold: neighbouring Q tiles run together.
  ForwardArgs large = args(1000, 1 << 18);
  EXPECT_EQ(l.forward(large, {.stream = kStreamA}), "");
  EXPECT_EQ(fake().launches.back().args.unit_order, nullptr);
  EXPECT_EQ(functions(), (Names{"forward_plan", "forward"}));

  // Sections of one KV head each, and the last one.
  ForwardArgs many = args(1 << 15, 40'000);
  EXPECT_EQ(l.forward(many, {.stream = kStreamA}), "");
  const ForwardArgs &of = fake().launches.back().args;
  EXPECT_LT(of.last_section_heads, 24);
  EXPECT_EQ(fake().launches[1].grid,
            unsigned((24 - of.last_section_heads + of.section_heads - 1) / of.section_heads + 1));
}

TEST_F(PlanLaunch, OrdersThatGainNothingAreNotMade) {
  Launcher l = sortingLauncher();
  EXPECT_EQ(l.forward(args(1000, 7 * 32), {}), "");
  EXPECT_EQ(functions(), (Names{"forward_plan", "forward"})) << "few KV tiles";
  EXPECT_EQ(l.forward(args(1 << 17, 5000), {}), "");
  EXPECT_EQ(functions(), (Names{"forward_plan", "forward"})) << "many units";
}

TEST_F(PlanLaunch, OrdersAreMadeWithTheirPlans) {
  Launcher l = sortingLauncher();
  const int lengths[] = {10, 20, 30};
  ForwardArgs a = args();
  a.key_lengths = lengths; // may change in place
  for (int call = 0; call < 2; ++call) {
    EXPECT_EQ(l.forward(a, {}), "");
    EXPECT_EQ(functions(), (Names{"forward_plan", "forward_order", "forward"}));
  }
  fake().capturing = true;
  EXPECT_EQ(l.forward(args(), {}), "");
  for (const FakeLaunch &launch : fake().launches)
    EXPECT_EQ(launch.args.unit_order, fake().launches[0].args.unit_order);
  EXPECT_NE(fake().launches[0].args.unit_order, nullptr);
  EXPECT_EQ(functions(), (Names{"forward_plan", "forward_order", "forward"}));
}

TEST_F(PlanLaunch, PlansAgainWhenWhatThePlanReadsChanges) {
  Launcher l = launcher(true);
  int data = 0;
  ForwardArgs a = args();
  l.forward(a, {});
  functions();
  auto plansAgain = [&](const Launcher::Options &options = {}) {
    EXPECT_EQ(l.forward(a, options), "");
    bool planned = functions() == Names{"forward_plan", "forward"};
    EXPECT_EQ(l.forward(a, {}), "");
    EXPECT_EQ(functions(), Names{"forward"}); // and then no more
    return planned;
  };
  a.params[1] = 5;
  EXPECT_TRUE(plansAgain());
  a.aux[0].data = &data;
  EXPECT_TRUE(plansAgain());
  a.aux[0].strides[2] = 3;
  EXPECT_TRUE(plansAgain());
  a.aux[0].extents[0] = 3;
  EXPECT_TRUE(plansAgain());
  a.key_offset = 9;
  EXPECT_TRUE(plansAgain());
  a.has_query_offset = 1;
  EXPECT_TRUE(plansAgain());
  a.query_offset = 4;
  EXPECT_TRUE(plansAgain());
  a.kv_heads = 4;
  EXPECT_TRUE(plansAgain());
  EXPECT_TRUE(plansAgain({.auxChanged = true}));
  EXPECT_EQ(fake().allocated, 1u);

  // What the plan does not read.
  a.has_query_offset = 0;
  EXPECT_TRUE(plansAgain());
  a.query_offset = 77; // unused without has_query_offset
  a.scale = 2;
  a.q.data = &data;
  a.params[2] = 1;       // the program has two parameters
  a.aux[1].data = &data; // and one aux tensor
  EXPECT_FALSE(plansAgain());
}

TEST_F(PlanLaunch, LengthsMayChangeInPlaceSoTheirPlanIsNotKept) {
  Launcher l = launcher(true);
  int lengths = 0;
  for (bool queries : {false, true}) {
    ForwardArgs a = args();
    (queries ? a.query_lengths : a.key_lengths) = &lengths;
    for (int call = 0; call < 3; ++call) {
      functions();
      EXPECT_EQ(l.forward(a, {}), "");
      EXPECT_EQ(functions(), (Names{"forward_plan", "forward"}));
    }
  }
}

TEST_F(PlanLaunch, StreamsAndShapesHaveTheirOwnBitmaps) {
  Launcher l = launcher(true);
  l.forward(args(), {.stream = kStreamA});
  l.forward(args(), {.stream = kStreamB});
  l.forward(args(500), {.stream = kStreamA});
  EXPECT_EQ(fake().allocated, 3u);
  const auto &launches = fake().launches;
  EXPECT_NE(launches[1].args.plan, launches[3].args.plan);
  EXPECT_NE(launches[1].args.plan, launches[5].args.plan);
  functions();
  l.forward(args(), {.stream = kStreamA});
  l.forward(args(500), {.stream = kStreamA});
  l.forward(args(), {.stream = kStreamB});
  EXPECT_EQ(functions(), (Names{"forward", "forward", "forward"}));
  EXPECT_EQ(fake().allocated, 3u);
}

TEST_F(PlanLaunch, ThePerThreadStreamIsAnotherInEachThread) {
  Launcher l = launcher(true);
  void *perThread = reinterpret_cast<void *>(uintptr_t{2});
  l.forward(args(), {.stream = perThread});
  std::thread([&] {
    FakeDriver::setContext(1);
    l.forward(args(), {.stream = perThread});
  }).join();
  EXPECT_EQ(fake().allocated, 2u);
}

TEST_F(PlanLaunch, TheNumberOfBitmapsIsBounded) {
  Launcher l = launcher(true);
  for (int i = 0; i < 100; ++i) {
    l.forward(args(1000), {}); // stays in use
    l.forward(args(1001 + i), {});
  }
  EXPECT_EQ(fake().allocated - fake().freed, Launcher::kMaxWorkspaces);
  fake().launches.clear();
  l.forward(args(1000), {});
  EXPECT_EQ(functions(), Names{"forward"});
}

TEST_F(PlanLaunch, PrepareMakesTheFirstCallCheap) {
  Launcher l = launcher(true);
  EXPECT_EQ(l.prepare(args(), {.stream = kStreamA}), "");
  EXPECT_EQ(functions(), Names{"forward_plan"});
  EXPECT_EQ(fake().synchronized, 1u);
  size_t calls = fake().calls.size();
  EXPECT_EQ(l.forward(args(), {.stream = kStreamA}), "");
  EXPECT_EQ(functions(), Names{"forward"});
  EXPECT_EQ(fake().calls.size(), calls); // nothing allocated
}

TEST_F(PlanLaunch, GraphsCarryTheirPlanner) {
  Launcher l = launcher(true);
  EXPECT_EQ(l.prepare(args(), {}), "");
  functions();
  for (int call = 0; call < 2; ++call) {
    fake().capturing = true;
    EXPECT_EQ(l.forward(args(), {}), "");
    EXPECT_EQ(functions(), (Names{"forward_plan", "forward"}));
    fake().capturing = false; // the plan of eager calls is another one
    EXPECT_EQ(l.forward(args(), {}), "");
    EXPECT_EQ(functions(), Names{"forward"});
  }
}

/// The bitmaps of `launches`, pairs of planner and kernel, which must agree.
std::vector<void *> bitmapsOf(const std::vector<FakeLaunch> &launches) {
  std::vector<void *> bitmaps;
  for (size_t i = 0; i + 1 < launches.size(); i += 2) {
    EXPECT_EQ(launches[i].function, "forward_plan");
    EXPECT_EQ(launches[i + 1].function, "forward");
    EXPECT_EQ(launches[i].args.plan, launches[i + 1].args.plan);
    bitmaps.push_back(launches[i].args.plan);
  }
  return bitmaps;
}

TEST_F(PlanLaunch, GraphsHaveTheirOwnBitmaps) {
  Launcher l = launcher(true);
  EXPECT_EQ(l.forward(args(), {.stream = kStreamA}), "");
  fake().capturing = true;
  auto capture = [&](uintptr_t graph, void *stream, int tokens = 1000) {
    fake().graph = graph;
    EXPECT_EQ(l.forward(args(tokens), {.stream = stream}), "");
    EXPECT_EQ(FakeDriver::captureMode(), 0); // as it was
  };
  capture(1, kStreamA);
  capture(1, kStreamA); // ordered behind the one before
  capture(1, kStreamB); // a branch of the same graph
  capture(1, kStreamA, 500);
  capture(2, kStreamA);
  const std::vector<void *> bitmaps = bitmapsOf(fake().launches);
  EXPECT_EQ(bitmaps[1], bitmaps[2]);
  EXPECT_EQ(std::set<void *>(bitmaps.begin(), bitmaps.end()).size(), 5u);
  EXPECT_EQ(fake().allocated, 5u);
}

TEST_F(PlanLaunch, BitmapsOfDestroyedGraphsAreUsedAgain) {
  {
    Launcher l = launcher(true);
    fake().capturing = true;
    for (uintptr_t graph = 1; graph <= 10; ++graph) {
      fake().graph = graph;
      EXPECT_EQ(l.forward(args(), {}), ""); // without prepare()
      if (graph > 2) FakeDriver::destroyGraph(graph - 2);
    }
    EXPECT_EQ(fake().allocated, 3u);
    FakeDriver::destroyGraph(9);
    FakeDriver::destroyGraph(10);
    EXPECT_EQ(fake().freed, 0u); // the driver's thread may not
    fake().capturing = false;
    EXPECT_EQ(l.forward(args(), {}), "");
    EXPECT_EQ(fake().freed, 3u); // graph 8 was destroyed before
    fake().capturing = true;
    fake().graph = 11;
    EXPECT_EQ(l.forward(args(), {}), "");
  }
  EXPECT_EQ(fake().allocated, fake().freed);
  FakeDriver::destroyGraph(11); // after the launcher
}

TEST_F(PlanLaunch, BitmapsStayWhereTheDriverDoesNotKnowTheGraphsEnd) {
  for (const char *failing : {"object", "retain object"}) {
    FakeDriver::reset();
    {
      Launcher l = launcher(true);
      fake().capturing = true;
      fake().failing = failing;
      for (uintptr_t graph : {1, 2, 3}) {
        fake().graph = graph;
        EXPECT_EQ(l.forward(args(), {}), "");
        FakeDriver::destroyGraph(graph);
      }
      EXPECT_EQ(fake().allocated, 3u);
    }
    EXPECT_EQ(fake().freed, 3u);
  }
}

TEST_F(PlanLaunch, AFailedPlanIsMadeAgain) {
  Launcher l = launcher(true);
  fake().failing = "launch";
  EXPECT_NE(l.forward(args(), {}), "");
  fake().failing = "";
  functions();
  EXPECT_EQ(l.forward(args(), {}), "");
  EXPECT_EQ(functions(), (Names{"forward_plan", "forward"}));
}

} // namespace
} // namespace maskloom
