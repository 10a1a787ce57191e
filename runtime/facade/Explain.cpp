#include "maskloom/facade/Explain.h"

#include "maskloom/facade/Analyzed.h"
#include "maskloom/facade/Error.h"
#include "maskloom/facade/HeadCounter.h"

#include "maskloom/dsl/Canonical.h"
#include "maskloom/dsl/Patterns.h"
#include "maskloom/program/Describe.h"
#include "maskloom/program/TileWalker.h"

#include <algorithm>

namespace maskloom {

namespace {

std::vector<std::string> missingAux(const Program &program, const Problem &problem) {
  std::vector<bool> read(program.auxes.size(), false);
  for (const HeadGroupProgram &group : program.groups)
    for (const PredicateNode &node : group.predicate.nodes) {
      if (node.op == PredicateNode::Op::AuxLoad) read[node.value] = true;
      if (node.op == PredicateNode::Op::Symbol && node.symbol == Symbol::AuxScalar)
        read[program.auxScalars[node.value].aux] = true;
    }
  std::vector<std::string> missing;
  for (size_t i = 0; i < read.size(); ++i)
    if (const std::string &name = program.auxes[i].name; read[i] && !problem.aux.contains(name))
      missing.push_back(name);
  return missing;
}

/// Does no head see a key after the query, in this problem?
bool isCausal(const Pattern &pattern, const Problem &problem, const Explanation &known, int64_t maxSteps) {
  bool usual =
      problem.keyOffset == 0 && problem.queryOffsetOf(0) == problem.keyLength(0) - problem.queryLength(0);
  if (known.proofs && usual) {
    const StatementProof &causal = known.proofs->causal;
    const Proof &proof = causal.given ? *causal.given : causal.proof;
    if (proof.status == ProofStatus::Proved) return true;
  }
  if (!known.missingAux.empty()) return false;
  Pattern future = pattern;
  Expr later = makeExpr(Op::Gt, Type::Bool, {makeIndex(IndexVar::Key), makeIndex(IndexVar::Query)});
  future.mask = makeExpr(Op::And, Type::Bool, {later, future.mask});
  HeadCounter counter(future, problem, {1, 1}, maxSteps);
  for (int64_t h = 0; h < problem.heads; ++h)
    if (counter.pairs(h) != 0) return false;
  return true;
}

double causalPairs(const Problem &problem) {
  // Sum of clamp(v, 0, keys) over v <= x.
  double keys = static_cast<double>(problem.keyLength(0));
  auto upTo = [&](double x) {
    return x <= 0 ? 0 : x <= keys ? x * (x + 1) / 2 : keys * (keys + 1) / 2 + (x - keys) * keys;
  };
  double first = static_cast<double>(problem.queryOffsetOf(0) - problem.keyOffset); // last column row 0 sees
  return upTo(first + static_cast<double>(problem.queryLength(0))) - upTo(first);
}

/// Tiles that dense (causal) attention visits, one head.
double denseTiles(const Problem &problem, TileShape tile, bool causal) {
  if (!causal)
    return static_cast<double>(ceilDiv(problem.queryLength(0), tile.queries)) *
           static_cast<double>(ceilDiv(problem.keyLength(0), tile.keys));
  Problem one;
  one.queries = problem.queryLength(0);
  one.keys = problem.keyLength(0);
  one.queryOffset = problem.queryOffsetOf(0);
  one.keyOffset = problem.keyOffset;
  Pattern pattern = patterns::causal();
  std::optional<TileCounts> tiles =
      HeadCounter(pattern, one, tile, INT64_MAX).tiles(0); // closed-form: no walk
  return static_cast<double>(tiles->partial + tiles->full);
}

HeadBalance balanceOf(const std::vector<int64_t> &pairs) {
  HeadBalance balance;
  auto [fewest, most] = std::minmax_element(pairs.begin(), pairs.end());
  most = std::max_element(pairs.begin(), pairs.end()); // the first of several
  balance.lightest = fewest - pairs.begin();
  balance.heaviest = most - pairs.begin();
  balance.fewest = *fewest;
  balance.most = *most;
  double total = 0;
  for (int64_t p : pairs) total += static_cast<double>(p);
  if (total > 0) balance.imbalance = static_cast<double>(*most) * static_cast<double>(pairs.size()) / total;
  return balance;
}

Cost costOf(const Explanation &e, const ExplainOptions &options) {
  double d = static_cast<double>(options.headDim), dv = static_cast<double>(options.valueDim);
  double bytes = static_cast<double>(options.elementBytes);
  double rows = static_cast<double>(e.heads) * static_cast<double>(e.queries);
  double keys = static_cast<double>(e.kvHeads) * static_cast<double>(e.keys);
  double visited = static_cast<double>(e.tiles.partial + e.tiles.full);
  double tileKeys = static_cast<double>(e.tile.keys);
  Cost cost;
  cost.flops = 2 * (d + dv) * static_cast<double>(e.visiblePairs);
  cost.tileFlops = 2 * (d + dv) * visited * tileKeys * static_cast<double>(e.tile.queries);
  double perRow = (d + dv) * bytes + 4; // Q, O, LSE
  cost.bytesTensors = rows * perRow + keys * (d + dv) * bytes;
  cost.bytesLoaded = rows * perRow + visited * tileKeys * (d + dv) * bytes;
  double wordsPerRow = 2 * static_cast<double>(ceilDiv(ceilDiv(e.keys, e.tile.keys), 32));
  for (const GroupExplanation &group : e.groups)
    if (!group.closedForm) // the bitmap has room for all heads
      cost.bytesPlan = 4 * wordsPerRow * static_cast<double>(e.heads * ceilDiv(e.queries, e.tile.queries));
  return cost;
}

} // namespace

Explanation explain(const Pattern &pattern, const Problem &problem, const ExplainOptions &options) {
  checkProblemOrThrow(pattern, problem, MissingAux::Allowed);
  Explanation out;
  out.pattern = pattern.name;
  out.hash = patternHash(canonicalize(pattern, problem.params));
  out.heads = problem.heads;
  out.kvHeads = problem.kvHeads;
  out.queries = problem.queryLength(0);
  out.keys = problem.keyLength(0);
  out.tile = options.tile;
  double pairs = static_cast<double>(out.queries) * static_cast<double>(out.keys);
  double allPairs = pairs * static_cast<double>(out.heads);
  if (allPairs > 0x1p62)
    throw Error(ErrorKind::User,
                "more than 2^62 pairs of queries and keys: choose a shorter sequence or fewer heads");

  HeadCounter rows(pattern, problem, {1, 1}, options.maxSteps),
      tiles(pattern, problem, options.tile, options.maxSteps);
  out.missingAux = missingAux(rows.program(), problem);
  std::vector<int64_t> pairsOfHead;
  for (int64_t h = 0; h < problem.heads; ++h) {
    size_t index = tiles.classes().groupOf(h);
    const HeadGroupProgram &group = tiles.program().groups[index];
    if (out.groups.size() <= index) out.groups.resize(index + 1);
    GroupExplanation &entry = out.groups[index];
    if (entry.first < 0) {
      entry.first = h;
      entry.closedForm = group.forward.closedForm;
      entry.remark = group.forward.remark;
      if (options.runs) {
        ScheduleContext context = tiles.context(h);
        DescribeOptions offsets{context.queryOffset, context.keyOffset};
        entry.forwardRuns = describe(tiles.program(), group.forward, offsets);
        entry.transposedRuns = describe(tiles.program(), group.transposed, offsets);
      }
    }
    entry.last = h;
    std::optional<int64_t> seen;
    std::optional<TileCounts> counts;
    if (out.missingAux.empty()) seen = rows.pairs(h), counts = tiles.tiles(h);
    out.pairsCounted &= seen.has_value();
    out.tilesCounted &= counts.has_value();
    pairsOfHead.push_back(seen.value_or(0));
    entry.visiblePairs += seen.value_or(0);
    entry.tiles += counts.value_or(TileCounts());
  }
  std::erase_if(out.groups, [](const GroupExplanation &group) { return group.first < 0; });
  for (GroupExplanation &group : out.groups) { // a part of a sum would mislead
    if (!out.pairsCounted) group.visiblePairs = 0;
    if (!out.tilesCounted) group.tiles = {};
    out.visiblePairs += group.visiblePairs;
    out.tiles += group.tiles;
  }
  out.density = static_cast<double>(out.visiblePairs) / allPairs;
  if (out.pairsCounted) out.balance = balanceOf(pairsOfHead);
  out.cost = costOf(out, options);
  if (options.proofs) out.proofs = prove(pattern, rows.program(), problem);
  out.causal = isCausal(pattern, problem, out, options.maxSteps);
  double dense = out.causal ? causalPairs(problem) * static_cast<double>(out.heads) : allPairs;
  if (out.visiblePairs) out.speedupCeiling = dense / static_cast<double>(out.visiblePairs);
  if (int64_t visited = out.tiles.partial + out.tiles.full)
    out.tileSpeedupCeiling = denseTiles(problem, options.tile, out.causal) * static_cast<double>(out.heads) /
                             static_cast<double>(visited);
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
