// Forward attention for sm_80 and later: mma.sync, cp.async, an online softmax.
//
// A work unit is a (batch entry, head, Q tile). Its block walks the KV tiles of the schedule; each warp owns
// 16 * kRowBlocks query rows of the tile and keeps their scores, probabilities and output in registers:
//
//     for each KV tile:  S = Q K^T;  mask S if the tile is partial;  P = softmax(S);  O = O + P V
//
#pragma once

#include "constants.cuh"
#include "load.cuh"
#include "mask_words.cuh"
#include "softmax.cuh"
#include "tile_list.cuh"
#include "work_order.cuh"

namespace maskloom::kernel {

template <class Config, class Pattern>
struct PortableForward {
  static constexpr int kThreads = Config::kWarps * 32;
  static constexpr int kTileQueries = Config::kTileQueries, kTileKeys = Config::kTileKeys;
  static constexpr int kRowBlocks = kTileQueries / (16 * Config::kWarps);
  static constexpr int kKeyBlocks = kTileKeys / 8;                       ///< of 8 columns of S
  static constexpr int kValueBlocks = (Config::kValueDim + 15) / 16 * 2; ///< of 8 columns of O
  static constexpr int kHeadSteps = (Config::kHeadDim + 15) / 16;        ///< of 16 along the head dimension
  using QueryShape = TileShape<kTileQueries, Config::kHeadDim, kThreads>;
  using KeyShape = TileShape<kTileKeys, Config::kHeadDim, kThreads>;
  using ValueShape = TileShape<kTileKeys, Config::kValueDim, kThreads>;
  using OutputShape = TileShape<kTileQueries, Config::kValueDim, kThreads>;

  static_assert(kTileQueries % (16 * Config::kWarps) == 0, "every warp owns whole blocks of 16 rows");
  static_assert(kTileKeys % 16 == 0 && kTileKeys <= 128, "a mask word holds at most 16 blocks of 8 keys");
  static_assert(Config::kHeadDim % 8 == 0 && Config::kValueDim % 8 == 0, "dimensions are multiples of 8");
  static_assert(Config::kStages == 1 || Config::kStages == 2, "one or two stages of K and V");

  using Scores = float[kRowBlocks][kKeyBlocks][4];
  using Output = float[kRowBlocks][kValueBlocks][4];

  // Shared memory: Q (then O), K stages, V stages, the work unit.
  static constexpr int kKeyOffset = query_output_bytes(Config::kHeadDim, Config::kValueDim, kTileQueries);
  static constexpr int kValueOffset = kKeyOffset + Config::kStages * KeyShape::kBytes;
  static constexpr int kStateOffset = kValueOffset + Config::kStages * ValueShape::kBytes;
  static_assert(kStateOffset + kWorkStateBytes ==
                portable_forward_shared_bytes(Config::kHeadDim, Config::kValueDim, kTileQueries, kTileKeys,
                                              Config::kStages));

  /// What a tile's loads need. Read from shared memory, and derived from the thread index, anew for every
  /// tile: at larger head dims the accumulators leave no registers for it. At small ones, where a tile is
  /// little work, holding it pays (10 % at head dim 64 on an H200).
  struct Sources {
    unsigned thread;
    const half_bits *keys, *values;
    int key_length;
  };
  static constexpr bool kHoldSources = Config::kHeadDim <= 64 && Config::kValueDim <= 64;

  const ForwardArgs &args;
  WorkState &state;
  const unsigned shared; ///< address of the block's shared memory
  const Sources held;

  static MASKLOOM_DEVICE Sources read_sources(const WorkState &state, unsigned thread) {
    return {thread, static_cast<const half_bits *>(state.keys), static_cast<const half_bits *>(state.values),
            state.context.key_length};
  }
  MASKLOOM_DEVICE Sources sources() const {
    if constexpr (kHoldSources) return held;
    return read_sources(state, thread_index_anew());
  }

  static MASKLOOM_DEVICE unsigned warp() { return threadIdx.x / 32; }
  static MASKLOOM_DEVICE unsigned lane() { return threadIdx.x % 32; }

  /// Where this thread's elements of S and O lie: rows row + 16*m + 8*r, columns column + 8*j + e.
  struct Fragment {
    int row, column;
  };
  static MASKLOOM_DEVICE Fragment fragment() {
    const unsigned thread = thread_index_anew();
    return {int(thread / 32 * kRowBlocks * 16 + thread % 32 / 4), int(thread % 4 * 2)};
  }

  static MASKLOOM_DEVICE const half_bits *head_base(const TensorArg &tensor, int batch, int head) {
    return static_cast<const half_bits *>(tensor.data) + batch * tensor.batch_stride +
           head * tensor.head_stride;
  }

  MASKLOOM_DEVICE void load_queries() const {
    const Context &c = state.context;
    load_tile<kTileQueries, Config::kHeadDim, kThreads, Config::kAlignBytes>(
        thread_index_anew(), shared, head_base(args.q, c.batch, c.head), args.q.token_stride,
        state.query_tile * kTileQueries, c.query_length);
  }

  MASKLOOM_DEVICE void load_keys(int tile, int stage) const {
    const Sources from = sources();
    load_tile<kTileKeys, Config::kHeadDim, kThreads, Config::kAlignBytes>(
        from.thread, shared + kKeyOffset + stage * KeyShape::kBytes, from.keys, args.k.token_stride,
        tile * kTileKeys, from.key_length);
  }

  MASKLOOM_DEVICE void load_values(int tile, int stage) const {
    const Sources from = sources();
    load_tile<kTileKeys, Config::kValueDim, kThreads, Config::kAlignBytes>(
        from.thread, shared + kValueOffset + stage * ValueShape::kBytes, from.values, args.v.token_stride,
        tile * kTileKeys, from.key_length);
  }

  /// S = Q K^T, unscaled.
  MASKLOOM_DEVICE void multiply_queries_keys(Scores &scores, int stage) const {
#pragma unroll
    for (int m = 0; m < kRowBlocks; ++m)
#pragma unroll
      for (int j = 0; j < kKeyBlocks; ++j)
#pragma unroll
        for (int e = 0; e < 4; ++e) scores[m][j][e] = 0.0f;

    const unsigned queries =
        shared + (warp() * kRowBlocks * 16 + lane() % 16) * QueryShape::kRowBytes + lane() / 16 * 16;
    const unsigned keys = shared + kKeyOffset + stage * KeyShape::kBytes +
                          (lane() / 16 * 8 + lane() % 8) * KeyShape::kRowBytes + lane() / 8 % 2 * 16;
#pragma unroll
    for (int step = 0; step < kHeadSteps; ++step) {
      unsigned q[kRowBlocks][4];
#pragma unroll
      for (int m = 0; m < kRowBlocks; ++m)
        ldmatrix(q[m], queries + m * 16 * QueryShape::kRowBytes + step * 32);
#pragma unroll
      for (int j = 0; j < kKeyBlocks; j += 2) {
        unsigned k[4];
        ldmatrix(k, keys + j * 8 * KeyShape::kRowBytes + step * 32);
#pragma unroll
        for (int m = 0; m < kRowBlocks; ++m) {
          mma<Config::kBf16>(scores[m][j], q[m], k[0], k[1]);
          mma<Config::kBf16>(scores[m][j + 1], q[m], k[2], k[3]);
        }
      }
    }
  }

  /// O += P V, with P rounded to the inputs' type.
  MASKLOOM_DEVICE void multiply_probabilities_values(Output &output, const Scores &probabilities,
                                                     int stage) const {
    const unsigned values = shared + kValueOffset + stage * ValueShape::kBytes +
                            lane() % 16 * ValueShape::kRowBytes + lane() / 16 * 16;
#pragma unroll
    for (int step = 0; step < kKeyBlocks / 2; ++step) {
      unsigned p[kRowBlocks][4]; // an accumulator of two neighbouring blocks is an A operand as it stands
#pragma unroll
      for (int m = 0; m < kRowBlocks; ++m)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const float (&block)[4] = probabilities[m][2 * step + half];
          p[m][2 * half] = pack<Config::kBf16>(block[0], block[1]);
          p[m][2 * half + 1] = pack<Config::kBf16>(block[2], block[3]);
        }
#pragma unroll
      for (int j = 0; j < kValueBlocks; j += 2) {
        unsigned v[4];
        ldmatrix_transposed(v, values + step * 16 * ValueShape::kRowBytes + j * 16);
#pragma unroll
        for (int m = 0; m < kRowBlocks; ++m) {
          mma<Config::kBf16>(output[m][j], p[m], v[0], v[1]);
          mma<Config::kBf16>(output[m][j + 1], p[m], v[2], v[3]);
        }
      }
    }
  }

  /// The pattern's score modification. Afterwards scores are natural and scaled.
  MASKLOOM_DEVICE void modify_scores(Scores &scores, int tile) const {
    const Context context = context_of(state, args);
    const Fragment here = fragment();
    const int first_key = tile * kTileKeys + here.column + int(context.key_offset);
    const int first_query = state.query_tile * kTileQueries + here.row + int(context.query_offset);
    const typename Pattern::ScoreScalars scalars = Pattern::score_scalars(context);
#pragma unroll
    for (int m = 0; m < kRowBlocks; ++m)
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        const RowScore<Pattern> modified(context, scalars, first_query + 16 * m + 8 * r, first_key);
#pragma unroll
        for (int j = 0; j < kKeyBlocks; ++j)
#pragma unroll
          for (int e = 0; e < 2; ++e) {
            float &score = scores[m][j][2 * r + e];
            score = modified(score * args.scale, 8 * j + e);
          }
      }
  }

  static constexpr int kRows = 2 * kRowBlocks; ///< of this thread: row + 16*m + 8*r is number 2*m + r

  /// Visibility of this thread's pairs in one tile (mask_words.cuh).
  struct VisiblePairs {
    const Context &context;
    int first_query, first_column;
    unsigned (&words)[kRows][1];
    template <class Group>
    MASKLOOM_DEVICE void operator()(Group) const {
      int queries[kRows];
#pragma unroll
      for (int i = 0; i < kRows; ++i) queries[i] = first_query + 8 * i;
      visible_words<Group, kTileKeys>(context, queries, first_column, words);
    }
  };

  /// Scores of invisible pairs become -inf.
  MASKLOOM_DEVICE void mask_scores(Scores &scores, int tile) const {
    const Context context = context_of(state, args);
    unsigned visible[kRows][1] = {};
    const Fragment here = fragment();
    const int first_query = state.query_tile * kTileQueries + here.row + int(context.query_offset);
    const int first_column = tile * kTileKeys + here.column;
    Pattern::dispatch(state.group, VisiblePairs{context, first_query, first_column, visible});
#pragma unroll
    for (int m = 0; m < kRowBlocks; ++m)
#pragma unroll
      for (int j = 0; j < kKeyBlocks; ++j)
#pragma unroll
        for (int e = 0; e < 4; ++e)
          if (!(visible[2 * m + e / 2][0] >> (2 * j + e % 2) & 1)) scores[m][j][e] = -infinity();
  }

  /// O / sum in the outputs' type by way of shared memory, and the LSE. A row without a visible key has sum
  /// 0: O = 0, LSE = -inf, or the sink's logit. Rows beyond the entry's length get O = 0 and LSE = -inf.
  MASKLOOM_DEVICE void write_output(Output &output, OnlineSoftmax<kRowBlocks> &softmax) const {
    softmax.finish();
    const Context context = context_of(state, args);
    const float sink = Pattern::kHasSink ? Pattern::sink(context) * kLog2e : 0.0f;
    const Fragment here = fragment();
    __syncthreads(); // all warps have read Q
#pragma unroll
    for (int m = 0; m < kRowBlocks; ++m)
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        float reference = softmax.reference[m][r], sum = softmax.sum[m][r], factor = 1.0f;
        if constexpr (Pattern::kHasSink) {
          const float larger = fmaxf(reference, sink);
          factor = exp2_approx(reference - larger);
          sum = sum * factor + exp2_approx(sink - larger);
          reference = larger;
        }
        factor *= reciprocal_approx(fmaxf(sum, 1e-30f)); // a sum is 0, and the output with it, or at least 1
        const int row = here.row + 16 * m + 8 * r;
        const int query = state.query_tile * kTileQueries + row;
        const bool exists = query < context.query_length;
#pragma unroll
        for (int j = 0; j < kValueBlocks; ++j)
          store_shared(
              shared + row * OutputShape::kRowBytes + j * 16 + here.column * 2,
              exists ? pack<Config::kBf16>(output[m][j][2 * r] * factor, output[m][j][2 * r + 1] * factor)
                     : 0u);

        if (args.lse && here.column == 0 && query < args.queries)
          args.lse[context.batch * args.lse_batch_stride + context.head * args.lse_head_stride + query] =
              exists && sum != 0.0f ? (reference + log2_approx(sum)) * kLn2 : -infinity();
      }
    __syncthreads();
    half_bits *head = static_cast<half_bits *>(args.o.data) + context.batch * args.o.batch_stride +
                      context.head * args.o.head_stride;
    store_tile<kTileQueries, Config::kValueDim, kThreads, Config::kAlignBytes>(
        thread_index_anew(), shared, head, args.o.token_stride, state.query_tile * kTileQueries,
        args.queries);
  }

  MASKLOOM_DEVICE void run() const {
    // Setup
    load_queries();
    copy_commit();
    TileCursor<Config, Pattern> cursor{state, args};
    Output output = {};
    OnlineSoftmax<kRowBlocks> softmax;
    // One FFMA a score takes it to log2 units. A scale that is not positive would turn the maximum around
    // (and 0 * -inf is not a number), so then it is applied beforehand, as it is with a score modification.
    constexpr bool kModifies = Pattern::kScoreForm != ScoreForm::kPlain;
    const bool scale_folds = !kModifies && args.scale > 0.0f;
    const float multiplier = scale_folds ? args.scale * kLog2e : kLog2e;

    // Main loop. One stage: V loads during Q K^T, the next K during softmax and P V. Two stages: the next K
    // and V load during the whole tile, and a tile needs one barrier.
    constexpr bool kOneStage = Config::kStages == 1;
    int stage = 0;
    int entry = cursor.first();
    if (entry >= 0) {
      load_keys(TileList::tile(entry), 0);
      if constexpr (!kOneStage) load_values(TileList::tile(entry), 0);
      copy_commit();
    }
    while (entry >= 0) {
      const int tile = TileList::tile(entry);
      copy_wait<0>();
      __syncthreads(); // K has landed; nobody reads what the next loads overwrite
      const int upcoming = cursor.next();
      if constexpr (kOneStage) {
        load_values(tile, 0);
      } else if (upcoming >= 0) {
        load_keys(TileList::tile(upcoming), stage ^ 1);
        load_values(TileList::tile(upcoming), stage ^ 1);
      }
      copy_commit();

      Scores scores;
      multiply_queries_keys(scores, stage);

      if constexpr (kOneStage) {
        copy_wait<0>();
        __syncthreads(); // V has landed; nobody reads K any more
        if (upcoming >= 0) load_keys(TileList::tile(upcoming), 0);
        copy_commit();
      }

      if constexpr (kModifies)
        modify_scores(scores, tile);
      else if (!scale_folds)
        scale_scores(scores);
      if (TileList::partial(entry)) mask_scores(scores, tile);
      softmax.step(scores, output, multiplier);
      multiply_probabilities_values(output, scores, stage);

      entry = upcoming;
      if constexpr (!kOneStage) stage ^= 1;
    }
    copy_wait<0>();

    // Epilogue
    write_output(output, softmax);
  }

  MASKLOOM_DEVICE void scale_scores(Scores &scores) const {
#pragma unroll
    for (int m = 0; m < kRowBlocks; ++m)
#pragma unroll
      for (int j = 0; j < kKeyBlocks; ++j)
#pragma unroll
        for (int e = 0; e < 4; ++e) scores[m][j][e] *= args.scale;
  }
};

/// The body of the kernel: one dimension of Config::kWarps * 32 threads, any number of blocks.
template <class Config, class Pattern>
MASKLOOM_DEVICE void portable_forward(const ForwardArgs &args) {
  extern __shared__ __align__(16) unsigned char shared_memory[];
  using Kernel = PortableForward<Config, Pattern>;
  WorkState &state = *reinterpret_cast<WorkState *>(shared_memory + Kernel::kStateOffset);
  using Order = WorkOrder<long long>; // made anew for every unit: no registers over the main loop
  for (long long unit = blockIdx.x; unit < Order(args, 1, Config::kTileQueries).units();) {
    if (threadIdx.x == 0) {
      const WorkUnit work = unit_at<Pattern>(args, Order(args, 1, Config::kTileQueries), unit);
      state.context = make_context(args, work.batch, work.head);
      state.keys = Kernel::head_base(args.k, work.batch, state.context.kv_head);
      state.values = Kernel::head_base(args.v, work.batch, state.context.kv_head);
      state.group = Pattern::group_of(state.context);
      state.query_tile = work.query_tile;
      state.unit = unit;
    }
    __syncthreads();
    Kernel{args, state, shared_address(shared_memory), Kernel::read_sources(state, threadIdx.x)}.run();
    unit = state.unit + gridDim.x; // from shared memory: no register over the main loop
    __syncthreads();               // the next unit overwrites shared memory
  }
}

} // namespace maskloom::kernel
