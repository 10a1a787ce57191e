// Lesson 1: the first mask.
//
// A mask says which keys a query may see. It is written once, as an expression over token positions, and
// compiled into a kernel for that mask. Here: causal attention, on the CPU, with one head.
#include "lesson.h"

using namespace maskloom;

int main() try {
  // Positions are symbols, not numbers: nothing is evaluated here, the expression itself is kept.
  Index q = query(), k = key();
  Pattern causal("causal", q >= k);
  std::printf("%s", toText(causal).c_str()); // the same as a pattern file

  // Compiled for one number of heads and one head dim, and for every sequence length. The second run of this
  // program finds the kernel in the cache. With a GPU: leave out `device`, take bf16, and pass device
  // pointers below.
  Attention attention =
      compile(causal, {.heads = 1, .head_dim = 32, .dtype = DType::f32, .device = Device::Cpu});

  lesson::Checks checks;
  for (int64_t tokens : {1, 7, 200}) { // the same kernel
    lesson::Values Q = lesson::random(1, 1, tokens, 32, 1), K = lesson::random(1, 1, tokens, 32, 2),
                   V = lesson::random(1, 1, tokens, 32, 3), O{1, 1, tokens, 32};
    attention.forward(Q.tensor(), K.tensor(), V.tensor(), O.tensor());
    checks.near(
        lesson::difference(Q, K, V, O, [](auto, auto, int64_t row, int64_t column) { return row >= column; }),
        "causal attention");
  }
  return checks.result();
} catch (const Error &error) { // the only exception of the library
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
