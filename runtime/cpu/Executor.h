// The CPU executor: the same schedule, mask and score as the GPU kernels, with blocked online softmax on all
// cores. Links Program::cpuObject with LLVM ORC.
#pragma once

#include "maskloom/program/CpuAbi.h"
#include "maskloom/program/Program.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace maskloom {

/// A [batch, heads, tokens, dim] host tensor; strides in elements, unit inner stride.
struct HostTensor {
  void *data = nullptr;
  int64_t strides[3] = {0, 0, 0};
};

struct CpuForwardArgs {
  HostTensor q, k, v, o;
  DType dtype = DType::f32;
  float *lse = nullptr; ///< [batch, heads, queries] row-major, natural log; or null
  float scale = 1;
  int64_t batch = 1, heads = 1, kvHeads = 1, queries = 1, keys = 1, headDim = 8, valueDim = 8;
  bool hasQueryOffset = false;
  int64_t queryOffset = 0, keyOffset = 0;
  const int32_t *queryLengths = nullptr, *keyLengths = nullptr;
  std::vector<int64_t> params; ///< by Program::params index
  std::vector<CpuAux> aux;     ///< by Program::auxes index
  unsigned threads = 0;        ///< 0: all cores
  /// Called for every tile visited (batch, head, Q tile, KV tile, partial), from several threads; for tests.
  std::function<void(int64_t, int64_t, int64_t, int64_t, bool)> onTile;
};

class CpuExecutor {
public:
  /// Links the object; on failure returns null and says why.
  static std::unique_ptr<CpuExecutor> create(Program program, std::string &error);
  ~CpuExecutor();
  /// Computes attention; returns when done. Thread-safe. Empty string, or what is wrong.
  std::string forward(const CpuForwardArgs &args) const;
  const Program &program() const;

private:
  struct State;
  explicit CpuExecutor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

} // namespace maskloom
