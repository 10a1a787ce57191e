// Lesson 5: layouts, which give heads masks of their own.
//
// A mask may name the head (lesson 2). Where heads differ in kind, a layout says so: groups of (KV) heads,
// each with its mask, in one kernel. Several query heads may share a KV head (grouped-query attention), and
// ranges of the context may have masks of their own (bands).
#include "lesson.h"

#include <string>

using namespace maskloom;

int main() try {
  lesson::Checks checks;
  Index q = query(), k = key();

  // 8 query heads on 4 KV heads. The first KV head retrieves: it sees all. The next two see a sink and a
  // window. The last one sees near blocks whole, every second one of the middle, every fourth of the far
  // context, shifted by the query head.
  Index blocks = floordiv(q, 8) - floordiv(k, 8);
  Mask ranges = bands(blocks, {{2, all()}, {6, (floordiv(k, 8) + head()) % 2 == 0}},
                      (floordiv(k, 8) + head()) % 4 == 0);
  Layout layout;
  layout.kvHeads(0, 0, all()).kvHeads(1, 2, k < 4 || q - k < 24).kvHeads(3, 3, ranges);
  Pattern pattern("three_kinds", q >= k, layout); // the mask of a head: q >= k AND its group's

  auto visible = [](auto, int64_t h, int64_t row, int64_t column) {
    int64_t kvHead = h / 2, distance = row / 8 - column / 8;
    if (row < column) return false;
    if (kvHead == 0) return true;
    if (kvHead <= 2) return column < 4 || row - column < 24;
    return distance < 2 || (column / 8 + h) % (distance < 6 ? 2 : 4) == 0;
  };

  CompileOptions options{
      .heads = 8, .kv_heads = 4, .head_dim = 16, .dtype = DType::f32, .device = Device::Cpu};
  Attention attention = compile(pattern, options);
  lesson::Values Q = lesson::random(1, 8, 130, 16, 1), K = lesson::random(1, 4, 130, 16, 2),
                 V = lesson::random(1, 4, 130, 16, 3), O{1, 8, 130, 16};
  attention.forward(Q.tensor(), K.tensor(), V.tensor(), O.tensor());
  checks.near(lesson::difference(Q, K, V, O, visible), "three kinds of heads in one launch");

  // What each kind costs. Heads of a group that see the same are explained together.
  Problem problem;
  problem.heads = 8;
  problem.kvHeads = 4;
  problem.queries = problem.keys = 130;
  Explanation cost = explain(pattern, problem);
  int64_t pairs = 0;
  for (const GroupExplanation &group : cost.groups) {
    std::printf("  heads %lld..%lld: %lld visible pairs\n", static_cast<long long>(group.first),
                static_cast<long long>(group.last), static_cast<long long>(group.visiblePairs));
    pairs += group.visiblePairs;
    int64_t counted = 0;
    for (int64_t h = group.first; h <= group.last; ++h)
      for (int64_t row = 0; row < 130; ++row)
        for (int64_t column = 0; column < 130; ++column) counted += visible(0, h, row, column);
    checks.expect(group.visiblePairs == counted, "the group's pairs, by counting");
  }
  checks.expect(pairs == cost.visiblePairs, "the groups are all there is");

  // Groups must hold every head exactly once: 6 KV heads are 2 too many for this layout.
  options.heads = 12;
  options.kv_heads = 6;
  std::string message;
  try {
    compile(pattern, options);
  } catch (const Error &error) {
    message = error.what();
  }
  std::printf("%s\n", message.c_str());
  checks.expect(message.find("KV heads 4..5 are in no group") != std::string::npos, "heads without a group");
  return checks.result();
} catch (const Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
