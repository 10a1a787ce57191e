// Lesson 4: masks that depend on data.
//
// Documents packed into one sequence must not see each other, and where they begin is known only at the
// launch. An auxiliary tensor holds a number for each token; the mask loads it at the query's and at the
// key's position. Which tiles can be skipped is then planned at run time, from the ranges of the values in
// each tile.
#include "lesson.h"

#include <string>

using namespace maskloom;

int main() try {
  lesson::Checks checks;
  Index q = query(), k = key(), b = batch();
  AuxInt doc("doc", {axis::batch(), axis::query()}); // one number a token; indexed by q or by k
  Pattern pattern("documents", q >= k && doc(b, q) == doc(b, k));
  Attention attention =
      compile(pattern, {.heads = 2, .head_dim = 16, .dtype = DType::f32, .device = Device::Cpu});

  constexpr int64_t kTokens = 150;
  std::vector<int32_t> numbers(2 * kTokens);
  auto pack = [&](int64_t entry, std::vector<int64_t> lengths) {
    int64_t token = entry * kTokens;
    for (size_t i = 0; i < lengths.size(); ++i)
      for (int64_t n = 0; n < lengths[i]; ++n) numbers[token++] = static_cast<int32_t>(i);
  };
  pack(0, {100, 30, 20});
  pack(1, {1, 148, 1});

  lesson::Values Q = lesson::random(2, 2, kTokens, 16, 1), K = lesson::random(2, 2, kTokens, 16, 2),
                 V = lesson::random(2, 2, kTokens, 16, 3), O{2, 2, kTokens, 16};
  ForwardOptions options;
  options.aux["doc"] = {numbers.data(), {2, kTokens}};
  auto visible = [&](int64_t entry, auto, int64_t row, int64_t column) {
    return row >= column && numbers[entry * kTokens + row] == numbers[entry * kTokens + column];
  };
  attention.forward(Q.tensor(), K.tensor(), V.tensor(), O.tensor(), options);
  checks.near(lesson::difference(Q, K, V, O, visible), "three documents an entry");

  // Other contents behind the same pointer: say so, for plans are kept.
  pack(0, {10, 10, 130});
  options.aux_changed = true;
  attention.forward(Q.tensor(), K.tensor(), V.tensor(), O.tensor(), options);
  checks.near(lesson::difference(Q, K, V, O, visible), "packed differently");

  // The extents are checked, so that no load can leave the tensor.
  options.aux["doc"] = {numbers.data(), {2, kTokens - 1}};
  std::string message;
  try {
    attention.forward(Q.tensor(), K.tensor(), V.tensor(), O.tensor(), options);
  } catch (const Error &error) {
    message = error.what();
  }
  checks.expect(message == "aux tensor 'doc' is too short: axis 1 has 149 entries, expected 150",
                "one token short");

  // What is true of every packing: no query sees a later key, and none sees nothing (it sees itself).
  Problem heads;
  heads.heads = heads.kvHeads = 2;
  PatternProofs proofs = prove(pattern, heads);
  checks.expect(proofs.causal.proof.status == ProofStatus::Proved, "causal, whatever the contents");
  checks.expect(proofs.rowsNonempty.proof.status == ProofStatus::Proved,
                "no empty row, whatever the contents");
  return checks.result();
} catch (const Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
