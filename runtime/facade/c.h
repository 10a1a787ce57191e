/** @file
 * The C API: opaque handles, status codes, the text of the last error of the calling thread. No exception
 * crosses it. Functions that return a status write `out` only when it is MASKLOOM_OK. Handles may be used
 * from several threads at once, but for their destruction.
 *
 *     maskloom_pattern *pattern;
 *     if (maskloom_pattern_load("s2.mask", NULL, &pattern)) fail(maskloom_last_error());
 *     maskloom_compile_options options = MASKLOOM_COMPILE_OPTIONS_INIT;
 *     options.heads = 16;
 *     maskloom_attention *attention;
 *     if (maskloom_compile(pattern, &options, &attention)) fail(maskloom_last_error());
 *     maskloom_forward(attention, &q, &k, &v, &o, &forward);
 */
#ifndef MASKLOOM_C_H
#define MASKLOOM_C_H

#include <stddef.h>
#include <stdint.h>

/** Marks what the library shows. */
#if defined(__GNUC__)
#define MASKLOOM_C_API __attribute__((visibility("default")))
#else
#define MASKLOOM_C_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** How a call ended. */
typedef enum maskloom_status {
  MASKLOOM_OK = 0,             /**< as it should */
  MASKLOOM_USER_ERROR = 1,     /**< bad input */
  MASKLOOM_MACHINE_ERROR = 2,  /**< no driver, no NVRTC, out of memory */
  MASKLOOM_INTERNAL_ERROR = 3, /**< our fault */
} maskloom_status;

/** The type of a tensor's elements. */
typedef enum maskloom_dtype {
  MASKLOOM_F16 = 0,  /**< IEEE half precision */
  MASKLOOM_BF16 = 1, /**< bfloat16 */
  MASKLOOM_F32 = 2,  /**< IEEE single precision; on the CPU only */
} maskloom_dtype;

/** Where attention is computed. */
typedef enum maskloom_device {
  MASKLOOM_AUTO = 0, /**< the current GPU when kernels can be compiled for it, else the CPU */
  MASKLOOM_GPU = 1,  /**< the GPU of the current CUDA context */
  MASKLOOM_CPU = 2,  /**< all cores; host memory */
} maskloom_device;

/** A pattern. */
typedef struct maskloom_pattern maskloom_pattern;
/** A pattern compiled for a device. */
typedef struct maskloom_attention maskloom_attention;

/** A named integer: a parameter's value. */
typedef struct maskloom_value {
  const char *name; /**< of the parameter */
  int64_t value;    /**< within its declared range */
} maskloom_value;

/** What a kernel is compiled for; begin with MASKLOOM_COMPILE_OPTIONS_INIT. */
typedef struct maskloom_compile_options {
  int64_t heads;                   /**< query heads */
  int64_t kv_heads;                /**< divides heads; 0: as many as heads */
  int64_t head_dim;                /**< of Q and K, a multiple of 8 from 8 to 256 */
  int64_t value_dim;               /**< of V and O, likewise; 0: head_dim */
  maskloom_dtype dtype;            /**< what is computed in */
  maskloom_device device;          /**< where it is computed */
  const char *arch;                /**< "sm_90a"; NULL: the current GPU's */
  const maskloom_value *constants; /**< parameters inside divisors; others have their defaults */
  size_t constant_count;           /**< how many */
  const char *config; /**< JSON: fields of maskloom_config to change, for tuning; NULL: the default */
} maskloom_compile_options;
/** One head, head dim 128, bf16, the device by itself. */
#define MASKLOOM_COMPILE_OPTIONS_INIT {1, 0, 128, 0, MASKLOOM_BF16, MASKLOOM_AUTO, NULL, NULL, 0, NULL}

/** [batch, heads, tokens, dim]; device memory for a GPU, host memory for the CPU. */
typedef struct maskloom_tensor {
  void *data;           /**< of the first element */
  int64_t shape[4];     /**< batch, heads, tokens, dim */
  int64_t strides[4];   /**< in elements; the inner one is 1 */
  maskloom_dtype dtype; /**< must be the one that was compiled for */
} maskloom_tensor;

/** An aux tensor, i32 or f32 as declared. */
typedef struct maskloom_aux {
  const char *name;   /**< as declared */
  const void *data;   /**< on the device of the other tensors */
  int32_t rank;       /**< 1 to 3 */
  int64_t extents[3]; /**< one an axis, at least what the call reaches */
  int64_t strides[3]; /**< in elements */
} maskloom_aux;

/** The arguments of a call beside its tensors; begin with MASKLOOM_FORWARD_OPTIONS_INIT. */
typedef struct maskloom_forward_options {
  float *lse;                   /**< natural log, [batch, heads, queries] row-major, or NULL */
  float scale;                  /**< 0: 1 / sqrt(head_dim) */
  const maskloom_value *params; /**< others have their defaults */
  size_t param_count;           /**< how many */
  const maskloom_aux *aux;      /**< all that the pattern declares */
  size_t aux_count;             /**< how many */
  const int32_t *query_lengths; /**< per batch entry, in the memory of the tensors, or NULL */
  const int32_t *key_lengths;   /**< likewise */
  int32_t has_query_offset;     /**< 0: row 0 is at key length - query length */
  int64_t query_offset;         /**< position of row 0, when has_query_offset is not 0 */
  int64_t key_offset;           /**< position of column 0 */
  void *stream;                 /**< CUstream; ignored on the CPU */
  int32_t aux_changed;          /**< the contents behind the same aux pointers changed: plan again */
} maskloom_forward_options;
/** No LSE, the default scale, parameters and offsets, the default stream. */
#define MASKLOOM_FORWARD_OPTIONS_INIT {NULL, 0, NULL, 0, NULL, 0, NULL, NULL, 0, 0, 0, NULL, 0}

/** The text of the calling thread's last error; "" when there was none. Valid until its next call. */
MASKLOOM_C_API const char *maskloom_last_error(void);
/** "0.1.0". */
MASKLOOM_C_API const char *maskloom_version(void);

/** Parses the text of a pattern file. `name` chooses the pattern; NULL: the only one, or the first. Errors of
 * the text have their line, column and caret in maskloom_last_error(). */
MASKLOOM_C_API maskloom_status maskloom_pattern_parse(const char *text, const char *name,
                                                      maskloom_pattern **out);
/** Reads and parses a pattern file. */
MASKLOOM_C_API maskloom_status maskloom_pattern_load(const char *path, const char *name,
                                                     maskloom_pattern **out);
/** NULL is allowed. Attentions compiled from the pattern live on. */
MASKLOOM_C_API void maskloom_pattern_destroy(maskloom_pattern *pattern);

/** Compiles a pattern, or finds it in the cache. */
MASKLOOM_C_API maskloom_status maskloom_compile(const maskloom_pattern *pattern,
                                                const maskloom_compile_options *options,
                                                maskloom_attention **out);
/** NULL is allowed. Waits for what was launched. */
MASKLOOM_C_API void maskloom_attention_destroy(maskloom_attention *attention);
/** Launches on options->stream and returns; on the CPU it returns when done. `options` may be NULL. May be
 * captured into a CUDA graph; two executable graphs instantiated from one captured
 * graph must not run at the same time, any others may. A stream must be idle when it is destroyed. */
MASKLOOM_C_API maskloom_status maskloom_forward(maskloom_attention *attention, const maskloom_tensor *q,
                                                const maskloom_tensor *k, const maskloom_tensor *v,
                                                const maskloom_tensor *o,
                                                const maskloom_forward_options *options);
/** Plans and allocates what maskloom_forward() will need for these shapes, and waits. Optional. */
MASKLOOM_C_API maskloom_status maskloom_prepare(maskloom_attention *attention, const maskloom_tensor *q,
                                                const maskloom_tensor *k, const maskloom_tensor *v,
                                                const maskloom_tensor *o,
                                                const maskloom_forward_options *options);
/** Bytes of device memory that maskloom_forward() holds for this shape; 0 on the CPU and on errors. */
MASKLOOM_C_API size_t maskloom_workspace_bytes(const maskloom_attention *attention, const maskloom_tensor *q,
                                               const maskloom_tensor *k);
/** The kernel's configuration as a JSON object: template, tile shape, warps, stages. "" on the CPU. */
MASKLOOM_C_API const char *maskloom_config(const maskloom_attention *attention);
/** The generated CUDA C++; "" on the CPU. Valid as long as the attention. */
MASKLOOM_C_API const char *maskloom_source(const maskloom_attention *attention);
/** The cubin and its size, which may be asked for with NULL; empty on the CPU. Valid as long as the
 * attention. */
MASKLOOM_C_API const void *maskloom_image(const maskloom_attention *attention, size_t *bytes);

#ifdef __cplusplus
}
#endif
#endif
