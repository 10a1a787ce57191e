#include "maskloom/codegen/emit/DefaultConfig.h"

#include "maskloom/templates/shared_layout.cuh"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <numeric>
#include <optional>
#include <string_view>

namespace maskloom {
namespace {

/// Walks a mask and gathers the divisors of keys, and those of queries that matter.
class Granularity {
public:
  explicit Granularity(const std::map<std::string, int64_t> &constants) : constants_(constants) {}

  /// What an expression depends on.
  struct Uses {
    bool key = false, query = false;
    int64_t blocks = 0;     ///< the divisors of queries in it, 0: none
    bool remainder = false; ///< of divided queries
  };
  Uses visit(const Expr &e) {
    Uses uses;
    uses.key = e->op == Op::Index && e->index == IndexVar::Key;
    uses.query = e->op == Op::Index && e->index == IndexVar::Query;
    std::vector<Uses> operands;
    for (size_t i = 0; i < e->operands.size(); i++) {
      Uses operand = visit(e->operands[i]);
      if (e->op == Op::AuxLoad) {
        // An entry of an axis of blocks covers `block` tokens even where the index is given undivided.
        const AuxAxis &axis = e->aux->axes[i];
        if (operand.key && axis.kind == AuxAxis::Kind::Key) add(keys_, axis.block);
        if (operand.query && axis.kind == AuxAxis::Kind::Query) add(operand.blocks, axis.block);
      }
      uses.key |= operand.key;
      uses.query |= operand.query;
      uses.remainder |= operand.remainder;
      uses.blocks = std::gcd(uses.blocks, operand.blocks);
      operands.push_back(operand);
    }
    if (e->op == Op::FloorDiv)
      if (std::optional<int64_t> divisor = constant(e->operands[1])) {
        if (uses.key) add(keys_, *divisor);
        if (uses.query && e->operands[0]->op == Op::FloorDiv)
          uses.blocks *= *divisor; // blocks of blocks
        else if (uses.query)
          add(uses.blocks, *divisor);
      }
    if (e->op == Op::Mod && uses.query && uses.blocks >= 64) uses.remainder = true;
    if (e->op == Op::AuxLoad && uses.key) add(queries_, uses.blocks);
    if (e->op == Op::Eq || e->op == Op::Ne)
      for (size_t i : {0, 1})
        if (operands[i].remainder && operands[1 - i].key) add(queries_, operands[i].blocks);
    return uses;
  }

  int64_t keys() const { return keys_; }
  int64_t queries() const { return queries_; }

private:
  std::optional<int64_t> constant(const Expr &e) const {
    if (e->op == Op::IntConst) return e->intValue;
    if (e->op != Op::Param) return std::nullopt;
    auto given = constants_.find(e->param->name);
    return given != constants_.end() ? given->second : e->param->defaultValue;
  }

  static void add(int64_t &value, int64_t divisor) {
    if (divisor > 1) value = std::gcd(value, divisor);
  }

  const std::map<std::string, int64_t> &constants_;
  int64_t keys_ = 0, queries_ = 0;
};

Granularity granularityOf(const Pattern &pattern, const std::map<std::string, int64_t> &constants) {
  Granularity granularity(constants);
  for (size_t group = 0; group < pattern.groupCount(); group++) granularity.visit(pattern.maskOfGroup(group));
  return granularity;
}

bool usesPosition(const Expr &e) {
  return (e->op == Op::Index && (e->index == IndexVar::Query || e->index == IndexVar::Key)) ||
         std::any_of(e->operands.begin(), e->operands.end(), usesPosition);
}

/// Is an auxiliary tensor loaded from at an entry that depends on a position?
bool loadsByPosition(const Expr &e) {
  return (e->op == Op::AuxLoad && usesPosition(e)) ||
         std::any_of(e->operands.begin(), e->operands.end(), loadsByPosition);
}

bool dividesPositions(const Expr &e) {
  return ((e->op == Op::FloorDiv || e->op == Op::Mod) && usesPosition(e)) ||
         std::any_of(e->operands.begin(), e->operands.end(), dividesPositions);
}

/// Are all masks made of comparisons of positions as they are?
bool hasPlainMasks(const Pattern &pattern) {
  for (size_t group = 0; group < pattern.groupCount(); group++) {
    const Expr mask = pattern.maskOfGroup(group);
    if (loadsByPosition(mask) || dividesPositions(mask)) return false;
  }
  return true;
}

bool namesHead(const Expr &e) {
  return (e->op == Op::Index && e->index == IndexVar::Head) ||
         std::any_of(e->operands.begin(), e->operands.end(), namesHead);
}

/// Measured where the machine was at hand (H200), sized on paper elsewhere; the first row that applies is
/// taken.
struct Row {
  int32_t dimUpTo,
      sharedLimit; ///< the larger of head and value dim; the architecture's shared memory, at least
  int32_t tileQueries, tileKeys, warps, stages;
};
constexpr int32_t kKiB = 1024;
constexpr Row kTable[] = {
    {128, 227 * kKiB, 128, 64, 4, 2}, // two blocks a multiprocessor
    {96, 163 * kKiB, 128, 64, 4, 2},  // likewise
    {128, 163 * kKiB, 128, 64, 4, 1}, // two stages would leave one block a multiprocessor
    {256, 163 * kKiB, 128, 64, 8, 1}, {128, 0, 128, 64, 4, 1}, {192, 0, 64, 64, 4, 1}, {256, 0, 64, 32, 4, 1},
};

/// Shapes of the Hopper kernel: Q tile x KV tile, both in rows.
struct HopperShape {
  int32_t tileQueries, width, stages;
  bool pingPong;
};
struct HopperRow {
  int32_t dimUpTo; ///< the larger of head and value dim
  HopperShape whole, gathered;
};
/// Measured on an H200: up to head dim 128 the warpgroups multiply and exponentiate in turns by themselves,
/// and waiting for each other costs 0 - 3 %; beyond it takes order, for 1 - 3 %. Three consumer warpgroups
/// leave the scheduler of a gathered pattern too few registers, and so do score modifications and
/// masks that divide positions or load by them, and wide tiles at d 256: such patterns take the shapes of
/// gathered ones.
constexpr HopperRow kHopperTable[] = {
    {64, {192, 128, 2, false}, {128, 128, 3, false}},  {96, {128, 128, 2, false}, {128, 128, 2, false}},
    {128, {128, 128, 2, false}, {128, 128, 2, false}}, {192, {128, 96, 2, true}, {128, 96, 2, true}},
    {256, {128, 80, 2, true}, {128, 64, 2, true}},
};

int32_t widthFor(int64_t granularity, int32_t widest) {
  if (granularity == 0 || granularity % widest == 0) return widest;
  for (int32_t width = widest; width >= 32; width -= 16)
    if (granularity % width == 0) return width;
  return widest;
}

} // namespace

int64_t keyGranularity(const Pattern &pattern, const std::map<std::string, int64_t> &constants) {
  return granularityOf(pattern, constants).keys();
}

int64_t queryGranularity(const Pattern &pattern, const std::map<std::string, int64_t> &constants) {
  return granularityOf(pattern, constants).queries();
}

bool masksByKvHead(const Pattern &pattern) {
  if (!pattern.layout.empty() && !pattern.layout.byKvHead) return false;
  for (size_t group = 0; group < pattern.groupCount(); group++)
    if (namesHead(pattern.maskOfGroup(group))) return false;
  return true;
}

int32_t sharedLimit(const std::string &arch) {
  if (arch.empty()) return 163 * kKiB;
  auto isOneOf = [&](std::initializer_list<std::string_view> numbers) {
    return std::any_of(numbers.begin(), numbers.end(), [&](std::string_view number) {
      std::string_view rest = std::string_view(arch).substr(std::min<size_t>(arch.size(), 3)); // after "sm_"
      while (!rest.empty() && !std::isdigit(static_cast<unsigned char>(rest.back()))) rest.remove_suffix(1);
      return rest == number;
    });
  };
  if (isOneOf({"90", "100", "101", "103", "110"})) return 227 * kKiB;
  return isOneOf({"80", "87"}) ? 163 * kKiB : 99 * kKiB;
}

bool hopperRunsOn(const std::string &arch) { return arch == "sm_90a"; }

KernelConfig hopperConfig(const Pattern &pattern, const std::map<std::string, int64_t> &constants,
                          DType dtype, int32_t headDim, int32_t valueDim, int64_t headsOfKvHead) {
  KernelConfig config;
  config.kernel = kHopperKernel;
  config.dtype = dtype;
  config.headDim = headDim;
  config.valueDim = valueDim;
  const int32_t dim = std::max(headDim, valueDim);
  const HopperRow *row = kHopperTable;
  while (dim > row->dimUpTo && row + 1 != std::end(kHopperTable)) ++row;
  const Granularity granularity = granularityOf(pattern, constants);
  auto fits = [&](int32_t width) { return granularity.keys() % width == 0; };
  auto fitsRows = [&](int32_t rows) { return granularity.queries() % rows == 0; };
  const bool isWhole = fits(row->whole.width) || (!fits(64) && !fits(32) && !fits(16));
  const bool isPlain = pattern.scores.empty() && hasPlainMasks(pattern);
  const HopperShape &shape = isWhole && isPlain ? row->whole : row->gathered;
  config.tileQueries = fitsRows(shape.tileQueries) ? shape.tileQueries : 64;
  const int64_t heads = shape.tileQueries / config.tileQueries;
  if (headsOfKvHead % heads == 0 && masksByKvHead(pattern)) config.tileHeads = static_cast<int32_t>(heads);
  config.warps = config.tileRows() / 16;
  config.stages = shape.stages;
  config.pingPong = shape.pingPong && config.tileRows() > 64;
  // Scores that load take the registers that P would have, and some that the scores have: with P in registers
  // and wide tiles these kernels spill. (Others lose 9 % by a P in shared memory, at d 128 on an H200.)
  const bool loads = std::any_of(pattern.scores.begin(), pattern.scores.end(), loadsByPosition);
  config.sharedP = loads;
  config.tileKeys = isWhole && loads ? std::min(shape.width, 96) : shape.width;
  if (isWhole) return config;
  for (int32_t tile : {64, 32, 16})
    if (fits(tile)) {
      config.tileKeys = tile;
      config.gather = shape.width / tile;
      break;
    }
  return config;
}

KernelConfig defaultConfig(const Pattern &pattern, const std::map<std::string, int64_t> &constants,
                           DType dtype, int32_t headDim, int32_t valueDim, const std::string &arch,
                           int64_t headsOfKvHead) {
  return hopperRunsOn(arch) ? hopperConfig(pattern, constants, dtype, headDim, valueDim, headsOfKvHead)
                            : portableConfig(pattern, constants, dtype, headDim, valueDim, arch);
}

KernelConfig portableConfig(const Pattern &pattern, const std::map<std::string, int64_t> &constants,
                            DType dtype, int32_t headDim, int32_t valueDim, const std::string &arch) {
  KernelConfig config;
  config.dtype = dtype;
  config.headDim = headDim;
  config.valueDim = valueDim;
  const int32_t dim = std::max(headDim, valueDim), limit = sharedLimit(arch);
  for (const Row &row : kTable) {
    if (dim > row.dimUpTo || limit < row.sharedLimit) continue;
    config.tileQueries = row.tileQueries;
    config.tileKeys = row.tileKeys;
    config.warps = row.warps;
    config.stages = row.stages;
    break;
  }
  config.tileKeys = widthFor(keyGranularity(pattern, constants), config.tileKeys);
  return config;
}

int32_t sharedBytes(const KernelConfig &config) {
  if (config.isHopper())
    return kernel::HopperTiles{config.headDim,    config.valueDim,
                               config.tileRows(), config.gather * config.tileKeys,
                               config.stages,     config.sharedP}
        .shared_bytes();
  return kernel::portable_forward_shared_bytes(config.headDim, config.valueDim, config.tileQueries,
                                               config.tileKeys, config.stages);
}

} // namespace maskloom
