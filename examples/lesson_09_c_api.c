/* Lesson 9: from C, with tensors of another library.
 *
 * The C API has handles and status codes; the last error's text belongs to the calling thread. Array
 * libraries hand their tensors over as DLPack: pointer, shape, strides, dtype, device and an owner. Q, K and
 * V come in that way without a copy, and O goes out. The "other library" here keeps [batch, tokens, heads,
 * dim]. */
#include <maskloom/c_dlpack.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { HEADS = 2, TOKENS = 60, DIM = 8, WINDOW = 5 };

/* ---- the other library ---- */

typedef struct array {
  float *data;
  int64_t shape[4], strides[4];
  DLManagedTensorVersioned managed;
} array;

static int arrays = 0; /* that are alive */

static void array_delete(DLManagedTensorVersioned *self) {
  array *a = (array *)self->manager_ctx;
  free(a->data);
  free(a);
  --arrays;
}

/* The axes are given in the order that attention wants, [batch, heads, tokens, dim]; memory is [batch,
 * tokens, heads, dim]. */
static DLManagedTensorVersioned *array_make(unsigned seed) {
  array *a = calloc(1, sizeof *a);
  int64_t shape[4] = {1, HEADS, TOKENS, DIM}, strides[4] = {TOKENS * HEADS * DIM, DIM, HEADS * DIM, 1};
  int i;
  a->data = calloc(TOKENS * HEADS * DIM, sizeof(float));
  for (i = 0; i < TOKENS * HEADS * DIM; ++i) {
    seed = seed * 1664525u + 1013904223u;
    a->data[i] = (float)(seed >> 8) / 8388608.0f - 1.0f;
  }
  for (i = 0; i < 4; ++i) a->shape[i] = shape[i], a->strides[i] = strides[i];
  a->managed.version.major = 1;
  a->managed.manager_ctx = a;
  a->managed.deleter = array_delete;
  a->managed.dl_tensor.data = a->data;
  a->managed.dl_tensor.device.device_type = kDLCPU;
  a->managed.dl_tensor.ndim = 4;
  a->managed.dl_tensor.dtype.code = kDLFloat;
  a->managed.dl_tensor.dtype.bits = 32;
  a->managed.dl_tensor.dtype.lanes = 1;
  a->managed.dl_tensor.shape = a->shape;
  a->managed.dl_tensor.strides = a->strides;
  ++arrays;
  return &a->managed;
}

static float at(const DLManagedTensorVersioned *m, int h, int token, int i) {
  const DLTensor *t = &m->dl_tensor;
  return ((const float *)t->data)[h * t->strides[1] + token * t->strides[2] + i];
}

/* ---- attention over them ---- */

static void stop(const char *what) {
  fprintf(stderr, "%s: %s\n", what, maskloom_last_error());
  exit(1);
}

static maskloom_tensor take(const DLManagedTensorVersioned *given, DLDevice device, const char *name,
                            int write) {
  const DLTensor *view;
  maskloom_tensor tensor;
  if (maskloom_dlpack_view(given, name, write, &view) ||
      maskloom_tensor_from_dlpack(view, device, name, &tensor))
    stop(name);
  return tensor;
}

static void release(void *owner) { free(owner); }

/* O has memory of ours, which goes with the tensor: its deleter calls release(). */
static DLManagedTensorVersioned *attend(maskloom_attention *attention, const DLManagedTensorVersioned *q,
                                        const DLManagedTensorVersioned *k,
                                        const DLManagedTensorVersioned *v) {
  maskloom_value window = {"window", WINDOW};
  maskloom_forward_options options = MASKLOOM_FORWARD_OPTIONS_INIT;
  maskloom_tensor tq, tk, tv,
      to = {NULL, {1, HEADS, TOKENS, DIM}, {HEADS * TOKENS * DIM, TOKENS * DIM, DIM, 1}, MASKLOOM_F32};
  DLManagedTensorVersioned *o = NULL;
  DLDevice device;
  if (maskloom_dlpack_device(attention, &device)) stop("device");
  tq = take(q, device, "q", 0), tk = take(k, device, "k", 0), tv = take(v, device, "v", 0);
  to.data = calloc(HEADS * TOKENS * DIM, sizeof(float));
  options.params = &window;
  options.param_count = 1;
  if (maskloom_forward(attention, &tq, &tk, &tv, &to, &options)) stop("forward");
  if (maskloom_tensor_to_dlpack(&to, device, release, to.data, &o)) stop("o");
  return o;
}

int main(void) {
  maskloom_pattern *pattern;
  maskloom_attention *attention;
  maskloom_compile_options options = MASKLOOM_COMPILE_OPTIONS_INIT;
  DLManagedTensorVersioned *q = array_make(1), *k = array_make(2), *v = array_make(3), *o;
  maskloom_tensor tensor;
  double worst = 0;
  int h, row, column, i;

  if (maskloom_pattern_parse("pattern near { param window = 16; causal; mask q - k < window; }", NULL,
                             &pattern))
    stop("pattern");
  options.heads = HEADS;
  options.head_dim = DIM;
  options.dtype = MASKLOOM_F32;
  options.device = MASKLOOM_CPU;
  if (maskloom_compile(pattern, &options, &attention)) stop("compile");
  o = attend(attention, q, k, v);

  for (h = 0; h < HEADS; ++h)
    for (row = 0; row < TOKENS; ++row) {
      double sum = 0, expected[DIM] = {0};
      for (column = row < WINDOW ? 0 : row - WINDOW + 1; column <= row; ++column) {
        double score = 0, weight;
        for (i = 0; i < DIM; ++i) score += (double)at(q, h, row, i) * at(k, h, column, i);
        weight = exp(score / sqrt((double)DIM));
        sum += weight;
        for (i = 0; i < DIM; ++i) expected[i] += weight * at(v, h, column, i);
      }
      for (i = 0; i < DIM; ++i) worst = fmax(worst, fabs(expected[i] / sum - at(o, h, row, i)));
    }
  printf("largest difference from attention by definition: %.1e\n", worst);

  /* A mistake: a status, and a text that names the tensor. */
  k->dl_tensor.device.device_type = kDLCUDA;
  if (maskloom_tensor_from_dlpack(&k->dl_tensor, o->dl_tensor.device, "k", &tensor) != MASKLOOM_USER_ERROR)
    return 1;
  printf("an error: %s\n", maskloom_last_error());

  q->deleter(q), k->deleter(k), v->deleter(v), o->deleter(o);
  maskloom_attention_destroy(attention);
  maskloom_pattern_destroy(pattern);
  return worst < 1e-5 && arrays == 0 ? 0 : 1;
}
