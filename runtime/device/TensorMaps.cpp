#include "maskloom/device/TensorMaps.h"

#include <cassert>
#include <tuple>

#include <fmt/format.h>

namespace maskloom {

namespace {

constexpr int64_t kElementBytes = 2;
constexpr uint32_t kBoxElements = 64; // 128 bytes, the width of the swizzle
constexpr uint64_t kStrideLimit = uint64_t{1} << 40;

TensorMapLayout layoutOf(const TensorArg &tensor, const KernelConfig &config, int dim, int tokens, int heads,
                         int batch, int rows, int boxHeads = 1) {
  TensorMapLayout layout;
  layout.isBf16 = config.dtype == DType::bf16;
  layout.data = tensor.data;
  layout.extents = {static_cast<uint64_t>(dim), static_cast<uint64_t>(tokens), static_cast<uint64_t>(heads),
                    static_cast<uint64_t>(batch)};
  layout.box = {kBoxElements, static_cast<uint32_t>(rows), static_cast<uint32_t>(boxHeads), 1};
  const long long strides[] = {tensor.token_stride, tensor.head_stride, tensor.batch_stride};
  // The stride of a dimension with one entry is never used, may be anything in a tensor, and must be legal in
  // a map: a row's bytes are. Strides in elements that overflow, or are negative, come out beyond the limit.
  for (int i = 0; i < 3; ++i)
    layout.strides[i] = static_cast<uint64_t>(layout.extents[i + 1] == 1 ? dim : strides[i]) * kElementBytes;
  return layout;
}

} // namespace

TensorMapLayouts tensorMapLayouts(const ForwardArgs &args, const KernelConfig &config) {
  return {layoutOf(args.q, config, config.headDim, args.queries, args.heads, args.batch, config.tileQueries,
                   config.tileHeads),
          layoutOf(args.k, config, config.headDim, args.keys, args.kv_heads, args.batch, config.boxKeys()),
          layoutOf(args.v, config, config.valueDim, args.keys, args.kv_heads, args.batch, config.boxKeys()),
          layoutOf(args.o, config, config.valueDim, args.queries, args.heads, args.batch, config.tileQueries,
                   config.tileHeads)};
}

std::string tensorMapProblem(const TensorMapLayout &layout) {
  if (reinterpret_cast<uintptr_t>(layout.data) % 16)
    return fmt::format("address {} is not 16-byte aligned", layout.data);
  static constexpr const char *kDimensions[] = {"token", "head", "batch"};
  for (int i = 0; i < 3; ++i) {
    const uint64_t stride = layout.strides[i];
    if (stride % 16)
      return fmt::format("the {} stride of {} bytes is no multiple of 16", kDimensions[i],
                         static_cast<int64_t>(stride));
    if (stride >= kStrideLimit)
      return fmt::format("the {} stride of {} bytes is not within 0 .. 2^40 - 1", kDimensions[i],
                         static_cast<int64_t>(stride));
  }
  return {};
}

TensorMapCache &TensorMapCache::ofThread() {
  thread_local TensorMapCache cache;
  return cache;
}

TensorMapCache::Key TensorMapCache::keyOf(const Driver &driver, const ForwardArgs &args,
                                          const KernelConfig &config) {
  Key key{};
  size_t at = 0;
  auto add = [&](int64_t value) { key[at++] = value; };
  for (const TensorArg *tensor : {&args.q, &args.k, &args.v, &args.o}) {
    add(reinterpret_cast<intptr_t>(tensor->data));
    add(tensor->batch_stride);
    add(tensor->head_stride);
    add(tensor->token_stride);
  }
  for (int value : {args.batch, args.heads, args.kv_heads, args.queries, args.keys, config.headDim,
                    config.valueDim, config.tileQueries, config.tileKeys, config.gather, config.cluster,
                    config.tileHeads, static_cast<int>(config.dtype)})
    add(value);
  add(reinterpret_cast<intptr_t>(&driver));
  assert(at <= key.size());
  return key;
}

DriverStatus TensorMapCache::find(const Driver &driver, const ForwardArgs &args, const KernelConfig &config,
                                  const TensorMaps *&maps) {
  const Key key = keyOf(driver, args, config);
  for (size_t i = 0; i < kEntries; ++i) {
    const size_t at = (last_ + i) % kEntries;
    if (entries_[at].key != key) continue;
    last_ = at;
    maps = &entries_[at].maps;
    return {};
  }
  const TensorMapLayouts layouts = tensorMapLayouts(args, config);
  TensorMaps encoded;
  for (auto [name, layout, map] : {std::tuple{"q", &layouts.q, &encoded.q},
                                   {"k", &layouts.k, &encoded.k},
                                   {"v", &layouts.v, &encoded.v},
                                   {"o", &layouts.o, &encoded.o}}) {
    if (std::string problem = tensorMapProblem(*layout); !problem.empty())
      return {fmt::format("{}: {}", name, problem)};
    if (DriverStatus s = driver.encodeTensorMap(*layout, map); !s.ok())
      return {fmt::format("{}: {}", name, s.message)};
  }
  last_ = next_;
  next_ = (next_ + 1) % kEntries;
  entries_[last_] = {key, encoded};
  maps = &entries_[last_].maps;
  return {};
}

} // namespace maskloom
