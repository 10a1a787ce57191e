/* The C API: opaque handles, status codes, the text of the last error of the calling thread. No exception
 * crosses it.
 *
 *   maskloom_pattern *pattern;
 *   if (maskloom_pattern_load("s2.mask", NULL, &pattern)) fail(maskloom_last_error());
 *   maskloom_compile_options options = MASKLOOM_COMPILE_OPTIONS_INIT;
 *   options.heads = 16;
 *   maskloom_attention *attention;
 *   if (maskloom_compile(pattern, &options, &attention)) fail(maskloom_last_error());
 *   maskloom_forward(attention, &q, &k, &v, &o, &forward);
 */
#ifndef MASKLOOM_C_H
#define MASKLOOM_C_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define MASKLOOM_C_API __attribute__((visibility("default")))
#else
#define MASKLOOM_C_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum maskloom_status {
  MASKLOOM_OK = 0,
  MASKLOOM_USER_ERROR = 1,     /* bad input */
  MASKLOOM_MACHINE_ERROR = 2,  /* no driver, no NVRTC, out of memory */
  MASKLOOM_INTERNAL_ERROR = 3, /* our fault */
} maskloom_status;

typedef enum maskloom_dtype { MASKLOOM_F16 = 0, MASKLOOM_BF16 = 1, MASKLOOM_F32 = 2 } maskloom_dtype;
typedef enum maskloom_device { MASKLOOM_AUTO = 0, MASKLOOM_GPU = 1, MASKLOOM_CPU = 2 } maskloom_device;

typedef struct maskloom_pattern maskloom_pattern;
typedef struct maskloom_attention maskloom_attention;

/* A named integer: a parameter's value. */
typedef struct maskloom_value {
  const char *name;
  int64_t value;
} maskloom_value;

typedef struct maskloom_compile_options {
  int64_t heads, kv_heads;     /* kv_heads 0: as many as heads */
  int64_t head_dim, value_dim; /* multiples of 8 from 8 to 256; value_dim 0: head_dim */
  maskloom_dtype dtype;
  maskloom_device device;
  const char *arch; /* "sm_90a"; NULL: the current GPU's */
  const maskloom_value *constants;
  size_t constant_count;
  const char *config; /* JSON: fields of maskloom_config to change, for tuning; NULL: the default */
} maskloom_compile_options;
#define MASKLOOM_COMPILE_OPTIONS_INIT {1, 0, 128, 0, MASKLOOM_BF16, MASKLOOM_AUTO, NULL, NULL, 0, NULL}

/* [batch, heads, tokens, dim]; strides in elements, inner stride 1. */
typedef struct maskloom_tensor {
  void *data;
  int64_t shape[4];
  int64_t strides[4];
  maskloom_dtype dtype;
} maskloom_tensor;

/* An aux tensor (i32 or f32 as declared), rank 1 to 3, strides in elements. */
typedef struct maskloom_aux {
  const char *name;
  const void *data;
  int32_t rank;
  int64_t extents[3];
  int64_t strides[3];
} maskloom_aux;

typedef struct maskloom_forward_options {
  float *lse;  /* natural log, [batch, heads, queries] row-major, or NULL */
  float scale; /* 0: 1 / sqrt(head_dim) */
  const maskloom_value *params;
  size_t param_count;
  const maskloom_aux *aux;
  size_t aux_count;
  const int32_t *query_lengths, *key_lengths; /* per batch entry, in the memory of the tensors, or NULL */
  int32_t has_query_offset;                   /* 0: key length - query length */
  int64_t query_offset, key_offset;
  void *stream;        /* CUstream */
  int32_t aux_changed; /* the contents behind the same aux pointers changed: plan again */
} maskloom_forward_options;
#define MASKLOOM_FORWARD_OPTIONS_INIT {NULL, 0, NULL, 0, NULL, 0, NULL, NULL, 0, 0, 0, NULL, 0}

/* The text of the calling thread's last error; "" when there was none. Valid until its next call. */
MASKLOOM_C_API const char *maskloom_last_error(void);
MASKLOOM_C_API const char *maskloom_version(void);

/* Parses a pattern file's text, or a file. `name` chooses the pattern; NULL: the only one, or the first. */
MASKLOOM_C_API maskloom_status maskloom_pattern_parse(const char *text, const char *name,
                                                      maskloom_pattern **out);
MASKLOOM_C_API maskloom_status maskloom_pattern_load(const char *path, const char *name,
                                                     maskloom_pattern **out);
MASKLOOM_C_API void maskloom_pattern_destroy(maskloom_pattern *pattern);

MASKLOOM_C_API maskloom_status maskloom_compile(const maskloom_pattern *pattern,
                                                const maskloom_compile_options *options,
                                                maskloom_attention **out);
MASKLOOM_C_API void maskloom_attention_destroy(maskloom_attention *attention);
/* Launches on options->stream and returns; `options` may be NULL. May be captured into a CUDA graph after
 * maskloom_prepare(); two executable graphs instantiated from one captured graph must not run at the same
 * time, any others may. A stream must be idle when it is destroyed. */
MASKLOOM_C_API maskloom_status maskloom_forward(maskloom_attention *attention, const maskloom_tensor *q,
                                                const maskloom_tensor *k, const maskloom_tensor *v,
                                                const maskloom_tensor *o,
                                                const maskloom_forward_options *options);
/* Plans and allocates for these shapes, and waits. */
MASKLOOM_C_API maskloom_status maskloom_prepare(maskloom_attention *attention, const maskloom_tensor *q,
                                                const maskloom_tensor *k, const maskloom_tensor *v,
                                                const maskloom_tensor *o,
                                                const maskloom_forward_options *options);
/* Device bytes held for the shape. */
MASKLOOM_C_API size_t maskloom_workspace_bytes(const maskloom_attention *attention, const maskloom_tensor *q,
                                               const maskloom_tensor *k);
/* The kernel's configuration as a JSON object: template, tile shape, warps, stages. "" on the CPU. */
MASKLOOM_C_API const char *maskloom_config(const maskloom_attention *attention);
/* The generated CUDA C++ and the cubin; empty on the CPU. */
MASKLOOM_C_API const char *maskloom_source(const maskloom_attention *attention);
MASKLOOM_C_API const void *maskloom_image(const maskloom_attention *attention, size_t *bytes);

#ifdef __cplusplus
}
#endif
#endif
