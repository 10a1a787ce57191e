// Attention the plain way, one block a row: once in fp64, once rounded as the kernel rounds (fp32 scores, P
// and O in the inputs' type). The second shows what error is unavoidable.
#pragma once

#include "Gpu.cuh"

namespace gpu {

struct ReferenceOutput {
  double *exact, *exact_lse; ///< [batch][head][row][dim], [batch][head][row]
  double *rounded, *rounded_lse;
};

constexpr int kReferenceThreads = 128;

template <class T>
__device__ T block_reduce(T value, bool maximum) {
  __shared__ T parts[kReferenceThreads];
  __syncthreads();
  parts[threadIdx.x] = value;
  __syncthreads();
  for (int width = kReferenceThreads / 2; width > 0; width /= 2) {
    if (int(threadIdx.x) < width) {
      T a = parts[threadIdx.x], b = parts[threadIdx.x + width];
      parts[threadIdx.x] = maximum ? (a > b ? a : b) : a + b;
    }
    __syncthreads();
  }
  return parts[0];
}

template <class T, class Pattern>
struct PointVisible {
  const Context &c;
  int q, k;
  bool *result;
  template <class Group>
  MASKLOOM_DEVICE void operator()(Group) const {
    *result = Group::visible(c, q, k);
  }
};

/// Dynamic shared memory: 12 bytes a key. Grid: (row, head, batch).
template <class T, class Pattern>
__global__ void reference_kernel(const __grid_constant__ ForwardArgs args, int head_dim, int value_dim,
                                 ReferenceOutput out) {
  extern __shared__ double scores[];
  float *rounded_scores = reinterpret_cast<float *>(scores + args.keys);
  const int row = blockIdx.x, head = blockIdx.y, batch = blockIdx.z;
  const Context c = make_context(args, batch, head);
  if (row >= c.query_length) return;
  const double none = -__longlong_as_double(0x7ff0000000000000LL);
  const T *q = static_cast<const T *>(args.q.data) + batch * args.q.batch_stride + head * args.q.head_stride +
               row * args.q.token_stride;
  const T *keys =
      static_cast<const T *>(args.k.data) + batch * args.k.batch_stride + c.kv_head * args.k.head_stride;
  const T *values =
      static_cast<const T *>(args.v.data) + batch * args.v.batch_stride + c.kv_head * args.v.head_stride;
  const int group = Pattern::group_of(c), query = int(row + c.query_offset);

  double largest = none;
  for (int column = threadIdx.x; column < c.key_length; column += kReferenceThreads) {
    const int key = int(column + c.key_offset);
    bool visible = false;
    Pattern::dispatch(group, PointVisible<T, Pattern>{c, query, key, &visible});
    double s = none;
    float rounded = -INFINITY;
    if (visible) {
      s = 0;
      rounded = 0;
      for (int d = 0; d < head_dim; ++d) {
        const float a = float(q[d]), b = float(keys[column * args.k.token_stride + d]);
        s += double(a) * b;
        rounded = fmaf(a, b, rounded);
      }
      s *= args.scale;
      rounded *= args.scale;
      if (Pattern::kScoreForm != ScoreForm::kPlain) {
        s = Pattern::score(float(s), c, query, key);
        rounded = Pattern::score(rounded, c, query, key);
      }
    }
    scores[column] = s;
    rounded_scores[column] = rounded;
    largest = fmax(largest, s);
  }
  largest = block_reduce(largest, true);
  const double sink = Pattern::kHasSink ? double(Pattern::sink(c)) : none;
  const double shift = fmax(largest, sink) == none ? 0.0 : fmax(largest, sink);
  double sum = 0;
  float rounded_sum = 0;
  for (int column = threadIdx.x; column < c.key_length; column += kReferenceThreads) {
    scores[column] = exp(scores[column] - shift);
    sum += scores[column];
    const float p = expf(rounded_scores[column] - float(shift));
    rounded_sum += p;
    rounded_scores[column] = float(T(p));
  }
  sum = block_reduce(sum, false) + exp(sink - shift);
  rounded_sum = block_reduce(rounded_sum, false) + expf(float(sink - shift));
  const long long index = ((long long)batch * args.heads + head) * args.queries + row;
  if (threadIdx.x == 0) {
    out.exact_lse[index] = sum == 0 ? none : shift + log(sum);
    out.rounded_lse[index] = rounded_sum == 0 ? none : float(shift) + logf(rounded_sum);
  }
  for (int d = threadIdx.x; d < value_dim; d += kReferenceThreads) {
    double o = 0;
    float rounded = 0;
    for (int column = 0; column < c.key_length; ++column) {
      if (scores[column] == 0 && rounded_scores[column] == 0) continue;
      const float v = float(values[column * args.v.token_stride + d]);
      o += scores[column] * v;
      rounded = fmaf(rounded_scores[column], v, rounded);
    }
    out.exact[index * value_dim + d] = sum == 0 ? 0 : o / sum;
    out.rounded[index * value_dim + d] = rounded_sum == 0 ? 0 : float(T(rounded / rounded_sum));
  }
}

} // namespace gpu
