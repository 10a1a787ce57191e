#include "maskloom/codegen/emit/ArgumentLayout.h"

#include "maskloom/templates/args.cuh"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

namespace maskloom {

std::vector<KernelField> forwardFields(const Program &program) {
  std::vector<KernelField> fields;
  auto add = [&](std::string name, const char *type, size_t offset, int32_t count = 1) {
    fields.push_back({std::move(name), type, static_cast<int32_t>(offset), count});
  };
  auto addTensor = [&](const std::string &name, size_t base) {
    add(name + ".data", "pointer", base + offsetof(TensorArg, data));
    add(name + ".batch_stride", "i64", base + offsetof(TensorArg, batch_stride));
    add(name + ".head_stride", "i64", base + offsetof(TensorArg, head_stride));
    add(name + ".token_stride", "i64", base + offsetof(TensorArg, token_stride));
  };
  addTensor("q", offsetof(ForwardArgs, q));
  addTensor("k", offsetof(ForwardArgs, k));
  addTensor("v", offsetof(ForwardArgs, v));
  addTensor("o", offsetof(ForwardArgs, o));
  add("lse", "pointer", offsetof(ForwardArgs, lse));
  add("lse_batch_stride", "i64", offsetof(ForwardArgs, lse_batch_stride));
  add("lse_head_stride", "i64", offsetof(ForwardArgs, lse_head_stride));
  add("query_offset", "i64", offsetof(ForwardArgs, query_offset));
  add("key_offset", "i64", offsetof(ForwardArgs, key_offset));
  add("query_lengths", "pointer", offsetof(ForwardArgs, query_lengths));
  add("key_lengths", "pointer", offsetof(ForwardArgs, key_lengths));
  add("plan", "pointer", offsetof(ForwardArgs, plan));
  add("unit_order", "pointer", offsetof(ForwardArgs, unit_order));
  add("work_counter", "pointer", offsetof(ForwardArgs, work_counter));
  add("scale", "f32", offsetof(ForwardArgs, scale));
  add("batch", "i32", offsetof(ForwardArgs, batch));
  add("heads", "i32", offsetof(ForwardArgs, heads));
  add("kv_heads", "i32", offsetof(ForwardArgs, kv_heads));
  add("queries", "i32", offsetof(ForwardArgs, queries));
  add("keys", "i32", offsetof(ForwardArgs, keys));
  add("has_query_offset", "i32", offsetof(ForwardArgs, has_query_offset));
  add("section_heads", "i32", offsetof(ForwardArgs, section_heads));
  add("last_section_heads", "i32", offsetof(ForwardArgs, last_section_heads));
  add("first_tiles_first", "i32", offsetof(ForwardArgs, first_tiles_first));
  for (size_t i = 0; i < program.params.size(); i++)
    add(fmt::format("params[{}]", i), "i64", offsetof(ForwardArgs, params) + i * sizeof(long long));
  for (size_t i = 0; i < program.auxes.size(); i++) {
    size_t base = offsetof(ForwardArgs, aux) + i * sizeof(AuxArg);
    add(fmt::format("aux[{}].data", i), "pointer", base + offsetof(AuxArg, data));
    add(fmt::format("aux[{}].strides", i), "i64", base + offsetof(AuxArg, strides), 3);
    add(fmt::format("aux[{}].extents", i), "i64", base + offsetof(AuxArg, extents), 3);
  }
  std::stable_sort(fields.begin(), fields.end(),
                   [](const KernelField &a, const KernelField &b) { return a.offset < b.offset; });
  return fields;
}

int32_t forwardParameterBytes() { return sizeof(ForwardArgs); }

} // namespace maskloom
