#include "maskloom/cpu/TileLoop.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>

namespace maskloom::cpu {

namespace {

constexpr float kNegInf = -std::numeric_limits<float>::infinity();

FloatTile makeTile(int64_t floats) {
  constexpr size_t kCacheLine = 64;
  size_t bytes = static_cast<size_t>(padded(std::max<int64_t>(floats, 1))) * sizeof(float);
  auto *memory = static_cast<float *>(std::aligned_alloc(kCacheLine, bytes));
  if (!memory) throw std::bad_alloc();
  std::fill_n(memory, bytes / sizeof(float), 0.0f);
  return FloatTile(memory);
}

Element elementOf(DType dtype) {
  switch (dtype) {
  case DType::f16: return Element::F16;
  case DType::bf16: return Element::Bf16;
  case DType::f32: break;
  }
  return Element::F32;
}

} // namespace

struct TileLoop::Place {
  int64_t batch, head, kvHead;
  int64_t queryLength, keyLength, queryOffset, keyOffset;
  size_t group;
  CpuContext functions;
  ScheduleContext schedule;
};

struct TileLoop::Rows {
  int64_t first; ///< row of the tensor
  int64_t count; ///< rows that exist: below the length
};

TileLoop::TileLoop(const Program &program, const LinkedObject &object, const CpuForwardArgs &args)
    : program_(program), object_(object), args_(args), element_(elementOf(args.dtype)),
      elementBytes_(element_ == Element::F32 ? 4 : 2) {
  for (const HeadGroupProgram &group : program.groups) {
    maxQueries_ = std::max(maxQueries_, group.forward.tile.queries);
    maxKeys_ = std::max(maxKeys_, group.forward.tile.keys);
  }
  ldQueries_ = leading(maxQueries_);
  ldKeys_ = leading(maxKeys_);
  ldValues_ = leading(args.valueDim);
  for (const CpuAux &aux : args.aux) {
    AuxView view;
    view.data = aux.data;
    std::copy_n(aux.extents, 3, view.extents);
    std::copy_n(aux.strides, 3, view.strides);
    auxViews_.push_back(view);
  }
}

Scratch TileLoop::makeScratch() const {
  Scratch s;
  s.queries = makeTile(args_.headDim * ldQueries_);
  s.keys = makeTile(maxKeys_ * args_.headDim);
  s.values = makeTile(maxKeys_ * ldValues_);
  s.scores = makeTile(maxKeys_ * ldQueries_);
  s.rows = makeTile(program_.hasScore ? maxQueries_ * ldKeys_ : 0);
  s.output = makeTile(maxQueries_ * ldValues_);
  for (FloatTile *perRow : {&s.rowMax, &s.rowSum, &s.rescale}) *perRow = makeTile(maxQueries_);
  s.row = makeTile(args_.headDim);
  s.visible.resize(static_cast<size_t>(maxQueries_ * maxKeys_));
  return s;
}

TileLoop::Place TileLoop::place(int64_t batch, int64_t head) const {
  Place p;
  p.batch = batch;
  p.head = head;
  p.kvHead = head / (args_.heads / args_.kvHeads);
  p.queryLength = args_.queryLengths ? args_.queryLengths[batch] : args_.queries;
  p.keyLength = args_.keyLengths ? args_.keyLengths[batch] : args_.keys;
  p.queryOffset = args_.hasQueryOffset ? args_.queryOffset : p.keyLength - p.queryLength;
  p.keyOffset = args_.keyOffset;
  p.group = groupOf(program_, head, p.kvHead);
  p.functions = {batch,           head,        p.kvHead,      p.queryLength,
                 p.keyLength,     args_.heads, args_.kvHeads, args_.params.data(),
                 args_.aux.data()};
  p.schedule.batch = batch;
  p.schedule.head = head;
  p.schedule.kvHead = p.kvHead;
  p.schedule.heads = args_.heads;
  p.schedule.kvHeads = args_.kvHeads;
  p.schedule.queryLength = p.queryLength;
  p.schedule.keyLength = p.keyLength;
  p.schedule.queryOffset = p.queryOffset;
  p.schedule.keyOffset = p.keyOffset;
  p.schedule.params = args_.params.data();
  p.schedule.aux = auxViews_.data();
  return p;
}

const void *TileLoop::element(const HostTensor &tensor, int64_t batch, int64_t head, int64_t token) const {
  return static_cast<const char *>(tensor.data) +
         (batch * tensor.strides[0] + head * tensor.strides[1] + token * tensor.strides[2]) * elementBytes_;
}

int64_t TileLoop::tiles(int64_t batch, int64_t head, int64_t tile) const {
  Place p = place(batch, head);
  const HeadGroupProgram &group = program_.groups[p.group];
  if (tile * group.forward.tile.queries >= p.queryLength) return 0;
  int64_t count = 0;
  walk(program_, group, Orientation::Forward, p.schedule, tile,
       [&](const Stretch &stretch) { count += stretch.last - stretch.first + 1; });
  return count;
}

void TileLoop::run(int64_t batch, int64_t head, int64_t tile, Scratch &scratch) const {
  Place p = place(batch, head);
  const HeadGroupProgram &group = program_.groups[p.group];
  const int64_t height = group.forward.tile.queries, first = tile * height;
  Rows rows{first, std::clamp<int64_t>(p.queryLength - first, 0, height)};

  std::fill_n(scratch.rowMax.get(), padded(height), kNegInf);
  std::fill_n(scratch.rowSum.get(), padded(height), 0.0f);
  std::fill_n(scratch.output.get(), height * ldValues_, 0.0f);
  if (rows.count > 0) {
    // Transposed on the way; lanes beyond the last row are zero.
    float *row = scratch.row.get();
    for (int64_t i = 0; i < padded(height); ++i) {
      if (i < rows.count)
        kernels_.load(element(args_.q, batch, head, first + i), element_, row, args_.headDim);
      for (int64_t d = 0; d < args_.headDim; ++d)
        scratch.queries[d * ldQueries_ + i] = i < rows.count ? row[d] * args_.scale : 0.0f;
    }
    walk(program_, group, Orientation::Forward, p.schedule, tile, [&](const Stretch &stretch) {
      for (int64_t j = stretch.first; j <= stretch.last; ++j) {
        if (args_.onTile) args_.onTile(batch, head, tile, j, stretch.partial);
        attend(p, rows, j, stretch.partial, scratch);
      }
    });
  }
  finish(p, rows, scratch);
}

void TileLoop::attend(const Place &p, const Rows &rows, int64_t keyTile, bool partial, Scratch &s) const {
  const int64_t width = program_.groups[p.group].forward.tile.keys, firstColumn = keyTile * width;
  const int64_t keys = std::min(width, p.keyLength - firstColumn);
  if (keys <= 0) return;
  bool finiteValues = true;
  for (int64_t j = 0; j < keys; ++j) {
    kernels_.load(element(args_.k, p.batch, p.kvHead, firstColumn + j), element_, &s.keys[j * args_.headDim],
                  args_.headDim);
    finiteValues &= kernels_.load(element(args_.v, p.batch, p.kvHead, firstColumn + j), element_,
                                  &s.values[j * ldValues_], args_.valueDim);
  }
  kernels_.multiply(s.keys.get(), args_.headDim, 1, s.queries.get(), ldQueries_, s.scores.get(), ldQueries_,
                    keys, args_.headDim, rows.count, false);

  const int64_t firstKey = firstColumn + p.keyOffset;
  if (program_.hasScore) scoreRows(p, rows, firstKey, keys, s);
  if (partial) {
    for (int64_t i = 0; i < rows.count; ++i)
      object_.mask(p.group)(&p.functions, rows.first + i + p.queryOffset, firstKey, keys,
                            &s.visible[i * maxKeys_]);
    kernels_.hide(s.visible.data(), maxKeys_, s.scores.get(), ldQueries_, rows.count, keys);
  }
  if (kernels_.softmax(s.scores.get(), ldQueries_, keys, rows.count, s.rowMax.get(), s.rowSum.get(),
                       s.rescale.get()))
    for (int64_t i = 0; i < rows.count; ++i)
      for (int64_t d = 0; d < args_.valueDim; ++d) s.output[i * ldValues_ + d] *= s.rescale[i];

  // 0 x NaN is NaN: an invisible key's weight of 0 does not keep its value out.
  if (partial && !finiteValues) return accumulateVisible(rows, keys, s);
  kernels_.multiply(s.scores.get(), 1, ldQueries_, s.values.get(), ldValues_, s.output.get(), ldValues_,
                    rows.count, keys, args_.valueDim, true);
}

void TileLoop::scoreRows(const Place &p, const Rows &rows, int64_t firstKey, int64_t keys, Scratch &s) const {
  kernels_.transpose(s.scores.get(), ldQueries_, s.rows.get(), ldKeys_, keys, rows.count);
  for (int64_t i = 0; i < rows.count; ++i)
    object_.score()(&p.functions, rows.first + i + p.queryOffset, firstKey, keys, &s.rows[i * ldKeys_]);
  kernels_.transpose(s.rows.get(), ldKeys_, s.scores.get(), ldQueries_, rows.count, keys);
}

void TileLoop::accumulateVisible(const Rows &rows, int64_t keys, Scratch &s) const {
  for (int64_t i = 0; i < rows.count; ++i)
    for (int64_t j = 0; j < keys; ++j) {
      if (!s.visible[i * maxKeys_ + j]) continue;
      const float weight = s.scores[j * ldQueries_ + i];
      for (int64_t d = 0; d < args_.valueDim; ++d)
        s.output[i * ldValues_ + d] += weight * s.values[j * ldValues_ + d];
    }
}

void TileLoop::finish(const Place &p, const Rows &rows, Scratch &s) const {
  const int64_t height = program_.groups[p.group].forward.tile.queries;
  float sink = kNegInf;
  if (program_.sinkAux >= 0) {
    const CpuAux &aux = args_.aux[program_.sinkAux];
    sink = static_cast<const float *>(aux.data)[p.head * aux.strides[0]];
  }
  for (int64_t i = 0; i < height && rows.first + i < args_.queries; ++i) {
    float sum = 0, lse = kNegInf, factor = 0;
    if (i < rows.count) {
      // The sink joins the softmax as one more logit without a value.
      float top = std::max(s.rowMax[i], sink), base = top == kNegInf ? 0.0f : top;
      float rescale = std::exp((s.rowMax[i] == kNegInf ? 0.0f : s.rowMax[i]) - base);
      sum = s.rowSum[i] * rescale + std::exp(sink - base);
      lse = std::log(sum) + base;
      factor = sum == 0 ? 0.0f : rescale / sum;
    }
    float *output = &s.output[i * ldValues_];
    for (int64_t d = 0; d < args_.valueDim; ++d) output[d] = factor == 0 ? 0.0f : output[d] * factor;
    kernels_.store(output, element_, const_cast<void *>(element(args_.o, p.batch, p.head, rows.first + i)),
                   args_.valueDim);
    if (args_.lse) args_.lse[(p.batch * args_.heads + p.head) * args_.queries + rows.first + i] = lse;
  }
}

} // namespace maskloom::cpu
