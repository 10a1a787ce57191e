// One launch of a forward kernel on fresh random inputs against the fp64 reference. Outputs are poisoned;
// keys beyond the length are NaN.
#pragma once

#include "Reference.cuh"

#include <cmath>
#include <cstring>
#include <random>
#include <string>

namespace gpu {

struct Shape {
  const char *name;
  int batch, heads, kv_heads, queries, keys;
  std::vector<int> query_lengths = {}, key_lengths = {};
  long long key_offset = 0;
  bool aligned_positions = false; ///< query offset 0: positions equal rows and columns
  float scale = NAN;              ///< NaN: 1/sqrt(d)
  bool poison_key = false;        ///< NaN in K of key 37
  bool head_major = false; ///< [batch, heads, tokens, dim] memory instead of [batch, tokens, heads, dim]
  /// Scores of every 100 keys in turn are near these, by way of the first column of Q and K.
  std::vector<float> levels = {};
};

inline std::mt19937_64 generator(std::random_device{}());
inline int failures = 0, checks = 0;

template <class T>
T from_float(float v);
template <>
inline __nv_bfloat16 from_float(float v) {
  return __float2bfloat16(v);
}
template <>
inline __half from_float(float v) {
  return __float2half(v);
}

struct Layout {
  TensorArg arg;
  size_t elements;
};

/// Strides of a tensor; alignment 2 gives odd strides and an odd base.
inline Layout layout(const Shape &shape, int heads, int tokens, int dim, int align) {
  const long long row = dim + (align == 2 ? 3 : 8), base = align == 2 ? 1 : 0;
  TensorArg arg{};
  arg.token_stride = shape.head_major ? row : row * heads;
  arg.head_stride = shape.head_major ? row * tokens : row;
  arg.batch_stride = row * heads * tokens;
  arg.data = reinterpret_cast<void *>(base * 2); // the offset until memory is known
  return {arg, size_t(base + row * heads * tokens * shape.batch)};
}

template <class T>
void place(TensorArg &arg, Buffer &buffer) {
  arg.data = static_cast<T *>(buffer.data()) + reinterpret_cast<size_t>(arg.data) / 2;
}

inline void fail(const std::string &what) {
  ++failures;
  std::printf("FAIL %s\n", what.c_str());
}

/// Counts what is wrong with args.unit_order: units that a section of the work order does not have exactly
/// once, and those of planned heads that come before longer ones (of another bin: unit_order.cuh). Heads
/// without a plan keep what the bitmap was filled with, all ones. `seen`: a zero a unit. By one thread.
template <class Config>
__global__ void count_misplaced(const __grid_constant__ ForwardArgs args, unsigned *seen,
                                unsigned *misplaced) {
  const WorkOrder<long long> order(args, Config::kTileHeads, Config::kTileQueries);
  const int words = int(plan_words(args.keys, Config::kTileKeys)), bin = words * 32 / kOrderThreads;
  for (long long index = 0; index < order.sections(); ++index) {
    const Section<long long> section = order.section(index);
    const long long first = section.first * order.query_tiles;
    int last = words * 32;
    for (long long i = 0; i < section.count * order.query_tiles; ++i) {
      const long long unit = args.unit_order[first + i];
      if (unit < first || unit >= first + section.count * order.query_tiles || seen[unit]++) {
        ++*misplaced;
        continue;
      }
      const WorkUnit work = order[unit];
      const unsigned *touched = plan_row(make_context(args, work.batch, work.head), work.query_tile,
                                         Config::kTileQueries, Config::kTileKeys);
      int length = 0;
      for (int word = 0; word < words; ++word) length += __popc(touched[word]);
      if (length == words * 32) continue; // without a plan, or all there is
      *misplaced += length > last + bin;
      last = length;
    }
  }
}

template <class Config, class Pattern>
void check(const std::string &name, const Shape &shape, long long max_blocks) {
  using T = typename Element<Config::kBf16>::type;
  const std::string title = name + " / " + shape.name;
  ++checks;
  constexpr int D = Config::kHeadDim, DV = Config::kValueDim;
  Layout q = layout(shape, shape.heads, shape.queries, D, Config::kAlignBytes);
  Layout k = layout(shape, shape.kv_heads, shape.keys, D, Config::kAlignBytes);
  Layout v = layout(shape, shape.kv_heads, shape.keys, DV, Config::kAlignBytes);
  Layout o = layout(shape, shape.heads, shape.queries, DV, Config::kAlignBytes);
  const long long rows = (long long)shape.batch * shape.heads * shape.queries;

  std::normal_distribution<float> normal;
  auto random = [&](const Layout &l) {
    std::vector<T> values(l.elements);
    for (T &value : values) value = from_float<T>(normal(generator));
    return values;
  };
  std::vector<T> q_host = random(q), k_host = random(k), v_host = random(v);
  const T nan = from_float<T>(NAN);
  auto poison_rows = [&](std::vector<T> &values, const Layout &l, int b, int heads, int first, int last,
                         int dim) {
    const size_t base = reinterpret_cast<size_t>(l.arg.data) / 2;
    for (int h = 0; h < heads; ++h)
      for (int t = first; t < last; ++t)
        for (int d = 0; d < dim; ++d)
          values[base + b * l.arg.batch_stride + h * l.arg.head_stride + t * l.arg.token_stride + d] = nan;
  };
  for (int b = 0; b < shape.batch; ++b) {
    if (!shape.key_lengths.empty()) {
      poison_rows(k_host, k, b, shape.kv_heads, shape.key_lengths[b], shape.keys, D);
      poison_rows(v_host, v, b, shape.kv_heads, shape.key_lengths[b], shape.keys, DV);
    }
    if (!shape.query_lengths.empty())
      poison_rows(q_host, q, b, shape.heads, shape.query_lengths[b], shape.queries, D);
    if (shape.poison_key) poison_rows(k_host, k, b, shape.kv_heads, 37, 38, D);
  }
  const float scale = !std::isnan(shape.scale) ? shape.scale : 1.0f / std::sqrt(float(D));
  auto set_first_column = [&](std::vector<T> &values, const Layout &l, int heads, int tokens, auto value) {
    const size_t base = reinterpret_cast<size_t>(l.arg.data) / 2;
    for (int b = 0; b < shape.batch; ++b)
      for (int h = 0; h < heads; ++h)
        for (int t = 0; t < tokens; ++t)
          values[base + b * l.arg.batch_stride + h * l.arg.head_stride + t * l.arg.token_stride] =
              from_float<T>(value(t));
  };
  if (!shape.levels.empty()) {
    set_first_column(q_host, q, shape.heads, shape.queries, [](int) { return 8.0f; });
    set_first_column(k_host, k, shape.kv_heads, shape.keys,
                     [&](int t) { return shape.levels[t / 100 % shape.levels.size()] / (8 * scale); });
  }

  Buffer q_memory(q.elements * 2), k_memory(k.elements * 2), v_memory(v.elements * 2),
      o_memory(o.elements * 2), lse_memory(rows * 4), lengths(shape.batch * 8),
      documents(size_t(shape.batch) * shape.keys * 4 + 4), sinks(shape.heads * 4), exact(rows * DV * 8),
      exact_lse(rows * 8), rounded(rows * DV * 8), rounded_lse(rows * 8),
      plan(plan_bytes(shape.batch, shape.heads, shape.queries, shape.keys, Config::kTileQueries,
                      Config::kTileKeys));
  q_memory.write(q_host);
  k_memory.write(k_host);
  v_memory.write(v_host);
  place<T>(q.arg, q_memory);
  place<T>(k.arg, k_memory);
  place<T>(v.arg, v_memory);
  place<T>(o.arg, o_memory);
  o_memory.fill(0xff);
  lse_memory.fill(0xff);
  plan.fill(0xff);

  ForwardArgs args{};
  args.q = q.arg;
  args.k = k.arg;
  args.v = v.arg;
  args.o = o.arg;
  args.lse = static_cast<float *>(lse_memory.data());
  args.lse_head_stride = shape.queries;
  args.lse_batch_stride = (long long)shape.heads * shape.queries;
  args.has_query_offset = shape.aligned_positions;
  args.key_offset = shape.key_offset;
  std::vector<int> both = shape.query_lengths;
  both.resize(shape.batch);
  both.insert(both.end(), shape.key_lengths.begin(), shape.key_lengths.end());
  lengths.write(both);
  if (!shape.query_lengths.empty()) args.query_lengths = static_cast<int *>(lengths.data());
  if (!shape.key_lengths.empty()) args.key_lengths = static_cast<int *>(lengths.data()) + shape.batch;
  args.plan = static_cast<unsigned *>(plan.data());
  args.scale = scale;
  args.batch = shape.batch;
  args.heads = shape.heads;
  args.kv_heads = shape.kv_heads;
  args.queries = shape.queries;
  args.keys = shape.keys;
  // Documents of random lengths; sink logits around 1.
  std::vector<int> document(size_t(shape.batch) * shape.keys);
  for (size_t i = 0, id = 0; i < document.size(); ++i) document[i] = int(generator() % 150 == 0 ? ++id : id);
  documents.write(document);
  args.aux[0] = {documents.data(), {shape.keys, 1, 0}, {shape.batch, shape.keys, 1}};
  std::vector<float> sink(shape.heads);
  for (float &value : sink) value = 1 + normal(generator);
  sinks.write(sink);
  args.aux[1] = {sinks.data(), {1, 0, 0}, {shape.heads, 1, 1}};

  // The Hopper kernel hands units out by a counter, which it must leave at zero, or, every other time, in a
  // static order.
  Buffer counter(8);
  counter.fill(0);
  // Units in the order of their lengths, or, every third time, as in closed form.
  set_sections<Config>(args);
  Buffer unit_order(units<Config>(args) * 8);
  unit_order.fill(0xff);
  if (Pattern::kPlanned && checks % 3 && CLUSTER == 1)
    args.unit_order = static_cast<unsigned *>(unit_order.data());
  launch<Config, Pattern>(args, max_blocks, checks % 2 ? static_cast<unsigned *>(counter.data()) : nullptr);
  CHECK_CUDA(cudaDeviceSynchronize());
  CHECK_CUDA(cudaFuncSetAttribute(reference_kernel<T, Pattern>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                  200000));
  reference_kernel<T, Pattern>
      <<<dim3(shape.queries, shape.heads, shape.batch), kReferenceThreads, shape.keys * 12>>>(
          args, D, DV,
          {static_cast<double *>(exact.data()), static_cast<double *>(exact_lse.data()),
           static_cast<double *>(rounded.data()), static_cast<double *>(rounded_lse.data())});
  CHECK_CUDA(cudaGetLastError());
  CHECK_CUDA(cudaDeviceSynchronize());

  if (counter.read<unsigned>() != std::vector<unsigned>{0, 0})
    fail(title + ": the work counter was not reset");
  if (args.unit_order) {
    Buffer seen(units<Config>(args) * 4), misplaced(4);
    seen.fill(0);
    misplaced.fill(0);
    count_misplaced<Config>
        <<<1, 1>>>(args, static_cast<unsigned *>(seen.data()), static_cast<unsigned *>(misplaced.data()));
    CHECK_CUDA(cudaDeviceSynchronize());
    if (const unsigned count = misplaced.read<unsigned>()[0])
      fail(title + ": " + std::to_string(count) + " units are not sorted by length");
  }
  const auto o_host = o_memory.read<unsigned short>();
  const auto lse = lse_memory.read<float>();
  const auto exact_host = exact.read<double>(), rounded_host = rounded.read<double>();
  const auto exact_lse_host = exact_lse.read<double>(), rounded_lse_host = rounded_lse.read<double>();
  std::vector<bool> written(o_host.size());
  double worst = 0, worst_rounded = 0, square = 0, square_rounded = 0, largest = 0, worst_lse = 0,
         worst_lse_rounded = 0, largest_lse = 0;
  long long special = 0, elements = 0, mismatched = 0, untouched = 0;
  const size_t base = (static_cast<T *>(o.arg.data) - static_cast<T *>(o_memory.data()));
  for (int b = 0; b < shape.batch; ++b)
    for (int h = 0; h < shape.heads; ++h)
      for (int row = 0; row < shape.queries; ++row) {
        const long long index = ((long long)b * shape.heads + h) * shape.queries + row;
        if (!shape.query_lengths.empty() && row >= shape.query_lengths[b]) {
          mismatched += lse[index] != -INFINITY;
          for (int d = 0; d < DV; ++d) {
            const size_t at =
                base + b * o.arg.batch_stride + h * o.arg.head_stride + row * o.arg.token_stride + d;
            written[at] = true;
            mismatched += (o_host[at] & 0x7fff) != 0;
          }
          continue;
        }
        const double want_lse = exact_lse_host[index], got_lse = lse[index];
        if (!std::isfinite(want_lse)) {
          ++special;
          mismatched += !(std::isnan(want_lse) ? std::isnan(got_lse) : got_lse == want_lse);
        } else {
          largest_lse = std::fmax(largest_lse, std::fabs(want_lse));
          worst_lse = std::fmax(worst_lse, std::isnan(got_lse) ? INFINITY : std::fabs(got_lse - want_lse));
          worst_lse_rounded = std::fmax(worst_lse_rounded, std::fabs(rounded_lse_host[index] - want_lse));
        }
        for (int d = 0; d < DV; ++d) {
          const size_t at =
              base + b * o.arg.batch_stride + h * o.arg.head_stride + row * o.arg.token_stride + d;
          written[at] = true;
          T element;
          std::memcpy(&element, &o_host[at], 2);
          const double got = float(element), want = exact_host[index * DV + d];
          if (std::isnan(want)) {
            mismatched += !std::isnan(got);
            continue;
          }
          const double error = std::isnan(got) ? INFINITY : std::fabs(got - want);
          const double unavoidable = std::fabs(rounded_host[index * DV + d] - want);
          worst = std::fmax(worst, error);
          worst_rounded = std::fmax(worst_rounded, unavoidable);
          ++elements;
          square += error * error;
          square_rounded += unavoidable * unavoidable;
          largest = std::fmax(largest, std::fabs(want));
        }
      }
  for (size_t i = 0; i < o_host.size(); ++i) untouched += !written[i] && o_host[i] != 0xffff;

  char text[400];
  std::snprintf(text, sizeof text,
                "%-58s max %.2e (unavoidable %.2e) rms ratio %.2f lse %.1e (%.1e) special rows %lld",
                title.c_str(), worst, worst_rounded, std::sqrt(square / std::fmax(square_rounded, 1e-30)),
                worst_lse, worst_lse_rounded, special);
  const double ulp =
      largest > 0 ? std::exp2(std::floor(std::log2(largest))) * Element<Config::kBf16>::kUlp : 0;
  // With large scales, or steep biases, a row's output is nearly one value row. The reference's weight for it
  // is exactly 1; a softmax that subtracts less than the maximum rounds that weight as well as the output: at
  // worst an error of twice the size, where few rows are looked at.
  const bool one_key = shape.scale > 1 || !shape.levels.empty() ||
                       Pattern::kScoreForm == ScoreForm::kAffine ||
                       Pattern::kScoreForm == ScoreForm::kGeneral;
  // Rising biases at the largest head dim measure 1.71 to 1.76 at scale 3 and up to 2.15 at scale 40, alike
  // for one head a Q tile and for two.
  const double allowed = shape.scale > 10 ? 2.3 : one_key ? 1.9 : 1.25;
  const double score_error = Pattern::kScoreForm == ScoreForm::kCapped ? std::exp2(-13) : 0;
  const double lse_ulp = largest_lse * std::exp2(-23); // biases may make it large, and it is a float
  bool ok =
      worst <= 2 * worst_rounded + ulp + 1e-30 && // what is left of an output beside a sink may be a denormal
      std::sqrt(square) <= (allowed + 4 / std::sqrt(1.0 + elements)) * std::sqrt(square_rounded) + 1e-6 &&
      worst_lse <= 2 * worst_lse_rounded + 2e-5 + score_error + lse_ulp && mismatched == 0 && untouched == 0;
  if (!ok)
    fail(std::string(text) + " mismatched " + std::to_string(mismatched) + " overwritten " +
         std::to_string(untouched));
  else if (std::getenv("VERBOSE"))
    std::printf("ok   %s\n", text);
}

} // namespace gpu
