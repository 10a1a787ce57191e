#include "maskloom/c.h"
#include "maskloom/device/Driver.h"
#include "maskloom/facade/CApiSupport.h"
#include "maskloom/maskloom.h"
#include "maskloom/program/ProgramJson.h"

#include <new>

#include <fmt/format.h>

namespace {

using namespace maskloom;

thread_local std::string lastError;

maskloom_status fail(maskloom_status status, std::string message) {
  lastError = std::move(message);
  return status;
}

DType dtypeOf(maskloom_dtype dtype) {
  switch (dtype) {
  case MASKLOOM_F16: return DType::f16;
  case MASKLOOM_BF16: return DType::bf16;
  case MASKLOOM_F32: return DType::f32;
  }
  throw Error(ErrorKind::User, fmt::format("unknown dtype {}", static_cast<int>(dtype)));
}

ForwardOptions optionsOf(const maskloom_forward_options *given) {
  ForwardOptions options;
  if (!given) return options;
  options.lse = given->lse;
  if (given->scale != 0) options.scale = given->scale;
  for (size_t i = 0; i < given->param_count; ++i)
    options.params[&required(given->params[i].name, "params.name")] = given->params[i].value;
  for (size_t i = 0; i < given->aux_count; ++i) {
    const maskloom_aux &aux = given->aux[i];
    if (aux.rank < 1 || aux.rank > 3)
      throw Error(ErrorKind::User, fmt::format("aux rank is {}, expected 1 to 3", aux.rank));
    options.aux[&required(aux.name, "aux.name")] = {
        aux.data, {aux.extents, aux.extents + aux.rank}, {aux.strides, aux.strides + aux.rank}};
  }
  options.query_lengths = given->query_lengths;
  options.key_lengths = given->key_lengths;
  if (given->has_query_offset) options.query_offset = given->query_offset;
  options.key_offset = given->key_offset;
  options.stream = given->stream;
  options.aux_changed = given->aux_changed != 0;
  return options;
}

/// The default configuration with the fields of `changes` in place of its own.
KernelConfig configOf(const char *changes, const Pattern &pattern, CompileOptions options) {
  int device = 0;
  const Driver *driver = Driver::get();
  if (options.arch.empty() && options.device != Device::Cpu && driver && driver->currentDevice(device).ok())
    options.arch = driver->info(device).arch();
  std::string error;
  auto config = configFromText(changes, default_config(pattern, options), error);
  if (!config) throw Error(ErrorKind::User, error);
  return *config;
}

Pattern choose(ParseResult parsed, const char *name) {
  if (!parsed.ok()) throw Error(ErrorKind::User, render(parsed.diagnostics));
  if (parsed.patterns.empty()) throw Error(ErrorKind::User, "the file declares no pattern");
  if (!name) return parsed.patterns.front();
  for (auto &pattern : parsed.patterns)
    if (pattern.name == name) return pattern;
  throw Error(ErrorKind::User, fmt::format("the file has no pattern '{}'", name));
}

} // namespace

namespace maskloom {

maskloom_status guarded(const std::function<void()> &body) noexcept {
  try {
    lastError.clear();
    body();
    return MASKLOOM_OK;
  } catch (const Error &error) {
    auto status = error.kind() == ErrorKind::User      ? MASKLOOM_USER_ERROR
                  : error.kind() == ErrorKind::Machine ? MASKLOOM_MACHINE_ERROR
                                                       : MASKLOOM_INTERNAL_ERROR;
    return fail(status, error.what());
  } catch (const std::bad_alloc &) {
    return fail(MASKLOOM_MACHINE_ERROR, "out of memory");
  } catch (const std::exception &error) {
    return fail(MASKLOOM_INTERNAL_ERROR, error.what());
  }
}

void failNull(const char *name) { throw Error(ErrorKind::User, fmt::format("argument '{}' is NULL", name)); }

Tensor tensorOf(const maskloom_tensor *given, const char *name) {
  const maskloom_tensor &t = required(given, name);
  Tensor tensor;
  tensor.data = t.data;
  for (int i = 0; i < 4; ++i) tensor.shape[i] = t.shape[i], tensor.strides[i] = t.strides[i];
  tensor.dtype = dtypeOf(t.dtype);
  return tensor;
}

} // namespace maskloom

const char *maskloom_last_error(void) { return lastError.c_str(); }
const char *maskloom_version(void) { return MASKLOOM_VERSION; }

maskloom_status maskloom_pattern_parse(const char *text, const char *name, maskloom_pattern **out) {
  return guarded([&] {
    required(out, "out");
    *out = new maskloom_pattern{choose(parsePatterns(&required(text, "text"), "<text>"), name)};
  });
}

maskloom_status maskloom_pattern_load(const char *path, const char *name, maskloom_pattern **out) {
  return guarded([&] {
    required(out, "out");
    *out = new maskloom_pattern{choose(parsePatternFile(&required(path, "path")), name)};
  });
}

void maskloom_pattern_destroy(maskloom_pattern *pattern) { delete pattern; }

maskloom_status maskloom_compile(const maskloom_pattern *pattern, const maskloom_compile_options *given,
                                 maskloom_attention **out) {
  return guarded([&] {
    required(out, "out");
    const maskloom_compile_options &o = required(given, "options");
    CompileOptions options;
    options.heads = o.heads;
    options.kv_heads = o.kv_heads;
    options.head_dim = o.head_dim;
    options.value_dim = o.value_dim;
    options.dtype = dtypeOf(o.dtype);
    options.device = o.device == MASKLOOM_GPU   ? Device::Gpu
                     : o.device == MASKLOOM_CPU ? Device::Cpu
                                                : Device::Auto;
    if (o.arch) options.arch = o.arch;
    for (size_t i = 0; i < o.constant_count; ++i)
      options.constants[&required(o.constants[i].name, "constants.name")] = o.constants[i].value;
    const Pattern &source = required(pattern, "pattern").pattern;
    if (o.config) options.config = configOf(o.config, source, options);
    Attention attention = compile(source, options);
    std::string config;
    if (attention.device() == Device::Gpu) config = toJsonText(attention.program().kernel.config);
    *out = new maskloom_attention{std::move(attention), std::move(config)};
  });
}

void maskloom_attention_destroy(maskloom_attention *attention) { delete attention; }

maskloom_status maskloom_forward(maskloom_attention *attention, const maskloom_tensor *q,
                                 const maskloom_tensor *k, const maskloom_tensor *v, const maskloom_tensor *o,
                                 const maskloom_forward_options *options) {
  return guarded([&] {
    required(attention, "attention");
    attention->attention.forward(tensorOf(q, "q"), tensorOf(k, "k"), tensorOf(v, "v"), tensorOf(o, "o"),
                                 optionsOf(options));
  });
}

maskloom_status maskloom_prepare(maskloom_attention *attention, const maskloom_tensor *q,
                                 const maskloom_tensor *k, const maskloom_tensor *v, const maskloom_tensor *o,
                                 const maskloom_forward_options *options) {
  return guarded([&] {
    required(attention, "attention");
    attention->attention.prepare(tensorOf(q, "q"), tensorOf(k, "k"), tensorOf(v, "v"), tensorOf(o, "o"),
                                 optionsOf(options));
  });
}

size_t maskloom_workspace_bytes(const maskloom_attention *attention, const maskloom_tensor *q,
                                const maskloom_tensor *k) {
  size_t bytes = 0;
  guarded([&] {
    bytes = required(attention, "attention").attention.workspace_bytes(tensorOf(q, "q"), tensorOf(k, "k"));
  });
  return bytes;
}

const char *maskloom_config(const maskloom_attention *attention) {
  return attention ? attention->config.c_str() : "";
}

const char *maskloom_source(const maskloom_attention *attention) {
  return attention ? attention->attention.program().kernel.source.c_str() : "";
}

const void *maskloom_image(const maskloom_attention *attention, size_t *bytes) {
  if (bytes) *bytes = attention ? attention->attention.image().size() : 0;
  return attention ? attention->attention.image().data() : nullptr;
}
