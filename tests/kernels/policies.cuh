// Head groups and patterns as the emitter writes them, by hand, for every tile shape M x N. Runs are exact up
// to the ragged ends unless said otherwise. Include after foundation.cuh (or its text).
#pragma once

namespace maskloom::kernel::policies {

constexpr int kUnbounded = 0x7fffffff, kLowest = -kUnbounded - 1;

MASKLOOM_DEVICE int ceil_quotient(int a, int b) { return -floor_div(-a, b); }

/// Row plus shift is at or after column wherever position q is at or after position k.
MASKLOOM_DEVICE int shift(const Context &c) { return int(c.query_offset - c.key_offset); }

/// What depends on one position alone, where that is nothing.
struct Nothing {};
struct Unhoisted {
  using Row = Nothing;
  using Column = Nothing;
  static MASKLOOM_DEVICE Row row(const Context &, int) { return {}; }
  static MASKLOOM_DEVICE Column column(const Context &, int) { return {}; }
};

/// No conditions on pairs.
struct Unpaired {
  static constexpr int kPairs = 0;
  using PairRow = Nothing;
  using PairColumn = Nothing;
  static MASKLOOM_DEVICE PairRow pair_row(const Context &, int) { return {}; }
  static MASKLOOM_DEVICE PairColumn pair_column(const Context &, int) { return {}; }
  static MASKLOOM_DEVICE bool same(const PairRow &, const PairRow &) { return true; }
  static MASKLOOM_DEVICE unsigned pairs(const Context &, const PairRow &, const PairColumn &, int) {
    return 0;
  }
};
/// No conditions on k alone either: intervals, or nothing.
struct Unflagged : Unpaired {
  static constexpr int kFlags = 0;
  static MASKLOOM_DEVICE unsigned flags(const Context &, int) { return 0; }
  template <int n>
  static constexpr MASKLOOM_DEVICE unsigned combine(const unsigned (&intervals)[n], const unsigned (&)[1],
                                                    const unsigned (&)[1]) {
    return intervals[0] | intervals[n - 1];
  }
};
struct PointByPoint : Unflagged {
  static constexpr int kIntervals = 0;
  static MASKLOOM_DEVICE void intervals(const Context &, int, int (&)[1], int (&)[1]) {}
};

/// Auxiliary tensor 0 at [b, position], the nearest entry where there is none.
MASKLOOM_DEVICE int document(const Context &c, int position) {
  return aux_load(c, 0, c.batch, (unsigned)max(0, min(position, int(c.args->aux[0].extents[1] - 1))));
}

struct Unfiltered {
  static constexpr bool kPlanned = false, kFiltered = false;
  static MASKLOOM_DEVICE bool keep_touched(const Context &, int, int, int) { return true; }
  static MASKLOOM_DEVICE bool keep_not_full(const Context &, int, int, int) { return true; }
};

/// mask all;
template <int M, int N>
struct All : Unfiltered, Unhoisted, Unflagged {
  static constexpr Congruences kCongruences = Congruences::kNone;
  static constexpr int kTouched = 1, kNotFull = 1;
  static MASKLOOM_DEVICE void runs(const Context &, int, Run (&touched)[1], Run (&not_full)[1]) {
    touched[0] = {0, kUnbounded, 1, 0, 0, 0};
    not_full[0] = {0, -1, 1, 0, 0, 0};
  }
  static constexpr int kIntervals = 1;
  static MASKLOOM_DEVICE void intervals(const Context &, int, int (&first)[1], int (&last)[1]) {
    first[0] = kLowest, last[0] = kUnbounded;
  }
  static MASKLOOM_DEVICE bool visible(const Context &, const Row &, const Column &, int, int) { return true; }
  static MASKLOOM_DEVICE bool visible(const Context &c, int q, int k) {
    return visible(c, row(c, q), column(c, k), q, k);
  }
};

/// mask none;
template <int M, int N>
struct None : Unfiltered, Unhoisted, Unflagged {
  static constexpr Congruences kCongruences = Congruences::kNone;
  static constexpr int kTouched = 1, kNotFull = 1;
  static MASKLOOM_DEVICE void runs(const Context &, int, Run (&touched)[1], Run (&not_full)[1]) {
    touched[0] = {0, -1, 1, 0, 0, 0};
    not_full[0] = {0, kUnbounded, 1, 0, 0, 0};
  }
  static constexpr int kIntervals = 1;
  static MASKLOOM_DEVICE void intervals(const Context &, int, int (&first)[1], int (&last)[1]) {
    first[0] = kUnbounded, last[0] = kLowest;
  }
  static MASKLOOM_DEVICE bool visible(const Context &, const Row &, const Column &, int, int) {
    return false;
  }
  static MASKLOOM_DEVICE bool visible(const Context &c, int q, int k) {
    return visible(c, row(c, q), column(c, k), q, k);
  }
};

/// causal;
template <int M, int N>
struct Causal : Unfiltered, Unhoisted, Unflagged {
  static constexpr Congruences kCongruences = Congruences::kNone;
  static constexpr int kTouched = 1, kNotFull = 1, kMaskUnroll = 16;
  static MASKLOOM_DEVICE void runs(const Context &c, int outer, Run (&touched)[1], Run (&not_full)[1]) {
    const int first = M * outer + shift(c), last = first + M - 1;
    touched[0] = {0, floor_div(last, N), 1, 0, 0, 0};
    not_full[0] = {ceil_quotient(first + 2 - N, N), kUnbounded, 1, 0, 0, 0};
  }
  static constexpr int kIntervals = 1;
  static MASKLOOM_DEVICE void intervals(const Context &, int q, int (&first)[1], int (&last)[1]) {
    first[0] = kLowest, last[0] = q;
  }
  static MASKLOOM_DEVICE bool visible(const Context &, const Row &, const Column &, int q, int k) {
    return q >= k;
  }
  static MASKLOOM_DEVICE bool visible(const Context &c, int q, int k) {
    return visible(c, row(c, q), column(c, k), q, k);
  }
};

/// causal; mask q - k < kWindow || k < kSink;
template <int M, int N>
struct SinkWindow : Unfiltered, Unhoisted, Unflagged {
  static constexpr Congruences kCongruences = Congruences::kNone;
  static constexpr int kWindow = 200, kSink = 4;
  static constexpr int kTouched = 2, kNotFull = 2;
  static MASKLOOM_DEVICE void runs(const Context &c, int outer, Run (&touched)[2], Run (&not_full)[2]) {
    const int first = M * outer + shift(c), last = first + M - 1;
    const int sink = kSink - int(c.key_offset); // columns below are sinks
    const int diagonal = floor_div(last, N);
    touched[0] = {ceil_quotient(first - kWindow + 2 - N, N), diagonal, 1, 0, 0, 0};
    touched[1] = {0, min(diagonal, floor_div(sink - 1, N)), 1, 0, 0, 0};
    not_full[0] = {ceil_quotient(first + 2 - N, N), kUnbounded, 1, 0, 0, 0};
    not_full[1] = {ceil_quotient(sink + 1 - N, N),
                   sink <= last - kWindow ? floor_div(last - kWindow, N) : -1,
                   1,
                   0,
                   0,
                   0};
  }
  static constexpr int kIntervals = 2;
  static MASKLOOM_DEVICE void intervals(const Context &, int q, int (&first)[2], int (&last)[2]) {
    first[0] = q - kWindow + 1, last[0] = q;
    first[1] = kLowest, last[1] = min(q, kSink - 1);
  }
  static MASKLOOM_DEVICE bool visible(const Context &, const Row &, const Column &, int q, int k) {
    return q >= k && (q - k < kWindow || k < kSink);
  }
  static MASKLOOM_DEVICE bool visible(const Context &c, int q, int k) {
    return visible(c, row(c, q), column(c, k), q, k);
  }
};

/// S2: causal; mask q/64 - k/64 < kLocal || (k/64 + h) % kStride == 0; positions equal rows and columns, N
/// = 64.
template <int M, int N, int kLocal = 4, int kStride = 8>
struct Strided : Unfiltered, Unpaired {
  static_assert(M % 64 == 0 && N == 64);
  static constexpr int kTouched = 2, kNotFull = 2;
  static MASKLOOM_DEVICE void runs(const Context &c, int outer, Run (&touched)[2], Run (&not_full)[2]) {
    const int first = M / 64 * outer, last = first + M / 64 - 1; // 64-blocks of the rows
    touched[0] = {first - kLocal + 1, last, 1, 0, 0, 0};
    touched[1] = {0, last, kStride, 1, floor_mod(c.head, kStride), 0};
    not_full[0] = {0, last - kLocal, kStride, 1, floor_mod(c.head - 1, kStride), kStride - 2};
    not_full[1] = {first, kUnbounded, 1, 0, 0, 0};
  }
  struct Row {
    int block;
  };
  struct Column {
    int block;
    bool strided;
  };
  static MASKLOOM_DEVICE Row row(const Context &, int q) { return {floor_div(q, 64)}; }
  static MASKLOOM_DEVICE Column column(const Context &c, int k) {
    const int block = floor_div(k, 64);
    return {block, floor_mod(block + c.head, kStride) == 0};
  }
  static MASKLOOM_DEVICE bool visible(const Context &, const Row &row, const Column &column, int q, int k) {
    return (q >= k) & ((row.block - column.block < kLocal) | column.strided);
  }
  static constexpr int kIntervals = 2, kFlags = 1;
  static MASKLOOM_DEVICE void intervals(const Context &, int q, int (&first)[2], int (&last)[2]) {
    first[0] = kLowest, last[0] = q;
    first[1] = (floor_div(q, 64) - kLocal + 1) * 64, last[1] = kUnbounded;
  }
  static MASKLOOM_DEVICE unsigned flags(const Context &c, int k) { return column(c, k).strided; }
  static constexpr MASKLOOM_DEVICE unsigned combine(const unsigned (&intervals)[2],
                                                    const unsigned (&flags)[1], const unsigned (&)[1]) {
    return intervals[0] & (intervals[1] | flags[0]);
  }
  static MASKLOOM_DEVICE bool visible(const Context &c, int q, int k) {
    return visible(c, row(c, q), column(c, k), q, k);
  }
};

/// Blocks of 64 keys with (3 * (k/64) + 2) % 7 <= 2 and not k/64 % 5 == 0: a congruence whose factor is not
/// 1, and a filter.
template <int M, int N>
struct Filtered : PointByPoint {
  static_assert(N == 64);
  static constexpr bool kPlanned = false, kFiltered = true;
  static constexpr int kTouched = 1, kNotFull = 1;
  static MASKLOOM_DEVICE void runs(const Context &, int, Run (&touched)[1], Run (&not_full)[1]) {
    touched[0] = {0, kUnbounded, 7, 3, 2, 2};
    not_full[0] = {0, kUnbounded, 1, 0, 0, 0};
  }
  static MASKLOOM_DEVICE bool keep_touched(const Context &, int, int, int x) { return floor_mod(x, 5) != 0; }
  static MASKLOOM_DEVICE bool keep_not_full(const Context &, int, int, int x) {
    return !(floor_mod(3 * x + 2, 7) <= 2 && floor_mod(x, 5) != 0);
  }
  using Row = Nothing;
  struct Column {
    bool visible;
  };
  static MASKLOOM_DEVICE Row row(const Context &, int) { return {}; }
  static MASKLOOM_DEVICE Column column(const Context &, int k) {
    const int block = floor_div(k, 64);
    return {floor_mod(3 * block + 2, 7) <= 2 && floor_mod(block, 5) != 0};
  }
  static MASKLOOM_DEVICE bool visible(const Context &, const Row &, const Column &column, int, int) {
    return column.visible;
  }
  static MASKLOOM_DEVICE bool visible(const Context &c, int q, int k) {
    return visible(c, row(c, q), column(c, k), q, k);
  }
};

/// aux document[b, q]: i32; causal; mask document[b, q] == document[b, k]; planned.
template <int M, int N>
struct Documents {
  static constexpr bool kPlanned = true, kFiltered = false;
  static constexpr int kTouched = 1, kNotFull = 1;
  static MASKLOOM_DEVICE void runs(const Context &c, int outer, Run (&touched)[1], Run (&not_full)[1]) {
    touched[0] = {0, floor_div(M * outer + shift(c) + M - 1, N), 1, 0, 0, 0};
    not_full[0] = {0, kUnbounded, 1, 0, 0, 0};
  }
  static MASKLOOM_DEVICE bool keep_touched(const Context &, int, int, int) { return true; }
  static MASKLOOM_DEVICE bool keep_not_full(const Context &, int, int, int) { return true; }
  struct Row {
    int document;
  };
  struct Column {
    int document;
  };
  static MASKLOOM_DEVICE Row row(const Context &c, int q) { return {policies::document(c, q)}; }
  static MASKLOOM_DEVICE Column column(const Context &c, int k) { return {policies::document(c, k)}; }
  static MASKLOOM_DEVICE bool visible(const Context &, const Row &row, const Column &column, int q, int k) {
    return (q >= k) & (row.document == column.document);
  }
  static MASKLOOM_DEVICE bool visible(const Context &c, int q, int k) {
    return visible(c, row(c, q), column(c, k), q, k);
  }
  static MASKLOOM_DEVICE TileClass classify(const Context &c, const Box &box) {
    return all_of(less_equal(box.k, box.q), equal(aux_range(c, 0, interval(c.batch), box.q),
                                                  aux_range(c, 0, interval(c.batch), box.k)));
  }
  static constexpr int kIntervals = 1, kFlags = 0, kPairs = 1;
  static constexpr bool kColumnLoads = true;
  static MASKLOOM_DEVICE void intervals(const Context &, int q, int (&first)[1], int (&last)[1]) {
    first[0] = kLowest, last[0] = q;
  }
  static MASKLOOM_DEVICE unsigned flags(const Context &, int) { return 0; }
  using PairRow = Row;
  using PairColumn = Column;
  static MASKLOOM_DEVICE PairRow pair_row(const Context &c, int q) { return row(c, q); }
  static MASKLOOM_DEVICE PairColumn pair_column(const Context &c, int k) { return column(c, k); }
  static MASKLOOM_DEVICE bool same(const PairRow &a, const PairRow &b) { return a.document == b.document; }
  static MASKLOOM_DEVICE unsigned pairs(const Context &, const PairRow &row, const PairColumn &column, int) {
    return row.document == column.document;
  }
  static constexpr MASKLOOM_DEVICE unsigned combine(const unsigned (&intervals)[1], const unsigned (&)[1],
                                                    const unsigned (&pairs)[1]) {
    return intervals[0] & pairs[0];
  }
};

/// The same, as if it were no formula.
template <int M, int N>
struct DocumentsByPoint : Documents<M, N> {
  static constexpr int kIntervals = 0, kPairs = 0;
};

/// One group for all heads, a plain score, no sink.
template <class Group>
struct Single {
  static constexpr int kGroups = 1;
  static constexpr bool kPlanned = Group::kPlanned, kHasSink = false;
  static constexpr ScoreForm kScoreForm = ScoreForm::kPlain;
  static MASKLOOM_DEVICE int group_of(const Context &) { return 0; }
  template <class F>
  static MASKLOOM_DEVICE void dispatch(int, F &&f) {
    f(Group{});
  }
  static MASKLOOM_DEVICE float score(float s, const Context &, int, int) { return s; }
  static MASKLOOM_DEVICE float sink(const Context &) { return 0.0f; }
};

/// The even heads see First, the odd ones Second.
template <class First, class Second>
struct Alternating {
  static constexpr int kGroups = 2;
  static constexpr bool kPlanned = First::kPlanned || Second::kPlanned, kHasSink = false;
  static constexpr ScoreForm kScoreForm = ScoreForm::kPlain;
  static MASKLOOM_DEVICE int group_of(const Context &c) { return c.head % 2; }
  template <class F>
  static MASKLOOM_DEVICE void dispatch(int group, F &&f) {
    if (group == 0)
      f(First{});
    else
      f(Second{});
  }
  static MASKLOOM_DEVICE float score(float s, const Context &, int, int) { return s; }
  static MASKLOOM_DEVICE float sink(const Context &) { return 0.0f; }
};

/// score s + slope * (k - q), slope one in kSteepness; sink logits, an f32 aux tensor over h (aux 1).
template <class Group, int kSteepness = 100>
struct BiasAndSink : Single<Group> {
  static constexpr bool kHasSink = true;
  static constexpr ScoreForm kScoreForm = ScoreForm::kAffine;
  static constexpr float kSlope = 1.0f / kSteepness;
  struct ScoreScalars {};
  static MASKLOOM_DEVICE ScoreScalars score_scalars(const Context &) { return {}; }
  static MASKLOOM_DEVICE float score_factor(const Context &, const ScoreScalars &) { return 1.0f; }
  static MASKLOOM_DEVICE ScoreBias score_bias(const Context &, const ScoreScalars &, int q, int k) {
    return {kSlope * float(k - q), kSlope};
  }
  static MASKLOOM_DEVICE float score(float s, const Context &, int q, int k) {
    return s + kSlope * float(k - q);
  }
  static MASKLOOM_DEVICE float sink(const Context &c) { return aux_load_f32(c, 1, c.head); }
};

/// ALiBi: score s + 2^(-8 * (h + 1) / H) * (k - q).
template <class Group>
struct Alibi : Single<Group> {
  static constexpr ScoreForm kScoreForm = ScoreForm::kAffine;
  struct ScoreScalars {
    float slope;
  };
  static MASKLOOM_DEVICE ScoreScalars score_scalars(const Context &c) {
    return {exp2_approx(-8.0f * float(c.head + 1) / float(c.args->heads))};
  }
  static MASKLOOM_DEVICE float score_factor(const Context &, const ScoreScalars &) { return 1.0f; }
  static MASKLOOM_DEVICE ScoreBias score_bias(const Context &, const ScoreScalars &scalars, int q, int k) {
    return {scalars.slope * float(k - q), scalars.slope};
  }
  static MASKLOOM_DEVICE float score(float s, const Context &c, int q, int k) {
    return s + score_scalars(c).slope * float(k - q);
  }
};

/// score kCap * tanh(s / kCap).
template <class Group, int kCap = 50>
struct Capped : Single<Group> {
  static constexpr ScoreForm kScoreForm = ScoreForm::kCapped;
  struct ScoreScalars {};
  static MASKLOOM_DEVICE ScoreScalars score_scalars(const Context &) { return {}; }
  static MASKLOOM_DEVICE SoftCap soft_cap(const Context &, const ScoreScalars &) {
    return {float(kCap), 1.0f / kCap};
  }
  static MASKLOOM_DEVICE float score(float s, const Context &, int, int) {
#if defined(__CUDACC__)
    return kCap * tanhf(s / kCap);
#else
    return kCap * __builtin_tanhf(s / kCap);
#endif
  }
};

/// score s - |q - k| / 16, point by point.
template <class Group>
struct Distance : Single<Group> {
  static constexpr ScoreForm kScoreForm = ScoreForm::kGeneral;
  struct ScoreScalars {};
  struct ScoreRow {
    float distance;
  };
  static MASKLOOM_DEVICE ScoreScalars score_scalars(const Context &) { return {}; }
  static MASKLOOM_DEVICE ScoreRow score_row(const Context &, const ScoreScalars &, int q, int k) {
    return {float(q - k)};
  }
  static MASKLOOM_DEVICE float score(float s, const Context &, const ScoreScalars &, const ScoreRow &row, int,
                                     int, float x) {
    return s - 0.0625f * fabsf(row.distance - x);
  }
  static MASKLOOM_DEVICE float score(float s, const Context &, int q, int k) {
    return s - 0.0625f * float(abs(q - k));
  }
};

} // namespace maskloom::kernel::policies
