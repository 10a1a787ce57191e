#include "maskloom/facade/Explain.h"

#include "maskloom/facade/Analyzed.h"
#include "maskloom/facade/Error.h"
#include "maskloom/facade/ProblemContext.h"

#include "maskloom/dsl/Canonical.h"
#include "maskloom/program/Describe.h"
#include "maskloom/program/PairCount.h"
#include "maskloom/program/TileWalker.h"

#include <algorithm>
#include <map>

namespace maskloom {

TileCounts &TileCounts::operator+=(const TileCounts &other) {
  empty += other.empty;
  partial += other.partial;
  full += other.full;
  return *this;
}

namespace {

/// Counts pairs head by head, from runs derived for rows and single columns.
class PairCounter {
public:
  PairCounter(const Pattern &pattern, const Problem &problem)
      : program_(analyzed(pattern, {1, 1}, problem.params)), contexts_(program_, problem) {}

  int64_t pairsOf(int64_t head) const {
    ScheduleContext context = contexts_.of(0, head);
    const HeadGroupProgram &group = program_.groups[groupOf(program_, context.head, context.kvHead)];
    return countVisiblePairs(program_, group.predicate, &group.forward, context);
  }

  const Program &program() const { return program_; }

private:
  Program program_;
  ProblemContext contexts_;
};

/// Does some head see a key after the query?
bool seesFuture(const Pattern &pattern, const Problem &problem) {
  Pattern future = pattern;
  Expr later = makeExpr(Op::Gt, Type::Bool, {makeIndex(IndexVar::Key), makeIndex(IndexVar::Query)});
  future.mask = makeExpr(Op::And, Type::Bool, {later, future.mask});
  PairCounter counter(future, problem);
  for (int64_t h = 0; h < problem.heads; ++h)
    if (counter.pairsOf(h) > 0) return true;
  return false;
}

int64_t causalPairs(const Problem &problem) {
  int64_t queries = problem.queryLength(0), keys = problem.keyLength(0);
  int64_t first = problem.queryOffsetOf(0) - problem.keyOffset; // last visible column of row 0
  int64_t total = 0;
  for (int64_t row = 0; row < queries; ++row) total += std::clamp<int64_t>(first + row + 1, 0, keys);
  return total;
}

} // namespace

Explanation explain(const Pattern &pattern, const Problem &problem, const ExplainOptions &options) {
  checkProblemOrThrow(pattern, problem);
  Explanation out;
  out.pattern = pattern.name;
  out.hash = patternHash(canonicalize(pattern, problem.params));
  out.heads = problem.heads;
  out.kvHeads = problem.kvHeads;
  out.queries = problem.queryLength(0);
  out.keys = problem.keyLength(0);
  out.tile = options.tile;

  Program tiles = analyzed(pattern, options.tile, problem.params);
  PairCounter counter(pattern, problem);
  ProblemContext contexts(tiles, problem);
  int64_t queryTiles = ceilDiv(out.queries, options.tile.queries),
          keyTiles = ceilDiv(out.keys, options.tile.keys);

  for (int64_t h = 0; h < problem.heads; ++h) {
    ScheduleContext context = contexts.of(0, h);
    size_t index = groupOf(tiles, context.head, context.kvHead);
    const HeadGroupProgram &group = tiles.groups[index];
    if (out.groups.size() <= index) out.groups.resize(index + 1);
    GroupExplanation &entry = out.groups[index];
    if (entry.first < 0) {
      entry.first = h;
      entry.closedForm = group.forward.closedForm;
      entry.remark = group.forward.remark;
      if (options.runs) {
        DescribeOptions offsets{context.queryOffset, context.keyOffset};
        entry.forwardRuns = describe(tiles, group.forward, offsets);
        entry.transposedRuns = describe(tiles, group.transposed, offsets);
      }
    }
    entry.last = h;
    entry.visiblePairs += counter.pairsOf(h);
    TileCounts counts;
    TileWalker walker(tiles, group, Orientation::Forward, context);
    for (int64_t tile = 0; tile < queryTiles; ++tile)
      for (const Stretch &stretch : walker.stretches(tile))
        (stretch.partial ? counts.partial : counts.full) += stretch.last - stretch.first + 1;
    counts.empty = queryTiles * keyTiles - counts.partial - counts.full;
    entry.tiles += counts;
  }
  std::erase_if(out.groups, [](const GroupExplanation &group) { return group.first < 0; });
  for (const GroupExplanation &group : out.groups) {
    out.visiblePairs += group.visiblePairs;
    out.tiles += group.tiles;
  }
  double pairs = static_cast<double>(out.queries) * static_cast<double>(out.keys);
  out.density = static_cast<double>(out.visiblePairs) / (pairs * static_cast<double>(out.heads));
  if (options.proofs) out.proofs = prove(pattern, counter.program(), problem);
  out.causal = !seesFuture(pattern, problem);
  double dense =
      (out.causal ? static_cast<double>(causalPairs(problem)) : pairs) * static_cast<double>(out.heads);
  out.speedupCeiling = out.visiblePairs ? dense / static_cast<double>(out.visiblePairs) : 0;
  return out;
}

std::vector<uint8_t> tileClasses(const Pattern &pattern, const Problem &problem, TileShape tile) {
  checkProblemOrThrow(pattern, problem);
  Program program = analyzed(pattern, tile, problem.params);
  ProblemContext contexts(program, problem);
  int64_t queryTiles = ceilDiv(problem.queryLength(0), tile.queries),
          keyTiles = ceilDiv(problem.keyLength(0), tile.keys);
  if (static_cast<double>(problem.heads) * static_cast<double>(queryTiles) * static_cast<double>(keyTiles) >
      0x1p32)
    throw Error(ErrorKind::User, "more than 2^32 tiles: choose larger ones");
  std::vector<uint8_t> classes(problem.heads * queryTiles * keyTiles, 0);
  for (int64_t h = 0; h < problem.heads; ++h) {
    ScheduleContext context = contexts.of(0, h);
    const HeadGroupProgram &group = program.groups[groupOf(program, context.head, context.kvHead)];
    TileWalker walker(program, group, Orientation::Forward, context);
    for (int64_t q = 0; q < queryTiles; ++q)
      for (const Stretch &stretch : walker.stretches(q)) {
        uint8_t *row = classes.data() + (h * queryTiles + q) * keyTiles;
        std::fill(row + stretch.first, row + stretch.last + 1, stretch.partial ? 1 : 2);
      }
  }
  return classes;
}

} // namespace maskloom
