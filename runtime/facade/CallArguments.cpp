#include "maskloom/facade/CallArguments.h"

#include "maskloom/dsl/Limits.h"
#include "maskloom/program/InputRanges.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace maskloom {

namespace {

static_assert(kMostParams <= kMaxParams && kMostAuxes <= kMaxAux,
              "checkPattern keeps patterns within a launch's arguments");

[[noreturn]] void userError(const std::string &message) { throw Error(ErrorKind::User, message); }

size_t elementBytes(DType dtype) { return dtype == DType::f32 ? 4 : 2; }

const char *nameOf(DType dtype) { return dtype == DType::f32 ? "f32" : dtype == DType::f16 ? "f16" : "bf16"; }

/// What one call needs beyond its tensors, by index instead of by name.
struct BoundValues {
  int64_t params[kMaxParams] = {};
  const AuxTensor *aux[kMaxAux] = {};
};

/// The extent an axis must have for this call.
int64_t axisExtent(const ProgramAux::Axis &axis, const AuxReach &reach, const Tensor &q, const Tensor &k,
                   const ForwardOptions &options) {
  using Kind = ProgramAux::Axis::Kind;
  switch (axis.kind) {
  case Kind::Batch: return q.shape[0];
  case Kind::Head: return q.shape[1];
  case Kind::KvHead: return k.shape[1];
  case Kind::Query:
  case Kind::Key: {
    // By default the last query is the last key, whatever the lengths of the batch entries.
    int64_t queryEnd = options.query_offset ? *options.query_offset + q.shape[2] : k.shape[2];
    int64_t keyEnd = k.shape[2] + options.key_offset;
    return ceilDiv(std::max<int64_t>({reach.query ? queryEnd : 0, reach.key ? keyEnd : 0, 1}), axis.block);
  }
  case Kind::Fixed: return axis.extent;
  }
  return 0;
}

BoundValues bind(const Program &program, const AuxAxesReach &reach, const Tensor &q, const Tensor &k,
                 const ForwardOptions &options) {
  BoundValues bound;
  size_t used = 0;
  for (size_t i = 0; i < program.params.size(); ++i) {
    const ProgramParam &param = program.params[i];
    bound.params[i] = param.defaultValue;
    auto given = options.params.find(param.name);
    if (given == options.params.end()) continue;
    ++used;
    if (param.constant && given->second != param.defaultValue)
      userError(fmt::format(
          "parameter '{}' stands inside a divisor and was compiled with the value {}: compile again with "
          "constants = {{{{\"{}\", {}}}}}",
          param.name, param.defaultValue, param.name, given->second));
    if (given->second < param.low || given->second > param.high)
      userError(fmt::format("parameter '{}' is {}: its declared range is {}..{}", param.name, given->second,
                            param.low, param.high));
    bound.params[i] = given->second;
  }
  if (used != options.params.size())
    for (const auto &entry : options.params) {
      bool known = false;
      for (const auto &param : program.params) known |= param.name == entry.first;
      if (!known) userError(fmt::format("pattern '{}' has no parameter '{}'", program.name, entry.first));
    }
  for (size_t i = 0; i < program.auxes.size(); ++i) {
    const ProgramAux &aux = program.auxes[i];
    auto given = options.aux.find(aux.name);
    if (given == options.aux.end())
      userError(fmt::format("pattern '{}' needs the aux tensor '{}'", program.name, aux.name));
    const AuxTensor &tensor = given->second;
    if (!tensor.data) userError(fmt::format("aux tensor '{}' has no data", aux.name));
    if (tensor.extents.size() != aux.axes.size())
      userError(fmt::format("aux tensor '{}' has rank {}, expected {}", aux.name, tensor.extents.size(),
                            aux.axes.size()));
    for (size_t axis = 0; axis < aux.axes.size(); ++axis) {
      int64_t needed = axisExtent(aux.axes[axis], reach[i][axis], q, k, options);
      if (tensor.extents[axis] < needed)
        userError(fmt::format("aux tensor '{}' is too short: axis {} has {} entries, expected {}", aux.name,
                              axis, tensor.extents[axis], needed));
    }
    if (!tensor.strides.empty() && tensor.strides.size() != aux.axes.size())
      userError(fmt::format("aux tensor '{}' has {} strides, expected {}", aux.name, tensor.strides.size(),
                            aux.axes.size()));
    bound.aux[i] = &tensor;
  }
  return bound;
}

void checkTensor(const char *name, const Tensor &t, DType dtype, bool rowsUsed) {
  for (int i = 0; i < 4; ++i)
    if (t.shape[i] < 1)
      userError(fmt::format("{}: dimension {} is {}, expected at least 1", name, i, t.shape[i]));
  if (!t.data) userError(fmt::format("{} has no data", name));
  if (t.dtype != dtype)
    userError(
        fmt::format("{} has dtype {}, the kernel was compiled for {}", name, nameOf(t.dtype), nameOf(dtype)));
  if (rowsUsed && t.strides[3] != 1 && t.shape[3] > 1)
    userError(fmt::format("{} has inner stride {}, expected 1", name, t.strides[3]));
}

void checkShapes(const CompileOptions &options, const Tensor &q, const Tensor &k, const Tensor &v,
                 const Tensor &o) {
  checkTensor("q", q, options.dtype, true);
  checkTensor("k", k, options.dtype, true);
  checkTensor("v", v, options.dtype, true);
  checkTensor("o", o, options.dtype, true);
  for (int i = 0; i < 3; ++i) // rows that share memory would be written by several threads
    if (o.shape[i] > 1 && o.strides[i] == 0)
      userError(fmt::format("o has stride 0 in dimension {} of {} entries: its rows overlap", i, o.shape[i]));
  auto expect = [](const char *what, int64_t found, int64_t expected) {
    if (found != expected) userError(fmt::format("{} is {}, expected {}", what, found, expected));
  };
  expect("q heads", q.shape[1], options.heads);
  expect("k heads", k.shape[1], options.kv_heads);
  expect("v heads", v.shape[1], options.kv_heads);
  expect("o heads", o.shape[1], options.heads);
  expect("q head dim", q.shape[3], options.head_dim);
  expect("k head dim", k.shape[3], options.head_dim);
  expect("v head dim", v.shape[3], options.value_dim);
  expect("o head dim", o.shape[3], options.value_dim);
  expect("k batch", k.shape[0], q.shape[0]);
  expect("v batch", v.shape[0], q.shape[0]);
  expect("o batch", o.shape[0], q.shape[0]);
  expect("v tokens", v.shape[2], k.shape[2]);
  expect("o tokens", o.shape[2], q.shape[2]);
  for (const Tensor *t : {&q, &k}) {
    if (t->shape[2] > InputRanges::kLongest)
      userError(fmt::format("{} tokens are more than 2^30", t->shape[2]));
    if (std::max(t->shape[0], t->shape[1]) > InputRanges::kMostHeads)
      userError(fmt::format("batch {} with {} heads: both may be at most 2^20", t->shape[0], t->shape[1]));
  }
}

/// Compiled masks use 32-bit positions.
void checkPositions(const Tensor &q, const Tensor &k, const ForwardOptions &options) {
  auto check = [](const char *what, int64_t offset, int64_t tokens) {
    if (offset < InputRanges::kPositionLow || offset > InputRanges::kPositionHigh - tokens + 1)
      userError(fmt::format("{} {} with {} tokens: positions must lie within -2^30 .. 2^30 - 1", what, offset,
                            tokens));
  };
  if (options.query_offset) check("query_offset", *options.query_offset, q.shape[2]);
  check("key_offset", options.key_offset, k.shape[2]);
}

float scaleOf(const ForwardOptions &options, int64_t headDim) {
  return options.scale ? *options.scale : 1.0f / std::sqrt(static_cast<float>(headDim));
}

TensorArg argOf(const Tensor &t) { return {t.data, t.strides[0], t.strides[1], t.strides[2]}; }

/// Row-major strides where none are given.
void stridesOf(const AuxTensor &tensor, long long strides[3], long long extents[3]) {
  size_t rank = tensor.extents.size();
  long long stride = 1;
  for (size_t i = 0; i < 3; ++i) strides[i] = 0, extents[i] = 1;
  for (size_t i = rank; i-- > 0;) {
    strides[i] = tensor.strides.empty() ? stride : tensor.strides[i];
    extents[i] = tensor.extents[i];
    stride *= tensor.extents[i];
  }
}

} // namespace

AuxAxesReach reachOf(const Pattern &pattern, const Program &program) {
  auto byDecl = auxReach(pattern);
  AuxAxesReach reach;
  for (const ProgramAux &aux : program.auxes) {
    auto &axes = reach.emplace_back();
    auto found = byDecl.find(pattern.findAux(aux.name));
    if (found != byDecl.end()) std::copy(found->second.begin(), found->second.end(), axes.begin());
  }
  return reach;
}

ForwardArgs deviceArgs(const Program &program, const AuxAxesReach &reach, const CompileOptions &compiled,
                       const Tensor &q, const Tensor &k, const Tensor &v, const Tensor &o,
                       const ForwardOptions &options) {
  checkShapes(compiled, q, k, v, o);
  checkPositions(q, k, options);
  BoundValues bound = bind(program, reach, q, k, options);
  ForwardArgs args = {};
  args.q = argOf(q);
  args.k = argOf(k);
  args.v = argOf(v);
  args.o = argOf(o);
  args.lse = options.lse;
  args.lse_head_stride = q.shape[2];
  args.lse_batch_stride = q.shape[1] * q.shape[2];
  args.has_query_offset = options.query_offset.has_value();
  args.query_offset = options.query_offset.value_or(0);
  args.key_offset = options.key_offset;
  args.query_lengths = options.query_lengths;
  args.key_lengths = options.key_lengths;
  args.scale = scaleOf(options, compiled.head_dim);
  args.batch = static_cast<int>(q.shape[0]);
  args.heads = static_cast<int>(q.shape[1]);
  args.kv_heads = static_cast<int>(k.shape[1]);
  args.queries = static_cast<int>(q.shape[2]);
  args.keys = static_cast<int>(k.shape[2]);
  for (size_t i = 0; i < program.params.size(); ++i) args.params[i] = bound.params[i];
  for (size_t i = 0; i < program.auxes.size(); ++i) {
    args.aux[i].data = bound.aux[i]->data;
    stridesOf(*bound.aux[i], args.aux[i].strides, args.aux[i].extents);
  }
  return args;
}

CpuForwardArgs hostArgs(const Program &program, const AuxAxesReach &reach, const CompileOptions &compiled,
                        const Tensor &q, const Tensor &k, const Tensor &v, const Tensor &o,
                        const ForwardOptions &options) {
  checkShapes(compiled, q, k, v, o);
  checkPositions(q, k, options);
  BoundValues bound = bind(program, reach, q, k, options);
  auto host = [](const Tensor &t) { return HostTensor{t.data, {t.strides[0], t.strides[1], t.strides[2]}}; };
  CpuForwardArgs args;
  args.q = host(q);
  args.k = host(k);
  args.v = host(v);
  args.o = host(o);
  args.dtype = compiled.dtype;
  args.lse = options.lse;
  args.scale = scaleOf(options, compiled.head_dim);
  args.batch = q.shape[0];
  args.heads = q.shape[1];
  args.kvHeads = k.shape[1];
  args.queries = q.shape[2];
  args.keys = k.shape[2];
  args.headDim = compiled.head_dim;
  args.valueDim = compiled.value_dim;
  args.hasQueryOffset = options.query_offset.has_value();
  args.queryOffset = options.query_offset.value_or(0);
  args.keyOffset = options.key_offset;
  args.queryLengths = options.query_lengths;
  args.keyLengths = options.key_lengths;
  args.params.assign(bound.params, bound.params + program.params.size());
  for (size_t i = 0; i < program.auxes.size(); ++i) {
    long long strides[3], extents[3];
    stridesOf(*bound.aux[i], strides, extents);
    args.aux.push_back(
        {bound.aux[i]->data, {strides[0], strides[1], strides[2]}, {extents[0], extents[1], extents[2]}});
  }
  return args;
}

bool isAligned(const Tensor &t) {
  uint64_t step = 16 / elementBytes(t.dtype);
  bool aligned = reinterpret_cast<uintptr_t>(t.data) % 16 == 0;
  for (int i = 0; i < 3; ++i) aligned &= t.shape[i] == 1 || t.strides[i] % static_cast<int64_t>(step) == 0;
  return aligned;
}

} // namespace maskloom
