// Lesson 3: parameters and lengths.
//
// A parameter is an argument of the launch: one kernel serves every window. Inside a divisor it must be known
// when the kernel is compiled. Lengths may differ in a batch, and the queries may be the last few of many
// keys (decoding): no other pattern is needed, because positions are absolute.
#include "lesson.h"

#include <string>

using namespace maskloom;

namespace {

/// What the library says about a mistake.
template <typename Body>
std::string messageOf(Body body) {
  try {
    body();
  } catch (const Error &error) {
    return error.kind() == ErrorKind::User ? error.what() : "not the user's fault?";
  }
  return "no error";
}

} // namespace

int main() try {
  lesson::Checks checks;
  Index q = query(), k = key();
  Param window("window", 16, 1, 4096); // default 16, anything from 1 to 4096
  Param step("step", 4, 1, 64);        // stands in a divisor below
  Pattern pattern("window_and_steps", q >= k && (q - k < window || k % step == 0));

  CompileOptions options{.heads = 2, .head_dim = 16, .dtype = DType::f32, .device = Device::Cpu};
  options.constants = {{"step", 8}}; // instead of 4
  Attention attention = compile(pattern, options);

  // 1. Any window, with the kernel that is there.
  lesson::Values Q = lesson::random(1, 2, 90, 16, 1), K = lesson::random(1, 2, 90, 16, 2),
                 V = lesson::random(1, 2, 90, 16, 3), O{1, 2, 90, 16};
  for (int64_t value : {1, 5, 4096}) {
    attention.forward(Q.tensor(), K.tensor(), V.tensor(), O.tensor(), {.params = {{"window", value}}});
    auto visible = [&](auto, auto, int64_t row, int64_t column) {
      return row >= column && (row - column < value || column % 8 == 0);
    };
    checks.near(lesson::difference(Q, K, V, O, visible), ("window " + std::to_string(value)).c_str());
  }

  // 2. What does not fit is an error that says what would.
  auto forward = [&](const char *name, int64_t value) {
    return messageOf([&] {
      attention.forward(Q.tensor(), K.tensor(), V.tensor(), O.tensor(), {.params = {{name, value}}});
    });
  };
  checks.expect(forward("window", 0) == "parameter 'window' is 0: its declared range is 1..4096",
                "out of range");
  checks.expect(forward("widnow", 1) == "pattern 'window_and_steps' has no parameter 'widnow'",
                "no such name");
  checks.expect(forward("step", 2).find("compile again with constants") != std::string::npos, "a constant");

  // 3. Two conversations of 90 and 33 tokens, of which the last 2 are new. The queries are the last positions
  // of their entry.
  lesson::Values q2 = lesson::random(2, 2, 2, 16, 4), k2 = lesson::random(2, 2, 90, 16, 5),
                 v2 = lesson::random(2, 2, 90, 16, 6), o2{2, 2, 2, 16};
  const int32_t lengths[2] = {90, 33};
  float lse[2 * 2 * 2];
  attention.forward(q2.tensor(), k2.tensor(), v2.tensor(), o2.tensor(), {.lse = lse, .key_lengths = lengths});
  auto visible = [&](int64_t b, auto, int64_t row, int64_t column) {
    int64_t position = row + lengths[b] - 2;
    return column < lengths[b] && position >= column && (position - column < 16 || column % 8 == 0);
  };
  checks.near(lesson::difference(q2, k2, v2, o2, visible, lse), "decoding two entries of a batch");
  return checks.result();
} catch (const Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
