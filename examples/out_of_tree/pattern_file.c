/* The C API alone: a pattern file, a parameter at the launch, a result that is known. */
#include <maskloom/c.h>

#include <math.h>
#include <stdio.h>

enum { TOKENS = 40, DIM = 8 };
static float q[TOKENS * DIM], k[TOKENS * DIM], v[TOKENS * DIM], o[TOKENS * DIM];

static int fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, maskloom_last_error());
  return 1;
}

static maskloom_tensor tensor_of(float *data) {
  maskloom_tensor tensor = {data, {1, 1, TOKENS, DIM}, {TOKENS * DIM, TOKENS * DIM, DIM, 1}, MASKLOOM_F32};
  return tensor;
}

int main(int argc, char **argv) {
  maskloom_pattern *pattern;
  maskloom_attention *attention;
  maskloom_compile_options options = MASKLOOM_COMPILE_OPTIONS_INIT;
  maskloom_forward_options launch = MASKLOOM_FORWARD_OPTIONS_INIT;
  maskloom_value window = {"window", 3};
  maskloom_tensor tensors[4];
  int token, wrong = 0;

  if (argc != 2) {
    fprintf(stderr, "usage: pattern_file sliding_window.mask\n");
    return 2;
  }
  if (maskloom_pattern_load(argv[1], NULL, &pattern)) return fail("pattern");
  options.head_dim = DIM;
  options.dtype = MASKLOOM_F32;
  options.device = MASKLOOM_CPU;
  if (maskloom_compile(pattern, &options, &attention)) return fail("compile");

  for (token = 0; token < TOKENS; ++token) v[token * DIM] = (float)token;
  tensors[0] = tensor_of(q), tensors[1] = tensor_of(k), tensors[2] = tensor_of(v), tensors[3] = tensor_of(o);
  launch.params = &window;
  launch.param_count = 1;
  if (maskloom_forward(attention, &tensors[0], &tensors[1], &tensors[2], &tensors[3], &launch))
    return fail("forward");

  /* Q = 0: equal weights, so the mean of the last three positions, fewer at the start. */
  for (token = 0; token < TOKENS; ++token) {
    float first = token < 2 ? 0.0f : (float)(token - 2);
    if (fabsf(o[token * DIM] - (first + (float)token) / 2) > 1e-4f) ++wrong;
  }
  printf("pattern_file: Maskloom %s, %d wrong rows\n", maskloom_version(), wrong);
  maskloom_attention_destroy(attention);
  maskloom_pattern_destroy(pattern);
  return wrong != 0;
}
