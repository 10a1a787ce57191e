#include "tests/cpu/CheckForward.h"

#include "maskloom/program/Half.h"
#include "maskloom/program/ScheduleWalker.h"
#include "tests/support/Reference.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <map>
#include <mutex>
#include <tuple>

namespace maskloom::testing {

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// A [batch, heads, tokens, dim] tensor of any dtype with padded strides, NaN where nothing was put.
class StridedTensor {
public:
  StridedTensor(DType dtype, int64_t batch, int64_t heads, int64_t tokens, int64_t dim) : dtype_(dtype) {
    strides_[2] = dim + 3;
    strides_[1] = tokens * strides_[2] + 5;
    strides_[0] = heads * strides_[1] + 1;
    size_ = batch * strides_[0];
    bytes_.resize(static_cast<size_t>(size_) * 4);
    for (int64_t i = 0; i < size_; ++i) put(i, kNaN);
  }
  int64_t at(int64_t b, int64_t h, int64_t t, int64_t i) const {
    return b * strides_[0] + h * strides_[1] + t * strides_[2] + i;
  }
  void put(int64_t at, float x) {
    if (dtype_ == DType::f32)
      reinterpret_cast<float *>(bytes_.data())[at] = x;
    else
      reinterpret_cast<uint16_t *>(bytes_.data())[at] =
          dtype_ == DType::bf16 ? floatToBf16(x) : floatToF16(x);
  }
  float get(int64_t at) const {
    if (dtype_ == DType::f32) return reinterpret_cast<const float *>(bytes_.data())[at];
    uint16_t bits = reinterpret_cast<const uint16_t *>(bytes_.data())[at];
    return dtype_ == DType::bf16 ? bf16ToFloat(bits) : f16ToFloat(bits);
  }
  int64_t size() const { return size_; }
  HostTensor view() { return {bytes_.data(), {strides_[0], strides_[1], strides_[2]}}; }

private:
  DType dtype_;
  int64_t strides_[3], size_;
  std::vector<char> bytes_;
};

struct Visit {
  int64_t tile;
  bool partial;
  bool operator==(const Visit &) const = default;
};
using Visits =
    std::map<std::tuple<int64_t, int64_t, int64_t>, std::vector<Visit>>; ///< of (batch, head, Q tile)

std::string checkTiles(const CpuExecutor &executor, const Pattern &pattern, const Problem &problem,
                       const CpuForwardArgs &args, const Visits &visits) {
  const Program &program = executor.program();
  const Interpreter interpreter(pattern, problem);
  std::vector<AuxView> aux;
  for (const CpuAux &a : args.aux) {
    aux.push_back(
        {a.data, {a.extents[0], a.extents[1], a.extents[2]}, {a.strides[0], a.strides[1], a.strides[2]}});
  }
  for (int64_t b = 0; b < problem.batch; ++b)
    for (int64_t h = 0; h < problem.heads; ++h) {
      ScheduleContext context;
      context.batch = b;
      context.head = h;
      context.kvHead = h / (problem.heads / problem.kvHeads);
      context.heads = problem.heads;
      context.kvHeads = problem.kvHeads;
      context.queryLength = problem.queryLength(b);
      context.keyLength = problem.keyLength(b);
      context.queryOffset = problem.queryOffsetOf(b);
      context.keyOffset = problem.keyOffset;
      context.params = args.params.data();
      context.aux = aux.data();
      const HeadGroupProgram &group = program.groups[groupOf(program, h, context.kvHead)];
      const TileShape tile = group.forward.tile;
      for (int64_t i = 0; i * tile.queries < context.queryLength; ++i) {
        std::vector<Visit> want, got;
        walk(program, group, Orientation::Forward, context, i, [&](const Stretch &s) {
          for (int64_t j = s.first; j <= s.last; ++j) want.push_back({j, s.partial});
        });
        if (auto found = visits.find({b, h, i}); found != visits.end()) got = found->second;
        std::string place = fmt::format("batch {} head {} Q tile {}", b, h, i);
        if (got != want)
          return fmt::format("{}: {} tiles visited, the schedule has {}", place, got.size(), want.size());
        std::map<int64_t, bool> partial;
        for (size_t v = 0; v < got.size(); ++v) {
          if (v > 0 && got[v].tile <= got[v - 1].tile) return place + ": tiles not in ascending order";
          partial[got[v].tile] = got[v].partial;
        }
        for (int64_t row = i * tile.queries; row < std::min((i + 1) * tile.queries, context.queryLength);
             ++row)
          for (int64_t column = 0; column < context.keyLength; ++column) {
            auto found = partial.find(column / tile.keys);
            bool visible = interpreter.visible(b, h, row, column);
            if (visible && found == partial.end())
              return fmt::format("{}: visible pair row {} column {} in no visited tile", place, row, column);
            if (!visible && found != partial.end() && !found->second)
              return fmt::format("{}: invisible pair row {} column {} in a full tile", place, row, column);
          }
      }
    }
  for (const auto &[place, tiles] : visits) {
    auto [b, h, i] = place;
    if (i * program.groups[0].forward.tile.queries >= problem.queryLength(b) && !tiles.empty())
      return fmt::format("batch {} head {}: Q tile {} is beyond the length", b, h, i);
  }
  return {};
}

} // namespace

std::string checkForward(const CpuExecutor &executor, const Pattern &pattern, const Problem &problem,
                         const CheckOptions &options) {
  const Program &program = executor.program();
  for (const std::string &wrong : checkProblem(pattern, problem)) return "bad problem: " + wrong;
  const int64_t d = options.headDim, dv = options.valueDim;
  const AttentionInputs inputs = randomInputs(problem, d, dv, options.dtype, options.seed);
  auto pack = [&](const std::vector<float> &values, int64_t heads, int64_t tokens, int64_t dim,
                  bool queries) {
    StridedTensor tensor(options.dtype, problem.batch, heads, tokens, dim);
    for (int64_t b = 0; b < problem.batch; ++b)
      for (int64_t h = 0; h < heads; ++h)
        for (int64_t t = 0; t < (queries ? problem.queryLength(b) : problem.keyLength(b)); ++t)
          for (int64_t i = 0; i < dim; ++i)
            tensor.put(tensor.at(b, h, t, i), values[((b * heads + h) * tokens + t) * dim + i]);
    return tensor;
  };
  StridedTensor q = pack(inputs.q, problem.heads, problem.queries, d, true);
  StridedTensor k = pack(inputs.k, problem.kvHeads, problem.keys, d, false);
  StridedTensor v = pack(inputs.v, problem.kvHeads, problem.keys, dv, false);
  for (int64_t column : options.poisoned)
    for (int64_t b = 0; b < problem.batch; ++b)
      for (int64_t h = 0; h < problem.kvHeads; ++h) {
        for (int64_t i = 0; i < d; ++i) k.put(k.at(b, h, column, i), options.poison);
        for (int64_t i = 0; i < dv; ++i) v.put(v.at(b, h, column, i), options.poison);
      }
  StridedTensor o(options.dtype, problem.batch, problem.heads, problem.queries, dv);
  std::vector<float> lse(static_cast<size_t>(problem.batch * problem.heads * problem.queries), kNaN);
  std::vector<int32_t> queryLengths(problem.queryLengths.begin(), problem.queryLengths.end());
  std::vector<int32_t> keyLengths(problem.keyLengths.begin(), problem.keyLengths.end());

  CpuForwardArgs args;
  args.q = q.view();
  args.k = k.view();
  args.v = v.view();
  args.o = o.view();
  args.dtype = options.dtype;
  args.lse = lse.data();
  args.scale = static_cast<float>(inputs.scale);
  args.batch = problem.batch;
  args.heads = problem.heads;
  args.kvHeads = problem.kvHeads;
  args.queries = problem.queries;
  args.keys = problem.keys;
  args.headDim = d;
  args.valueDim = dv;
  args.hasQueryOffset = problem.queryOffset.has_value();
  args.queryOffset = problem.queryOffset.value_or(0);
  args.keyOffset = problem.keyOffset;
  args.queryLengths = queryLengths.empty() ? nullptr : queryLengths.data();
  args.keyLengths = keyLengths.empty() ? nullptr : keyLengths.data();
  args.threads = options.threads;
  for (const ProgramParam &param : program.params) {
    auto given = problem.params.find(param.name);
    args.params.push_back(given == problem.params.end() ? param.defaultValue : given->second);
  }
  for (const ProgramAux &aux : program.auxes) {
    const AuxValue &value = problem.aux.at(aux.name);
    CpuAux view{
        aux.isFloat ? static_cast<const void *>(value.floats.data()) : value.ints.data(), {}, {1, 1, 1}};
    int64_t stride = 1;
    for (size_t axis = value.extents.size(); axis-- > 0; stride *= value.extents[axis]) {
      view.extents[axis] = value.extents[axis];
      view.strides[axis] = stride;
    }
    args.aux.push_back(view);
  }
  Visits visits;
  std::mutex mutex;
  args.onTile = [&](int64_t b, int64_t h, int64_t i, int64_t j, bool partial) {
    std::lock_guard lock(mutex);
    visits[{b, h, i}].push_back({j, partial});
  };

  if (std::string wrong = executor.forward(args); !wrong.empty()) return "forward: " + wrong;

  const AttentionResult want = referenceAttention(pattern, problem, inputs);
  const double rounding = options.dtype == DType::f32 ? 0 : options.dtype == DType::bf16 ? 0x1p-8 : 0x1p-11;
  const Interpreter interpreter(pattern, problem);
  int64_t written = 0;
  for (int64_t b = 0; b < problem.batch; ++b)
    for (int64_t h = 0; h < problem.heads; ++h)
      for (int64_t row = 0; row < problem.queries; ++row) {
        int64_t at = (b * problem.heads + h) * problem.queries + row;
        std::string place = fmt::format("batch {} head {} row {}", b, h, row);
        if (std::ranges::any_of(options.poisoned,
                                [&](int64_t column) { return interpreter.visible(b, h, row, column); })) {
          for (int64_t i = 0; i < dv; ++i) o.put(o.at(b, h, row, i), 0);
          written += dv;
          continue;
        }
        for (int64_t i = 0; i < dv; ++i) {
          double got = o.get(o.at(b, h, row, i)), expected = want.o[at * dv + i];
          ++written;
          if (!(std::abs(got - expected) <= 2e-5 * (1 + std::abs(expected)) + rounding * std::abs(expected)))
            return fmt::format("{}: O[{}] is {}, expected {}", place, i, got, expected);
          if (std::isinf(want.lse[at]) && got != 0)
            return fmt::format("{}: empty, but O[{}] is {}", place, i, got);
        }
        double got = lse[at], expected = want.lse[at];
        if (std::isinf(expected) ? got != expected
                                 : !(std::abs(got - expected) <= 2e-5 * (1 + std::abs(expected))))
          return fmt::format("{}: LSE is {}, expected {}", place, got, expected);
      }
  int64_t untouched = 0;
  for (int64_t i = 0; i < o.size(); ++i) untouched += std::isnan(o.get(i)) ? 1 : 0;
  if (written + untouched != o.size()) return "the padding of O was written to";
  return checkTiles(executor, pattern, problem, args, visits);
}

} // namespace maskloom::testing
