#include "maskloom/cpu/Executor.h"

#include "maskloom/cpu/ObjectLinker.h"
#include "maskloom/cpu/ParallelFor.h"
#include "maskloom/cpu/TileLoop.h"

#include <algorithm>
#include <fmt/format.h>
#include <new>
#include <numeric>
#include <thread>
#include <tuple>

namespace maskloom {

struct CpuExecutor::State {
  Program program;
  std::unique_ptr<cpu::LinkedObject> object;
};

CpuExecutor::CpuExecutor(std::unique_ptr<State> state) : state_(std::move(state)) {}
CpuExecutor::~CpuExecutor() = default;
const Program &CpuExecutor::program() const { return state_->program; }

std::unique_ptr<CpuExecutor> CpuExecutor::create(Program program, std::string &error) {
  if (program.cpuObject.empty()) {
    error = fmt::format("program '{}' was not compiled for the CPU", program.name);
    return nullptr;
  }
  if (program.groups.empty()) {
    error = fmt::format("program '{}' has no head group", program.name);
    return nullptr;
  }
  auto state = std::make_unique<State>();
  state->object = cpu::LinkedObject::link(program.cpuObject, program.groups.size(), program.hasScore, error);
  if (!state->object) return nullptr;
  state->program = std::move(program);
  return std::unique_ptr<CpuExecutor>(new CpuExecutor(std::move(state)));
}

namespace {

/// What is wrong with the arguments; empty when nothing is.
std::string check(const Program &program, const CpuForwardArgs &args) {
  if (!args.q.data || !args.k.data || !args.v.data || !args.o.data) return "q, k, v and o must not be null";
  if (args.batch < 1 || args.heads < 1 || args.kvHeads < 1 || args.queries < 1 || args.keys < 1)
    return fmt::format("batch, heads, KV heads, queries and keys must be at least 1, not {}, {}, {}, {}, {}",
                       args.batch, args.heads, args.kvHeads, args.queries, args.keys);
  if (args.heads % args.kvHeads)
    return fmt::format("{} heads are not a multiple of {} KV heads", args.heads, args.kvHeads);
  for (int64_t dim : {args.headDim, args.valueDim})
    if (dim < 8 || dim > 256 || dim % 8)
      return fmt::format("head dim {} is not a multiple of 8 from 8 to 256", dim);
  if (args.params.size() != program.params.size())
    return fmt::format("the program has {} parameters, {} values were given", program.params.size(),
                       args.params.size());
  if (args.aux.size() != program.auxes.size())
    return fmt::format("the program has {} aux tensors, {} were given", program.auxes.size(),
                       args.aux.size());
  for (size_t i = 0; i < args.aux.size(); ++i) {
    if (!args.aux[i].data) return fmt::format("aux tensor '{}' is null", program.auxes[i].name);
    for (size_t axis = 0; axis < program.auxes[i].axes.size(); ++axis)
      if (args.aux[i].extents[axis] < 1)
        return fmt::format("axis {} of aux tensor '{}' is empty", axis, program.auxes[i].name);
  }
  if (program.sinkAux >= 0 && args.aux[program.sinkAux].extents[0] < args.heads)
    return fmt::format("aux tensor '{}' holds {} sink logits for {} heads",
                       program.auxes[program.sinkAux].name, args.aux[program.sinkAux].extents[0], args.heads);
  int64_t first = INT64_MAX, last = -1;
  for (const HeadGroupProgram &group : program.groups) {
    first = std::min(first, group.first);
    last = std::max(last, group.last);
  }
  int64_t grouped = program.groupsByKvHead ? args.kvHeads : args.heads;
  if (first > 0 || last < grouped - 1)
    return fmt::format("the pattern's head groups cover {}heads {}..{}, the problem has {}",
                       program.groupsByKvHead ? "KV " : "", first, last, grouped);
  for (int64_t b = 0; b < args.batch; ++b) {
    if (args.queryLengths && (args.queryLengths[b] < 0 || args.queryLengths[b] > args.queries))
      return fmt::format("query length {} of batch entry {} is not in 0..{}", args.queryLengths[b], b,
                         args.queries);
    if (args.keyLengths && (args.keyLengths[b] < 0 || args.keyLengths[b] > args.keys))
      return fmt::format("key length {} of batch entry {} is not in 0..{}", args.keyLengths[b], b, args.keys);
  }
  // Generated functions take positions as 32-bit integers.
  for (int64_t b = 0; b < args.batch; ++b) {
    int64_t queries = args.queryLengths ? args.queryLengths[b] : args.queries;
    int64_t keys = args.keyLengths ? args.keyLengths[b] : args.keys;
    int64_t queryOffset = args.hasQueryOffset ? args.queryOffset : keys - queries;
    for (auto [offset, length, what] :
         {std::tuple(queryOffset, queries, "query"), std::tuple(args.keyOffset, keys, "key")})
      if (offset < INT32_MIN || offset > INT32_MAX - length)
        return fmt::format("{} positions {}..{} of batch entry {} do not fit 32 bits", what, offset,
                           offset + length - 1, b);
  }
  return {};
}

/// One piece of work: the rows of one Q tile of one head.
struct Unit {
  int64_t batch, head, tile;
};

void compute(const Program &program, const cpu::LinkedObject &object, const CpuForwardArgs &args) {
  std::vector<Unit> units;
  for (int64_t b = 0; b < args.batch; ++b)
    for (int64_t h = 0; h < args.heads; ++h) {
      int64_t rows =
          program.groups[groupOf(program, h, h / (args.heads / args.kvHeads))].forward.tile.queries;
      for (int64_t i = 0; i * rows < args.queries; ++i) units.push_back({b, h, i});
    }

  unsigned workers = args.threads ? args.threads : std::max(1u, std::thread::hardware_concurrency());
  workers = static_cast<unsigned>(std::min<size_t>(workers, units.size()));
  const cpu::TileLoop loop(program, object, args);

  // Longest first, so that no thread is left alone with a long unit at the end.
  std::vector<int64_t> cost(units.size()), order(units.size());
  cpu::parallelFor(workers, static_cast<int64_t>(units.size()), [&](unsigned, int64_t u) {
    cost[u] = loop.tiles(units[u].batch, units[u].head, units[u].tile);
  });
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return cost[a] > cost[b]; });

  std::vector<cpu::Scratch> scratch(workers);
  for (cpu::Scratch &s : scratch) s = loop.makeScratch();
  cpu::parallelFor(workers, static_cast<int64_t>(units.size()), [&](unsigned worker, int64_t i) {
    const Unit &unit = units[order[i]];
    loop.run(unit.batch, unit.head, unit.tile, scratch[worker]);
  });
}

} // namespace

std::string CpuExecutor::forward(const CpuForwardArgs &args) const {
  const Program &program = state_->program;
  if (std::string problem = check(program, args); !problem.empty()) return problem;
  try {
    compute(program, *state_->object, args);
  } catch (const std::bad_alloc &) {
    return "out of memory";
  }
  return {};
}

} // namespace maskloom
